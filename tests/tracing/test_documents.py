"""A trace as a document, redacted, and taken into a store again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.money import Price, Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing.documents import Document, collected, read, redacted, written
from orchestrator.tracing.importing import keep
from orchestrator.tracing.redact import WITHHELD
from orchestrator.tracing.store import TraceStore
from orchestrator.types import Caller, Deployment, FleetSnapshot, Health, LogRule, Outcome

from .samples import DECISION, HOP, TRACE, hop

DONE = replace(TRACE, status="ok", ms=12.5, answer="3 months.", verdict="accepted", tags=("hr",))
FLEET = FleetSnapshot(
    deployments=(
        Deployment(
            id="claude/eu",
            model="claude",
            family="anthropic",
            tier="mid",
            via="litellm",
            target="claude",
            provider="anthropic",
            hosting="hosted",
            price=Price(input=3_000_000, output=15_000_000),
        ),
    ),
    health={"claude/eu": Health()},
    hash="c3",
)
WHOLE = Document(trace=DONE, hops=(hop(1), hop(2)), fleets={"c3": FLEET})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TraceStore]:
    with closing(TraceStore(tmp_path / "traces.sqlite")) as opened:
        yield opened


def again(document: Document) -> Document:
    return read(json.loads(written(document)), "it")


def stored(store: TraceStore, trace_id: str) -> Document:
    return collected(store.trace(trace_id), store.hops(trace_id), store.snapshot)


# ── there and back ───────────────────────────────────────────────────────────────────────


def test_what_is_written_is_read_as_it_was() -> None:
    assert again(WHOLE) == WHOLE


def test_a_shared_decision_is_written_once() -> None:
    content = json.loads(written(replace(WHOLE, hops=tuple(hop(n) for n in range(50)))))
    assert len(content["decisions"]) == 1
    assert {h["decision"] for h in content["hops"]} == set(content["decisions"])


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
COST = st.none() | st.integers(0, 10**12)
ATTEMPTS = st.builds(
    Attempt,
    deployment=st.just("claude/eu"),
    model=st.just("claude"),
    family=st.none() | st.just("anthropic"),
    outcome=st.sampled_from(Outcome),
    started_at=st.floats(0, 4e9),
    ms=st.floats(0, 1e9),
    usage=st.builds(Usage, input=st.integers(0, 10**9), output=st.integers(0, 10**9)),
    cost_micro_usd=COST,
    error=st.none() | TEXT.filter(bool),
    kind=st.sampled_from(["first", "retry", "fallback", "cached"]),
)
HOPS = st.lists(
    st.builds(
        lambda number, text, attempts, decided, notes: replace(
            hop(number),
            prompt=text,
            output=text and text[::-1],
            attempts=tuple(attempts),
            decision=DECISION if decided else None,
            notes=tuple(notes),
        ),
        st.integers(0, 50),
        st.none() | TEXT,
        st.lists(ATTEMPTS, max_size=3),
        st.booleans(),
        st.lists(TEXT.filter(bool), max_size=2),
    ),
    max_size=4,
    unique_by=lambda found: found.id,
)
TRACES = st.builds(
    lambda question, status, cost, user, tags: replace(
        DONE,
        question=question,
        status=status,
        cost_micro_usd=cost,
        caller=Caller(user=user),
        tags=tuple(tags),
        log=LogRule(),
    ),
    st.none() | TEXT,
    st.sampled_from(["ok", "failed", "cancelled", "unknown"]),
    COST,
    TEXT,
    st.lists(TEXT, max_size=3),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TRACES, HOPS)
def test_export_then_import_gives_the_same_trace(
    tmp_path_factory: pytest.TempPathFactory, trace: Trace, hops: list[Hop]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    with closing(TraceStore(folder / "one.sqlite")) as one:
        one.start(trace)
        for found in hops:
            one.hop(found)
        one.finish(trace)
        before = stored(one, trace.id)
    with closing(TraceStore(folder / "two.sqlite")) as two:
        keep(two, again(before))
        after = stored(two, trace.id)
        assert after == before
        assert keep(two, again(before)).outcome == "same"


def test_the_fleet_that_was_seen_comes_along(store: TraceStore) -> None:
    keep(store, again(WHOLE))
    fleet = store.snapshot("c3")
    assert fleet is not None
    assert fleet.deployments[0].price == Price(input=3_000_000, output=15_000_000)


# ── into a store ─────────────────────────────────────────────────────────────────────────


def test_another_trace_of_the_same_id_is_not_overwritten(store: TraceStore) -> None:
    keep(store, WHOLE)
    other = replace(WHOLE, trace=replace(DONE, answer="4 months."))
    with pytest.raises(UserError, match=r"another trace with the id .*--as-new"):
        keep(store, other)
    assert store.trace(DONE.id).answer == "3 months."
    made = keep(store, other, as_new=True).trace.id
    assert made != DONE.id
    assert store.trace(made).answer == "4 months."
    assert [h.trace_id for h in store.hops(made)] == [made, made]
    assert store.trace(DONE.id).answer == "3 months."


def test_ids_of_hops_go_with_the_id_of_their_trace(store: TraceStore) -> None:
    below = hop(1, id=f"{DONE.id}.a", parent_id=None), hop(2, id=f"{DONE.id}.b")
    nested = (below[0], replace(below[1], parent_id=f"{DONE.id}.a"))
    made = keep(store, replace(WHOLE, hops=nested), as_new=True).trace.id
    assert [(h.id, h.parent_id) for h in store.hops(made)] == [
        (f"{made}.a", None),
        (f"{made}.b", f"{made}.a"),
    ]


def test_what_ran_elsewhere_does_not_run_here(store: TraceStore) -> None:
    keep(store, replace(WHOLE, trace=replace(DONE, status="running")))
    assert store.trace(DONE.id).status == "unknown"
    assert store.trace(DONE.id).error == "it was exported while it ran"


def test_secrets_in_a_file_are_masked(store: TraceStore) -> None:
    keep(store, replace(WHOLE, hops=(hop(1, prompt="use sk-abcdef1234567890abcdef"),)))
    assert store.hops(DONE.id)[0].prompt == "use <key-1>"


def test_what_no_database_takes_is_refused_by_name(store: TraceStore) -> None:
    with pytest.raises(UserError, match=r"hops\.0\.node is longer than 128 characters"):
        keep(store, replace(WHOLE, hops=(hop(1, node="n" * 200),)))
    much = replace(HOP.attempts[0], usage=Usage(input=1 << 70))
    with pytest.raises(UserError, match=r"hops\.0\.attempts\.0 holds a number beyond 64 bits"):
        keep(store, replace(WHOLE, hops=(hop(1, attempts=(much,)),)))
    assert store.traces() == []


# ── what is no trace ─────────────────────────────────────────────────────────────────────


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(written(WHOLE))
    change(content)
    return content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], 'lacks "format"'),
        ({"format": "zip"}, 'lacks "format"'),
        (changed(lambda c: c.update(version=2)), "reads versions up to 1"),
        (changed(lambda c: c.update(version="1")), "reads versions up to 1"),
        (changed(lambda c: c["trace"].update(status="done")), r"trace\.status: "),
        (changed(lambda c: c["trace"].pop("id")), r"trace\.id: "),
        (changed(lambda c: c.update(hops={})), "hops: a list is needed"),
        (changed(lambda c: c["hops"].append(3)), r"hops\.2: an object is needed"),
        (changed(lambda c: c["hops"][1].update(ms="long")), r"hops\.1\.ms: "),
        (changed(lambda c: c["hops"][1].update(decision="gone")), "there is no decision 'gone'"),
        (changed(lambda c: c["hops"][1].update(id="h1")), "there are two hops 'h1'"),
        (changed(lambda c: c["hops"][0].update(trace_id="x")), "'x' is another trace"),
        (changed(lambda c: c.update(decisions=[])), "decisions: an object is needed"),
        (changed(lambda c: c["fleets"]["c3"].pop("hash")), r"fleets\.c3\.hash: "),
    ],
)
def test_what_is_no_trace_is_refused_with_its_place(content: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(content, "it")


# ── redacted ─────────────────────────────────────────────────────────────────────────────


def test_a_redacted_document_keeps_names_and_numbers_and_no_text() -> None:
    caller = Caller(workspace="acme", user="ann@example.org", tier="paid", key="k1", feature="desk")
    private = replace(DONE, caller=caller, tags=("hr", "ann@example.org"), error="3 months?")
    found = redacted(replace(WHOLE, trace=private))
    assert (found.trace.question, found.trace.answer, found.trace.error) == (None, None, WITHHELD)
    assert found.trace.caller == Caller(
        workspace="<workspace>", user="<user>", tier="paid", key="<key>", feature="desk"
    )
    assert found.trace.tags == ("hr", "<email-1>")
    assert found.fleets == {}
    one = found.hops[0]
    assert (one.prompt, one.output, one.validation) == (None, None, WITHHELD)
    assert one.notes == (WITHHELD,)
    assert one.attempts[0].error == WITHHELD
    assert [(a.deployment, a.outcome, a.usage) for a in one.attempts] == [
        (a.deployment, a.outcome, a.usage) for a in HOP.attempts
    ]
    assert one.decision is not None
    assert one.decision.chosen == "claude/eu"
    assert one.decision.candidates == DECISION.candidates
    text = written(found)
    for private_text in ("notice period", "3 months", "braces", "acme", "ann@", "not JSON"):
        assert private_text not in text
    assert json.loads(text)["redacted"] is True


def test_a_redacted_trace_stays_so_when_it_is_taken_in(store: TraceStore) -> None:
    keep(store, again(redacted(WHOLE)))
    assert store.hops(DONE.id)[0].notes == (WITHHELD,)
    assert store.trace(DONE.id).question is None
