"""The prior: the task's own number, then the one for any task, then the tier."""

from __future__ import annotations

from orchestrator.routing.predict import PriorPredictor, prior, serves
from orchestrator.types import TaskProfile

from .fleets import builtin, deployment


def test_the_more_is_stated_the_surer() -> None:
    model = deployment(tasks={"draft": 0.8, "*": 0.6})
    silent = deployment(tasks={}, tier="frontier")
    assert (prior(model, "draft").mean, prior(model, "sql").mean) == (0.8, 0.6)
    assert prior(silent, "sql").mean > prior(deployment(tasks={}, tier="nano"), "sql").mean
    exact = prior(builtin(tasks={"math": 0.98}), "math")
    sds = [exact.sd, prior(model, "draft").sd, prior(model, "sql").sd, prior(silent, "sql").sd]
    assert sds == sorted(set(sds))


def test_serving() -> None:
    assert serves(deployment(tasks={"draft": 0.1}), "draft")
    assert serves(deployment(tasks={"*": 0.1}), "draft")
    assert not serves(deployment(tasks={"math": 0.9}), "draft")


def test_the_predictor_answers_for_every_candidate() -> None:
    ways = (deployment("a/one"), builtin("b/here", tasks={"draft": 0.4}))
    estimates = PriorPredictor().predict(TaskProfile(task="draft"), ways)
    assert {id: e.mean for id, e in estimates.items()} == {"a/one": 0.8, "b/here": 0.4}
