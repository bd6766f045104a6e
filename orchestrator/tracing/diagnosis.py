"""Where a request went wrong: one sentence, and the hops to look at, the likeliest culprit first.

`diagnose` reads what is on record and nothing else: no model, no clock, no file. Its detectors
(`diagnosing/`) each look for one kind of fault and say how strongly; `causes` puts a cause before
its consequences. No sign is proof: a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.records import Hop, Trace
from orchestrator.tracing.diagnosing.causes import ranked
from orchestrator.tracing.diagnosing.reading import see
from orchestrator.tracing.diagnosing.signs import Kind
from orchestrator.tracing.diagnosing.telling import tell

SUSPICIOUS = 0.5
"""The score from which a hop is called the likely culprit. Below it a hop is only odd."""
LEAST = 0.2
"""Hops that score less are not mentioned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A hop that may be at fault."""

    hop_id: str
    node: str
    round: int
    kind: Kind
    """The strongest of what speaks against it."""
    words: str
    """What speaks against it, for a person; goes on from the node's name."""
    score: float
    """In 0..1; see `SUSPICIOUS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What became of a request, and why."""

    sentence: str
    """What a person reads first, of a healthy request too."""
    suspects: tuple[Suspect, ...] = ()
    """Most likely culprit first; none may be `SUSPICIOUS`."""

    @property
    def culprit(self) -> Suspect | None:
        """The first, where it is `SUSPICIOUS`."""
        first = self.suspects[0] if self.suspects else None
        return first if first is not None and first.score >= SUSPICIOUS else None


def diagnose(trace: Trace, hops: Sequence[Hop]) -> Diagnosis:
    """What came of the request, why, and which hop to look at first.

    Where texts were not kept, what is left (decisions, attempts, outcomes, times) is judged.

    Args:
        hops: all of the trace, in any order.
    """
    seen = see(hops)
    suspects = tuple(
        Suspect(
            hop_id=found.seen.hop.id,
            node=found.seen.hop.node,
            round=found.seen.hop.round,
            kind=found.signs[0].kind,
            words="; ".join(dict.fromkeys(sign.words for sign in found.signs)),
            score=found.score,
        )
        for found in ranked(seen)
        if found.score >= LEAST
    )
    first = suspects[0] if suspects and suspects[0].score >= SUSPICIOUS else None
    began = "" if first is None else f"`{first.node}`: {first.words}"
    return Diagnosis(sentence=tell(trace, seen, began), suspects=suspects)
