"""Conformance suites: what a part of one's own must do, as tests to inherit.

    from orchestrator.testing import EmbedderConformance

    class TestMine(EmbedderConformance):
        def make(self):
            return MyEmbedder()

A suite is a class of plain test methods with plain `assert`: pytest collects them from the class
that inherits, and `unittest` can call them. Nothing but the library is needed. What a class must
say is written in its suite; each test's first line is the requirement. For pytest to show both
sides of a failed `assert`, say `pytest.register_assert_rewrite("orchestrator.testing")` in a
conftest before the import.
"""

from orchestrator.testing.allotments import AllotmentsConformance
from orchestrator.testing.audit_log import AuditLogConformance
from orchestrator.testing.checker import CheckerConformance
from orchestrator.testing.clock import ClockConformance, ManualClock
from orchestrator.testing.counters import SharedCountersConformance
from orchestrator.testing.embedder import EmbedderConformance
from orchestrator.testing.predictor import PredictorConformance
from orchestrator.testing.stores import (
    JournalConformance,
    LedgerConformance,
    RecorderConformance,
)
from orchestrator.testing.traffic import TrafficConformance
from orchestrator.testing.transport import TransportConformance
from orchestrator.testing.treasury import TreasuryConformance

__all__ = [
    "AllotmentsConformance",
    "AuditLogConformance",
    "CheckerConformance",
    "ClockConformance",
    "EmbedderConformance",
    "JournalConformance",
    "LedgerConformance",
    "ManualClock",
    "PredictorConformance",
    "RecorderConformance",
    "SharedCountersConformance",
    "TrafficConformance",
    "TransportConformance",
    "TreasuryConformance",
]
