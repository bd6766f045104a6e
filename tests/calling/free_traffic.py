"""Traffic without any rule: every attempt may begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.project.protocols import Asking, Pass
from orchestrator.records import Attempt
from orchestrator.types import Deployment, Health


@dataclass(frozen=True, slots=True)
class _Pass:
    deployment: str


class FreeTraffic:
    """Satisfies `protocols.Traffic`; keeps nothing."""

    async def enter(self, deployment: Deployment, asking: Asking) -> Pass:
        return _Pass(deployment.id)

    def leave(self, entered: Pass, attempt: Attempt) -> None:
        """Nothing to give back."""

    def answered(self, attempts: Sequence[Attempt], passed_over: Sequence[str] = ()) -> None:
        """Nothing to learn."""

    def hedge_after_s(self, deployment: str) -> float | None:
        return None

    def take_hedge(self) -> bool:
        return True

    def health(self) -> Mapping[str, Health]:
        return {}
