"""A run in this process: what it has, what it has done, and how a result is kept.

Each finished step is a journal entry under a key of its name, round, inputs, policy and
definition; the graph's state holds only those keys. A step that the journal holds is not run
again, and a result that was made under another definition is never taken for this one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.errors import InternalError
from orchestrator.evidence.sources.library import Library
from orchestrator.graph.ahead import Ahead, Turn
from orchestrator.graph.deadlines import Course
from orchestrator.graph.journal import RunJournal
from orchestrator.graph.pack import pack, unpack
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Graph
from orchestrator.records import Hop
from orchestrator.roles.events import HopStarted
from orchestrator.roles.services import Request, Services
from orchestrator.tracing.stream import emit, hop_event
from orchestrator.types import as_json, digest

if TYPE_CHECKING:
    from orchestrator.graph.asking import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A finished node: its value, who answered for it, and where it sends the run."""

    value: Any
    families: tuple[str, ...] = ()
    label: str = ""
    """What its function returned or its person answered, where the node has `to`."""
    hops: tuple[Hop, ...] = ()
    """What it put on the trace besides its model calls, which are journaled on their own."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A run in this process."""

    request: Request
    services: Services
    journal: RunJournal
    graph: Graph
    registry: Registry
    library: Library
    inputs: Mapping[str, Any]
    definitions: Mapping[str, str]
    """Node → the digest of what the project says about it."""
    course: Course
    embedded: bool = False
    """True where the run was started by somebody else's LangGraph."""
    done: dict[str, Recorded] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    """The questions to a person that wait, by node."""
    kept: set[tuple[str, int]] = field(default_factory=set)
    """Steps with their rounds whose result an earlier process recorded, and which still holds."""
    ahead: Ahead[Recorded]

    def record(self, hop: Hop) -> Hop:
        """Put a hop on the trace, and tell of it."""
        self.services.recorder.hop(hop)
        self.request.tell(hop)
        emit(lambda: hop_event(hop))
        return hop

    def begin(self, node: str, turn: Turn, agent: str | None) -> None:
        """Tell that a step begins."""
        trace = self.request.trace_id
        self.request.tell(HopStarted(trace_id=trace, node=node, round=turn.round, agent=agent))

    def key(self, name: str, turn: Turn, inputs: Any) -> str:
        """The journal key of a node, or of a subtask `node/id`."""
        policy = self.services.project.policy_hash
        definition = self.definitions[name.split("/")[0]]
        return digest(["node", name, turn.round, pack(inputs), policy, definition])


async def recall(run: Run, key: str) -> Recorded:
    """The result recorded under `key`. Raises `InternalError` where there is none."""
    if key not in run.done:
        held = await run.journal.get(key)
        if held is None:
            raise InternalError(f"the journal of run '{run.request.trace_id}' misses '{key}'")
        run.done[key] = Recorded(
            value=unpack(held["value"]),
            families=tuple(held["families"]),
            label=held["label"],
        )
    return run.done[key]


async def journaled(
    run: Run, name: str, turn: Turn, inputs: Any, work: Callable[[], Awaitable[Recorded]]
) -> tuple[str, Recorded]:
    """The journal's result of this step, or that of `work`, recorded before anybody sees it."""
    key = run.key(name, turn, inputs)
    if await run.journal.get(key) is None:
        await keep(run, name, key, await work())
    else:
        run.kept.add((name, turn.round))
    return key, await recall(run, key)


async def keep(run: Run, name: str, key: str, recorded: Recorded) -> None:
    """Record a result under `key`."""
    value = {
        "value": pack(recorded.value),
        "families": list(recorded.families),
        "label": recorded.label,
        "hops": as_json(recorded.hops),
    }
    await run.journal.put(key, value, node=name)
    # What the next node sees is what a resume would see.
    run.done.pop(key, None)
