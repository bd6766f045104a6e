"""What each model would have answered to each recorded request, drawn many times.

Multiple imputation (D. Rubin, Multiple imputation for nonresponse in surveys, 1987): what is on
record stays as it is, and what is not is drawn, so many times, from what was learned. In one draw
the parameters are the same for all requests: what is not known of a model is an error that they
share. A total over all requests then varies from draw to draw by exactly what is not known of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import log, log1p, pi, sqrt

import numpy as np

from orchestrator.replay.traffic import BY, Recorded, Traffic, answered, failed
from orchestrator.replay.whatif_lengths import Lengths, Measured, learn_lengths
from orchestrator.replay.whatif_passing import (
    SLICE_SD,
    Judged,
    Passing,
    learn_passing,
    logit,
)
from orchestrator.replay.whatif_seen import Arm, Record, Row, Scale, Seen
from orchestrator.routing.predict import prior
from orchestrator.types import Estimate, FleetSnapshot, Outcome

Array = np.ndarray

DRAWS, FEWER, MANY = 300, 100, 20_000
"""So many worlds; fewer for more hops than that, since their tables are large."""
STRETCH = 1.16
"""What is the mean over easy and hard requests is more extreme for the one in the middle, by
sqrt(1 + (16√3 / 15π)²) where the ease is as usual (S. Zeger et al., Biometrics 44, 1988)."""
_FAILS, _FAILS_AS = 0.005, 10.0
"""How often a deployment fails of which nothing is known, and as if so many calls were seen."""
_MENDS_AS = 5.0
"""As if so many repairs by a model had been seen to go as those of all."""
_LOGISTIC = (16 * sqrt(3) / (15 * pi)) ** 2
_DOUBT = 0.15, 1.5
"""Least and most of an estimate's standard deviation, in logits."""
_SECOND = log1p(1000.0)
_KEPT = 1_000_000
"""Of not more draws than these the tables are kept for the next question."""


