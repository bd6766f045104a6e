"""Where the time of a request goes: the whole gateway in one process, before a loopback provider.

    python scripts/profile_gateway.py [--requests 2000] [--json]

One request after the other goes through the application itself, without an HTTP server before it.
Each part's share is its own time under `cProfile`, which makes small functions look larger than
they are; the time of a request is measured without it.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import _contenders as start
from bench_start import commit, processor

from orchestrator.calling.clock import SystemClock
from orchestrator.cli._show import print_json
from orchestrator.gateway.build import build
from orchestrator.gateway.keys.opening import open_store, ring_for
from orchestrator.gateway.telemetry.board import Board
from orchestrator.gateway.telemetry.telemetry import Telemetry
from orchestrator.mesh import Mesh
from orchestrator.parts import Injected
from orchestrator.project.load import load_project
from orchestrator.tracing.spooled import SpoolRecorder

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant for the staff of a library."},
    {"role": "user", "content": "How long is the loan period of a book?"},
]
PARTS = (
    ("calling/transports", "wire: our HTTP client, events"),
    ("calling/spending", "money: budgets, ledger"),
    ("calling/health", "breakers, live numbers"),
    ("calling/traffic", "limits, places"),
    ("sharing", "limits, places"),
    ("calling", "attempts: clocks, next action, checks"),
    ("routing", "profile, decision"),
    ("roles", "hop: admission, record"),
    ("gateway/chat", "API: reading, writing"),
    ("gateway", "keys, needs, metrics, logs"),
    ("storage", "spools"),
    ("tracing", "traces"),
    ("orchestrator", "the rest of ours"),
    ("", "Python, libraries, system calls"),
)


def make_key(folder: Path) -> str:
    """The secret of a new virtual key."""
    command = [str(Path(sys.executable).with_name("mesh")), "keys", "create"]
    made = subprocess.run(
        [*command, "--budget", "1000/day", "--json"],
        cwd=folder,
        env={**os.environ, "BENCH_KEY": start.KEY},
        capture_output=True,
        text=True,
        check=True,
    )
    return str(json.loads(made.stdout)["secret"])


async def measure(folder: Path, secret: str, count: int) -> dict[str, Any]:
    """Microseconds of a request, and each part's own time."""
    env = {**os.environ, "BENCH_KEY": start.KEY}
    loaded, clock = load_project(folder, env=env), SystemClock()
    storage = Mesh(loaded, env=env).storage
    ring = ring_for("127.0.0.1", False, open_store(loaded.project.settings, storage, clock), clock)
    assert ring is not None
    ring.start()
    telemetry = Telemetry(Board(1), 0, style="off")
    recorder = SpoolRecorder(storage, exported=False, told=telemetry.recorded)
    telemetry.recorder = recorder
    injected = Injected(served=True, recorder=recorder, allotments=ring)
    async with Mesh(loaded, env=env, injected=injected) as mesh:
        await mesh.join_others()
        ask = asker(build(mesh, keys=ring, telemetry=telemetry), secret)
        for _ in range(200):
            await ask()
        before, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            await ask()
        wall_us = (time.perf_counter() - before) / count * 1e6
        cpu_us = (time.process_time() - cpu) / count * 1e6
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(count // 4):
            await ask()
        profiler.disable()
    recorder.close()
    telemetry.close()
    ring.close()
    parts, calls = shares(profiler)
    return {
        "requests": count,
        "wall_us": round(wall_us),
        "cpu_us": round(cpu_us),
        "calls": round(calls / (count // 4)),
        "share": parts,
    }


def asker(app: Any, secret: str) -> Callable[[], Awaitable[None]]:
    """Makes one request of the application."""
    body = json.dumps({"model": "task:chat", "messages": MESSAGES, "max_tokens": 64}).encode()
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"authorization", f"Bearer {secret}".encode()),
    ]
    path = "/v1/chat/completions"
    scope: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "POST", "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "headers": headers, "scheme": "http"}
    left = asyncio.Event()

    async def ask() -> None:
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not waiting:
                await left.wait()
            return waiting.pop()

        async def send(message: Any) -> None:
            if message.get("status", 200) != 200:
                raise SystemExit(f"it answered {message['status']}")

        await app(dict(scope), receive, send)

    return ask


def shares(profiler: cProfile.Profile) -> tuple[dict[str, float], int]:
    """Each part's share of all time, and the number of calls."""
    own: Counter[str] = Counter()
    stats: Any = pstats.Stats(profiler)
    for (file, _, _), (_, _, seconds, _, _) in stats.stats.items():
        ours = file.partition("/orchestrator/")[2]
        place = f"{ours}|orchestrator" if ours else ""
        name = next(name for prefix, name in PARTS if place.startswith(prefix) or prefix in place)
        own[name] += seconds
    total = own.total()
    found = {name: round(seconds / total, 3) for name, seconds in own.most_common()}
    return found, int(stats.total_calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import uvloop

    with start.upstream() as provider, tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        start.write_project(folder, provider)
        found = uvloop.run(measure(folder, make_key(folder), options.requests))
    found = {"commit": commit(), "processor": processor(), "cores": os.cpu_count(), **found}
    if options.json:
        print_json(found)
        return
    wall, cpu, calls = found["wall_us"], found["cpu_us"], found["calls"]
    print(f"{wall} µs a request, of which {cpu} µs of processor; {calls} calls")
    for name, share in found["share"].items():
        print(f"  {share:6.1%}  {name}")
    machine = f"{found['processor']}, {found['cores']} cores"
    print(f"{found['commit']}; {machine}, {options.requests} requests")


if __name__ == "__main__":
    main()
