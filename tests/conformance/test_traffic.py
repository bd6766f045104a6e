"""Traffic: without any rule, and with all of them."""

from __future__ import annotations

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.traffic.control import TrafficControl
from orchestrator.testing import TrafficConformance
from tests.calling.free_traffic import FreeTraffic
from tests.calling.traffic.parts import control


class TestFreeTraffic(TrafficConformance):
    def make(self) -> FreeTraffic:
        return FreeTraffic()


class TestTrafficControl(TrafficConformance):
    def make(self) -> TrafficControl:
        return control(SystemClock())
