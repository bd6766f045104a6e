"""What went wrong with a request, on the screen: the sentence, and the hops to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli._show import Screen
from orchestrator.tracing.diagnosis import SUSPICIOUS

if TYPE_CHECKING:
    from orchestrator.records import Hop
    from orchestrator.tracing.diagnosis import Diagnosis, Suspect

NAMED = 3
"""Suspects that are listed; of more, how many."""


def show_diagnosis(screen: Screen, found: Diagnosis, hops: Sequence[Hop]) -> None:
    """The sentence, then the hops against which something speaks, the likeliest culprit first."""
    screen.prose(found.sentence, tone="strong")
    numbers = {hop.id: number for number, hop in enumerate(hops, 1)}
    likely = [s for s in found.suspects if s.score >= SUSPICIOUS]
    odd = [s for s in found.suspects if s.score < SUSPICIOUS]
    if likely:
        screen.print("", screen.text("Look here first:"))
        for suspect in likely[:NAMED]:
            _show(screen, suspect, numbers)
        if len(likely) > NAMED:
            screen.prose(f"and {len(likely) - NAMED:,} more", 2, "quiet")
    elif odd:
        screen.print("", screen.text("Nothing is clearly wrong. A little odd:"))
        for suspect in odd[:NAMED]:
            _show(screen, suspect, numbers)
    screen.print("")


def _show(screen: Screen, suspect: Suspect, numbers: dict[str, int]) -> None:
    number = numbers.get(suspect.hop_id, 0)
    name = f"{suspect.node} #{suspect.round + 1}" if suspect.round else suspect.node
    kind = suspect.kind.replace("_", " ")
    likely = suspect.score >= SUSPICIOUS
    screen.print(
        screen.join(
            "  ",
            (f"{number}. {name}", "bad" if likely else "warn"),
            (f"  {kind}, {suspect.score:.2f} of 1", "quiet"),
        )
    )
    for line in suspect.words.split("; "):
        screen.prose(f"{line[:1].upper()}{line[1:]}.", 5)
