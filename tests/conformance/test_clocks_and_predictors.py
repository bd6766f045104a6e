"""The clocks and the predictors."""

from __future__ import annotations

from orchestrator.calling.clock import SystemClock
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
