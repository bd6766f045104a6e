"""`decide` chooses as the definition of an exchange rate says, and intervals are held against
what came out."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.evaluation.routing.coverage import GROUPS, coverage
from orchestrator.evaluation.routing.deciding import chosen, deployments_of, policies_at
from orchestrator.evaluation.routing.market import choices, exchange_rates
from orchestrator.evaluation.routing.routers import Expected
from orchestrator.types import Estimate, TaskProfile
from tests.evaluation.routing.recorded import recorded

MODELS = ("small", "middle", "large")


def test_decide_chooses_what_is_worth_most_at_every_rate() -> None:
    rng = np.random.default_rng(0)
    quality = rng.random((40, 3)).round(3)
    costs = rng.uniform(1e-5, 1e-3, (40, 3)).round(8)
    rates = exchange_rates(costs)
    deployments = deployments_of(MODELS)
    column = [MODELS.index(d.model) for d in deployments]
    found = chosen(
        deployments,
        [TaskProfile(task="chat", needs=("json",))] * 40,
        [
            {m: Estimate(mean=q, sd=0.1) for m, q in zip(MODELS, row, strict=True)}
            for row in quality
        ],
        costs[:, column],
        policies_at(rates.tolist()),
    )
    alike = np.array(column)[found] == choices(quality, costs, rates)
    assert alike.mean() == 1.0


def expected(sd: float, shift: float) -> Expected:
    own = recorded(600)
    hard = np.array(["hard" in query.task for query in own.queries])
    chance = np.array([[(0.9, 0.85, 0.9), (0.2, 0.6, 0.9)][int(h)] for h in hard])
    doubt = np.full(chance.shape, sd)
    return Expected(name="any", quality=chance + shift, cost=own.costs, uncertainty=doubt)


@pytest.mark.parametrize(("sd", "shift", "least", "most"), [(0.02, 0, 0.7, 1), (0.02, 0.1, 0, 0.4)])
def test_who_is_surer_than_it_should_be_is_found_out(
    sd: float, shift: float, least: float, most: float
) -> None:
    report = coverage(expected(sd, shift), recorded(600))
    assert report is not None
    figures = {(f.of, f.name): f for f in report.figures}
    assert least <= figures["all models", "by expectation"].value <= most
    assert figures["all models", "by expectation"].n == 3 * GROUPS
    assert figures["small", "by task"].n == 2


def test_without_intervals_nothing_is_said_of_them() -> None:
    own = recorded(60)
    assert coverage(Expected(name="any", quality=own.scores, cost=own.costs), own) is None
