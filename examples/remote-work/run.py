"""The library in a few lines: one request over a folder of documents, answered and proven."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator import Mesh

HERE = Path(__file__).parent
QUESTION = (
    "Draft a remote-work policy for 120 employees, calculate the yearly cost of a "
    "40 EUR monthly allowance each, and summarise the citations"
)


async def main() -> None:
    """Ask, and print the answer with what it rests on and what it cost."""
    async with Mesh.load(".") as mesh:
        answer = await mesh.run(
            "cross-validated", question=QUESTION, sources=[str(HERE / "sources")]
        )
    print(answer.text)
    print(f"\nverdict: {answer.verdict}")
    for citation in answer.citations:
        place = f"{Path(citation.file).name}:{citation.start}-{citation.end}"
        print(f"  {place}  “{citation.quote}”")
    cost = "unknown" if answer.cost_usd is None else f"{answer.cost_usd:.6f} USD"
    print(f"cost: {cost}, trace: {answer.trace_id}")


if __name__ == "__main__":
    asyncio.run(main())
