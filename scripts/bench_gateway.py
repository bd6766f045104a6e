"""How fast gateways are before the same provider on loopback, measured with `wrk` in one run.

    python scripts/bench_gateway.py [--seconds 5] [--rounds 3] [--only mesh-2,tensorzero] [--json]

Each gateway is started, warmed up, and asked by 1 and by 32 clients, in several rounds; the table
shows medians of the rounds. Every prompt is another one. Ours runs with everything on: virtual
keys, budgets, limits, routing under a policy, traces, metrics, logs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import _contenders as start
from bench_start import commit, processor

from orchestrator.cli._show import print_json

CONTENDERS: Mapping[str, Callable[..., Any]] = {
    "provider": start.direct,
    "mesh-2": start.ours(2),
    "mesh-1": start.ours(1),
    "tensorzero": start.tensorzero,
    "portkey": start.portkey,
    "litellm": start.litellm,
}
CLIENTS = (1, 32)
SCRIPT = """
local count = 0
local id = tostring({}):sub(8)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
HEADERS
request = function()
  count = count + 1
  return wrk.format(nil, nil, nil, string.format('BODY', id, count))
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "us": %d, "p50": %d, "p99": %d, "bad": %d, "broken": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status,
    e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Measured:
    """One gateway under so many clients; times in microseconds, medians of the rounds."""

    clients: int
    per_second: float
    p50_us: float
    p99_us: float
    requests: int
    failed: int


def lua(served: start.Served) -> str:
    content = "You are a helpful assistant for the staff of a library."
    question = "Question %s-%d: how long is the loan period of a book?"
    messages = [
        {"role": "system", "content": content},
        {"role": "user", "content": question},
    ]
    body = json.dumps({"model": served.model, "messages": messages, "max_tokens": 64})
    headers = "\n".join(f'wrk.headers["{k}"] = "{v}"' for k, v in served.headers.items())
    return SCRIPT.replace("HEADERS", headers).replace("BODY", body)


def ask(served: start.Served, folder: Path, clients: int, seconds: float) -> dict[str, float]:
    (folder / "ask.lua").write_text(lua(served))
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(folder / "ask.lua")]
    told = subprocess.run([*command, served.url], capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (.*)", told.stdout)
    if found is None:
        raise SystemExit(f"wrk said:\n{told.stdout}{told.stderr}")
    result: dict[str, float] = json.loads(found.group(1))
    return result


def measure(name: str, provider: str, tools: Path, seconds: float, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        with CONTENDERS[name](provider, folder, tools) as served:
            ask(served, folder, 8, 2)  # warm up
            rows: dict[int, list[dict[str, float]]] = {clients: [] for clients in CLIENTS}
            for _ in range(rounds):
                for clients in CLIENTS:
                    rows[clients].append(ask(served, folder, clients, seconds))
            rss, pss = served.memory_mb()
    measured = [asdict(summed(clients, rows[clients])) for clients in CLIENTS]
    return {"name": name, "rss_mb": round(rss), "pss_mb": round(pss), "measured": measured}


def summed(clients: int, rows: list[dict[str, float]]) -> Measured:
    def middle(of: Callable[[dict[str, float]], float]) -> float:
        return round(statistics.median(map(of, rows)), 1)

    return Measured(
        clients=clients,
        per_second=middle(lambda r: r["requests"] / r["us"] * 1e6),
        p50_us=middle(lambda r: r["p50"]),
        p99_us=middle(lambda r: r["p99"]),
        requests=int(sum(r["requests"] for r in rows)),
        failed=int(sum(r["bad"] + r["broken"] for r in rows)),
    )


def find_wrk() -> None:
    """`wrk`, installed where Debian's packages are at hand."""
    if shutil.which("wrk") is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], stdout=subprocess.DEVNULL)
    if shutil.which("wrk") is None:
        raise SystemExit("bench-gateway needs `wrk`; on Debian and Ubuntu: apt install wrk")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(CONTENDERS), help="names, with commas")
    parser.add_argument("--tools", type=Path, default=Path("build/bench-tools").absolute())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    find_wrk()
    names = options.only.split(",")
    unknown = [name for name in names if name not in CONTENDERS]
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}; known: {', '.join(CONTENDERS)}")
    results = []
    with start.upstream() as provider:
        for name in names:
            print(f"  {name} …", file=sys.stderr, flush=True)
            results.append(measure(name, provider, options.tools, options.seconds, options.rounds))
    circumstances = {
        "commit": commit(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "seconds": options.seconds,
        "rounds": options.rounds,
    }
    if options.json:
        print_json({**circumstances, "results": results})
        return
    show(results, circumstances)


def show(results: list[dict[str, Any]], circumstances: Mapping[str, Any]) -> None:
    rows = []
    for result in results:
        one, many = result["measured"]
        rows.append(
            (
                result["name"],
                f"{many['per_second']:,.0f}",
                f"{one['p50_us'] / 1000:.2f}",
                f"{one['p99_us'] / 1000:.2f}",
                f"{many['p50_us'] / 1000:.2f}",
                f"{many['p99_us'] / 1000:.2f}",
                "" if result["name"] == "provider" else f"{result['rss_mb']} ({result['pss_mb']})",
                f"{one['failed'] + many['failed']} of {one['requests'] + many['requests']:,}",
            )
        )
    head = (
        "gateway", "requests/s at 32", "p50 ms at 1", "p99 ms at 1", "p50 ms at 32",
        "p99 ms at 32", "MB resident (proportional)", "failed",
    )  # fmt: skip
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print("\n" + ", ".join(f"{key} {value}" for key, value in circumstances.items()))


if __name__ == "__main__":
    main()
