"""What every hop is made with, and what belongs to one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.call_types import CallRequest
from orchestrator.calling.traffic.affinity import Affinity
from orchestrator.calling.traffic.rates import CallerRates
from orchestrator.calling.validate import TextCheck
from orchestrator.guard.detecting.detect import Detectors
from orchestrator.guard.redacting.vault import Vault
from orchestrator.guard.risk import Course
from orchestrator.project.protocols import (
    AuditLog,
    Clock,
    Embedder,
    Journal,
    Ledger,
    Predictor,
    Recorder,
    Traffic,
)
from orchestrator.project.schema import Project
from orchestrator.records import AuditEvent, Hop
from orchestrator.roles.boundary import MetClass
from orchestrator.roles.events import RunEvent
from orchestrator.types import (
    Agreement,
    Caller,
    Constraints,
    Deployment,
    FleetSnapshot,
    Risk,
)

if TYPE_CHECKING:
    from orchestrator.caching.cache import AnswerCache
    from orchestrator.calling.transports import Transports
    from orchestrator.evidence.scoring.model import SupportModel
    from orchestrator.guard.review import Reviews
    from orchestrator.roles.looping.acts import Approver
    from orchestrator.routing.memo import Decider
    from orchestrator.routing.profile import Profiler
    from orchestrator.tooling.box import Box
    from orchestrator.tooling.toolset import Toolset


class Unaudited:
    """No audit log is kept."""

    def record(self, event: AuditEvent) -> None:
        """Nothing comes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that every hop uses; put together once, by the `Mesh`."""

    project: Project
    fleet: Callable[[], FleetSnapshot]
    deployments: Callable[[], Mapping[str, Deployment]]
    """Those of the fleet, by id."""
    profiler: Profiler
    predictor: Predictor
    decider: Decider
    transports: Transports
    ledger: Ledger
    traffic: Traffic
    caller_rates: CallerRates
    affinity: Affinity
    recorder: Recorder
    clock: Clock
    embedder: Embedder
    support_model: Callable[[], SupportModel]
    """Scores claims; the project's own where mesh.yaml names one."""
    audit: AuditLog = field(default_factory=Unaudited)
    reviews: Reviews | None = None
    """What waits for a person because a filter has rejected it; `None`: nobody can be asked."""
    answers: Callable[[], AnswerCache] | None = None
    """Answers that were given before, where a route's `cache` allows it."""
    checks: Mapping[str, TextCheck] = field(default_factory=dict)
    """The project's registered checks by name, which agents may name in `valid`."""
    agreement: Callable[[str], Agreement | None] = lambda _: None
    """How answers to a task agree, where that was learned."""
    tools: Callable[[], Toolset] | None = None
    """The tools of the project."""
    detectors: Detectors = field(default_factory=lambda: Detectors(False, ()))
    """What the policy has looked for in texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A call that a node is about to make."""

    key: str
    node: str
    round: int
    role: str
    agent: str
    prompt: str
    """As its hop would show it."""
    request: CallRequest


class Repeated(Protocol):
    """A run that is on record and is gone through again."""

    def is_live(self, node: str, round: int) -> bool:
        """Whether what happens there is carried out, and not taken from the record."""
        ...

    async def brought(self, node: str, round: int, key: str) -> Mapping[str, Any] | None:
        """What a journal would hold of a tool's call under that key; `None`: it is to be made.

        Raises:
            RunError: it is not on record.
        """
        ...

    @property
    def trace_id(self) -> str:
        """Its id, by which chance goes."""
        ...

    async def find(self, asking: Asking) -> Mapping[str, Any] | None:
        """What a journal would hold of the call; `None`: it is to be made.

        Raises:
            MeshError: it had failed in that way.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What belongs to one run: who asks for what, under which limits, and its journal."""

    trace_id: str
    question: str
    journal: Journal | None
    """`None` for a call that no run can be resumed to."""
    deadline: float
    """On the clock's monotonic scale, in seconds."""
    data_class: str | None = None
    risk: Risk | None = None
    tags: tuple[str, ...] = ()
    caller: Caller = Caller()
    priority: int = 0
    constraints: Constraints = Constraints()
    budget_micro_usd: int | None = None
    course: Course = field(default_factory=Course)
    """Its risk, which may rise, and what that asks of the checking of its answer."""
    spent: Callable[[], int] = lambda: 0
    """Micro-dollars that the run has spent so far."""
    earlier: Mapping[str, Hop] = field(default_factory=dict)
    """What earlier processes of this run have put on its trace, by id."""
    repeats: Repeated | None = None
    """What it repeats, which is asked in the journal's place."""
    vault: Vault | None = None
    """The placeholders of the run; `None`: each call has its own."""
    approvals: Approver | None = None
    """Where calls of tools wait for a person; `None`: nobody can be asked."""
    box: Callable[[], Box] | None = None
    """Makes what a tool may use that a model calls."""
    tell: Callable[[RunEvent], None] = lambda _: None
    met: MetClass = field(default_factory=MetClass)
    """The strictest class of data that was found in it so far."""
