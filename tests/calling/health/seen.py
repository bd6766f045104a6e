"""A clock that stands still, attempts and deployments, as the tests of this folder need them."""

from __future__ import annotations

from typing import Any

from orchestrator.money import Price, Usage
from orchestrator.records import Attempt
from orchestrator.testing.clock import AlarmBySleep
from orchestrator.types import Deployment, Outcome


class StillClock(AlarmBySleep):
    """Satisfies `protocols.Clock`; both of its scales are moved by hand."""

    def __init__(self, epoch: float = 1_700_000_000.0, mono: float = 50.0) -> None:
        self.epoch, self.mono = epoch, mono

    def now(self) -> float:
        return self.epoch

    def monotonic(self) -> float:
        return self.mono

    async def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        self.epoch += seconds
        self.mono += seconds


def attempt(deployment: str = "m/a", outcome: Outcome = Outcome.OK, **more: Any) -> Attempt:
    values: dict[str, Any] = {
        "model": deployment.partition("/")[0],
        "family": None,
        "started_at": 0.0,
        "ms": 100.0,
        "error": None if outcome is Outcome.OK else f"it said {outcome}",
        **more,
    }
    return Attempt(deployment=deployment, outcome=outcome, **values)


def deployment(id: str = "m/a", price: Price | None = None) -> Deployment:
    return Deployment(
        id=id,
        model=id.partition("/")[0],
        family=None,
        tier="small",
        via="openai",
        target="x",
        provider="x",
        hosting="hosted",
        price=price,
    )


THOUSAND = Usage(input=1000, output=1000)
