"""What would come of a decision: whom it asks, until somebody answers, and what that costs.

It follows `calling.next_action` as far as money and quality depend on it:

- `single`: the chain in its order; who brings no answer, or one that does not pass its check and is
  not mended, is followed by the next. A model's other deployments come after all other models.
- `cascade`: likewise, and an answer that is less sure than asked for goes to the next step.
- `panel` and `race`: all members are counted in full, and the first that passes answers. Who is
  stopped early costs less, so this is the most that it may cost.
- `panel` in turn: members are asked until two have given an answer that passes.

Pauses, queues, retries of one provider, limits of money and time within a hop, and what it costs to
write to a provider's cache are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestrator.calling.next_action import MAX_REPAIRS
from orchestrator.money import PICO_PER_MICRO, Price, Usage
from orchestrator.replay.whatif_seen import Arm, Scale, Seen, effort_of
from orchestrator.replay.whatif_world import Table
from orchestrator.types import Decision, Deployment, FleetSnapshot

Array = np.ndarray

_AGREE = 2
_SENT_BACK = 40
"""Tokens by which an invalid answer is sent back to its model, besides itself."""


@dataclass(frozen=True)
class Choice:
    """A decision, and the deployments that it is about."""

    decision: Decision
    fleet: FleetSnapshot

    @cached_property
    def deployments(self) -> Mapping[str, Deployment]:
        """By id."""
        return {d.id: d for d in self.fleet.deployments}

    @cached_property
    def order(self) -> Sequence[Deployment]:
        """In which they are asked where answers do not pass."""
        chain = [self.deployments[name] for name in self.decision.chain]
        if self.decision.strategy == "race":  # two deployments of one model may take part
            return chain
        first = list({d.model: d for d in reversed(chain)}.values())[::-1]
        first.sort(key=chain.index)
        return [*first, *(d for d in chain if d not in first)]

    @cached_property
    def effort(self) -> str | None:
        return effort_of(self.decision)

    @cached_property
    def most_tokens(self) -> float:
        """That an answer may have."""
        setting = self.decision.settings.get("max_tokens")
        return float("inf") if setting is None or setting.value is None else float(setting.value)

    @property
    def members(self) -> int:
        """How many are asked at once."""
        several = self.decision.strategy in ("panel", "race")
        together = several and self.decision.tactics.start == "together"
        return self.decision.tactics.models if together else 1

    @property
    def mends(self) -> bool:
        """Whether who gives an answer that does not pass is asked to mend it."""
        return self.decision.strategy != "panel"

    @property
    def wanted(self) -> int:
        """How many answers that pass settle it."""
        in_turn = self.decision.tactics.start == "in_turn"
        return _AGREE if self.decision.strategy == "panel" and in_turn else 1

    @property
    def last(self) -> int:
        """The step from which on one answer that passes is enough."""
        several = self.wanted > 1 or self.decision.strategy == "cascade"
        return self.decision.tactics.models - 1 if several else 0


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Of some hops, shape `(hops, draws)` each."""

    cost: Array
    """Micro-dollars; NaN is unknown."""
    ms: Array
    quality: Array
    """0..1; 0 where nobody answers."""
    on_record: Array
    """Of each hop: nothing of it was drawn, shape `(hops,)`."""


def outcomes(
    table: Table, choices: Sequence[Choice | None], scales: Sequence[Scale], checked: Array
) -> Outcomes:
    """What would come of each choice; nothing of `None`, which nobody may serve."""
    return _Course(table, choices, scales, checked).run()


