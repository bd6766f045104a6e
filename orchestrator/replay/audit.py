"""What kinds of requests there are, what they cost, and which of them need a frontier model.

Our own traces are looked at, or any log of an OpenAI-shaped service. Each request is profiled by
the project's own profiler, and decided twice: with the whole fleet, and with its smaller models
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Literal

from orchestrator.errors import NoCandidateError
from orchestrator.money import MICRO_USD, Usage
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.subsets import Predict, healthy
from orchestrator.replay.traffic import Recorded
from orchestrator.routing.decide import decide
from orchestrator.routing.predict import prior
from orchestrator.types import (
    Context,
    Decision,
    Deployment,
    Estimate,
    FleetSnapshot,
    Setting,
    TaskProfile,
)

Standing = Literal["small", "unsure", "frontier", "nobody"]
"""Who is expected to do it well: a smaller model, surely; one that may; only a frontier model;
nobody of the fleet."""
PATTERNS = 10
"""So many of the costliest are told."""
EXAMPLES = 2
_EXAMPLE = 90
_SURE = 1.0
"""Standard deviations by which the quality must be over the floor to be sure: 5 times in 6."""
_RANGE = 1.645
"""Of a normal distribution, nine tenths lie so many standard deviations around the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of the past."""

    profile: TaskProfile
    model: str
    """Who served it."""
    usage: Usage
    micro_usd: int | None
    """What it has cost; `None`: unknown."""
    example: str = ""
    """How it begins; empty where its text was not kept."""
    settings: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saving:
    """US dollars: the expected amount, and a range that holds nine of ten."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Requests of one task, or of one pattern."""

    name: str
    calls: int
    share: float
    """Of all calls."""
    input_tokens: int
    output_tokens: int
    usd: float
    """What they have cost, as far as that is known."""
    unknown: int
    """Of so many the cost is not known."""
    standings: Mapping[Standing, int]
    served_by: Mapping[str, int]
    """Model → calls, as it was."""
    proposed: str
    """The deployment of a smaller model that would serve most of them; empty: none."""
    quality: float
    """What is expected of it, 0..1."""
    learned: bool
    """Whether that comes from answers that were seen; else it is declared."""
    saving: Saving
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found."""

    calls: int
    usd: float
    unknown: int
    """Calls whose cost is not known."""
    floor: float
    tasks: tuple[Kind, ...]
    """The costliest first."""
    patterns: tuple[Kind, ...]
    """By task, domain, form and length: the costliest."""
    standings: Mapping[Standing, int]
    saving: Saving
    smaller: tuple[str, ...]
    """The models of the fleet that are no frontier models."""
    problems: tuple[str, ...] = ()
    """Lines of a log that could not be read, and other things to know."""


@dataclass(slots=True)
class _Judged:
    request: Request
    standing: Standing
    deployment: str
    quality: float
    learned: bool
    now: float
    """Micro-dollars that it has cost, or costs where it goes today."""
    saved: float
    """If it goes to the smaller model, and that is good enough."""
    chance: float
    """How likely that is, 0..1."""


def recorded_requests(hops: Sequence[Recorded]) -> list[Request]:
    """Our own traffic as requests."""
    found = []
    for one in hops:
        answer = one.answer or (one.attempts[-1] if one.attempts else None)
        if answer is None or (not answer.usage.input and not answer.usage.output):
            continue  # code has answered, for nothing
        found.append(
            Request(
                profile=one.profile,
                model=answer.model,
                usage=answer.usage,
                micro_usd=one.cost_micro_usd,
                example=shortened(one.trace.question or ""),
                settings=one.context.settings,
            )
        )
    return found


def audit(
    requests: Sequence[Request],
    fleet: FleetSnapshot,
    policy: Policy,
    predict: Predict,
    *,
    floor: float | None = None,
    problems: Iterable[str] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Audit:
    """Look at the requests.

    Args:
        floor: the quality that is good enough, in the place of the objective's.
        progress: told how many were looked at, of how many.
    """
    if floor is not None:
        objective = policy.objective.model_copy(update={"quality_floor": floor})
        policy = policy.model_copy(update={"objective": objective})
    judge = _Judge(fleet, policy, predict)
    judged = []
    for number, request in enumerate(requests):
        if number % 200 == 0:
            progress(number, len(requests))
        judged.append(judge(request))
    progress(len(requests), len(requests))
    known = [j for j in judged if j.request.micro_usd is not None]
    return Audit(
        calls=len(judged),
        usd=sum(j.request.micro_usd or 0 for j in known) / MICRO_USD,
        unknown=len(judged) - len(known),
        floor=policy.objective.quality_floor,
        tasks=tuple(_kinds(judged, lambda j: j.request.profile.task)),
        patterns=tuple(list(_kinds(judged, _pattern))[:PATTERNS]),
        standings=Counter(j.standing for j in judged),
        saving=_saving(judged),
        smaller=judge.smaller,
        problems=tuple(problems),
    )


class _Judge:
    """Who would serve a request, of all and of the smaller models; alike ones are asked once."""

    def __init__(self, fleet: FleetSnapshot, policy: Policy, predict: Predict) -> None:
        self._policy, self._predict = policy, predict
        self._fleet, _ = healthy(fleet, all_of_it=True)
        kept = tuple(d for d in self._fleet.deployments if d.tier != "frontier")
        self._small = replace(self._fleet, deployments=kept, hash=f"{fleet.hash}-small")
        self._by_id = {d.id: d for d in self._fleet.deployments}
        self._known: dict[tuple[object, ...], tuple[Decision | None, Decision | None, Context]] = {}
        self.smaller = tuple(sorted({d.model for d in kept if not d.deterministic}))

    def __call__(self, request: Request) -> _Judged:
        whole, small, context = self._decided(request)
        now = self._now(request, whole)
        if small is None:
            standing: Standing = "nobody" if whole is None else "frontier"
            return _Judged(request, standing, "", 0.0, False, now, 0.0, 0.0)
        deployment = self._by_id[small.chosen]
        quality = small.candidates[0].scores["quality"] or 0.0
        estimate = context.estimates.get(deployment.id) or Estimate(mean=quality, sd=0.0)
        floor = self._floor(small, request.profile)
        chance = _above(quality, estimate.sd, floor)
        standing = "small" if chance >= _above(_SURE, 1.0, 0.0) else "unsure"
        if small.degraded is not None:
            reached = whole is not None and whole.degraded is None
            standing = "frontier" if reached else "nobody"
            chance = 0.0
        cost = self._cost(deployment, request.usage)
        there = deployment.model == request.model  # what failed on the way is saved by nobody
        saved = 0.0 if cost is None or there else max(now - cost, 0.0)
        learned = estimate != prior(deployment, request.profile.task)
        return _Judged(request, standing, deployment.id, quality, learned, now, saved, chance)

    def _decided(self, request: Request) -> tuple[Decision | None, Decision | None, Context]:
        p = request.profile
        estimates = self._predict(p, self._fleet.deployments)
        grain = tuple(round(e.mean * 100) for e in estimates.values())
        settings = tuple((k, s.value) for k, s in request.settings.items())
        features = (p.task, p.domain, p.input_tokens, p.output_tokens, p.data_class, p.risk)
        key = (*features, p.interactive, p.needs, p.tags, p.constraints, settings, grain)
        if key not in self._known:
            context = Context(estimates=estimates, settings=request.settings)
            whole, small = (self._decide(p, f, context) for f in (self._fleet, self._small))
            self._known[key] = whole, small, context
        return self._known[key]

    def _decide(
        self, profile: TaskProfile, fleet: FleetSnapshot, context: Context
    ) -> Decision | None:
        try:
            return decide(profile, fleet, self._policy, context)
        except NoCandidateError:
            return None

    def _floor(self, decision: Decision, profile: TaskProfile) -> float:
        """The highest floor that holds for the request."""
        named = {r.name: r.quality_floor for r in self._policy.routes}
        stated = [named[name] for name in decision.routes] + [profile.constraints.quality_floor]
        return max(self._policy.objective.quality_floor, *(f for f in stated if f is not None), 0.0)

    def _now(self, request: Request, whole: Decision | None) -> float:
        if request.micro_usd is not None:
            return float(request.micro_usd)
        cost = None if whole is None else self._cost(self._by_id[whole.chosen], request.usage)
        return cost or 0.0

    @staticmethod
    def _cost(deployment: Deployment, usage: Usage) -> float | None:
        if deployment.deterministic:
            return 0.0
        return deployment.price.cost(usage) if deployment.price else None


def _above(mean: float, sd: float, floor: float) -> float:
    """How likely a normal number is over the floor."""
    from statistics import NormalDist

    if sd <= 0:
        return 1.0 if mean >= floor else 0.0
    return 1.0 - NormalDist(mean, sd).cdf(floor)


def _saving(judged: Sequence[_Judged]) -> Saving:
    """By tasks: whether a smaller model is good enough is one thing for all requests of a task, so
    that within a task it holds for all of them or for none."""
    by_task: dict[tuple[str, str], list[_Judged]] = {}
    for j in judged:
        if j.standing in ("small", "unsure") and j.saved:
            by_task.setdefault((j.request.profile.task, j.deployment), []).append(j)
    mean = variance = whole = 0.0
    for some in by_task.values():
        amount = sum(j.saved for j in some)
        chance = sum(j.chance for j in some) / len(some)
        mean += chance * amount
        variance += chance * (1 - chance) * amount**2
        whole += amount
    spread = _RANGE * sqrt(variance)
    low, high = max(mean - spread, 0.0), min(mean + spread, whole)
    return Saving(low / MICRO_USD, mean / MICRO_USD, high / MICRO_USD)


def _pattern(j: _Judged) -> str:
    p = j.request.profile
    needs = [f"needs {n}" for n in p.needs if n != "json"]
    about = [] if p.domain == "general" else [p.domain]
    return ", ".join((p.task, *about, f"{_length(p.input_tokens)} in", f"{p.output} out", *needs))


def _length(tokens: int) -> str:
    """A length in words, each about four times the one before."""
    steps = ((256, "short"), (1024, "page"), (4096, "pages"), (16_384, "chapter"))
    return next((word for most, word in steps if tokens <= most), "book")


def _kinds(judged: Sequence[_Judged], name: Callable[[_Judged], str]) -> Iterable[Kind]:
    """The costliest first; of those that cost the same, the most frequent."""
    grouped: dict[str, list[_Judged]] = {}
    for j in judged:
        grouped.setdefault(name(j), []).append(j)
    kinds = [_kind(title, some, len(judged)) for title, some in grouped.items()]
    return sorted(kinds, key=lambda k: (-k.usd, -k.calls, k.name))


def _kind(name: str, some: Sequence[_Judged], every: int) -> Kind:
    proposed = Counter(j.deployment for j in some if j.standing in ("small", "unsure"))
    best = proposed.most_common(1)[0][0] if proposed else ""
    of_best = [j for j in some if j.deployment == best]
    usage = sum((j.request.usage for j in some), Usage())
    examples = dict.fromkeys(j.request.example for j in some if j.request.example)
    return Kind(
        name=name,
        calls=len(some),
        share=len(some) / every,
        input_tokens=usage.input,
        output_tokens=usage.output,
        usd=sum(j.request.micro_usd or 0 for j in some) / MICRO_USD,
        unknown=sum(1 for j in some if j.request.micro_usd is None),
        standings=Counter(j.standing for j in some),
        served_by=Counter(j.request.model for j in some),
        proposed=best,
        quality=sum(j.quality for j in of_best) / len(of_best) if best else 0.0,
        learned=any(j.learned for j in of_best),
        saving=_saving(some),
        examples=tuple(list(examples)[:EXAMPLES]),
    )


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text[: 4 * _EXAMPLE].split())
    return line if len(line) <= _EXAMPLE else line[: _EXAMPLE - 1].rstrip() + "…"
