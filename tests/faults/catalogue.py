"""The fault catalogue: every scenario, in the order of its numbers."""

from __future__ import annotations

from tests.faults import before_text, conditions, killed, life, mid_stream, outputs
from tests.faults.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = tuple(
    sorted(
        (
            *before_text.SCENARIOS,
            *mid_stream.SCENARIOS,
            *outputs.SCENARIOS,
            *life.SCENARIOS,
            *killed.SCENARIOS,
            *conditions.SCENARIOS,
        ),
        key=lambda s: s.number,
    )
)
