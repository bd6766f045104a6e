"""How long the viewer's pages take where one trace has 30,000 hops.

    .venv/bin/python scripts/bench_viewer.py
    .venv/bin/python scripts/bench_viewer.py --hops 30000 --runs 10 --keep /tmp/large

A project in a temporary folder gets that trace, with a prompt, an output and a decision at each
hop, and 500 small ones beside it. The pages are served over HTTP on loopback by `mesh ui`, in a
process of its own; a time is that from the request to the last byte of its answer, and beside it
stands the processor time that the process took for it (on Linux), which others on the machine
change less. What the first look takes is shown, and counted too; `trace` is also measured in
processes that have not seen the trace yet. Exit code 1 where a median is over 2 s.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.money import Usage
from orchestrator.records import Attempt, AttemptKind, Hop, Trace
from orchestrator.tracing.store import TraceStore
from orchestrator.types import Candidate, Decision, LogRule, Outcome, Stage, TaskProfile

from bench_start import commit, processor  # isort: skip

LIMIT_S = 2.0
ID = "01m8largeaaaaaaaaaaaaaaaaa"
BEGIN = 1_790_000_000.0
NODES = ("plan", "search", "read", "extract", "draft", "check", "merge", "answer")
WORDS = ("the", "notice", "period", "of", "a", "lease", "is", "three", "months", "unless", "both")
PROMPT_WORDS, OUTPUT_WORDS = 350, 90


def make(folder: Path, hops: int, others: int) -> None:
    """Record the traces."""
    dice = random.Random(7)
    store = TraceStore(folder / ".mesh" / "traces.sqlite")
    decision = _decision()
    large = Trace(id=ID, graph="research", status="ok", started_at=BEGIN, ms=hops * 20.0)
    large = _asked(large, "Which leases of the archive may be ended within a year?")
    store.start(large)
    for number in range(hops):
        store.hop(_hop(ID, number, decision, dice))
        if number % 2000 == 1999:
            store.flush()
    store.finish(large)
    for number in range(others):
        small = Trace(
            id=f"01m7small{number:017}",
            graph="cross-validated",
            status="ok",
            started_at=BEGIN - 60 * number,
            ms=900.0,
            verdict="accepted",
        )
        store.start(_asked(small, f"How long is the notice period of lease {number}?"))
        for place in range(12):
            store.hop(_hop(small.id, place, decision, dice))
        store.finish(_asked(small, f"How long is the notice period of lease {number}?"))
    store.close()


def _asked(trace: Trace, question: str) -> Trace:
    return replace(trace, question=question, answer="Three months.", log=LogRule(), tags=("lease",))


def _decision() -> Decision:
    """As of a fleet of 34 deployments."""
    names = [f"model-{n}/direct" for n in range(34)]
    scores = {"quality": 0.7, "cost_usd": 0.0012, "latency_ms": 900.0}
    stayed = [
        Candidate(deployment=name, model=name.split("/")[0], stage=None, scores=scores)
        for name in names[:6]
    ]
    gone = [
        Candidate(
            deployment=name,
            model=name.split("/")[0],
            stage=Stage.AVAILABILITY,
            rule="health.available",
            found="A_KEY is not set",
            required="available",
            scores=scores,
        )
        for name in names[6:]
    ]
    return Decision(
        chosen=names[0],
        fallbacks=tuple(names[1:6]),
        candidates=(*stayed, *gone),
        policy_hash="p",
        fleet_hash="f",
    )


def _hop(trace_id: str, number: int, decision: Decision, dice: random.Random) -> Hop:
    at = BEGIN + number * 0.02
    failed = dice.random() < 0.004
    again = not failed and dice.random() < 0.03
    tries = [_attempt(at, Outcome.TIMEOUT_SILENT, "first")] if again or failed else []
    if not failed:
        tries.append(_attempt(at + 0.01, Outcome.OK, "fallback" if again else "first"))
    return Hop(
        id=f"{trace_id}.{number:06x}",
        trace_id=trace_id,
        node=f"{NODES[number % len(NODES)]}/{number // len(NODES)}",
        round=number // 10_000,
        role="specialist",
        agent="reader",
        profile=TaskProfile(task="extract"),
        decision=decision,
        attempts=tuple(tries),
        prompt=" ".join(dice.choices(WORDS, k=PROMPT_WORDS)),
        output=" ".join(dice.choices(WORDS, k=OUTPUT_WORDS)),
        validated=True,
        status="failed" if failed else "ok",
        started_at=at,
        ms=18.0,
    )


def _attempt(at: float, outcome: Outcome, kind: AttemptKind) -> Attempt:
    return Attempt(
        deployment="model-0/direct",
        model="model-0",
        family="f",
        outcome=outcome,
        started_at=at,
        ms=9.0,
        usage=Usage(input=480, output=120),
        cost_micro_usd=310,
        kind=kind,
    )


PAGES = {
    "list": "/",
    "list, filtered by task": "/?task=extract",
    "list, nothing found": "/?q=zzzz",
    "trace": f"/t/{ID}",
    "a group of it": f"/t/{ID}/rows?node=draft&round=1",
    "found in it": f"/t/{ID}?find=timeout",
    "graph": f"/t/{ID}/graph",
    "conversation": f"/t/{ID}/conversation",
    "hop": f"/t/{ID}/h/{15_000:06x}",
}


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """`mesh ui` over the folder, in a process of its own; its address and its number."""
    command = [str(Path(sys.executable).parent / "mesh"), "ui", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--project", str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += process.stdout.readline()
        yield str(json.loads(text)["url"]).rstrip("/"), process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


class Look(NamedTuple):
    """One look at a page."""

    s: float
    """From the request to the last byte."""
    cpu_s: float | None
    bytes: int


def look(server: tuple[str, int], path: str) -> Look:
    """Open a page."""
    url, process = server
    before = processor_time(process)
    begin = time.perf_counter()
    with urllib.request.urlopen(url + path) as answer:
        size = len(answer.read())
    took = time.perf_counter() - begin
    after = processor_time(process)
    known = before is not None and after is not None
    return Look(took, after - before if known else None, size)  # type: ignore[operator]


def processor_time(process: int) -> float | None:
    """Seconds that a process has computed; `None` where the system does not tell it so."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return None
    fields = stat.read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def told(looks: list[Look]) -> dict[str, Any]:
    """Times and size of one page."""
    times = [one.s for one in looks]
    computed = [one.cpu_s for one in looks if one.cpu_s is not None]
    return {
        "median_s": round(statistics.median(times), 3),
        "first_s": round(times[0], 3),
        "worst_s": round(max(times), 3),
        "median_cpu_s": round(statistics.median(computed), 3) if computed else None,
        "bytes": looks[0].bytes,
    }


