"""The seams: what is injected, so that each has a fake in tests and more than one maker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from orchestrator.call_types import CallEvent, CallRequest
from orchestrator.records import Attempt, AuditEvent, Hop, Trace
from orchestrator.types import Caller, Charge, Deployment, Estimate, Health, TaskProfile

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.project.policy_schema import Budget, CallerLimit


class Clock(Protocol):
    """Time, as tests may inject it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], object]:
        """Call `ring` once, in the running loop, after so long; unless what is returned is called
        before, which does nothing where it has rung."""
        ...


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
    provider itself ended the answer; `Progress` where it can tell; `Answering` as soon as the
    provider names its model; a `Confidence` at the end where it was asked for and is known. Of a
    request that ends with the assistant's words it yields what follows them. What goes wrong is
    raised as `AttemptError` with a typed outcome. It never retries, never falls back, and stops
    the upstream call when closed.
    """

    def stream(self, deployment: Deployment, request: CallRequest) -> AsyncIterator[CallEvent]: ...

    async def close(self) -> None: ...


class Predictor(Protocol):
    """Expected quality of each candidate for one request."""

    @property
    def version(self) -> str:
        """Changes with everything that may change an estimate."""
        ...

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


class AuditLog(Protocol):
    """Takes what an auditor will ask for; nothing that it took can be changed unseen."""

    def record(self, event: AuditEvent) -> None:
        """Take the event. Returns at once; texts, values and secrets never stand in one."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a caller stands with the budgets, before a decision."""

    left_micro_usd: int | None = None
    """What a further call may cost; `None` where no budget says anything."""
    budget: str = ""
    """The budget that leaves the least."""
    soft: tuple[str, ...] = ()
    """The names of the soft budgets that are used up."""


class Ledger(Protocol):
    """Money. A reservation is settled or released on every exit; a lease ends by itself."""

    async def standing(self, trace_id: str, caller: Caller, tags: tuple[str, ...]) -> Standing:
        """How the caller stands now. Advisory: `reserve` has the last word."""
        ...

    async def reserve(self, charge: Charge, micro_usd: int | None) -> str:
        """A lease. Raises `OverBudgetError` where a budget would be passed.

        An unknown amount (`None`) is refused wherever there is a budget.
        """
        ...

    async def settle(self, lease: str, attempt: Attempt) -> None:
        """Charge what the attempt cost, nothing included, and keep it as a line.

        An unknown cost is charged as it was reserved.
        """
        ...

    async def release(self, lease: str) -> None:
        """Give the lease of an attempt back that was never made."""
        ...


class Allotments(Protocol):
    """What single callers may spend and ask for, besides what the policy says of all.

    Virtual keys, users and workspaces get theirs while the service runs. Answers from memory.
    """

    def budgets(self, caller: Caller) -> Sequence[Budget]:
        """Budgets that bind this caller; each names in `match` whom it is of."""
        ...

    def limits(self, caller: Caller) -> Sequence[CallerLimit]:
        """Requests and tokens a minute that bind this caller, likewise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAsk:
    """What one process says and wants of one limit that several share."""

    name: str
    limit: int
    lasts_s: float | None
    """What is granted counts for so many seconds; `None`: as long as it is held."""
    stated: Mapping[int, int] = field(default_factory=dict)
    """What this process has in each slot of time, as it is now; where nothing is held, slot 0."""
    whole: bool = False
    """`stated` is all that it has; else slots that it does not name stay as they were."""
    want: int = 0
    least: int = 0
    """Less than this is of no use."""
    more: int = 0
    """Beyond `want`, where much is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountAnswer:
    """How the limit stands, and what was granted."""

    granted: int
    slot: int
    """Where it is counted."""
    left: int
    """Of the limit, after that; negative where more was used than reserved."""
    leaving: Sequence[tuple[float, int]] = ()
    """Where less was granted than wanted: in how many seconds how much leaves, in order."""
    soon_s: float = 0.0
    """Another process may give back within such a time what it did not need; 0: nobody will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The answer to one exchange."""

    answers: Sequence[CountAnswer]
    now: float
    """Seconds on the scale of the slots."""
    copies: int
    """Processes that take part, this one included."""
    rank: int
    """Which of them this one is, from 0."""
    anew: bool = False
    """The counters have lost what was stated before: nothing is granted until all is stated."""


class SharedCounters(Protocol):
    """Limits that several processes keep together. What all were granted never passes a limit.

    Each process states what it has itself, in absolute numbers, so that saying it again changes
    nothing, and a place that lost its memory learns it anew. What a process that died had is
    forgotten: of a window when it has left it, of what is held after a few seconds.

    What is granted may lie about for `HOLD_S` of `sharing.rules` before it is used, so it counts
    for so much longer, and for the rest of its slot (`SLOT_S`).
    """

    async def exchange(self, member: str, asks: Sequence[CountAsk]) -> Counted:
        """Take over what `member` states, then grant what there is room for; in order of `asks`.

        Raises:
            StorageError: the counters cannot be reached; soon, and at once where that is known.
        """
        ...

    async def leave(self, member: str) -> None:
        """The process takes part no more; what its windows count stays until it leaves them.

        Raises:
            StorageError: likewise.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One attempt that would like to begin."""

    tokens: int
    """Of the prompt, and what the answer may take."""
    caller: Caller
    priority: int = 0
    """Who waits for a place goes in this order, the highest first."""
    deadline: float
    """On the clock's monotonic scale."""
    waits: bool = False
    """Take a place in the queue where there is none free, if its turn comes in time."""


class Pass(Protocol):
    """The permission for one attempt."""

    @property
    def deployment(self) -> str: ...


class Traffic(Protocol):
    """Who may call which deployment at this moment, and what was seen of each.

    Breaker, rate limits and places stand behind it. Used from several threads.
    """

    async def enter(self, deployment: Deployment, asking: Asking) -> Pass:
        """Permission to call it now.

        Raises `AttemptError` with `SKIPPED_OPEN` or `BUSY`, and `retry_after_s` where it is known.
        """
        ...

    def leave(self, entered: Pass, attempt: Attempt) -> None:
        """The attempt is over, however it ended. Every pass is given back once."""
        ...

    def answered(self, attempts: Sequence[Attempt], passed_over: Sequence[str] = ()) -> None:
        """A call is over, with or without an answer; its attempts in order.

        Args:
            passed_over: deployments that the decision left out since their breakers were open.
        """
        ...

    def hedge_after_s(self, deployment: str) -> float | None:
        """Its live p95 in seconds to the end of an answer; `None` where too few were seen."""
        ...

    def take_hedge(self) -> bool:
        """Whether one more hedge is within the share of calls that may be hedged; counts it."""
        ...

    def health(self) -> Mapping[str, Health]:
        """What was seen of each deployment, by id."""
        ...
