"""The outline of a run: for each node who would be asked now, and how often it asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.call_types import tokens
from orchestrator.errors import NoCandidateError
from orchestrator.graph.edges import Edges, reads
from orchestrator.project.schema import Agent, Graph, Node
from orchestrator.replay.planning.asking import Member, Pace, Use, paces
from orchestrator.replay.planning.history import Execution, Inputs, Past
from orchestrator.replay.planning.lengths import Lengths, PromptModel
from orchestrator.replay.planning.odds import Odds, likeness, parts_known
from orchestrator.roles.services import Services
from orchestrator.types import (
    Constraints,
    Context,
    Decision,
    Deployment,
    FleetSnapshot,
    Health,
    Risk,
    Setting,
)

Kind = Literal["agent", "each", "tool", "function", "person"]
_SELDOM = frozenset({"router"})
"""Roles that ask a model only where rules leave them unsure."""
_PROMPT_SD = 0.35
_OVERHEAD_MS = 5.0
_GUESSED_PARTS = 2
"""Where nobody knows how many subtasks there will be."""
_MIXED = 48
"""So many ways in which the subtasks of a known plan may ask are drawn from what is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a plan is asked for: the run's inputs and limits."""

    question: str
    inputs: Inputs
    data_class: str
    constraints: Constraints = Constraints()
    tags: tuple[str, ...] = ()
    risk: Risk | None = None
    budget_micro_usd: int | None = None
    budget_rule: str = "request.budget_usd"
    soft_limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way in which a node may ask: calls by agent; how likely it is compared with others."""

    calls: Mapping[str, int]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Decided:
    """Who is asked, and how long an answer the profile expects."""

    decision: Decision
    output_tokens: int


@dataclass(slots=True, kw_only=True)
class Step:
    """A node of the outline."""

    node: str
    kind: Kind
    uses: dict[str, Use] = field(default_factory=dict)
    decided: dict[str, Decided] = field(default_factory=dict)
    """By agent."""
    first: tuple[Pattern, ...] = ()
    later: tuple[Pattern, ...] = ()
    """In later rounds of a loop."""
    holds: float = 1.0
    """How likely its condition holds."""
    own_ms: float = 0.0
    side_by_side: float = 1.0
    """What share of the sum of its calls' times it takes, where they go side by side."""
    sources: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[int, int] | None = None
    """How many subtasks at least and at most, where it has any."""
    recorded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A plan that is known before the run: agent and needs of each subtask."""

    agents: tuple[str, ...]
    depth: int = 1
    """How many subtasks wait for each other at most."""
    certain: bool = True
    """Made by the model that will make it in the run, which always says the same."""


MOST_PARTS = 12
"""As many subtasks as a plan may have."""


class Learned:
    """What recorded runs teach, whatever is asked."""

    def __init__(self, runs: Sequence[Past], fleet: FleetSnapshot) -> None:
        self.runs, self.fleet = runs, fleet
        calls = [call for run in runs for call in run.calls]
        self.odds = Odds(runs)
        self.lengths = Lengths(calls)
        unseen = Health()
        self.pace = paces(
            [(a.deployment, a.output, a.ms) for c in calls for a in c.attempts],
            {d.id: _declared_pace(d, fleet.health.get(d.id, unseen)) for d in fleet.deployments},
        )


class Outliner:
    """Makes the outline of a graph's runs.

    Args:
        services: of the project; its `decide` says who is asked.
        known: node with subtasks → its plan, where something is known of it.
        decided: by node and agent, where it is not to be decided again.
    """

    def __init__(
        self,
        graph: Graph,
        edges: Edges,
        services: Services,
        ask: Ask,
        learned: Learned,
        known: Mapping[str, Known],
        decided: Mapping[tuple[str, str], Decided] | None = None,
    ) -> None:
        self._decided = decided or {}
        self.graph, self.edges, self.services, self.ask = graph, edges, services, ask
        self.runs, self.known = learned.runs, known
        self.odds, self.lengths, self._pace = learned.odds, learned.lengths, learned.pace
        self._fleet = learned.fleet
        self._by_id = {d.id: d for d in self._fleet.deployments}
        near = likeness(self.runs, ask.inputs)
        self._near = dict(zip((run.id for run in self.runs), near, strict=True))

    def steps(self, specialist: str | None) -> dict[str, Step]:
        """Every node, in topological order.

        Args:
            specialist: the agent of nodes whose agent a run chooses.
        """
        found: dict[str, Step] = {}
        written: dict[str, float] = {}
        families: dict[str, str | None] = {}
        for name in self.edges.order:
            node = self.graph.nodes[name]
            step = self._step(name, node, specialist)
            found[name] = step
            if step.kind in ("agent", "each"):
                other = (node.family or "").removeprefix("other-than ")
                self._ask(step, node, written, families.get(other))
                families[name] = self._family(step)
                written[name] = self._written(step, written)
        return found

    def _step(self, name: str, node: Node, specialist: str | None) -> Step:
        executions = [e for _, e in self.odds.executions(name, first=True)]
        step = Step(
            node=name,
            kind=kind_of(node),
            holds=self._holds(name, node),
            own_ms=_middle([e.own_ms for e in executions], 0.0 if node.agent else _OVERHEAD_MS),
            recorded=sum(1 for run in self.runs if name in run.executions),
            sources=written_by(self.graph, self.services.project.agents, name),
        )
        if step.kind == "each":
            self._subtasks(step, node, executions, specialist)
        elif step.kind == "agent":
            agent = node.agent or ""
            agent = (specialist or "") if "." in agent else agent
            seldom = self.services.project.agents[agent].role in _SELDOM if agent else True
            before = Pattern({} if seldom else {agent: 1})
            step.uses = {agent: Use(agent=agent, prompt=_NO_PROMPT)} if agent else {}
            step.first = self._patterns(name, before, first=True)
            step.later = self._patterns(name, before, first=False)
        return step

    def _holds(self, name: str, node: Node) -> float:
        if node.when is None:
            return 1.0
        waits = self.edges.waits[name]
        return self.odds.holds(name, waits[0] if waits else name)

    def _patterns(self, name: str, before: Pattern, *, first: bool) -> tuple[Pattern, ...]:
        """The ways in which the node has asked, those of runs like this one counting for more."""
        recorded = self.odds.executions(name, first=first)
        weights: dict[frozenset[tuple[str, int]], float] = {}
        for run, execution in recorded:
            way = frozenset(execution.calls.items())
            weights[way] = weights.get(way, 0.0) + self._near[run.id]
        found = tuple(Pattern(dict(way), weight) for way, weight in weights.items())
        return found if len(recorded) >= MOST_PARTS else (*found, before)

    def _subtasks(
        self, step: Step, node: Node, executions: Sequence[Execution], specialist: str | None
    ) -> None:
        known = self.known.get(step.node)
        fixed = node.agent if "." not in (node.agent or "") else None
        if known is not None and known.certain:
            agents = tuple(fixed or a for a in known.agents)
            step.parts = len(agents), len(agents)
            step.first = self._mixed(step.node, agents)
            step.side_by_side = known.depth / len(agents)
        else:
            step.parts = 1, MOST_PARTS
            guessed = known.agents if known else (specialist or "",) * _GUESSED_PARTS
            step.first = _around_so_many(tuple(fixed or a for a in guessed))
            if executions:
                step.first = self._patterns(step.node, step.first[0], first=True)
        shares = [e.wall_ms / e.call_ms for e in executions if e.call_ms > 0]
        step.side_by_side = min(_middle(shares, step.side_by_side), 1.0)
        step.later = step.first
        asked = {agent for p in step.first for agent in p.calls}
        step.uses = {a: Use(agent=a, prompt=_NO_PROMPT) for a in sorted(asked)}

    def _mixed(self, node: str, agents: Sequence[str]) -> tuple[Pattern, ...]:
        """Ways in which these subtasks may ask, by what such subtasks have asked."""
        import random

        seen, rng = parts_known(self.runs, node), random.Random(len(agents))
        before = {a: [*seen.get(a, ()), Counter({a: 1})] for a in agents}
        ways = _MIXED if any(len(found) > 1 for found in before.values()) else 1
        return tuple(
            Pattern(dict(sum((rng.choice(before[a]) for a in agents), Counter[str]())))
            for _ in range(ways)
        )

    # ── who is asked ─────────────────────────────────────────────────────────────────────

    def _ask(
        self, step: Step, node: Node, written: Mapping[str, float], family: str | None
    ) -> None:
        """Decide for each agent of the step, and fill in what its calls are like."""
        names = {*step.uses, *(a for p in (*step.first, *step.later) for a in p.calls)}
        upstream = sum(
            written.get(source, 0.0) / (self._parts(step) if how == "part" else 1.0)
            for source, how in step.sources.items()
        )
        for name in sorted(names & set(self.services.project.agents)):
            agent = self.services.project.agents[name]
            declared = self._declared_prompt(step, agent)
            prompt = self.lengths.prompt(step.node, name, declared)
            try:
                decided = self._decided.get((step.node, name))
                decided = decided or self._decide(agent, node, prompt, upstream, family)
            except NoCandidateError as error:
                step.uses[name] = Use(agent=name, prompt=prompt, refused=str(error))
                continue
            step.decided[name] = decided
            step.uses[name] = self._use(step, agent, prompt, decided)

    def _parts(self, step: Step) -> float:
        weights = sum(p.weight for p in step.first)
        counted = sum(p.weight * sum(p.calls.values()) for p in step.first)
        return max(counted / weights if weights else 1.0, 1.0)

    def _declared_prompt(self, step: Step, agent: Agent) -> PromptModel:
        each, reads_evidence = step.kind == "each", self._reads_sources(step.node, set())
        return PromptModel(
            constant=float(tokens(agent.prompt)),
            of_texts=0.5 if each else 1.0,
            of_sources=1.0 if reads_evidence else 0.0,
            of_upstream=1.0,
            sd=_PROMPT_SD,
        )

    def _reads_sources(self, name: str, seen: set[str]) -> bool:
        """Whether it reads files, or a tool that reads them."""
        for other in reads(self.graph.nodes[name]):
            kind = self.graph.input.get(other, "")
            if kind.startswith("paths"):
                return True
            node = self.graph.nodes.get(other)
            if node is not None and node.agent is None and other not in seen:
                seen.add(other)
                if self._reads_sources(other, seen):
                    return True
        return False

    def _decide(
        self, agent: Agent, node: Node, prompt: PromptModel, upstream: float, family: str | None
    ) -> Decided:
        services, ask = self.services, self.ask
        limits = ask.constraints
        text = f"{agent.prompt}\n{ask.question}"
        profile = services.profiler.profile(
            text,
            input_tokens=max(round(float(prompt.expected(ask.inputs, upstream))), 1),
            task=agent.task,
            agent=agent,
            data_class=ask.data_class,
            risk=ask.risk or agent.risk,
            tags=ask.tags,
            constraints=_tightened(limits, node, family),
        )
        declared = agent.call.model_dump(exclude_none=True)
        context = Context(
            estimates=services.predictor.predict(profile, self._fleet.deployments),
            predictor=services.predictor.version,
            budget_micro_usd=ask.budget_micro_usd,
            budget_rule=ask.budget_rule,
            soft_limits=ask.soft_limits,
            settings={
                k: Setting(value=v, origin=f"agent:{agent.name}") for k, v in declared.items()
            },
        )
        return Decided(services.decider(profile, self._fleet, context), profile.output_tokens)

    def _use(self, step: Step, agent: Agent, prompt: PromptModel, decided: Decided) -> Use:
        decision = decided.decision
        most = decision.settings.get("max_tokens")
        steps_up = decision.tactics.models if decision.strategy == "cascade" else 1
        at_once = decision.strategy in ("race", "panel") and decision.tactics.start == "together"
        members = []
        for place, id in enumerate(decision.chain):
            d = self._by_id[id]
            caps = [c for c in (most.value if most else None, d.max_output) if c is not None]
            members.append(
                Member(
                    deployment=id,
                    price=d.price,
                    counted=0.0 if d.deterministic else self.lengths.counted_by(d.model),
                    cached=self.lengths.cached_share(step.node, agent.name, id),
                    answer=self.lengths.answer(
                        step.node,
                        agent.name,
                        d.model,
                        decided.output_tokens,
                        0 if d.deterministic else min(caps, default=None),
                    ),
                    failing=self.odds.failing(agent.name, id, step=place < steps_up - 1),
                    pace=self._pace[id],
                    context=d.context,
                )
            )
        return Use(
            agent=agent.name,
            prompt=prompt,
            members=tuple(members),
            at_once=decision.tactics.models if at_once else 1,
            first_wins=decision.strategy == "race",
        )

    def _family(self, step: Step) -> str | None:
        decided = next(iter(step.decided.values()), None)
        return self._by_id[decided.decision.chosen].family if decided else None

    def _written(self, step: Step, written: Mapping[str, float]) -> float:
        """How much its calls write together, in the middle."""
        total, weights = 0.0, sum(p.weight for p in step.first) or 1.0
        for pattern in step.first:
            for name, count in pattern.calls.items():
                use = step.uses.get(name)
                if use is not None and use.members:
                    upstream = sum(written.get(s, 0.0) for s in step.sources)
                    prompt = float(use.prompt.expected(self.ask.inputs, upstream))
                    first = use.members[0].answer
                    total += pattern.weight / weights * count * first.expected(prompt)
        return total


def _around_so_many(agents: tuple[str, ...]) -> tuple[Pattern, ...]:
    """So many subtasks most likely, or one more or less."""
    fewer, more = agents[:-1] or agents, (*agents, agents[-1])
    ways = ((agents, 2.0), (fewer, 1.0), (more, 1.0))
    return tuple(Pattern(Counter(some), weight) for some, weight in ways)


_NO_PROMPT = PromptModel(0.0, 0.0, 0.0, 0.0, _PROMPT_SD)


def kind_of(node: Node) -> Kind:
    """What a node is."""
    if node.agent is not None:
        return "each" if node.each else "agent"
    if node.tool is not None:
        return "tool"
    return "function" if node.function is not None else "person"


def written_by(graph: Graph, agents: Mapping[str, Agent], name: str) -> dict[str, str]:
    """The nodes whose agents wrote what this one reads; `part` where it gets one subtask of it.

    What does not write itself, as tools, functions and routers, hands on what it reads.
    """
    node, found = graph.nodes[name], dict[str, str]()
    head = (node.each or "").split(".")[0]

    def follow(other: str, how: str, seen: frozenset[str]) -> None:
        source = graph.nodes.get(other)
        if source is None or other in seen:
            return
        agent = agents.get(source.agent or "")
        if source.agent is not None and (agent is None or agent.role not in _SELDOM):
            found.setdefault(other, how)
            return
        for further in reads(source):
            follow(further, how, seen | {other})

    for other in reads(node):
        follow(other, "part" if other == head else "whole", frozenset({name}))
    return found


def _tightened(limits: Constraints, node: Node, family: str | None) -> Constraints:
    import dataclasses

    costs = [c for c in (limits.max_cost_usd, node.usd) if c is not None]
    times = [t for t in (limits.latency_ms, node.latency_ms) if t is not None]
    return dataclasses.replace(
        limits,
        not_families=(*limits.not_families, *((family,) if family and node.family else ())),
        max_cost_usd=min(costs, default=None),
        latency_ms=min(times, default=None),
    )


def _declared_pace(deployment: Deployment, health: Health) -> Pace | None:
    first = (
        health.first_token_ms if health.first_token_ms is not None else deployment.first_token_ms
    )
    if deployment.deterministic:
        return Pace(float(first or 0), 0.0)
    speed = health.tokens_per_second or deployment.tokens_per_second
    if first is None or not speed:
        return None if health.p50_ms is None else Pace(float(health.p50_ms), 0.0)
    return Pace(float(first), 1000.0 / speed)


def _middle(values: Sequence[float], otherwise: float) -> float:
    import statistics

    return statistics.median(values) if values else otherwise
