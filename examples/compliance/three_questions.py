"""Three questions, and which of them leaves this machine.

python three_questions.py
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from control.place import HERE, relative
from control.stand_in import calls_in, stand_in

from orchestrator import Answer, Mesh, RunOptions


@dataclass(frozen=True)
class Asked:
    """A question, what it is asked of, and what its caller says of its data class."""

    question: str
    sources: str
    data_class: str | None = None


QUESTIONS = (
    Asked("How old may an invoice be?", "rules.md"),
    Asked("Why does Dieter Kowalke hand in the trip of December only now?", "case/mails", "pii"),
    Asked("Is the certificate in PF-20417 a reason to hand in travel expenses late?", "rules.md"),
)


async def main(out: Path) -> None:
    """Ask them all, and count the calls that the provider received."""
    received = out / "received-questions.log"
    with stand_in(received) as url:
        async with Mesh.load(HERE, env={**os.environ, "HARBOUR_URL": url}) as mesh:
            for asked in QUESTIONS:
                answer = await mesh.run(
                    "question",
                    question=asked.question,
                    sources=[relative(asked.sources)],
                    options=RunOptions(data_class=asked.data_class),
                )
                _print(asked, answer)
    calls = calls_in(received.read_bytes())
    print(f"the hosted model received {calls} of {len(QUESTIONS)} questions")


def _print(asked: Asked, answer: Answer) -> None:
    (hop,) = [hop for hop in answer.hops if hop.attempts]
    assert hop.profile is not None
    said = "declared" if asked.data_class else "found"
    default = hop.profile.data_class == "internal"
    print(f"? {asked.question}")
    print(f"  {hop.profile.data_class}, {'by default' if default else said}")
    print(f"  {hop.attempts[-1].deployment}: {answer.text}")


def _given(arguments: Sequence[str] | None = None) -> Path:
    found = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    found.add_argument("--out", type=Path, default=Path(), help="folder for what was received")
    return Path(found.parse_args(arguments).out)


if __name__ == "__main__":
    asyncio.run(main(_given()))
