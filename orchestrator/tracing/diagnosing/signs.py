"""What a detector finds in one hop, and how several findings add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "bad_routing",
    "bad_citation",
    "garbage_output",
    "silent_fallback",
    "contradiction",
    "failure",
    "unfinished",
    "slow",
    "costly",
]
"""What may be wrong with a hop. `failure`: it ended with an error; `unfinished`: it never ended."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that speaks against a hop."""

    kind: Kind
    weight: float
    """How strongly, in 0..1: about the share of hops with nothing but this sign that are wrong."""
    words: str
    """For a person; goes on from the node's name: `cites "…", which no passage holds`."""
    caused: bool = False
    """An earlier fault would explain it as well: an empty answer, a rejected claim."""


_ECHO = 0.5


def together(signs: Sequence[Sign]) -> float:
    """The score of a hop in 0..1: its strongest sign, and half of what each other one adds.

    Signs of one hop are rarely independent, hence the half: a noisy-or of all would call two weak
    remarks about the same text a strong one. Outliers of time and cost count where nothing else
    speaks against a hop: what goes wrong often takes longer, too.
    """
    faults = [sign.weight for sign in signs if sign.kind not in ("slow", "costly")]
    outliers = [sign.weight for sign in signs if sign.kind in ("slow", "costly")]
    weights = sorted(faults or outliers, reverse=True)
    if not weights:
        return 0.0
    good = 1 - weights[0]
    for weight in weights[1:]:
        good *= 1 - _ECHO * weight
    return round(1 - good, 4)
