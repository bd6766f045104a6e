"""What was learned is told beside what was declared."""

from __future__ import annotations

import pytest

from orchestrator.learning.account import account
from orchestrator.learning.predictor import LearnedPredictor, Observation
from orchestrator.testing import PredictorConformance

FLEET = PredictorConformance.DEPLOYMENTS


def test_each_model_and_task_that_was_seen_has_a_line() -> None:
    predictor = LearnedPredictor()
    for n in range(40):
        predictor.observe(Observation(model="able", task="draft", score=n % 2))
        predictor.observe(Observation(model="gone", task="draft", score=1))
    [line] = account(predictor, FLEET)
    assert (line.model, line.task, line.n) == ("able", "draft", 40)
    assert line.seen == 0.5 < line.expected < line.declared == 0.9
    assert line.moved == pytest.approx(line.expected - 0.9)
    assert line.low < line.expected < line.high
    assert account(LearnedPredictor(), FLEET) == []