class _Course:
    """Where all hops stand, while they are followed step by step."""

    def __init__(
        self,
        table: Table,
        choices: Sequence[Choice | None],
        scales: Sequence[Scale],
        checked: Array,
    ) -> None:
        self.table, self.choices, self.scales, self.checked = table, choices, scales, checked
        shape = (len(choices), table.world.draws)
        self.cost, self.ms, self.quality = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.repairs, self.passed = np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.int8)
        served = np.array([choice is not None for choice in choices], dtype=bool)
        self.open = np.repeat(served[:, None], shape[1], axis=1)
        self.on_record = np.ones(len(choices), dtype=bool)

    def run(self) -> Outcomes:
        step = 0
        while self.open.any():
            groups = list(self._groups(step))
            if not groups:
                break
            for deployment, effort, rows in groups:
                self._ask(deployment, Arm(deployment.model, effort), rows, step)
            step += 1
        return Outcomes(self.cost, self.ms, self.quality, self.on_record)

    def _groups(self, step: int) -> Iterator[tuple[Deployment, str | None, Array]]:
        """Who is asked now, and by which hops; those of a panel are all asked at the first step."""
        found: dict[tuple[str, str | None, Price | None], tuple[Deployment, list[int]]] = {}
        for row in np.flatnonzero(self.open.any(axis=1)).tolist():
            choice = self.choices[row]
            if choice is not None and step < len(choice.order):
                d = choice.order[step]
                found.setdefault((d.id, choice.effort, d.price), (d, []))[1].append(row)
        for (_, effort, _), (deployment, rows) in found.items():
            yield deployment, effort, np.array(rows, dtype=np.int64)

    def _ask(self, deployment: Deployment, arm: Arm, rows: Array, step: int) -> None:
        table, name = self.table, deployment.id
        waiting = self.open[rows]
        members = np.array([(self._choice(row)).members for row in rows])
        # Who is asked together with others is paid for, whoever answers.
        paying = waiting | (step < members)[:, None]
        known = [table.seen(row, arm) for row in rows]
        self.on_record[rows] &= np.array([one is not None for one in known]) & (members == 1)
        fails = table.fails(name)[rows]
        asked = paying & ~fails
        cost, mending = self._costs(deployment, arm, rows, known)
        took = table.took(name)[rows]
        self.cost[rows] += np.where(asked, cost, 0.0)
        self.ms[rows] += np.where(waiting & ((step == 0) | (step >= members))[:, None], took, 0.0)
        good = asked & waiting
        checked = self.checked[rows]
        if checked.any():
            bad = good & ~table.valid(arm, name)[rows] & checked[:, None]
            again = bad & (self.repairs[rows] < MAX_REPAIRS) & (not deployment.any_length)
            # A panel asks another one instead.
            again &= np.array([self._choice(row).mends for row in rows])[:, None]
            self.repairs[rows] += again
            self.cost[rows] += np.where(again, mending, 0.0)
            self.ms[rows] += np.where(again, took, 0.0)
            good &= ~bad | (again & table.mended(arm)[rows])
        self.quality[rows] = np.where(good, self._quality(arm, name, rows), self.quality[rows])
        self.passed[rows] += good
        self.open[rows] = waiting & ~self._settled(arm, rows, step, good)

    def _choice(self, row: int) -> Choice:
        choice = self.choices[row]
        assert choice is not None
        return choice

    def _quality(self, arm: Arm, deployment: str, rows: Array) -> Array:
        """Of its answer, in the terms of each hop."""
        found = np.ones((len(rows), self.table.world.draws))
        scales = [self.scales[row] for row in rows]
        for scale in dict.fromkeys(scales):
            if scale != "check":
                at = np.array([one == scale for one in scales])
                found[at] = self.table.quality(arm, deployment, scale)[rows[at]]
        return found

    def _settled(self, arm: Arm, rows: Array, step: int, good: Array) -> Array:
        """Whether nobody else is asked: enough have passed, and of a cascade one that is sure."""
        found = good.copy()
        for at, row in enumerate(rows):
            choice = self._choice(row)
            if step >= choice.last:
                found[at] = self.passed[row] > 0
                continue
            self.on_record[row] = False
            if choice.wanted > 1:
                found[at] &= self.passed[row] >= choice.wanted
                continue
            unsure = self.table.unsure(arm, choice.decision.tactics.confidence)
            if unsure is None:
                self.cost[row] = np.nan
            else:
                found[at] &= ~unsure[row]
        return found

    # ── money ────────────────────────────────────────────────────────────────────────────

    def _costs(
        self, deployment: Deployment, arm: Arm, rows: Array, known: Sequence[Seen | None]
    ) -> tuple[Array, Array]:
        """Micro-dollars of its answer, and of a repair."""
        table, price = self.table, deployment.price
        if price is None:
            unknown = np.full((len(rows), table.world.draws), np.nan)
            return unknown, unknown
        read, most = table.read(arm)[rows], np.array([self._choice(r).most_tokens for r in rows])
        wrote = np.minimum(table.written(arm, deployment.id)[rows], most[:, None])
        into, out = self._rates(price, deployment, arm, np.median(read, axis=1))
        cost = read * into[:, None] + wrote * out[:, None] + self._images(price, rows)[:, None]
        longer = read + wrote + _SENT_BACK
        mending = longer * into[:, None] + wrote * table.world.repair_length * out[:, None]
        for at, one in enumerate(known):
            if one is None or one.first.usage.output > most[at]:
                continue
            # What its provider's cache held then belongs to that deployment.
            cost[at] = _paid(price, one.first.usage)
            if one.repair is not None:
                mending[at] = _paid(price, one.repair.usage)
        return cost, mending

    def _images(self, price: Price, rows: Array) -> Array:
        """Micro-dollars of the images that are to be made."""
        hops = self.table.world.record.hops
        count = np.array([hops[self.table.hops[row]].profile.images for row in rows])
        each = float("nan") if price.per_image is None else price.per_image / PICO_PER_MICRO
        return np.where(count > 0, count * each, 0.0)

    def _rates(
        self, price: Price, deployment: Deployment, arm: Arm, tokens: Array
    ) -> tuple[Array, Array]:
        """Micro-dollars a token, in and out, of prompts of such lengths; with what was read from
        the provider's cache, and spent on reasoning, as on record."""
        cached = self.table.world.cached.get(deployment.id, 0.0)
        thought = self.table.world.thought.get(arm, 0.0)
        into, out = np.zeros(len(tokens)), np.zeros(len(tokens))
        for at, count in enumerate(tokens):
            of = next((s.price for s in reversed(price.steps) if count > s.above), price)
            read = of.input if of.cache_read is None else of.cache_read
            reasoned = of.output if of.reasoning is None else of.reasoning
            into[at] = _mixed(of.input, read, cached)
            out[at] = _mixed(of.output, reasoned, thought)
        return into, out


def _mixed(plain: int | None, other: int | None, share: float) -> float:
    """Micro-dollars a token; NaN where a price that is needed is unknown."""
    parts = [(plain, 1 - share), (other, share)]
    if any(price is None and part > 0 for price, part in parts):
        return float("nan")
    return sum((price or 0) * part for price, part in parts) / PICO_PER_MICRO


def _paid(price: Price, usage: Usage) -> float:
    cost = price.cost(usage)
    return float("nan") if cost is None else float(cost)
