"""The seams: what is injected, so that each has a fake in tests and more than one maker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrator.call_types import CallEvent, CallRequest
from orchestrator.money import Usage
from orchestrator.types import Deployment, Estimate, Hop, TaskProfile, Trace

if TYPE_CHECKING:
    import numpy as np


class Clock(Protocol):
    """Time, as tests may inject it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    async def sleep(self, seconds: float) -> None: ...


@runtime_checkable
class Embedder(Protocol):
    """Texts to unit vectors."""

    name: str
    """Stands in every key of a stored vector, so that vectors of two embedders never mix."""
    dimensions: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors, float32, shape `(len(texts), dimensions)`."""
        ...


class Transport(Protocol):
    """Reaches deployments of one kind. One object serves all deployments with its name.

    `stream` yields `TextDelta`s, at most one `UsageReport`, and a `Finish` if and only if the
    provider itself ended the answer; `Progress` where it can tell. What goes wrong is raised as
    `AttemptError` with a typed outcome. It never retries, never falls back, and stops the
    upstream call when closed.
    """

    def stream(self, deployment: Deployment, request: CallRequest) -> AsyncIterator[CallEvent]: ...

    async def close(self) -> None: ...


class Predictor(Protocol):
    """Expected quality of each candidate for one request."""

    version: str

    def predict(
        self, profile: TaskProfile, candidates: Sequence[Deployment]
    ) -> Mapping[str, Estimate]:
        """By deployment id."""
        ...


class Recorder(Protocol):
    """Takes traces and hops off the request's path. Never raises because a disk is slow."""

    def start(self, trace: Trace) -> None: ...

    def hop(self, hop: Hop) -> None: ...

    def finish(self, trace: Trace) -> None: ...


class Journal(Protocol):
    """What makes a run durable: each finished hop under a key, before its result is used."""

    async def get(self, key: str) -> Mapping[str, Any] | None:
        """The recorded value; `None` where the hop has not finished."""
        ...

    async def begin(self, key: str, *, node: str, deployment: str = "") -> str | None:
        """Mark a hop as in flight.

        Returns the deployment that an earlier process began it with and never finished
        (an empty string for a hop without a model); `None` where this is the first time.
        """
        ...

    async def drop(self, key: str) -> None:
        """A hop that was begun has ended without a result, and its end is known."""
        ...

    async def put(self, key: str, value: Mapping[str, Any], *, node: str) -> None:
        """Record the result of `node` durably, begun or not; returns after it is on disk."""
        ...


class Ledger(Protocol):
    """Money. A reservation is settled or released on every exit; a lease ends by itself."""

    async def reserve(self, trace_id: str, deployment: str, micro_usd: int | None) -> str:
        """A lease. Raises `OverBudgetError` where a budget would be passed.

        An unknown amount (`None`) is refused wherever there is a budget.
        """
        ...

    async def settle(self, lease: str, micro_usd: int | None, usage: Usage) -> None: ...

    async def release(self, lease: str) -> None: ...
