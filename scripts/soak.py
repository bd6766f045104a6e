"""Ten thousand calls against three deployments of which two fail in 30 % of their requests.

    python scripts/soak.py [--calls 10000] [--at-once 64] [--seed 1] [--json]

The cheapest two fail by chance in every way of the fault catalogue that needs no long wait; the
third is healthy and goes on with a text that another began. Half of the calls stream. The breakers
are set so wide that the failing ones stay in use. Asserted:

  answered    at least 99.9 % of the calls
  whole       each answer is a whole known text, to the letter: no truncation passes for success
  ledger      a line for each request that reached the provider, and money to the micro-dollar for
              each answer whose usage it reported
  memory      what the process holds does not grow with the calls

Exit code 1 where one of them does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _provider import Provider, Total, provider
from bench_start import commit, processor

from orchestrator import CallError, Mesh
from orchestrator.cli._show import Screen, print_json
from tests.faults.server import Given
from tests.faults.steps import ENDINGS_THAT_FAIL, Chaos, Say

TEXTS = {
    name: " ".join(f"{name}{n}" for n in range(24)) for name in ("cheap", "middling", "steady")
}
FAULTS = (*ENDINGS_THAT_FAIL, "silent", "stalls", "junk_event", "no_done", "usage_with_finish")
PRICES = {"cheap": 1, "middling": 2, "steady": 4}
"""US dollars a million tokens, in and out."""
SHARE = 0.3
LEAST_ANSWERED = 0.999
MOST_GROWTH = 1.10
"""Of the resident memory, from a fifth of the calls to the end."""


def scripts() -> Mapping[str, Given]:
    """What the three deployments do."""
    seed = os.environ.get("SOAK_SEED", "1")
    return {
        "cheap": Chaos(Say(TEXTS["cheap"]), share=SHARE, seed=int(seed), faults=FAULTS),
        "middling": Chaos(Say(TEXTS["middling"]), share=SHARE, seed=int(seed) + 1, faults=FAULTS),
        "steady": Say(TEXTS["steady"], prefill="continued"),
    }


def write_project(folder: Path, served: Provider) -> None:
    models = {
        name: served.model(
            name,
            price,
            can=["prefill"] if name == "steady" else [],
            first_token_ms=500,
            between_tokens_ms=500,
        )
        for name, price in PRICES.items()
    }
    policy = {
        "objective": {"minimize": "cost"},
        "budgets": [{"per": "workspace", "usd": 1000, "window": "day"}],
    }
    settings = {"calls": {"breaker": {"failures": 50, "error_rate": 0.95}}}
    (folder / "mesh.yaml").write_text(json.dumps(settings))
    (folder / "fleet.yaml").write_text(json.dumps({"models": models}))
    (folder / "policy.yaml").write_text(json.dumps(policy))


@dataclass
class Found:
    """What the callers saw."""

    whole: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    """Resident megabytes, every hundredth of the way."""


async def call(model: Any, number: int, found: Found) -> None:
    """One call; every second one streams."""
    text, ending = "", ""
    try:
        if number % 2:
            async for chunk in model.astream("Say something."):
                text += chunk.text
                ending = chunk.response_metadata.get("mesh", {}).get("ending", ending)
        else:
            message = await model.ainvoke("Say something.")
            text, ending = message.text, message.response_metadata["mesh"]["ending"]
    except CallError as error:
        found.failed[f"{type(error).__name__}: {error.attempts[-1].outcome}"] += 1
        return
    found.endings[ending] += 1
    if text in TEXTS.values():
        found.whole += 1
    else:
        found.wrong.append(text)


async def soak(mesh: Mesh, calls: int, at_once: int) -> Found:
    found, model, numbers = Found(), mesh.chat_model(task="chat"), iter(range(calls))
    done = 0

    async def worker() -> None:
        nonlocal done
        for number in numbers:
            await call(model, number, found)
            done += 1
            if done % max(calls // 100, 1) == 0:
                found.memory.append(resident_mb())
                if done % max(calls // 10, 1) == 0:
                    note = f"{done} of {calls} calls, {found.memory[-1]:.0f} MB"
                    print(note, file=sys.stderr, flush=True)

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return found


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True, kw_only=True)
class Check:
    """One of the promises, and what was measured."""

    name: str
    holds: bool
    found: str


def checks(mesh: Mesh, calls: int, found: Found, totals: Mapping[str, Total]) -> list[Check]:
    """What is asserted at the end."""
    lines = mesh.costs(by=("deployment", "outcome"))
    requests = {f"{name}/here": total.requests for name, total in totals.items()}
    on_record: Counter[str] = Counter()
    for (deployment, _), costs in lines.rows:
        on_record[deployment] += costs.attempts
    told = sum((total.input + total.output) * PRICES[name] for name, total in totals.items())
    paid = reported_micro_usd(mesh)
    early = found.memory[len(found.memory) // 5]
    growth = found.memory[-1] / early
    answered = len(found.wrong) + found.whole
    return [
        Check(
            name="answered",
            holds=answered >= LEAST_ANSWERED * calls,
            found=f"{answered} of {calls} ({answered / calls:.2%}); failed: {dict(found.failed)}",
        ),
        Check(
            name="whole",
            holds=not found.wrong,
            found=f"{found.whole} whole answers, {len(found.wrong)} that are none; "
            f"endings: {dict(found.endings)}",
        ),
        Check(
            name="ledger lines",
            holds=on_record == requests,
            found=f"on record {dict(on_record)}, served {requests}",
        ),
        Check(
            name="ledger money",
            holds=paid == told,
            found=f"{paid} micro-dollars on record for what was reported, {told} reported",
        ),
        Check(name="no open lease", holds=lines.under_way == 0, found=f"{lines.under_way} open"),
        Check(
            name="memory",
            holds=growth <= MOST_GROWTH,
            found=f"{early:.0f} MB after a fifth, {found.memory[-1]:.0f} MB at the end "
            f"(× {growth:.2f}, peak {max(found.memory):.0f} MB)",
        ),
    ]


def reported_micro_usd(mesh: Mesh) -> int:
    """What the ledger charged for attempts whose usage the provider reported."""
    with closing(sqlite3.connect(mesh.storage / "ledger.sqlite")) as db:
        row = db.execute("SELECT sum(amount) FROM spend WHERE NOT estimated").fetchone()
    return int(row[0] or 0)


async def measure(calls: int, at_once: int) -> tuple[float, list[Check]]:
    """Seconds, and the checks."""
    with (
        provider(scripts, knows=tuple(TEXTS.values())) as served,
        tempfile.TemporaryDirectory() as folder,
    ):
        write_project(Path(folder), served)
        mesh = Mesh.load(folder)
        begin = time.perf_counter()
        try:
            found = await soak(mesh, calls, at_once)
            seconds = time.perf_counter() - begin
            return seconds, checks(mesh, calls, found, served.totals())
        finally:
            await mesh.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    said = parser.parse_args()
    os.environ["SOAK_SEED"] = str(said.seed)  # read by the provider's process
    seconds, found = asyncio.run(measure(said.calls, said.at_once))
    machine = f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    result = {
        "commit": commit(),
        "machine": machine,
        "calls": said.calls,
        "at_once": said.at_once,
        "seed": said.seed,
        "seconds": round(seconds, 1),
        "checks": [check.__dict__ for check in found],
    }
    if said.json:
        print_json(result)
    else:
        screen = Screen(sys.stdout)
        table = screen.table(("check", {"no_wrap": True}), "", "found")
        for check in found:
            word = screen.text("holds", "good") if check.holds else screen.text("FAILS", "bad")
            table.add_row(check.name, word, check.found)
        screen.show(table)
        rate = said.calls / seconds
        screen.prose(
            f"{said.calls} calls in {seconds:.0f} s ({rate:.0f} a second), "
            f"{said.at_once} at once, seed {said.seed}; {commit()}; {machine}",
            0,
            "quiet",
        )
    sys.exit(not all(check.holds for check in found))


if __name__ == "__main__":
    main()
