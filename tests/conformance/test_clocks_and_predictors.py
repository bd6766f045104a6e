"""The clocks and the predictors."""

from __future__ import annotations

from orchestrator.calling.clock import SystemClock
from orchestrator.learning.predictor import LearnedPredictor, Observation
from orchestrator.routing.predict import PriorPredictor
from orchestrator.testing import ClockConformance, ManualClock, PredictorConformance


class TestSystemClock(ClockConformance):
    def make(self) -> SystemClock:
        return SystemClock()


class TestManualClock(ClockConformance):
    def make(self) -> ManualClock:
        return ManualClock()


class TestPriorPredictor(PredictorConformance):
    def make(self) -> PriorPredictor:
        return PriorPredictor()


class TestLearnedPredictor(PredictorConformance):
    def make(self) -> LearnedPredictor:
        predictor = LearnedPredictor()
        for score in (0.2, 0.4, 1.0):
            predictor.observe(Observation(model="able", task="draft", score=score))
        return predictor


class TestLearnedPredictorBeforeItLearns(PredictorConformance):
    def make(self) -> LearnedPredictor:
        return LearnedPredictor()
