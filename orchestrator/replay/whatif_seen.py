"""What is on record of the answers to recorded requests, in numbers to be learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p
from typing import TypeVar

import numpy as np

from orchestrator.records import Attempt
from orchestrator.replay.traffic import BY, ObservedBy, Recorded, Traffic, answered, failed
from orchestrator.types import Decision, Deployment, FleetSnapshot, Outcome

Array = np.ndarray
T = TypeVar("T", bound=Hashable)

ENOUGH = 30
"""Of fewer grades of a task nothing is told in their terms."""

Scale = ObservedBy | None
"""In whose terms the quality of a hop is told; `None`: the predictor's."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Who answers alike: a model that is asked with the same effort."""

    model: str
    effort: str | None = None


@dataclass(slots=True)
class Seen:
    """The answer of an arm to a request, as it is on record."""

    hop: int
    """Where, as a place in the traffic."""
    first: Attempt
    valid: bool | None = None
    """What the check said; `None`: nothing checked it."""
    repair: Attempt | None = None
    """Where it was asked to mend it."""
    grades: dict[ObservedBy, float] = field(default_factory=dict)

    @property
    def mended(self) -> bool:
        return self.repair is not None and self.repair.outcome is Outcome.OK


@dataclass(frozen=True, slots=True)
class Row:
    """One first answer of a deployment."""

    attempt: Attempt
    hop: int
    arm: int
    place: int


