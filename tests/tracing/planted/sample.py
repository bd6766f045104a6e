"""A sample of planted faults: so many of each kind, spread over its forms and over the traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from orchestrator.records import Hop, Trace
from orchestrator.tracing.diagnosing.signs import Kind
from orchestrator.tracing.diagnosis import SUSPICIOUS, diagnose
from tests.tracing.planted import (
    citations,
    contradictions,
    fallbacks,
    outputs,
    routing,
    unseen,
)
from tests.tracing.planted.forms import FORMS, Planted, planted

KINDS: tuple[Kind, ...] = (
    "bad_routing",
    "bad_citation",
    "garbage_output",
    "silent_fallback",
    "contradiction",
)
_TRIES = 200
_MODULES = (citations, contradictions, fallbacks, outputs, routing, unseen)  # each registers forms


@dataclass(frozen=True)
class Judged:
    """What the diagnosis says of a planted fault."""

    fault: Planted
    first: bool
    """The wrong hop is named first, as the likely culprit."""
    in_three: bool
    """It is among the first three hops that are mentioned."""


def sample(
    cases: Sequence[tuple[Trace, Sequence[Hop]]],
    kind: Kind,
    many: int,
    seed: int,
    *,
    developed: bool,
) -> Iterator[Planted]:
    """So many faults of that kind, its forms in turn; the same for the same seed.

    Args:
        developed: of the forms that the signals were worked out on, else of the unseen ones.
    """
    random = Random(f"{kind}/{seed}")
    forms = [f for f in FORMS if f.kind == kind and f.developed is developed]
    random.shuffle(forms)
    found = 0
    for attempt in range(_TRIES * many):
        made = planted(forms[attempt % len(forms)], random.choice(cases), random.randrange(10**9))
        if made is not None:
            found += 1
            yield made
        if found == many:
            return


def judge(fault: Planted) -> Judged:
    """Whether the diagnosis finds it."""
    suspects = diagnose(fault.trace, fault.hops).suspects
    named = [s.hop_id for s in suspects]
    sure = bool(suspects) and suspects[0].score >= SUSPICIOUS
    first = sure and named[0] == fault.hop_id
    return Judged(fault, first, fault.hop_id in named[:3])
