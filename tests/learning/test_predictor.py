"""The predictor that learns: the fleet's word first, then what was observed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.errors import InternalError
from orchestrator.learning.predictor import LearnedPredictor, Observation
from orchestrator.learning.quality import learn
from orchestrator.routing.predict import PriorPredictor
from orchestrator.testing import PredictorConformance
from orchestrator.types import Estimate, TaskProfile
from tests.learning.made import answers, reader, texts

FLEET = PredictorConformance.DEPLOYMENTS
DRAFT = TaskProfile(task="draft")


def observed(predictor: LearnedPredictor, n: int, score: float, model: str = "able") -> Estimate:
    for _ in range(n):
        predictor.observe(Observation(model=model, task="draft", score=score))
    return predictor.predict(DRAFT, FLEET)["able/api"]


def test_before_it_learns_it_is_the_prior() -> None:
    predictor, prior = LearnedPredictor(), PriorPredictor()
    assert predictor.predict(DRAFT, FLEET) == prior.predict(DRAFT, FLEET)
    assert predictor.version == prior.version


def test_what_is_observed_moves_it_by_degrees() -> None:
    predictor = LearnedPredictor()
    declared = predictor.predict(DRAFT, FLEET)["able/api"]
    ten = observed(predictor, 10, 0.3)
    many = observed(predictor, 2000, 0.3)
    assert declared.mean == 0.9 > ten.mean > 0.6 > many.mean
    assert many.mean == pytest.approx(0.3, abs=0.02)
    assert declared.sd > ten.sd > many.sd


def test_every_observation_is_a_new_version_and_the_same_ones_the_same() -> None:
    one, other = LearnedPredictor(), LearnedPredictor()
    before = one.version
    observed(one, 1, 0.5)
    assert one.version != before
    observed(other, 1, 0.5)
    assert one.version == other.version
    assert LearnedPredictor(one.tallies).version == one.version


def test_what_is_handed_over_is_a_copy() -> None:
    one = LearnedPredictor()
    observed(one, 1, 0.5)
    before = one.version
    observed(LearnedPredictor(one.tallies), 5, 0.1)
    assert one.version == before


def test_a_model_that_left_the_fleet_is_no_trouble() -> None:
    predictor = LearnedPredictor()
    observed(predictor, 50, 0.0, model="gone")
    assert predictor.predict(DRAFT, FLEET) == PriorPredictor().predict(DRAFT, FLEET)


def test_requests_of_a_task_get_the_same_object_until_something_is_learned() -> None:
    predictor = LearnedPredictor()
    observed(predictor, 3, 0.5)
    first = predictor.predict(DRAFT, FLEET)
    assert predictor.predict(DRAFT, FLEET) is first
    observed(predictor, 1, 0.5)
    assert predictor.predict(DRAFT, FLEET) is not first


def test_a_text_moves_each_request_by_itself() -> None:
    known = answers(400, {"able": (0.9, 0.9), "unknown": (0.9, 0.1)})
    predictor = LearnedPredictor(text=learn(known, reader().meaning).text)
    made, hard = texts(40, seed=5)
    found = [predictor.predict(replace(DRAFT, reading=r), FLEET) for r in reader().read(made)]
    gains = np.array([f["able/api"].mean - f["unknown/api"].mean for f in found])
    assert gains[hard].min() > gains[~hard].max() + 0.2
    assert all(f["able/api"].sd > predictor.predict(DRAFT, FLEET)["able/api"].sd for f in found)
    assert predictor.version.startswith("learned-")


@pytest.mark.parametrize(("score", "weight"), [(1.2, 1.0), (-0.1, 1.0), (0.5, 0.0)])
def test_what_is_no_score_is_refused(score: float, weight: float) -> None:
    bad = Observation(model="able", task="draft", score=score, weight=weight)
    with pytest.raises(InternalError, match="needs a score"):
        LearnedPredictor().observe(bad)