def measure(folder: Path, hops: int, runs: int) -> dict[str, Any]:
    """The record of one measurement."""
    results: dict[str, Any] = {}
    unseen = []
    for _ in range(runs):
        with served(folder) as server:
            look(server, "/")  # what the process itself opens once
            unseen.append(look(server, PAGES["trace"]))
    results["trace, not seen before"] = told(unseen)
    with served(folder) as server:
        for name, path in PAGES.items():
            results[name] = told([look(server, path) for _ in range(runs)])
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "load_1min": round(os.getloadavg()[0], 1),
        "hops": hops,
        "database_mb": round((folder / ".mesh" / "traces.sqlite").stat().st_size / 1e6, 1),
        "runs": runs,
        "limit_s": LIMIT_S,
        "results": results,
    }


def main() -> int:
    """Print the record as JSON; exit code 1 where a median is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hops", type=int, default=30_000)
    parser.add_argument("--runs", type=int, default=10, help="looks at each page (default 10)")
    parser.add_argument("--keep", type=Path, help="a folder to make it in, or to take it from")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = said.keep or Path(temporary)
        if not (folder / ".mesh" / "traces.sqlite").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(folder, said.hops, 500)
        record = measure(folder, said.hops, said.runs)
    print(json.dumps(record, indent=2))
    return 1 if any(r["median_s"] > LIMIT_S for r in record["results"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
