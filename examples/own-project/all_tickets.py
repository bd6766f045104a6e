"""Triage every ticket of the desk, and say which model read it."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

from orchestrator import Mesh

HERE = Path(__file__).parent


async def main() -> None:
    """One line a ticket."""
    with (HERE / "data" / "tickets.csv").open(encoding="utf-8", newline="") as file:
        numbers = [row["ticket"] for row in csv.DictReader(file)]
    async with Mesh.load(HERE) as mesh:
        answers = await asyncio.gather(*(mesh.run("triage", ticket=n) for n in numbers))
    for answer in answers:
        print(answer.text)
    asked = {a.model for answer in answers for hop in answer.hops for a in hop.attempts}
    print(
        f"read by {', '.join(sorted(asked))}; cost {sum(a.cost_usd or 0 for a in answers):.2f} USD"
    )


if __name__ == "__main__":
    asyncio.run(main())
