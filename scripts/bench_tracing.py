"""What tracing costs: each hop on the path of its request, beside two others; and a huge trace.

    python scripts/bench_tracing.py [--hops 4000] [--rounds 3] [--big 30000] [--only store,spool]

Each recorder runs in a process of its own, in turn and in several rounds; the table shows medians
of the rounds. A hop has a profile, a decision over the default fleet, two attempts, a prompt of
2 kB and an output. Spans and Langfuse's observations get the same as attributes and go to a
server on loopback that takes all of it. `cpu` is all that the process spends on a hop, the
threads that write or export included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from _contenders import ROOT, installed
from _traced import PROMPT
from bench_start import commit, processor

from orchestrator.cli._show import print_json

LANGFUSE = "langfuse==5.0.4"
CONTENDERS = ("nothing", "store", "spool", "opentelemetry", "langfuse")
LIMIT_US = 100.0
OURS = ("store", "spool")


@dataclass(frozen=True)
class Cost:
    """What one recorder takes for a hop, in microseconds: medians of the rounds."""

    name: str
    p50_us: float
    p95_us: float
    p99_us: float
    mean_us: float
    cpu_us: float
    hops: int
    received_kb: int
    """What came to the server on loopback, in all rounds."""


@dataclass(frozen=True)
class Big:
    """A trace of very many hops. Times in seconds."""

    hops: int
    write_s: float
    """Until all of it stands in the database."""
    file_mb: float
    timeline_s: float
    """Everything but texts and decisions: what the viewer's timeline is made of."""
    whole_s: float
    """Every hop with its texts and its decision."""
    diagnosis_s: float
    show_s: float
    """`mesh trace show`, as a process."""


class _Sink(BaseHTTPRequestHandler):
    received = 0

    def do_POST(self) -> None:
        _Sink.received += len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the base class has that name

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def sink() -> Iterator[str]:
    """A server that takes anything; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def cost(name: str, python: str, hops: int, rounds: int) -> Cost:
    """What that recorder takes; run with that Python."""
    script = str(Path(__file__).with_name("_traced.py"))
    before, found = _Sink.received, []
    env = {**os.environ, "LANGFUSE_TRACING_ENVIRONMENT": "bench", "NO_PROXY": "127.0.0.1"}
    for _ in range(rounds):
        with sink() as address, tempfile.TemporaryDirectory() as folder:
            command = [python, script, name, address, str(hops), folder]
            done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
            if done.returncode:
                raise SystemExit(f"{name}: {done.stderr.strip()[-800:]}")
            found.append(json.loads(done.stdout.splitlines()[-1]))
    middle = {
        k: statistics.median(f[k] for f in found) for k in ("p50", "p95", "p99", "mean", "cpu")
    }
    return Cost(
        name=name,
        **{f"{key}_us": round(value, 1) for key, value in middle.items()},
        hops=hops * rounds,
        received_kb=(_Sink.received - before) // 1024,
    )


def big(hops: int) -> Big:
    """Write a trace of so many hops, and read it in every way there is."""
    from _traced import ours

    from orchestrator.tracing.diagnosis import diagnose
    from orchestrator.tracing.store import TraceStore

    with tempfile.TemporaryDirectory() as found:
        folder = Path(found)
        path = folder / ".mesh" / "traces.sqlite"
        store = TraceStore(path)
        record = ours(store, folder)
        begun = time.perf_counter()
        for n in range(hops):
            record(n)
        store.flush()
        write_s = time.perf_counter() - begun
        trace = store.traces(1)[0]
        store.finish(replace(trace, status="ok", ms=1000.0))
        store.close()
        file_mb = sum(f.stat().st_size for f in path.parent.glob("traces.sqlite*")) / 1e6
        store = TraceStore(path)
        timeline_s, _ = _timed(lambda: store.brief(trace.id))
        whole_s, read = _timed(lambda: store.hops(trace.id))
        diagnosis_s, _ = _timed(lambda: diagnose(store.trace(trace.id), read))
        store.close()
        mesh = str(Path(sys.executable).with_name("mesh"))
        show = [mesh, "trace", "show", trace.id]
        show_s, _ = _timed(
            lambda: subprocess.run(show, cwd=folder, check=True, capture_output=True)
        )
    seconds = (write_s, timeline_s, whole_s, diagnosis_s, show_s)
    write, timeline, whole, diagnosis, shown = (round(s, 2) for s in seconds)
    return Big(hops, write, round(file_mb, 1), timeline, whole, diagnosis, shown)


def _timed(run: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    value = run()
    return time.perf_counter() - begun, value


def table(costs: Sequence[Cost], trace: Big | None, about: Mapping[str, Any]) -> str:
    """For a page."""
    lines = [
        f"{about['date']}, commit {about['commit']}, {about['processor']}, "
        f"{about['cores']} cores, Python {about['python']}; {costs[0].hops:,} hops each, "
        f"load {about['load']:.1f} at the beginning" if costs else "",
        "",
        "| recorder | median µs | p95 µs | p99 µs | mean µs | CPU in all µs |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    lines += [
        f"| {c.name} | {c.p50_us:.1f} | {c.p95_us:.1f} | {c.p99_us:.1f} | {c.mean_us:.1f} "
        f"| {c.cpu_us:.1f} |"
        for c in costs
    ]
    if trace is not None:
        lines += [
            "",
            f"A trace of {trace.hops:,} hops: written in {trace.write_s} s, {trace.file_mb} MB; "
            f"its timeline is read in {trace.timeline_s} s, all of it in {trace.whole_s} s; "
            f"diagnosed in {trace.diagnosis_s} s; `mesh trace show` takes {trace.show_s} s.",
        ]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and say by the exit code whether ours stays within its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hops", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--big", type=int, default=30_000, help="0: without it")
    parser.add_argument("--only", default="", help="names, with commas between them")
    parser.add_argument("--tools", type=Path, default=ROOT / "build" / "bench-tools")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    about = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "prompt_bytes": len(PROMPT),
        "langfuse": LANGFUSE,
    }
    names = [n for n in CONTENDERS if not asked.only or n in asked.only.split(",")]
    costs = []
    for name in names:
        python = sys.executable
        if name == "langfuse":
            python = str(installed(asked.tools / "langfuse", LANGFUSE))
        costs.append(cost(name, python, asked.hops, asked.rounds))
        print(f"{name} done", file=sys.stderr)
    trace = big(asked.big) if asked.big else None
    if asked.json:
        made = {**about, "costs": [asdict(c) for c in costs], "big": trace and asdict(trace)}
        print_json(made)
    else:
        print(table(costs, trace, about))
    return int(any(c.p50_us > LIMIT_US for c in costs if c.name in OURS))


if __name__ == "__main__":
    raise SystemExit(main())
