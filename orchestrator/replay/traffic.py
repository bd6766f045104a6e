"""Recorded traffic: every hop that asked a model, with all that its decision was made from.

    traffic = read_traffic(store, since=time.time() - 7 * 86_400, fleet=mesh.fleet())
    for one in traffic.hops:                       # in the order in which they began
        decide(one.profile, one.fleet, other_policy, one.context)
        one.attempts, one.answer, one.cost_micro_usd, one.observed, one.key, one.trace.tags

`read_traffic(store, *, since, until=None, fleet, more=None) -> Traffic` reads it all;
`recorded_hops(trace, hops, fleet_of, more) -> Iterator[Recorded]` does it for one trace.
`Observed` is how good an answer was found to be, and by what.

What is left out is counted in `Traffic.left_out`: hops that took their result from a journal, and
decisions that nothing was sent for (a router plans ahead). Hops that nobody was allowed to serve
stand in `Traffic.refused`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

from orchestrator.calling.rules import RULES
from orchestrator.records import Attempt, Feedback, Hop, Trace
from orchestrator.routing.predict import prior
from orchestrator.types import (
    Context,
    Decision,
    Estimate,
    FleetSnapshot,
    Outcome,
    TaskProfile,
    digest,
)

ObservedBy = Literal["check", "claims", "evaluation", "feedback"]
"""Who found it: the check of an answer's form or content; the share of a draft's claims that the
sources carry; a judged case of a suite; a person. The later in this list, the more it counts."""
BY: tuple[ObservedBy, ...] = ("check", "claims", "evaluation", "feedback")
_ANSWERED = frozenset({Outcome.OK, Outcome.UNSURE, Outcome.INVALID_OUTPUT, Outcome.UNSAFE})
"""A whole answer came, whatever it is worth."""
_DRAFTS = "generator"
_CHECKS = "checker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """How good one answer was found to be."""

    value: float
    """0..1."""
    by: ObservedBy
    deployment: str
    model: str
    """Whose answer it was."""


More = Mapping[str, Sequence[Observed]]
"""By the id of a hop: what is known of its answers from elsewhere, such as feedback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One hop that asked a model, and what its decision was made from."""

    trace: Trace
    hop: Hop
    profile: TaskProfile
    decision: Decision
    context: Context
    fleet: FleetSnapshot
    remade: tuple[Literal["context", "fleet"], ...] = ()
    """What is not on record. Then the context is made from the decision, without budget and time
    that were left; and the fleet is the one of today."""
    key: str = ""
    """Equal for the very same request; empty where its text was not kept."""
    observed: tuple[Observed, ...] = ()
    """At most one for each deployment and source."""

    @property
    def id(self) -> str:
        """Of the hop."""
        return self.hop.id

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All of them, in the order in which they ended."""
        return self.hop.attempts

    @property
    def answer(self) -> Attempt | None:
        """The attempt whose answer counted; `None` where nobody gave a valid one."""
        if self.hop.status != "ok":
            return None
        whole = [a for a in self.attempts if a.outcome in (Outcome.OK, Outcome.UNSURE)]
        valid = [a for a in whole if a.outcome is Outcome.OK]
        return next(reversed(valid or whole), None)

    @property
    def cost_micro_usd(self) -> int | None:
        """Of all attempts; `None` as soon as one is unknown."""
        return self.hop.cost_micro_usd

    @property
    def quality(self) -> Observed | None:
        """What is known best of the answer that counted; of none that came, what a check said."""
        answer = self.answer
        if answer is None:
            return next((o for o in self.observed if o.by == "check"), None)
        of_it = [o for o in self.observed if o.deployment == answer.deployment]
        return max(of_it, key=lambda o: BY.index(o.by), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A hop that no deployment was allowed to serve, or whose caller had to wait."""

    trace: Trace
    hop: Hop
    profile: TaskProfile
    fleet: FleetSnapshot


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What was asked of models from `since` to `until`, seconds since the epoch."""

    since: float
    until: float
    hops: tuple[Recorded, ...]
    """In the order in which they began."""
    refused: tuple[Refused, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """In words for a person: how many hops are not among them."""

    @cached_property
    def remade(self) -> Mapping[str, int]:
        """Of how many hops `context` or `fleet` is not on record."""
        return Counter(name for one in self.hops for name in one.remade)


class Store(Protocol):
    """What is read of a `TraceStore`."""

    def traces(self, limit: int = 20, *, since: float | None = None) -> list[Trace]: ...

    def hops_of(self, trace_ids: Sequence[str]) -> dict[str, list[Hop]]: ...

    def snapshot(self, fleet_hash: str) -> FleetSnapshot | None: ...

    def feedback(
        self, trace_id: str | None = None, *, since: float | None = None
    ) -> list[Feedback]: ...


def answered(attempt: Attempt) -> bool:
    """Whether it is a whole answer of its own: not begun by another, and not given before."""
    whole = attempt.outcome in _ANSWERED and attempt.kind != "cached"
    return whole and not attempt.continued


def failed(attempt: Attempt) -> bool:
    """Whether the provider was asked and brought no whole answer, by its own doing."""
    if attempt.outcome in _ANSWERED or attempt.outcome is Outcome.CANCELLED:
        return False
    return RULES[attempt.outcome].sent and attempt.outcome not in (
        Outcome.REFUSED,
        Outcome.CONTEXT_EXCEEDED,
        Outcome.INVALID_REQUEST,
        Outcome.DIVERGED,
    )


def read_traffic(
    store: Store,
    *,
    since: float,
    until: float | None = None,
    fleet: FleetSnapshot,
    more: More | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Traffic:
    """All that was asked of models since then.

    Args:
        until: without what began then or later.
        fleet: stands for fleets that are not on record.
        more: what is known of answers from elsewhere.
        progress: told how many traces were read, of how many.
    """
    import time

    end = time.time() if until is None else until
    traces = [t for t in store.traces(_MOST, since=since) if t.started_at < end]
    fleets = _Fleets(store, fleet)
    said: dict[str, list[Feedback]] = {}
    for one in store.feedback(since=since):
        said.setdefault(one.trace_id, []).append(one)
    hops: list[Recorded] = []
    refused: list[Refused] = []
    left_out: Counter[str] = Counter()
    traces.reverse()
    for begin in range(0, len(traces), _PAGE):
        progress(begin, len(traces))
        page = traces[begin : begin + _PAGE]
        stored = store.hops_of([trace.id for trace in page])
        for trace in page:
            of_trace = stored[trace.id]
            judged = _judged(of_trace, said.get(trace.id, ()))
            hops += recorded_hops(trace, of_trace, fleets, {**judged, **(more or {})})
            refused += _refused(trace, of_trace, fleets)
            left_out.update(why for hop in of_trace if (why := _why_not(hop)) is not None)
    progress(len(traces), len(traces))
    hops.sort(key=lambda one: one.hop.started_at)
    return Traffic(
        since=since, until=end, hops=tuple(hops), refused=tuple(refused), left_out=left_out
    )


_MOST = 10_000_000
"""Traces that are read."""
_PAGE = 200
"""Of which so many at a time."""


def _refused(trace: Trace, hops: Sequence[Hop], fleets: _Fleets) -> Iterator[Refused]:
    for hop in hops:
        if hop.decision is None and hop.profile is not None and hop.status == "failed":
            saw, _ = fleets(trace.fleet_hash)
            yield Refused(trace=trace, hop=hop, profile=hop.profile, fleet=saw)


def recorded_hops(
    trace: Trace,
    hops: Sequence[Hop],
    fleet_of: Callable[[str], tuple[FleetSnapshot, bool]],
    more: More,
) -> Iterator[Recorded]:
    """The hops of one trace that asked a model.

    Args:
        fleet_of: by its hash, and whether it is the one on record.
    """
    claims = _claims_by_round(hops)
    for hop in hops:
        decision, profile = hop.decision, hop.profile
        if decision is None or profile is None or _why_not(hop) is not None:
            continue
        fleet, known = fleet_of(decision.fleet_hash)
        context = decision.context
        remade: list[Literal["context", "fleet"]] = []
        if context is None:
            context = _context_of(decision, fleet, profile)
            remade.append("context")
        if not known:
            remade.append("fleet")
        yield Recorded(
            trace=trace,
            hop=hop,
            profile=profile,
            decision=decision,
            context=context,
            fleet=fleet,
            remade=tuple(remade),
            key=_key(hop, decision, profile),
            observed=tuple(_observed(hop, claims.get(hop.round), more.get(hop.id, ()))),
        )


def _why_not(hop: Hop) -> str | None:
    """Why a decided hop is not a part of the traffic."""
    if hop.decision is None:
        return None
    if hop.resumed:
        return "taken from the journal of an earlier process"
    if not hop.attempts:
        return "decided ahead, for another step" if hop.status == "ok" else "stopped before a call"
    return None


class _Fleets:
    """Fleets by hash, each read once."""

    def __init__(self, store: Store, now: FleetSnapshot) -> None:
        self._store, self._now = store, now
        self._known: dict[str, tuple[FleetSnapshot, bool]] = {now.hash: (now, True)}

    def __call__(self, hash: str) -> tuple[FleetSnapshot, bool]:
        if hash not in self._known:
            found = self._store.snapshot(hash)
            self._known[hash] = (self._now, False) if found is None else (found, True)
        return self._known[hash]


def _context_of(decision: Decision, fleet: FleetSnapshot, profile: TaskProfile) -> Context:
    """What the decision says of it: what was expected of each, and what its agent asked for."""
    declared = {d.id: prior(d, profile.task) for d in fleet.deployments}
    estimates = {
        c.deployment: Estimate(
            mean=quality,
            sd=declared[c.deployment].sd if c.deployment in declared else _UNSURE,
        )
        for c in decision.candidates
        if (quality := c.scores.get("quality")) is not None
    }
    settings = {k: s for k, s in decision.settings.items() if s.origin.startswith("agent:")}
    return Context(estimates=estimates, predictor=decision.predictor, settings=settings)


_UNSURE = 0.2
"""The standard deviation of an estimate of which nothing is on record."""


def _key(hop: Hop, decision: Decision, profile: TaskProfile) -> str:
    """What is redacted is no longer the request: two that differ may look the same. And so may
    two to code, which reads values and no prompt."""
    if not hop.prompt or decision.log.prompts not in ("full", "hashed"):
        return ""
    if any(a.family is None for a in hop.attempts):
        return ""
    return digest([hop.prompt, hop.agent, profile.task, profile.needs, profile.images])


# ── how good answers were found to be ────────────────────────────────────────────────────


def _observed(hop: Hop, claims: float | None, more: Sequence[Observed]) -> Iterator[Observed]:
    """What checks have said of every first answer, of the draft's claims, and from elsewhere."""
    good: Attempt | None = None
    told: dict[str, Observed] = {}
    for a in hop.attempts:
        if a.outcome is Outcome.INVALID_OUTPUT:
            told.setdefault(a.deployment, _of(a, 0.0, "check"))
        elif a.outcome is Outcome.OK and a.kind != "cached":
            good = a
            if hop.validated:
                told[a.deployment] = _of(a, 1.0, "check")  # also where it was repaired
    yield from told.values()
    if good is not None and claims is not None and hop.role == _DRAFTS:
        yield _of(good, claims, "claims")
    yield from more


def _judged(hops: Sequence[Hop], said: Sequence[Feedback]) -> dict[str, list[Observed]]:
    """What was said of the answers of these hops, each voice as much as it counts. What was said
    of the whole trace is of its only answer, and of nobody's where there are several."""
    answers = {
        hop.id: good[-1]
        for hop in hops
        if (good := [a for a in hop.attempts if a.outcome is Outcome.OK])
    }
    only = next(iter(answers)) if len(answers) == 1 else ""
    sums: dict[str, tuple[float, float]] = {}
    for one in said:
        name = one.hop_id or only
        if name in answers and one.weight > 0:
            total, weight = sums.get(name, (0.0, 0.0))
            sums[name] = total + one.weight * one.score, weight + one.weight
    return {
        name: [_of(answers[name], total / weight, "feedback")]
        for name, (total, weight) in sums.items()
    }


def _of(attempt: Attempt, value: float, by: ObservedBy) -> Observed:
    return Observed(value=value, by=by, deployment=attempt.deployment, model=attempt.model)


def _claims_by_round(hops: Sequence[Hop]) -> dict[int, float]:
    """By round: the share of the draft's claims that were found to be supported."""
    found: dict[int, float] = {}
    for hop in hops:
        if hop.role != _CHECKS or not hop.output or '"checks"' not in hop.output:
            continue
        try:
            checks = json.loads(hop.output).get("checks") or ()
            held = [c["status"] == "supported" for c in checks]
        except (ValueError, AttributeError, TypeError, KeyError):  # the output was not kept in full
            continue
        if held:
            found[hop.round] = sum(held) / len(held)
    return found