class Record:
    """The traffic in numbers: requests, tasks, arms and deployments each from 0.

    Args:
        fleets: besides those on record; whoever was never seen is in one of these.
        efforts: that other policies ask for.
    """

    def __init__(
        self, traffic: Traffic, fleets: Sequence[FleetSnapshot], efforts: Iterable[str]
    ) -> None:
        hops = self.hops = traffic.hops
        self.units = numbered(one.key or one.id for one in hops)
        self.unit = _ints(self.units[one.key or one.id] for one in hops)
        self.tasks = numbered(one.profile.task for one in hops)
        self.task = _ints(self.tasks[one.profile.task] for one in hops)
        self.x = np.array([log1p(one.profile.input_tokens) for one in hops])
        """Logarithm of the prompt's tokens, as they were counted before the call."""
        self.guess = np.array([log1p(one.profile.output_tokens) for one in hops])
        """Likewise of the answer's, as they were guessed."""
        self.checked = np.array([one.hop.validated is not None for one in hops], dtype=bool)
        self.deployments = _deployments(hops, fleets)
        stated = sorted({effort_of(one.decision) for one in hops} | {None, *efforts}, key=str)
        models = dict.fromkeys(d.model for d in self.deployments.values())
        asked = (Arm(a.model, effort_of(o.decision)) for o in hops for a in o.attempts)
        self.arms = numbered([*asked, *(Arm(m, effort) for m in models for effort in stated)])
        tried = (a.deployment for one in hops for a in one.attempts)
        self.places = numbered([*tried, *self.deployments])
        self.seen = self._seen()
        self.scales = self._scales()

    def rows(self) -> Iterator[Row]:
        """The first answer of every deployment to each hop that it was asked for."""
        for at, one in enumerate(self.hops):
            effort, met = effort_of(one.decision), set[str]()
            for a in one.attempts:
                if answered(a) and a.kind != "repair" and a.deployment not in met:
                    met.add(a.deployment)
                    yield Row(a, at, self.arms[Arm(a.model, effort)], self.places[a.deployment])

    def _seen(self) -> dict[tuple[int, Arm], Seen]:
        """By request and arm; of several answers to one request the latest."""
        found: dict[tuple[int, Arm], Seen] = {}
        for row in self.rows():
            one, a = self.hops[row.hop], row.attempt
            repair = next(
                (b for b in one.attempts if b.kind == "repair" and b.deployment == a.deployment),
                None,
            )
            valid = a.outcome is not Outcome.INVALID_OUTPUT
            told = one.hop.validated is not None
            grades = {o.by: o.value for o in one.observed if o.deployment == a.deployment}
            grades.pop("check", None)  # which speaks of the repaired answer
            arm = Arm(a.model, effort_of(one.decision))
            found[int(self.unit[row.hop]), arm] = Seen(
                row.hop, a, valid if told else None, repair, grades
            )
        return found

    def _scales(self) -> Sequence[Scale]:
        """Of each hop: the best source of grades that its task has enough of, else its check."""
        counts: Counter[tuple[str, ObservedBy]] = Counter()
        for seen in self.seen.values():
            counts.update((self.hops[seen.hop].profile.task, by) for by in seen.grades)
        of_task: dict[str, ObservedBy] = {}
        for task in self.tasks:
            told = [by for by in BY if counts[task, by] >= ENOUGH]
            if told:
                of_task[task] = told[-1]
        return [
            of_task.get(one.profile.task) or ("check" if checked else None)
            for one, checked in zip(self.hops, self.checked, strict=True)
        ]

    # ── single numbers ───────────────────────────────────────────────────────────────────

    def fell_over(self) -> tuple[Array, Array]:
        """By deployment: hops for which it brought no answer, and those for which it did."""
        out, well = np.zeros(len(self.places)), np.zeros(len(self.places))
        for one in self.hops:
            brought = {a.deployment for a in one.attempts if answered(a)}
            for name in brought:
                well[self.places[name]] += 1
            for name in {a.deployment for a in one.attempts if failed(a)} - brought:
                out[self.places[name]] += 1
        return out, well

    def repairs(self) -> tuple[Array, Array, float]:
        """By arm: repairs that went wrong and well; and how long they were beside the answer."""
        wrong, well, lengths = np.zeros(len(self.arms)), np.zeros(len(self.arms)), [0, 0]
        for (_, arm), seen in self.seen.items():
            if seen.repair is not None and answered(seen.repair):
                (well if seen.mended else wrong)[self.arms[arm]] += 1
                lengths[0] += seen.repair.usage.output
                lengths[1] += seen.first.usage.output
        return wrong, well, lengths[0] / lengths[1] if lengths[0] and lengths[1] else 1.0

    def shares(self) -> tuple[Mapping[str, float], Mapping[Arm, float]]:
        """Of the prompts' tokens by deployment: read from the provider's cache. Of the answers'
        tokens by arm: spent on reasoning."""
        read, cached, wrote, thought = (
            Counter[str](),
            Counter[str](),
            Counter[Arm](),
            Counter[Arm](),
        )
        for row in self.rows():
            usage, arm = (
                row.attempt.usage,
                Arm(row.attempt.model, effort_of(self.hops[row.hop].decision)),
            )
            read[row.attempt.deployment] += usage.input
            cached[row.attempt.deployment] += usage.cached_input
            wrote[arm] += usage.output
            thought[arm] += usage.reasoning
        return (
            {name: cached[name] / n for name, n in read.items() if n and cached[name]},
            {arm: thought[arm] / n for arm, n in wrote.items() if n and thought[arm]},
        )

    def sureness(self) -> Mapping[str, Array]:
        """By model: how sure it said it was of its answers, 0..1."""
        found: dict[str, list[float]] = {}
        for row in self.rows():
            if row.attempt.confidence is not None:
                found.setdefault(row.attempt.model, []).append(row.attempt.confidence)
        return {model: np.array(values) for model, values in found.items()}


def effort_of(decision: Decision) -> str | None:
    """What the decision asks for; `None` leaves it to the provider."""
    setting = decision.settings.get("reasoning_effort")
    return None if setting is None or setting.value is None else str(setting.value)


def numbered(names: Iterable[T]) -> dict[T, int]:
    """Each name once, from 0, in the order in which they come first."""
    found: dict[T, int] = {}
    for name in names:
        found.setdefault(name, len(found))
    return found


def _ints(numbers: Iterable[int]) -> Array:
    return np.fromiter(numbers, dtype=np.int64)


def _deployments(
    hops: Sequence[Recorded], fleets: Sequence[FleetSnapshot]
) -> dict[str, Deployment]:
    """By id, as the latest fleet says."""
    saw = {one.fleet.hash: one.fleet for one in hops}
    return {d.id: d for fleet in (*saw.values(), *fleets) for d in fleet.deployments}
