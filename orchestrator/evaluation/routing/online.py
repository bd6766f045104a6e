"""A cold start: requests in a random order, nothing known, and only the given answer judged.

Nothing of the outcomes is looked at beforehand. Of each model it is known what it costs, and a tier
that follows from that: the dearest third is `frontier`, the cheapest `small`, the rest `mid`, with
what the fleet's prior says of a tier. Where the answers are known, models may be asked in turn: the
cheapest four and the dearest two, with what is usual of agreement. What is learned is learned by
`learning.online`, and `decide` and `next_action` choose. An answer that was given since others
agreed says little of how good its model is alone, and nothing is learned from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.routing.bootstrap import interval
from orchestrator.evaluation.routing.deciding import deployments_of
from orchestrator.evaluation.routing.replaying import Replaying, auto_policy
from orchestrator.evaluation.routing.values import Recorded
from orchestrator.learning.agreement import Agreements
from orchestrator.routing.predict import prior
from orchestrator.types import Tier

if TYPE_CHECKING:
    import numpy as np


ORDERS, REQUESTS = 100, 1000
MARKS = (100, 300, 500, 1000)
"""After so many requests the curve is told."""
RATE = 0.02
"""What the dearest model's money is worth, in quality: little, since only the score is judged."""
_CHEAP, _DEAR = 4, 2


@dataclass(frozen=True, slots=True, eq=False)
class Cold:
    """A set with what may be known of it before any answer is judged."""

    recorded: Recorded
    readings: np.ndarray
    meaning: int
    votes: np.ndarray | None
    """`None`: what models said is not known, so that one is asked."""


def measure_online(
    cold: Cold, seed: int, on_progress: OnProgress = silent, orders: int = ORDERS
) -> Report:
    """Scores and money less those of the model that turned out best of all."""
    import numpy as np

    own = cold.recorded
    n = min(REQUESTS, len(own.queries))
    best = int(own.scores.mean(axis=0).argmax())
    dear = float(own.costs.mean(axis=0).max())
    gains, shares, explored = [], [], 0
    for number in range(orders):
        on_progress(own.name, number, orders)
        chance = np.random.default_rng((seed, number))
        order = chance.permutation(len(own.queries))[:n]
        scores, costs, drawn = _one(cold, order, chance, dear)
        gains.append(scores - own.scores[order, best])
        shares.append(costs.sum() / own.costs[order, best].sum())
        explored += drawn
    return Report(
        title=f"{own.name}: a cold start",
        figures=tuple(_figures(np.stack(gains), np.array(shares), explored)),
        notes=(
            f"{orders} random orders of {n:,} requests, seed {seed}; the score of the answer that "
            f"was given is all that is seen. Compared with always {own.models[best]}, which turned "
            f"out best of all ({own.scores[:, best].mean():.4f}). Above 0, the regret is below its "
            "regret. Intervals are those of the mean over the orders.",
            "Before: prices, and a tier by price. "
            + (
                "The cheapest four and the dearest two may be asked in turn."
                if cold.votes is not None
                else "What models said is not recorded, so that one is asked."
            ),
        ),
    )


def _one(
    cold: Cold, order: np.ndarray, chance: np.random.Generator, dear: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores, costs, and how many requests were explored with."""
    import numpy as np

    from orchestrator.learning.online import SHARE, Online

    own, votes = cold.recorded, cold.votes
    usual = own.costs.mean(axis=0)
    agreement = None if votes is None else _members(own).of("")
    declared = np.array([_declared(tier) for tier in tiers(usual.tolist())])
    online = Online(models=own.models, declared=declared, meaning=cold.meaning)
    replaying, policy = Replaying(own.models), auto_policy(dear / RATE)
    scores, costs, drawn = np.empty(len(order)), np.empty(len(order)), 0
    for at, i in enumerate(order.tolist()):
        reading = cold.readings[i]
        explores = agreement is None and chance.random() < SHARE
        drawn += explores
        expected = online.expected(reading, chance if explores else None)
        quality = [expected[model].mean for model in own.models]
        decision = replaying.decide("chat", quality, usual.tolist(), agreement, policy)
        row = [0] * len(own.models) if votes is None else votes[i].tolist()
        played = replaying.play(decision, row)
        scores[at] = own.scores[i, played.given]
        costs[at] = own.costs[i, list(played.asked)].sum()
        online.met(reading)
        if not decision.tactics.moves:
            online.observe(reading, own.models[played.given], float(scores[at]))
    return scores, costs, drawn


def tiers(costs: list[float]) -> list[Tier]:
    """Of each of three models or more by what it costs: the dearest third, the cheapest third, the
    others; models of one price have one tier."""
    ranked, third = sorted(costs), len(costs) // 3
    low, high = ranked[third - 1], ranked[-third]
    return ["small" if c <= low else "frontier" if c >= high else "mid" for c in costs]


def _declared(tier: Tier) -> float:
    """What the fleet's prior says of a tier alone."""
    bare = dataclasses.replace(deployments_of(["any"])[0], tier=tier, tasks={})
    return prior(bare, "any").mean


def _members(own: Recorded) -> Agreements:
    ranked = own.costs.mean(axis=0).argsort()
    chosen = sorted({*ranked[:_CHEAP].tolist(), *ranked[-_DEAR:].tolist()})
    return Agreements(models=tuple(own.models[column] for column in chosen))


def _figures(gains: np.ndarray, shares: np.ndarray, explored: int) -> Iterator[Figure]:
    """Of the gains, shape `(orders, requests)`."""
    import numpy as np

    orders, n = gains.shape
    total = gains.cumsum(axis=1)
    for mark in (m for m in MARKS if m <= n):
        yield _mean(f"gained a request, after {mark:,}", total[:, mark - 1] / mark)
    if n > MARKS[1]:
        later = gains[:, MARKS[1] :]
        yield _mean(f"gained a request, from {MARKS[1]:,} on", later.mean(axis=1), at_least=0.0)
        worst = int(total[:, MARKS[1] - 1 :].mean(axis=0).argmin()) + MARKS[1]
        yield _mean(
            f"least gained at any time from {MARKS[1]:,} on",
            total[:, worst - 1] / worst,
            at_least=0.0,
        )
    yield _mean("money, in parts of that model's", shares)
    yield measured("explored with", explored / (orders * n), n=int(np.prod(gains.shape)))


def _mean(name: str, values: np.ndarray, at_least: float | None = None) -> Figure:
    import numpy as np

    draws = np.random.default_rng(0).choice(values, (1000, len(values))).mean(axis=1)
    return measured(name, float(values.mean()), interval(draws), n=len(values), at_least=at_least)
