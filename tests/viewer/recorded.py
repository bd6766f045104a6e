"""A project with traces on record, and a look at its pages without a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from orchestrator import Mesh
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.types import Caller, LogRule, Outcome
from orchestrator.viewer.app import viewer
from orchestrator.viewer.door import Door
from tests.tracing.samples import DECISION, HOP, PROFILE, TRACE

AT = 1_790_000_000.0
GOOD, BAD, HOSTILE = "01m7good", "01m7bad", "01m7hostile"
EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">\'"&'
SOURCE = (
    "# Lease\n\nThe lease was signed in Lübeck.\n\n"
    "The notice period is three months to the end of a quarter. It is given in writing.\n"
)
QUOTE = "The notice period is three months to the end of a quarter."


def cited(text: str = SOURCE, file: str = "docs/lease.md", **changes: Any) -> str:
    """What a citation validator puts out for one sentence with one citation of `text`."""
    start = SOURCE.index(QUOTE)
    citation = {
        "file": file,
        "start": start,
        "end": start + len(QUOTE),
        "quote": QUOTE,
        "doc_hash": hashlib.sha256(text.encode()).hexdigest()[:16],
        "passage": "p1",
        "status": "exact",
        "supported": True,
        **changes,
    }
    sentence = {"id": "s1", "text": "It is three months.", "citations": [citation]}
    return json.dumps({"sentences": [sentence], "by": "quote-verifier"})


def trace(id: str, **changes: Any) -> Trace:
    """One that ended well."""
    made = replace(TRACE, id=id, status="ok", ms=9300.0, started_at=AT, cost_micro_usd=4200)
    return replace(made, log=LogRule(), **changes)


def hop(id: str, name: str, **changes: Any) -> Hop:
    """One of that trace, a second after the last by its name's end (`h2`: two seconds)."""
    at = AT + float(name[1:] or 0)
    return replace(HOP, **{"id": f"{id}.{name}", "trace_id": id, "started_at": at, **changes})


def attempt(**changes: Any) -> Attempt:
    """One that went well."""
    made = Attempt(
        deployment="claude/eu",
        model="claude",
        family="anthropic",
        outcome=Outcome.OK,
        started_at=AT,
        ms=900.0,
        cost_micro_usd=4200,
    )
    return replace(made, **changes)


PLAN = json.dumps(
    {
        "subtasks": [
            {"id": "find", "description": "Find the lease", "task": "extract", "needs": []},
            {"id": "tell", "description": "Tell the period", "task": "draft", "needs": ["find"]},
        ]
    }
)


def good_hops() -> list[Hop]:
    """Of `GOOD`: a plan, work, a fallback, code, a cited answer."""
    fell_back = (HOP.attempts[0], replace(HOP.attempts[1], kind="fallback"))  # after a timeout
    plain = {"attempts": (attempt(),), "round": 0, "parent_id": None, "validation": ""}
    code: dict[str, Any] = {
        **plain,
        "attempts": (),
        "decision": None,
        "profile": None,
        "prompt": None,
        "output": None,
        "validated": None,
    }
    return [
        hop(GOOD, "h1", node="plan", role="decomposer", agent="planner", output=PLAN, **plain),
        hop(GOOD, "h2", node="work/find", role="specialist", agent="finder", **plain),
        hop(GOOD, "h3", node="draft", parent_id=None, attempts=fell_back),
        hop(GOOD, "h4", node="verdict", role="function", agent=None, **code),
        hop(GOOD, "h5", node="cite", role="citation-validator", output=cited(), **plain),
    ]


def write(folder: Path) -> None:
    """A project whose store holds three traces, and the source that one of them cites."""
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "lease.md").write_text(SOURCE, "utf-8")
    with closing(Mesh.load(folder, env={}).store) as store:
        record(store, trace(GOOD, verdict="accepted", tags=("hr", "lease")), good_hops())
        failed = trace(
            BAD,
            status="failed",
            started_at=AT - 60,
            question="Who signed it?",
            error="nobody answered",
            cost_micro_usd=None,
            graph="gone",
            caller=Caller(workspace="legal"),
        )
        timed_out = attempt(outcome=Outcome.TIMEOUT_SILENT, error="no byte", cost_micro_usd=None)
        last = hop(BAD, "h1", status="failed", error="nobody answered", attempts=(timed_out,))
        record(store, replace(failed, status="failed"), [last])
        record(store, evil_trace(), [evil_hop()])


def record(store: Any, made: Trace, hops: list[Hop]) -> None:
    """Put the trace and its hops on record."""
    store.start(replace(made, status="running"))
    for one in hops:
        store.hop(one)
    if made.status != "running":
        store.finish(made)
    store.flush()
    assert store.problem is None


def evil_trace() -> Trace:
    """A trace whose every text wants to be markup."""
    made = trace(HOSTILE, started_at=AT - 120, question=EVIL, answer=EVIL, error=EVIL)
    return replace(made, tags=(EVIL,), graph=EVIL[:60], caller=Caller(user=EVIL, feature=EVIL))


def evil_hop() -> Hop:
    """Its hop."""
    claim = json.loads(cited())
    claim["sentences"][0] |= {"text": EVIL}
    claim["sentences"][0]["citations"][0] |= {"file": EVIL, "quote": EVIL, "reason": EVIL}
    evil = attempt(deployment=EVIL[:150], model=EVIL[:100], error=EVIL, reported_model=EVIL)
    candidate = replace(DECISION.candidates[1], deployment=EVIL, rule=EVIL, found=EVIL)
    decision = replace(DECISION, candidates=(candidate,), chosen=EVIL, degraded=EVIL, notes=(EVIL,))
    return hop(
        HOSTILE,
        "h1",
        node=EVIL[:120],
        role=EVIL[:60],
        agent=EVIL[:60],
        prompt=EVIL,
        output=json.dumps(claim),
        error=EVIL,
        validation=EVIL,
        notes=(EVIL,),
        attempts=(evil, evil),
        decision=decision,
        profile=replace(PROFILE, domain=EVIL, tags=(EVIL,)),
    )


@contextmanager
def looking(folder: Path, door: Door | None = None) -> Iterator[TestClient]:
    """Pages of the project in `folder`; what they raise is raised here."""
    mesh = Mesh.load(folder, env={})
    try:
        with TestClient(viewer(lambda: mesh, door), follow_redirects=False) as client:
            yield client
    finally:
        mesh.store.close()
