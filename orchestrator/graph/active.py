"""A run that goes on in this process: its hops, its time, its trace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from orchestrator.graph.answer import make_answer
from orchestrator.graph.asking import HumanAnswer, Question
from orchestrator.graph.journal import RunRecord
from orchestrator.graph.state import Run
from orchestrator.money import total_cost
from orchestrator.records import Hop, Trace
from orchestrator.roles.events import RunEvent
from orchestrator.roles.values import FinalAnswer, Plan
from orchestrator.types import LogRule

AskPerson = Callable[[Question], Awaitable["str | HumanAnswer"]]
Status = Literal["running", "waiting", "ok", "failed", "cancelled"]
_ASKED = ("inputs", "options", "thread")
SUPERSEDED = "made before the project was edited, and not used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who has started or resumed a run: what it is told, and what it has to say."""

    on_event: Callable[[RunEvent], None] | None = None
    on_question: AskPerson | None = None
    answer: HumanAnswer | None = None
    """To the question at which the run has stopped."""
    accept_changes: bool = False
    """The run may go on although the project was edited."""


NOBODY = Caller()


@dataclass(slots=True)
class Hops:
    """The hops that a run has shown so far, by id: a replayed one is not counted twice."""

    earlier: Mapping[str, Hop]
    """From earlier processes."""
    on_event: Callable[[RunEvent], None] | None = None
    seen: dict[str, Hop] = field(default_factory=dict)

    def tell(self, event: RunEvent) -> None:
        """Something happened in the run."""
        if isinstance(event, Hop):
            self.seen[event.id] = event
        if self.on_event:
            self.on_event(event)

    def all(self) -> dict[str, Hop]:
        """Everything on the run's trace, by id."""
        return {**self.earlier, **self.seen}

    def spent(self) -> int:
        """Micro-dollars, as far as they are known."""
        return sum(hop.cost_micro_usd or 0 for hop in self.all().values())

    def in_order(self) -> tuple[Hop, ...]:
        """In the order in which they began."""
        return tuple(sorted(self.all().values(), key=lambda hop: (hop.started_at, hop.node)))

    def supersede(self, kept: Set[tuple[str, int]]) -> list[Hop]:
        """Mark the earlier hops that were not replayed and belong to no step of `kept`.

        Args:
            kept: steps with their rounds.

        Returns:
            The hops that are now marked.
        """
        old = [
            hop
            for hop in self.earlier.values()
            if hop.id not in self.seen
            and SUPERSEDED not in hop.notes
            and not kept & {(hop.node, hop.round), (hop.node.split("/")[0], hop.round)}
        ]
        marked = [replace(hop, notes=(*hop.notes, SUPERSEDED)) for hop in old]
        self.seen.update({hop.id: hop for hop in marked})
        return marked


@dataclass(slots=True, kw_only=True)
class Active:
    """A run of this process."""

    run: Run
    record: RunRecord
    hops: Hops
    started: float
    """On the clock's monotonic scale, in seconds."""
    earlier_ms: float = 0.0
    """How long earlier processes have worked on it."""
    paused_ms: float = 0.0
    """How long it has waited for a person."""
    edited: bool = False
    """The project was edited since, and that was accepted."""
    stopped: bool = False
    """Somebody has asked to cancel it."""
    stop: Callable[[], object] = lambda: None
    """Cancels it; does nothing in somebody else's graph."""
    admitted: LogRule = field(default_factory=LogRule)
    """What may be kept of its texts, as far as its question tells; its hops may tighten that."""
    output: Any = None
    plan: Plan | None = None
    origin: str = ""
    """The trace that this run repeats from some hop on."""

    @property
    def ms(self) -> float:
        """How long it was worked on, pauses left out."""
        here = (self.run.services.clock.monotonic() - self.started) * 1000
        return self.earlier_ms + here - self.paused_ms

    @property
    def keeps_texts(self) -> bool:
        """Whether every route that its hops went by lets texts be kept."""
        hops = self.hops.all().values()
        decided = all(hop.decision.log.keeps_all for hop in hops if hop.decision)
        return self.admitted.keeps_all and decided

    def pause(self, seconds: float) -> None:
        """The run has waited for a person: neither its time nor its deadline ran."""
        self.paused_ms += seconds * 1000
        request = self.run.request
        self.run.request = replace(request, deadline=request.deadline + seconds)

    def trace(self, status: Status, error: str | None = None) -> Trace:
        """The run's line in the trace store."""
        project = self.run.services.project
        final = self.output if isinstance(self.output, FinalAnswer) else None
        return Trace(
            id=self.record.id,
            graph=self.record.graph,
            status=status,
            started_at=self.record.started_at,
            ms=self.earlier_ms if status == "running" else self.ms,
            verdict=final.verdict if final else None,
            cost_micro_usd=total_cost([h.cost_micro_usd for h in self.hops.all().values()]),
            question=self.run.request.question,
            answer=self._text(status),
            error=error,
            caller=self.run.request.caller,
            tags=self.run.request.tags,
            parent=self.record.request["options"].get("parent", ""),
            request={name: self.record.request.get(name) for name in _ASKED},
            origin=self.origin,
            # Where it keeps all it says nothing before the end: a hop may still say otherwise.
            log=None if self.admitted.keeps_all else self.admitted,
            project_hash=project.hash,
            policy_hash=project.policy_hash,
            fleet_hash=self.run.services.fleet().hash,
        )

    def _text(self, status: Status) -> str | None:
        """The answer, of a run that came to one."""
        if status != "ok":
            return self.output.text if isinstance(self.output, FinalAnswer) else None
        return make_answer(self.output, self.record.id, (), None).text


def worked_ms(hops: Iterable[Hop]) -> float:
    """Milliseconds in which at least one of these hops was under way."""
    total, end = 0.0, 0.0
    for hop in sorted(hops, key=lambda hop: hop.started_at):
        until = hop.started_at * 1000 + hop.ms
        total += max(until - max(hop.started_at * 1000, end), 0.0)
        end = max(end, until)
    return total
