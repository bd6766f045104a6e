"""The predictor is measured beside what it must beat, and sees no label and no test query."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.errors import UserError
from orchestrator.evaluation.routing import bootstrap
from orchestrator.evaluation.routing.measure import Measured, measure
from orchestrator.evaluation.routing.plan import Plan, splits, with_models, with_queries
from orchestrator.evaluation.routing.predicting import Learned
from orchestrator.evaluation.routing.values import Recorded
from tests.evaluation.routing.recorded import recorded


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.resampled, "__kwdefaults__", {"seed": 0, "resamples": 50})


def measured(plan: Plan, made: Recorded) -> Measured:
    own = with_queries(with_models(made, plan), plan)
    return measure(own, plan, Learned(load_embedder("static"), own).learn)


def value(found: Measured, router: str, name: str) -> float:
    [figure] = [f for f in found.report.figures if (f.of, f.name) == (router, name)]
    return figure.value


def test_two_models() -> None:
    found = measured(Plan(weak="small", strong="large"), recorded())
    assert value(found, "predictor", "APGR") > 0.7
    assert value(found, "zero router", "APGR") == 0.5
    assert value(found, "oracle", "APGR") > value(found, "predictor", "APGR")
    gained = value(found, "zero router", "APGR gained")
    assert gained == pytest.approx(value(found, "predictor", "APGR") - 0.5)


def test_many_models() -> None:
    found = measured(Plan(), recorded())
    assert value(found, "predictor", "AIQ") > value(found, "zero router", "AIQ") + 0.02
    assert value(found, "predictor", "AIQ") < value(found, "oracle", "AIQ")
    assert value(found, "zero router", "cost at 100 %") == pytest.approx(1.0)
    assert value(found, "predictor", "cost at 95 %") < 0.9


def test_no_label_is_read() -> None:
    made = recorded(120)
    other = replace(made, queries=tuple(replace(q, task="t") for q in made.queries))
    plan = Plan(weak="small", strong="large")
    assert measured(plan, made).predictions == measured(plan, other).predictions


def test_a_prediction_does_not_know_its_own_outcome() -> None:
    made = recorded(120)
    plan = Plan(weak="small", strong="large", k=3)
    own = with_models(made, plan)
    learned = Learned(load_embedder("static"), own)
    part = splits(own, plan)[0]
    before = learned.learn(own, part.train, part.test).quality
    scores = own.scores.copy()
    scores[part.test] = 1 - scores[part.test]
    after = learned.learn(replace(own, scores=scores), part.train, part.test).quality
    assert (before == after).all()


def test_learning_from_one_task_for_another() -> None:
    made = recorded()
    plan = Plan(weak="small", strong="large", only="sums", train="talk")
    own = with_queries(with_models(made, plan), plan)
    [part] = splits(own, plan)
    assert {own.queries[i].task for i in part.train} == {"talk/easy"}
    assert {own.queries[i].task for i in part.test} == {"sums/hard"}
    ids = {query for query, *_ in measured(plan, made).predictions}
    assert ids == {own.queries[i].id for i in part.test}


def test_few_labels() -> None:
    made = recorded()
    for part in splits(made, Plan(labels=25)):
        assert len(part.train) == 25
        assert not set(part.train) & set(part.test)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(weak="small"), "go together"),
        (Plan(weak="small", strong="small"), "different models"),
        (Plan(weak="small", strong="large", models=("small",)), "name two"),
        (Plan(models=("small",)), "two at least"),
        (Plan(only="sums", train="sums"), "too few"),
    ],
)
def test_what_cannot_be_measured_is_refused(plan: Plan, said: str) -> None:
    with pytest.raises(UserError, match=said):
        splits(with_models(recorded(60), plan), plan)


def test_without_prices_two_models_must_be_named() -> None:
    made = recorded(60)
    made = replace(made, costs=np.full_like(made.costs, np.nan))
    with pytest.raises(UserError, match="--weak and --strong"):
        with_models(made, Plan())
    with pytest.raises(UserError, match="no price of small, middle, large"):
        with_models(made, Plan(models=("small", "middle", "large")))
    two = with_models(made, Plan(models=("large", "small")))
    assert two.models == ("small", "large")


def test_the_plot_names_routers_and_models() -> None:
    from orchestrator.evaluation.routing.plot import picture
    from orchestrator.plotting import svg

    found = measured(Plan(), recorded(120))
    texts = [e.text for e in ElementTree.fromstring(svg(picture(found))).iter() if e.text]
    for name in ("predictor", "zero router", "oracle", "US dollars a query", "1  small"):
        assert name in texts
