"""The same run from Python: the program asks whoever sits before it.

python decide.py A-1042 "The kettle arrived broken. Do I get the money back?"
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from orchestrator import Mesh
from orchestrator.graph.asking import Question

HERE = Path(__file__).parent


async def ask(question: Question) -> str:
    """Show the letter, and take the answer from the keyboard."""
    for text in question.shown.values():
        print(text)
    choice = f" ({'/'.join(question.allowed)})" if question.allowed else ""
    # Nothing else goes on in this program, so it may wait here.
    return input(f"\n{question.text}{choice} ")  # noqa: ASYNC250


async def main(order: str, message: str) -> None:
    """One decision."""
    async with Mesh.load(HERE) as mesh:
        answer = await mesh.run(
            question=message, order=order, rules=[HERE / "rules.md"], on_question=ask
        )
    print(f"\n{answer.text}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
