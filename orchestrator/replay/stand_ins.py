"""What stands in a replay where a run has the world: nothing calls, spends, waits or writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, cast

from orchestrator.call_types import Asks
from orchestrator.calling.transports import Transports
from orchestrator.errors import InternalError
from orchestrator.evidence.sources.library import Library
from orchestrator.project.policy_schema import Policy
from orchestrator.project.protocols import Transport
from orchestrator.project.registry import Kind, Registry
from orchestrator.records import Hop, Trace
from orchestrator.roles.services import Services
from orchestrator.routing.decide import decide
from orchestrator.routing.memo import Decider
from orchestrator.types import Context, Decision, FleetSnapshot, TaskProfile, digest


@dataclass(frozen=True, slots=True)
class StoppedClock:
    """Satisfies `protocols.Clock`: it is always the moment at which the recorded request began."""

    at: float

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Nothing is waited for."""

    def alarm(self, seconds: float, ring: Callable[[], None]) -> Callable[[], object]:  # noqa: ARG002
        return lambda: None


@dataclass(slots=True)
class Recording:
    """Satisfies `protocols.Recorder`, in memory."""

    trace: Trace | None = None
    hops: dict[str, Hop] = field(default_factory=dict)

    def start(self, trace: Trace) -> None:
        self.trace = trace

    def hop(self, hop: Hop) -> None:
        self.hops[hop.id] = hop

    def finish(self, trace: Trace) -> None:
        self.trace = trace


class NoTransports(Transports):
    """Counts who asks for a transport, and gives none."""

    def __init__(self) -> None:
        self.touched = 0

    def get(self, name: str) -> Transport:
        self._refuse(name)

    def bringing(self, asks: Asks, name: str) -> Transport:  # noqa: ARG002
        self._refuse(name)

    async def close(self) -> None:
        """Nothing is open."""

    def _refuse(self, name: str) -> NoReturn:
        self.touched += 1
        raise InternalError(f"a replay wanted to call a model via '{name}'")


class NotHere:
    """Anything that a replay must not come near."""

    def __init__(self, name: str) -> None:
        self.__name = name

    def __getattr__(self, attribute: str) -> NoReturn:
        raise InternalError(f"a replay reached for the {self.__name}: {attribute}")


class RecordedDecider(Decider):
    """Gives the recorded decision for its profile; decides what is not on record."""

    def __init__(self, policy: Policy, hops: tuple[Hop, ...]) -> None:
        super().__init__(policy)
        self._recorded = {digest(h.profile): h.decision for h in hops if h.profile and h.decision}
        self._under = policy

    def __call__(self, profile: TaskProfile, fleet: FleetSnapshot, context: Context) -> Decision:
        known = self._recorded.get(digest(profile))
        return known or decide(profile, fleet, self._under, context)


class Overlaid(Registry):
    """A project's names, with something around those of one kind."""

    def __init__(self, names: Registry, around: Mapping[Kind, Callable[[str, Any], Any]]) -> None:
        super().__init__(names)
        self._around = around

    def get(self, kind: Kind, name: str, where: str = "") -> Any:
        found = super().get(kind, name, where)
        around = self._around.get(kind)
        return found if around is None else around(name, found)


def without_world(
    services: Services, fleet: FleetSnapshot, hops: tuple[Hop, ...], at: float
) -> tuple[Services, Recording, NoTransports]:
    """The services of a replay.

    Args:
        fleet: what the decisions saw.
        hops: what was decided.
        at: when it was, in seconds since the epoch.
    """
    recording, transports = Recording(), NoTransports()
    by_id = {d.id: d for d in fleet.deployments}
    made = replace(
        services,
        fleet=lambda: fleet,
        deployments=lambda: by_id,
        decider=RecordedDecider(services.project.policy, hops),
        transports=transports,
        ledger=cast(Any, NotHere("ledger")),
        traffic=cast(Any, NotHere("limits of providers")),
        caller_rates=cast(Any, NotHere("limits of callers")),
        affinity=cast(Any, NotHere("caches of providers")),
        recorder=recording,
        clock=StoppedClock(at),
        answers=None,
    )
    return made, recording, transports


def no_library() -> Library:
    """A library that nobody reads: what tools brought is on record."""
    return cast(Library, NotHere("documents"))
