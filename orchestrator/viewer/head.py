"""What stands above every view of a trace: what happened in a sentence, who is to blame, the sums.

What was made of a trace's hops is kept for the next page of the same trace, for as long as no hop
of it is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.errors import UnknownNameError
from orchestrator.money import total_cost
from orchestrator.tracing.diagnosis import Diagnosis, Suspect, diagnose
from orchestrator.viewer.pages import Asked

if TYPE_CHECKING:
    from orchestrator.records import Hop, Trace
    from orchestrator.tracing._finding import BriefHop

MOST = 300
"""Hops that are read whole to say what happened; of more, those that something speaks against."""
_ODD, _LAST = 100, 30
_ROLES = ("decomposer", "generator", "citation-validator", "checker", "aggregator")
"""Whose outputs tell what became of an answer."""
_RESTS = 30
_CITING = ("generator", "checker", "citation-validator")
"""Whose outputs name the sources of an answer, the surest last."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was made of a trace's hops."""

    hops: Sequence[BriefHop]
    diagnosis: Diagnosis
    looked_at: int
    """How many hops the diagnosis is of."""
    stamp: str

    @cached_property
    def input(self) -> int:
        return sum(a.input for h in self.hops for a in h.attempts)

    @cached_property
    def output(self) -> int:
        return sum(a.output for h in self.hops for a in h.attempts)

    @cached_property
    def cost(self) -> int | None:
        return total_cost([h.cost_micro_usd for h in self.hops])

    @cached_property
    def calls(self) -> int:
        return sum(len(h.attempts) for h in self.hops)

    @cached_property
    def failed(self) -> int:
        return sum(h.status == "failed" for h in self.hops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One trace, as far as all its views show it."""

    trace: Trace
    read: Reading
    view: str

    @property
    def hops(self) -> Sequence[BriefHop]:
        return self.read.hops

    @property
    def diagnosis(self) -> Diagnosis:
        return self.read.diagnosis

    @property
    def cost(self) -> int | None:
        return self.read.cost if self.hops else self.trace.cost_micro_usd

    @property
    def sentence(self) -> str:
        """The diagnosis in a sentence: of all that speaks against the culprit the strongest."""
        culprit = self.diagnosis.culprit
        said = self.diagnosis.sentence
        return said.replace(culprit.words, signs(culprit)[0]) if culprit else said

    @property
    def fault(self) -> str:
        """The id of the hop that is marked as faulty; empty where none is."""
        culprit = self.diagnosis.culprit
        return culprit.hop_id if culprit else ""

    @property
    def cited(self) -> BriefHop | None:
        """The hop that says what the answer rests on: the last one that judged citations."""
        judged = [h for h in self.hops if h.role in _CITING and h.status == "ok"]
        return max(judged, key=lambda hop: (_CITING.index(hop.role), hop.started_at), default=None)

    @property
    def running(self) -> bool:
        return self.trace.status in ("running", "waiting")


def signs(suspect: Suspect) -> tuple[str, ...]:
    """What speaks against a hop, the strongest first."""
    return tuple(suspect.words.split("; "))


def head(asked: Asked, view: str) -> Head:
    """The trace that the address names.

    Raises:
        UnknownNameError: there is none, or none that may be seen.
    """
    trace = asked.trace(str(asked.path["id"]))
    return Head(trace=trace, read=reading(asked, trace), view=view)


def reading(asked: Asked, trace: Trace) -> Reading:
    """What is known of the trace's hops now."""
    stamp = stamp_of(asked, trace)
    known = asked.state.recent.get(stamp)
    if isinstance(known, Reading):
        return known
    hops = asked.store.brief(trace.id)
    read = whole(asked, trace, hops)
    made = Reading(hops=hops, diagnosis=diagnose(trace, read), looked_at=len(read), stamp=stamp)
    asked.state.recent.put(stamp, made)
    return made


def stamp_of(asked: Asked, trace: Trace) -> str:
    """Another one as soon as anything of the trace reads differently."""
    told = (trace, *asked.store.stamp(trace.id))
    return hashlib.sha256(repr(told).encode()).hexdigest()[:20]


def whole(asked: Asked, trace: Trace, hops: Sequence[BriefHop]) -> list[Hop]:
    """The hops with their texts and decisions, where there are not too many; else those that
    something may be wrong with, and the last ones."""
    if len(hops) <= MOST:
        return asked.store.hops(trace.id)
    odd = [h.id for h in hops if _odd(h)]
    rest = [h.id for h in hops if h.role in _ROLES][-_RESTS:]
    ids = dict.fromkeys([*odd[:_ODD], *rest, *(h.id for h in hops[-_LAST:])])
    return asked.store.some_hops(trace.id, list(ids))


def _odd(hop: BriefHop) -> bool:
    return (
        hop.status not in ("ok", "skipped")
        or hop.validated is False
        or len(hop.attempts) > 1
        or any(a.outcome != "ok" for a in hop.attempts)
    )


def hop_of(asked: Asked, trace: Trace) -> Hop:
    """The hop that the address names.

    Raises:
        UnknownNameError: the trace has none of that name.
    """
    key = str(asked.path["hop"])
    for name in (f"{trace.id}.{key}", key):
        found = asked.store.some_hops(trace.id, [name])
        if found:
            return found[0]
    raise UnknownNameError("hop", key, ())
