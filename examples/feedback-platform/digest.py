"""Read a file of messages, tag each, group what says the same, and print what there is to know.

python digest.py data/messages.csv
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from voices.grouping import groups

from orchestrator import Answer, Mesh, RunOptions
from orchestrator.types import Caller

HERE = Path(__file__).parent
AT_ONCE = 8
SHOWN = 3
"""Groups of a theme; of fewer than two messages none is one."""


@dataclass(frozen=True)
class Message:
    """A line of the file."""

    id: str
    tier: str
    text: str


@dataclass(frozen=True)
class Group:
    """Messages of one theme that say the same."""

    messages: tuple[Message, ...]
    quotes: tuple[str, ...]

    @property
    def tiers(self) -> str:
        """How many of each class of passengers."""
        counts = Counter(message.tier for message in self.messages)
        return ", ".join(f"{count} {tier}" for tier, count in counts.most_common())


async def tagged(mesh: Mesh, messages: Sequence[Message]) -> dict[str, list[Message]]:
    """The messages by their theme; each is charged to its passenger's tier."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(message: Message) -> Answer:
        caller = Caller(workspace="ferry", tier=message.tier, feature="tagging")
        async with free:
            options = RunOptions(tags=("batch",), caller=caller)
            return await mesh.run("tag", message=message.text, options=options)

    answers = await asyncio.gather(*map(one, messages))
    found: dict[str, list[Message]] = defaultdict(list)
    for message, answer in zip(messages, answers, strict=True):
        found[answer.value.label].append(message)
    return found


async def summed(mesh: Mesh, messages: Sequence[Message]) -> list[Group]:
    """The groups of one theme that are worth a line, each with what stands for it."""
    found = [
        [messages[at] for at in group]
        for group in groups([message.text for message in messages])
        if len(group) > 1
    ]
    options = RunOptions(caller=Caller(workspace="ferry", feature="digest"))
    answers = await asyncio.gather(
        *(
            mesh.run("summarise", messages=[m.text for m in group], options=options)
            for group in found[:SHOWN]
        )
    )
    return [
        Group(tuple(group), tuple(answer.value.quotes))
        for group, answer in zip(found, answers, strict=False)
    ]


def read(file: Path) -> list[Message]:
    """The messages of a file."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [Message(row["id"], row["tier"], row["text"]) for row in csv.DictReader(lines)]


async def main(file: str) -> None:
    """The digest of a file with the columns id, tier and text."""
    messages = read(Path(file))
    async with Mesh.load(HERE) as mesh:
        themes = await tagged(mesh, messages)
        order = sorted(themes, key=lambda theme: -len(themes[theme]))
        digests = await asyncio.gather(*(summed(mesh, themes[theme]) for theme in order))
    for theme, found in zip(order, digests, strict=True):
        print(f"\n{theme}: {len(themes[theme])} of {len(messages)} messages")
        for group in found:
            print(f"  {len(group.messages)} times ({group.tiers}): {' / '.join(group.quotes)}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
