"""What the checks of a graph stand on: the declared fleet with all of it available, and places.

A key that is not set or a server that is down is no mistake of the project, so nothing here looks
at the environment's health. Of a request only the least is assumed: the fixed text of a prompt as
its input and the tokens that the agent declares as its output. Who may not serve that may serve
nothing at this place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from orchestrator.call_types import tokens
from orchestrator.errors import NoCandidateError
from orchestrator.fleet.build import build_fleet
from orchestrator.money import MICRO_USD
from orchestrator.project._documents import Document
from orchestrator.project._yaml import Node as Value
from orchestrator.project.load import LoadedProject
from orchestrator.project.policy_schema import Policy
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Node, Project
from orchestrator.roles.bounds import Bounds, Purse
from orchestrator.routing.decide import decide
from orchestrator.routing.predict import PriorPredictor
from orchestrator.types import (
    Constraints,
    Context,
    Decision,
    Deployment,
    FleetSnapshot,
    TaskProfile,
)

_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
_REMEDIES: Mapping[str, str] = {
    "fleet.capability.tasks": "give a model of fleet.yaml the task",
    "fleet.capability.context": "state a larger context in fleet.yaml, or ask for less output",
    "request.needs": "let the agent need less, or name it under 'can' of a model that can do it",
    "fleet.capability.tools": "let the agent use fewer tools, or name them under a model's 'tools'",
    "request.max_cost_usd": "raise the node's usd, or let a cheaper model do it",
    "request.latency_ms": "raise the node's latency_ms, or let a faster model do it",
}
"""What to do about a rule that nobody can relax in policy.yaml."""


@dataclass(frozen=True)
class World:
    """A project and who is declared to serve it."""

    project: Project
    registry: Registry
    fleet: FleetSnapshot
    slips: frozenset[str] = frozenset()
    """Tasks that were told to be misspelt: that nobody serves them is no second mistake."""

    @classmethod
    def of(cls, loaded: LoadedProject, env: Mapping[str, str]) -> World:
        """Raises `UserError` where the fleet cannot be built."""
        fleet = everybody(build_fleet(loaded.project.fleet, env))
        slips = frozenset(p.found for p in loaded.warnings if p.code == "unknown-task")
        return cls(loaded.project, loaded.registry, fleet, slips)

    @cached_property
    def deployments(self) -> Mapping[str, Deployment]:
        return {d.id: d for d in self.fleet.deployments}

    def decide(self, profile: TaskProfile, policy: Policy | None = None) -> Decision:
        """Raises `NoCandidateError` as routing does."""
        predictor = PriorPredictor()
        context = Context(
            estimates=predictor.predict(profile, self.fleet.deployments),
            predictor=predictor.version,
        )
        return decide(profile, self.fleet, policy or self.project.policy, context)

    def profile(
        self, agent: Agent, node: Node | None = None, data_class: str | None = None
    ) -> TaskProfile:
        """The least that the agent asks for."""
        return least_profile(agent, data_class or self.project.policy.default_data_class, node)

    def agent(self, node: Node) -> Agent | None:
        """The agent of a node; `None` where it has none, or one that is chosen while it runs."""
        return self.project.agents.get(node.agent or "")

    def needs_a_model(self, agent: Agent) -> Literal["yes", "maybe", "no"]:
        """Whether its role calls a model, and fails where none may serve it.

        `maybe` where its decorator does not say what it fills in, and its code speaks of a call.
        """
        facts = self.registry.facts("role", agent.role)
        if facts.goes_on or agent.role not in self.registry.names("role"):
            return "no"
        if facts.variables is not None:
            return "yes"
        code = getattr(self.registry.get("role", agent.role), "__code__", None)
        names = code.co_names if code else ()
        return "maybe" if "call" in names and "NoCandidateError" not in names else "no"


def everybody(deployments: Sequence[Deployment]) -> FleetSnapshot:
    """A snapshot in which every deployment is available."""
    return FleetSnapshot(deployments=tuple(deployments), health={}, hash="declared")


def least_profile(
    agent: Agent, data_class: str, node: Node | None = None, limits: Constraints = Constraints()
) -> TaskProfile:
    """The smallest request that the agent can make at that node, within these limits."""
    if node is not None:
        purse = Purse(limit=None if node.usd is None else round(node.usd * MICRO_USD))
        limits = Bounds(deadline=0.0, latency_ms=node.latency_ms, purse=purse).tightened(limits)
    return TaskProfile(
        task=agent.task,
        output="json" if agent.output else "text",
        input_tokens=tokens(_VARIABLE.sub("", agent.prompt)),
        output_tokens=agent.output_tokens or 1,
        data_class=data_class,
        risk=agent.risk or "normal",
        needs=tuple(sorted(set(agent.needs))),
        constraints=limits,
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where things stand in the declared files."""

    loaded: LoadedProject

    def own(self, key: str) -> bool:
        """Whether the project declares the file itself."""
        return key not in self.loaded.inherited

    def of(self, key: str) -> Document:
        """The declared file with that key, such as `graphs/answer.yaml`."""
        # A project that was put together without its files has a key for each all the same.
        return self.loaded.documents.get(key) or Document(key, (), Value(1, 1, {}))

    def graph(self, graph: Graph) -> Document:
        return self.of(f"graphs/{graph.name}.yaml")

    def advice(self, error: NoCandidateError, policy: Policy) -> str:
        """What to change, and in which line the rules to relax stand."""
        lines = [self._line(rule, policy) for rule in error.relax]
        told = [_REMEDIES[rule] for rule in error.relax if rule in _REMEDIES]
        told += [error.advice, *dict.fromkeys(f"see {line}" for line in lines if line)]
        return "; ".join(told)

    def _line(self, rule: str, policy: Policy) -> str:
        route = route_of(rule, policy)
        if route is None:
            return ""
        [place] = self.loaded.located([self.of("policy.yaml").problem(("routes", route), "")])
        return f"{place.file}:{place.line}"


def route_of(rule: str, policy: Policy) -> int | None:
    """The index of the route that a rule's name (`route:pii.require.hosting`) belongs to."""
    names = [route.name for route in policy.routes]
    fitting = [n for n in names if rule.startswith(f"route:{n}.")]
    return names.index(max(fitting, key=len)) if fitting else None
