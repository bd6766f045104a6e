"""What a role sees: its agent, its inputs, and the one way to a model.

    @role("checker")
    async def check(work: Work) -> Checks:
        draft = work.one(Draft)
        ...
        reply = await work.call(variables={"claims": ...}, inputs={"claims": ...}, check=parse)

A role never touches a transport. `call` is the whole life of a hop: journal, profile, decide,
call, validate, record; its result is replayed from the journal when a run is resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from orchestrator.call_types import Reply
from orchestrator.evidence.scoring.model import SupportModel
from orchestrator.evidence.values import Value
from orchestrator.guard.risk import Event
from orchestrator.project.protocols import Embedder
from orchestrator.project.schema import Agent
from orchestrator.types import Decision, Deployment, Effort, TaskProfile

V = TypeVar("V", bound=Value)


class InvalidOutputError(ValueError):
    """Raised by a `check` function: the output cannot be used, for the reason given.

    The attempt is recorded as `invalid_output` and the next deployment of the decision's chain
    is asked.
    """


class Work(Protocol):
    """One execution of an agent in a graph."""

    @property
    def agent(self) -> Agent: ...

    @property
    def node(self) -> str:
        """The graph's node; `work/cost` for the subtask `cost` of node `work`."""
        ...

    @property
    def round(self) -> int:
        """0, then 1, 2, … where a loop came back to this node."""
        ...

    @property
    def question(self) -> str:
        """The request's text: the graph's first `text` input."""
        ...

    @property
    def inputs(self) -> Mapping[str, Any]:
        """By node or input name: what this node reads. Values are typed (`Plan`, `Draft`, …)."""
        ...

    @property
    def embedder(self) -> Embedder: ...

    @property
    def support_model(self) -> SupportModel:
        """Scores claims; the project's own where mesh.yaml names one."""
        ...

    @property
    def effort(self) -> Effort:
        """How much the answer is to be checked; decided once for the run."""
        ...

    @property
    def effort_origin(self) -> str:
        """Who asked for that much; see `Decision.checking_origin`."""
        ...

    @property
    def independent(self) -> str:
        """The route by which checkers must be of other families than the author; empty: none."""
        ...

    @property
    def family_excluded(self) -> str | None:
        """The family that `family: other-than NODE` rules out here, if it has one."""
        ...

    @property
    def seed(self) -> str:
        """Of chance: the run, the node and its round, so that a replay makes the same choices."""
        ...

    @property
    def agents(self) -> Mapping[str, Agent]:
        """All agents of the project, for the routing agent and the decomposer."""
        ...

    def one(self, kind: type[V]) -> V:
        """The only input of that type. Raises `InternalError` where there is none."""
        ...

    def maybe(self, kind: type[V]) -> V | None:
        """The latest input of that type, if there is one."""
        ...

    def all(self, kind: type[V]) -> list[V]:
        """Every input of that type; lists among the inputs are looked into."""
        ...

    async def call(
        self,
        *,
        variables: Mapping[str, str],
        inputs: Mapping[str, Any],
        check: Callable[[str], Any] | None = None,
        schema: Mapping[str, Any] | None = None,
        agent: Agent | None = None,
        profile: TaskProfile | None = None,
    ) -> Reply:
        """Route and call a model for this agent (or for `agent`).

        Args:
            variables: fill `{{ name }}` in the agent's prompt.
            inputs: the same content as JSON-like values, which deterministic models read.
            check: turns the output into a value, or raises `InvalidOutputError`.
            schema: JSON Schema that is asked for from models that can be constrained.
            profile: a completed profile; where absent the hop is profiled from its texts.

        Raises:
            NoCandidateError: no deployment may serve this hop.
            CallError: every attempt failed.
        """
        ...

    def profile(self, text: str, *, task: str | None, agent: Agent | None = None) -> TaskProfile:
        """The task profile of a text for an agent; pure and fast. Without a task it is guessed."""
        ...

    def decide(self, profile: TaskProfile, *, step: str = "") -> Decision:
        """What routing would do. Calls nothing.

        Args:
            step: where it is not empty the decision is put on the trace, as `node/step`.
        """
        ...

    def deployment(self, id: str) -> Deployment:
        """A deployment of the fleet, as decisions and replies name it."""
        ...

    def put(self, step: str, text: str) -> None:
        """Put what was found on the trace, as `node/step`; what may be kept of it is the
        strictest that the run has met."""
        ...

    async def meets(self, event: Event, why: str) -> bool:
        """The run has met something that may raise its risk; whether it did.

        Args:
            why: in words that hold nothing of any text.
        """
        ...

    def note(self, text: str) -> None:
        """Put a remark on this hop in the trace (a degradation, a replaced plan, …)."""
        ...