class World:
    """What was learned from the traffic, as draws.

    Args:
        fleets: besides those on record; whoever was never seen is in one of these.
        efforts: that other policies ask for.
        draws: how many worlds; by the size of the traffic where absent.
    """

    def __init__(
        self,
        traffic: Traffic,
        fleets: Sequence[FleetSnapshot] = (),
        efforts: Iterable[str] = (),
        *,
        draws: int | None = None,
        seed: int = 0,
    ) -> None:
        draws = draws or (DRAWS if len(traffic.hops) <= MANY else FEWER)
        self.draws, self.seed = draws, seed
        self._tables: dict[tuple[int, int], Table] = {}
        record = self.record = Record(traffic, fleets, efforts)
        random = np.random.default_rng([seed])
        rows = list(record.rows())
        self.written = self._lengths(
            [(r, r.arm, log1p(r.attempt.usage.output) - record.guess[r.hop]) for r in rows],
            len(record.arms),
            random,
            minding=True,
        )
        self.read = self._lengths(
            [
                (r, r.arm, log(r.attempt.usage.input) - record.x[r.hop])
                for r in rows
                if r.attempt.usage.input
            ],
            len(record.arms),
            random,
        )
        self.took = self._lengths(
            [(r, r.place, log1p(r.attempt.ms) - _SECOND) for r in rows],
            len(record.places),
            random,
        )
        doubt = self._doubt()
        self.passing: dict[Scale, Passing] = {
            by: learn_passing(
                self._judged(by),
                units=len(record.units),
                # What is predicted is predicted of the task: its own doubt is all there is.
                doubt=doubt if by else np.sqrt(np.maximum(doubt**2 - SLICE_SD**2, 0.01)),
                tasks=max(len(record.tasks), 1),
                draws=draws,
                random=random,
            )
            for by in (None, *BY)
            if by == "check" or by in record.scales
        }
        self._single(random)

    def _lengths(
        self,
        rows: Sequence[tuple[Row, int, float]],
        arms: int,
        random: np.random.Generator,
        *,
        minding: bool = False,
    ) -> Lengths:
        """`minding`: answers that do not pass are of another length."""
        record = self.record
        wrong = [minding and r.attempt.outcome is Outcome.INVALID_OUTPUT for r, _, _ in rows]
        hop = np.array([row.hop for row, _, _ in rows], dtype=np.int64)
        seen = Measured(
            unit=record.unit[hop],
            arm=np.array([arm for _, arm, _ in rows], dtype=np.int64),
            task=record.task[hop],
            x=record.x[hop],
            wrong=np.array(wrong, dtype=float),
            y=np.array([y for _, _, y in rows], dtype=float),
        )
        tasks = max(len(record.tasks), 1)
        return learn_lengths(
            seen, units=len(record.units), arms=arms, tasks=tasks, draws=self.draws, random=random
        )

    def _judged(self, by: Scale) -> Judged:
        record, rows = self.record, list[tuple[int, int, int, float, float]]()
        for (unit, arm), seen in record.seen.items():
            value = seen.valid if by == "check" else seen.grades.get(by) if by else None
            if value is not None:
                one = record.hops[seen.hop]
                expected = self.prediction(one, seen.first.deployment, by)
                of = int(record.task[seen.hop])
                rows.append((unit, record.arms[arm], of, expected, float(value)))
        columns = list(zip(*rows, strict=True)) or [()] * 5
        units, arms, tasks = (np.array(column, dtype=np.int64) for column in columns[:3])
        predictions, goods = (np.array(column, dtype=float) for column in columns[3:])
        return Judged(unit=units, arm=arms, task=tasks, prediction=predictions, good=goods)

    def prediction(self, one: Recorded, deployment: str, by: Scale) -> float:
        """The predictor's estimate, as a logit: for a request of middling ease, or where nothing
        is judged, so that the mean over all draws is what was predicted."""
        estimate = self._estimate(one, deployment)
        if by is not None:
            return logit(estimate.mean) * STRETCH
        steep = max(estimate.mean * (1 - estimate.mean), 0.01)
        doubt = float(np.clip(estimate.sd / steep, *_DOUBT))
        return logit(estimate.mean) * sqrt(1 + _LOGISTIC * doubt**2)

    def _estimate(self, one: Recorded, deployment: str) -> Estimate:
        known = one.context.estimates.get(deployment)
        if known is not None or deployment not in self.record.deployments:
            return known or Estimate(mean=0.6, sd=0.2)
        return prior(self.record.deployments[deployment], one.profile.task)

    def _doubt(self) -> Array:
        """By arm: how far the predictor may be off, in logits, as the mean over a few requests."""
        found: dict[str, list[float]] = {}
        hops = self.record.hops
        for one in hops[:: max(1, len(hops) // 50)]:
            for name, deployment in self.record.deployments.items():
                e = self._estimate(one, name)
                steep = max(e.mean * (1 - e.mean), 0.01)
                found.setdefault(deployment.model, []).append(e.sd / steep)
        usual = {model: float(np.clip(np.mean(sds), *_DOUBT)) for model, sds in found.items()}
        return np.array([usual.get(arm.model, 1.0) for arm in self.record.arms])

    def _single(self, random: np.random.Generator) -> None:
        """What is one number for each deployment or arm; those that are chances, as draws."""
        record = self.record
        out, well = record.fell_over()
        a, b = _FAILS_AS * _FAILS + out, _FAILS_AS * (1 - _FAILS) + well
        self.fails = random.beta(a[:, None], b[:, None], (len(a), self.draws))
        """By deployment, shape `(places, draws)`."""
        wrong, mended, self.repair_length = record.repairs()
        usual = (1 + mended.sum()) / (2 + mended.sum() + wrong.sum())
        a, b = _MENDS_AS * usual + mended, _MENDS_AS * (1 - usual) + wrong
        self.mends = random.beta(a[:, None], b[:, None], (len(a), self.draws))
        """By arm, that it mends an invalid answer, shape `(arms, draws)`."""
        self.cached, self.thought = record.shares()
        self.sureness = record.sureness()

    def table(self, hops: Array) -> Table:
        """What would be answered to these hops; the same whenever it is asked for."""
        if len(self.record.hops) * self.draws > _KEPT:
            return Table(self, hops)
        return self._tables.setdefault((int(hops[0]), len(hops)), Table(self, hops))


class Table:
    """Draws for some hops, shape `(hops, draws)` each; made when they are first asked for.

    What is on record is put in the place of what is drawn.
    """

    def __init__(self, world: World, hops: Array) -> None:
        self.world, self.hops = world, hops
        record = world.record
        self.units, self.tasks, self.x = record.unit[hops], record.task[hops], record.x[hops]
        self.checked = record.checked[hops]
        self._known: dict[tuple[str, object, object], Array] = {}

    def _random(self, *name: int) -> np.random.Generator:
        first = int(self.hops[0]) if len(self.hops) else 0
        return np.random.default_rng([self.world.seed, first, *name])

    def _once(self, kind: str, of: object, made: Callable[[], Array], by: object = None) -> Array:
        key = (kind, of, by)
        if key not in self._known:
            self._known[key] = made()
        return self._known[key]

    def seen(self, row: int, arm: Arm) -> Seen | None:
        """What is on record of the very same request."""
        return self.world.record.seen.get((int(self.units[row]), arm))

    def _at(self, arm: Arm) -> tuple[Array, list[Seen]]:
        """The rows of which the arm's answer is on record."""
        known = [self.seen(row, arm) for row in range(len(self.hops))]
        rows = [row for row, one in enumerate(known) if one is not None]
        return np.array(rows, dtype=np.int64), [one for one in known if one is not None]

    # ── tokens and time ──────────────────────────────────────────────────────────────────

    def written(self, arm: Arm, deployment: str) -> Array:
        """Tokens of its answer."""
        guess = self.world.record.guess[self.hops]

        def made() -> Array:
            wrong = ~self.valid(arm, deployment) & self.checked[:, None]
            return self._tokens(arm, self.world.written, guess, wrong, 1)

        return self._once("written", arm, made)

    def read(self, arm: Arm) -> Array:
        """Tokens of the prompt, as it counts them."""
        nothing = np.zeros((len(self.hops), 1))
        return self._once(
            "read", arm, lambda: self._tokens(arm, self.world.read, self.x, nothing, 2)
        )

    def _tokens(self, arm: Arm, lengths: Lengths, guess: Array, wrong: Array, kind: int) -> Array:
        u = self._once("u", kind, lambda: lengths.units(self.units, self._random(kind)))
        number = self.world.record.arms[arm]
        at = self._random(kind, number + 1)
        drawn = lengths.draw(number, self.tasks, self.x, wrong, u, at)
        tokens: Array = np.exp(np.minimum(drawn + guess[:, None], 16.0))
        rows, known = self._at(arm)
        for row, one in zip(rows, known, strict=True):
            usage = one.first.usage
            tokens[row] = usage.output if kind == 1 else usage.input
        return tokens

    def took(self, deployment: str) -> Array:
        """Milliseconds of one attempt there."""
        return self._once("took", deployment, lambda: self._took(deployment))

    def _took(self, deployment: str) -> Array:
        lengths, number = self.world.took, self.world.record.places[deployment]
        u = self._once("u", 3, lambda: lengths.units(self.units, self._random(3)))
        wrong, at = np.zeros((len(self.hops), 1)), self._random(3, number + 1)
        drawn = lengths.draw(number, self.tasks, self.x, wrong, u, at)
        ms = np.exp(np.minimum(drawn + _SECOND, 16.0))
        for row, hop in enumerate(self.hops):
            for a in self.world.record.hops[hop].attempts:
                if a.deployment == deployment and a.kind != "repair":
                    ms[row] = a.ms
        return ms

    # ── chances ──────────────────────────────────────────────────────────────────────────

    def fails(self, deployment: str) -> Array:
        """Whether its provider brings no answer."""
        record, number = self.world.record, self.world.record.places[deployment]

        def made() -> Array:
            at = self._random(4, number).random((len(self.hops), self.world.draws))
            drawn = at < self.world.fails[number]
            for row, hop in enumerate(self.hops):
                told = [a for a in record.hops[hop].attempts if a.deployment == deployment]
                if any(map(answered, told)):
                    drawn[row] = False
                elif any(map(failed, told)):
                    drawn[row] = True
            return np.asarray(drawn)

        return self._once("fails", deployment, made)

    def valid(self, arm: Arm, deployment: str) -> Array:
        """Whether its first answer passes the check."""

        def made() -> Array:
            passes = self._chance(arm, deployment, "check")
            drawn = self._random(5, self.world.record.arms[arm]).random(passes.shape) < passes
            for row, one in zip(*self._at(arm), strict=True):
                if one.valid is not None:
                    drawn[row] = one.valid
            return np.asarray(drawn)

        return self._once("valid", arm, made)

    def mended(self, arm: Arm) -> Array:
        """Whether it mends an answer that did not pass."""
        number = self.world.record.arms[arm]

        def made() -> Array:
            at = self._random(6, number).random((len(self.hops), self.world.draws))
            drawn = at < self.world.mends[number]
            for row, one in zip(*self._at(arm), strict=True):
                if one.repair is not None:
                    drawn[row] = one.mended
            return np.asarray(drawn)

        return self._once("mended", arm, made)

    def quality(self, arm: Arm, deployment: str, by: Scale) -> Array:
        """Of its answer, 0..1, in those terms."""

        def made() -> Array:
            expected = self._chance(arm, deployment, by)
            if by is None:  # an expectation: nobody will ever find more
                return expected
            number = self.world.record.arms[arm]
            drawn = self.world.passing[by].grades(expected, self._random(7 + BY.index(by), number))
            for row, one in zip(*self._at(arm), strict=True):
                if by in one.grades:
                    drawn[row] = one.grades[by]
            return drawn

        return self._once("quality", arm, made, by)

    def _chance(self, arm: Arm, deployment: str, by: Scale) -> Array:
        world, passing = self.world, self.world.passing[by]
        hops = world.record.hops
        expected = np.array([world.prediction(hops[h], deployment, by) for h in self.hops])
        z = np.zeros((len(self.hops), world.draws))
        if by is not None:
            kind = 20 + BY.index(by)
            z = self._once("z", by, lambda: passing.units(self.units, self._random(kind)))
        return passing.probability(world.record.arms[arm], self.tasks, expected, z)

    def unsure(self, arm: Arm, least: float) -> Array | None:
        """Whether it is less sure of its answer than that; `None`: nothing is on record."""
        told = self.world.sureness.get(arm.model)
        if told is None:
            return None
        share = float((told < least).mean())
        spread = sqrt(max(share * (1 - share), 1 / len(told)) / len(told))
        at = self._random(40, self.world.record.arms[arm])
        chance = np.clip(share + spread * at.standard_normal(self.world.draws), 0, 1)
        return np.asarray(at.random((len(self.hops), self.world.draws)) < chance)
