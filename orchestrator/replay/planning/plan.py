"""`mesh plan`: what a run of a graph is expected to cost and take, before anything is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.graph.answer import RunOptions
from orchestrator.graph.edges import Edges, find_edges
from orchestrator.money import MICRO_USD, Usage
from orchestrator.project.schema import Graph
from orchestrator.replay.planning.bounds import Bounds, bounds_of
from orchestrator.replay.planning.calibrate import MOST, PARTS, Correction, Spread, correction
from orchestrator.replay.planning.history import Past, past_runs, size_of
from orchestrator.replay.planning.outline import (
    Ask,
    Known,
    Learned,
    Outliner,
    Step,
    written_by,
)
from orchestrator.replay.planning.simulate import Drawn, Simulation
from orchestrator.replay.planning.subtasks import known_plans, specialist_of
from orchestrator.replay.planning.values import GraphPlan, NodePlan, Range
from orchestrator.roles.services import Services
from orchestrator.tracing.steps import UsedRun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.graph.journal import JournalStore
    from orchestrator.project.registry import Registry
    from orchestrator.tracing.store import TraceStore

MOST_RUNS = 300
"""Recorded runs that are learned from; older ones tell little of what comes."""
DRAWN = 4000
"""Runs that are drawn for a plan; its ends are then off by a fiftieth of their distance."""
_DRAWN_AGAIN = 200
"""For each recorded run that is planned again."""
_ENDS = (5.0, 50.0, 95.0)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is on record of a graph's runs."""

    used: Sequence[UsedRun] = ()
    """Newest first."""
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What they were handed in, by run, as far as it is still kept."""


def recorded_runs(store: TraceStore, journals: JournalStore | None, graph: str) -> Recorded:
    """What is on record of the graph's newest runs; inputs as long as their journals are kept."""
    used = store.used(graph, MOST_RUNS)
    kept: dict[str, Mapping[str, Any]] = {}
    if journals is not None and used:
        names = {run.id for run in used}
        for record in journals.runs(2 * MOST_RUNS):
            if record.id in names and record.request:
                kept[record.id] = record.request["inputs"]
    return Recorded(used, kept)


class Planner:
    """Plans runs of one graph by what is on record of it."""

    def __init__(
        self, graph: Graph, services: Services, registry: Registry, recorded: Recorded
    ) -> None:
        self.graph, self.services, self.registry = graph, services, registry
        self.edges: Edges = find_edges(graph)
        project = services.project
        self.root = Path(project.root)
        self.each = frozenset(n for n, node in graph.nodes.items() if node.each)
        sizes = {run: size_of(graph, given, self.root) for run, given in recorded.inputs.items()}
        sources = {n: written_by(graph, project.agents, n) for n in graph.nodes}
        self.runs = past_runs(recorded.used, sizes, sources, self.each)

    async def plan(self, inputs: Mapping[str, Any], options: RunOptions) -> GraphPlan:
        """The plan of a run with these inputs, which are checked already."""
        ask = await self._ask(inputs, options)
        learned = Learned(self.runs, self.services.fleet())
        known = await known_plans(self.graph, self.services, self.registry, ask.question)
        specialist = specialist_of(self.services, ask.question)
        outliner = Outliner(self.graph, self.edges, self.services, ask, learned, known)
        steps = outliner.steps(specialist)
        drawn = Simulation(self.graph, self.edges, steps, learned.odds, ask.inputs).draw(DRAWN)
        cost, time = self._corrections(ask, known, specialist, steps)
        return self._told(ask, steps, drawn, cost, time, known)

    async def _ask(self, inputs: Mapping[str, Any], options: RunOptions) -> Ask:
        services = self.services
        standing = await services.ledger.standing("", options.caller, options.tags)
        limits = [(standing.left_micro_usd, f"budget:{standing.budget}")]
        if options.budget_usd is not None:
            limits.append((round(options.budget_usd * MICRO_USD), "request.budget_usd"))
        known = [(left, rule) for left, rule in limits if left is not None]
        left, rule = min(known, default=(None, "request.budget_usd"), key=lambda one: one[0])
        return Ask(
            question=_question(self.graph, inputs),
            inputs=size_of(self.graph, inputs, self.root),
            data_class=options.data_class or services.project.policy.default_data_class,
            constraints=options.constraints,
            tags=options.tags,
            risk=options.risk,
            budget_micro_usd=left,
            budget_rule=rule,
            soft_limits=standing.soft,
        )

    # ── held against what happened ───────────────────────────────────────────────────────

    def _corrections(
        self,
        ask: Ask,
        known: Mapping[str, Known],
        specialist: str | None,
        steps: Mapping[str, Step],
    ) -> tuple[Correction, Correction]:
        """Of cost and of time, from runs that were served as this one would be."""
        alike = [run for run in self.runs if _served_alike(run, steps)][:MOST]
        costs: list[tuple[Spread, float]] = []
        times: list[tuple[Spread, float]] = []
        fleet = self.services.fleet()
        decided = {(n, a): d for n, step in steps.items() for a, d in step.decided.items()}
        certain = {name for name, plan in known.items() if plan.certain}
        for part in range(PARTS):
            left_out = alike[part::PARTS]
            names = {run.id for run in left_out}
            learned = Learned([run for run in self.runs if run.id not in names], fleet)
            for run in left_out:
                was = {n: _plan_of(run, n) for n in certain if run.executions.get(n)}
                then = replace(ask, inputs=run.inputs)
                plans = {**known, **was}
                outliner = Outliner(
                    self.graph, self.edges, self.services, then, learned, plans, decided
                )
                outlined = outliner.steps(specialist)
                drawn = Simulation(self.graph, self.edges, outlined, learned.odds, run.inputs).draw(
                    _DRAWN_AGAIN
                )
                costs.append((_spread(drawn.cost), self._cost(run)))
                times.append((_spread(drawn.ms), run.ms))
        return correction(costs), correction(times)

    def _cost(self, run: Past) -> float:
        """What its tokens cost at the prices of today, in micro-dollars."""
        by_id, total = self.services.deployments(), 0.0
        for attempt in (a for call in run.calls for a in call.attempts):
            price = by_id[attempt.deployment].price if attempt.deployment in by_id else None
            usage = Usage(
                input=attempt.input, output=attempt.output, cached_input=attempt.cached_input
            )
            now = price.cost(usage) if price else None
            total += (attempt.cost_micro_usd or 0) if now is None else now
        return total

    # ── what is told ─────────────────────────────────────────────────────────────────────

    def _told(
        self,
        ask: Ask,
        steps: Mapping[str, Step],
        drawn: Drawn,
        cost: Correction,
        time: Correction,
        known: Mapping[str, Known],
    ) -> GraphPlan:
        bounds = bounds_of(self.graph, self.edges, steps, ask.inputs)
        nodes = tuple(_node(steps[n], drawn, bounds[n], cost) for n in self.edges.order)
        unknown = any(node.cost is None for node in nodes)
        most = [b.most for b in bounds.values()]
        longest = [b.most_ms for b in bounds.values()]
        whole = _range(
            drawn.cost,
            sum(b.least for b in bounds.values()),
            None if None in most else sum(b or 0.0 for b in most),
            cost,
            MICRO_USD,
        )
        lasting = _range(
            drawn.ms,
            max(b.least_ms for b in bounds.values()),
            None if None in longest else sum(t or 0.0 for t in longest),
            time,
        )
        deadline = float(self.services.project.settings.deadline_ms)
        worst = deadline if lasting.worst is None else min(lasting.worst, deadline)
        return GraphPlan(
            graph=self.graph.name,
            nodes=nodes,
            cost=None if unknown else whole,
            time=replace(lasting, worst=max(worst, lasting.high)),
            recorded=len(self.runs),
            checked_on=cost.runs,
            subtasks=_subtasks(steps, known),
            warnings=tuple(self._warnings(nodes, cost)),
            over=() if unknown else tuple(_over(whole, ask)),
        )

    def _warnings(self, nodes: Sequence[NodePlan], cost: Correction) -> list[str]:
        found = [f"{node.node}: {note}" for node in nodes for note in node.notes]
        if not self.runs:
            found.append(
                "no run of this graph is on record: lengths and odds are the declared ones, and "
                "the range is a guess"
            )
        elif not cost.runs:
            found.append(
                f"{len(self.runs)} recorded runs are too few to tell how wide the range must be"
            )
        return found


def _question(graph: Graph, inputs: Mapping[str, Any]) -> str:
    texts = (n for n, kind in graph.input.items() if kind.startswith("text"))
    return str(inputs.get(next(texts, "")) or "")


def _served_alike(run: Past, steps: Mapping[str, Step]) -> bool:
    """Whether those were asked first that would be asked first now."""
    for call in run.calls:
        step = steps.get(call.node)
        use = step.uses.get(call.agent) if step else None
        if use is None or not use.members:
            return False
        first = {m.deployment for m in use.members[: use.at_once]}
        if call.attempts[0].deployment not in first:
            return False
    return True


def _plan_of(run: Past, node: str) -> Known:
    parts = run.executions[node][0].parts
    return Known(agents=tuple(parts.values()) or ("",))


def _spread(values: NDArray[np.float64]) -> Spread:
    import numpy as np

    low, middle, high = np.percentile(values, _ENDS)
    return Spread(float(low), float(middle), float(high))


def _range(
    values: NDArray[np.float64],
    least: float,
    most: float | None,
    corrected: Correction,
    unit: float = 1.0,
) -> Range:
    spread = corrected.of(_spread(values))
    low, high = spread.low, spread.high
    if most is not None:
        most = max(most, high)
    return Range(
        best=min(least, low) / unit,
        low=low / unit,
        likely=spread.middle / unit,
        high=high / unit,
        worst=None if most is None else most / unit,
    )


def _node(step: Step, drawn: Drawn, bounds: Bounds, corrected: Correction) -> NodePlan:
    uses = tuple(step.uses.values())
    notes = [f"nobody may serve {use.agent}: {use.refused}" for use in uses if use.refused]
    unpriced = sorted({id for use in uses for id in use.unpriced})
    if unpriced:
        notes.append(f"unknown price of {', '.join(unpriced)}")
    # A node's own range is drawn; what corrects the whole says nothing of its parts but the middle.
    middle = Correction(shift=corrected.shift, runs=corrected.runs)
    return NodePlan(
        node=step.node,
        kind=step.kind,
        agents=tuple(use.agent for use in uses),
        deployments=tuple(dict.fromkeys(u.members[0].deployment for u in uses if u.members)),
        runs=drawn.times[step.node],
        calls=drawn.calls[step.node],
        cost=None
        if unpriced
        else _range(drawn.node_cost[step.node], bounds.least, bounds.most, middle, MICRO_USD),
        time=_range(drawn.node_ms[step.node], bounds.least_ms, bounds.most_ms, Correction()),
        recorded=step.recorded,
        notes=tuple(notes),
    )


def _subtasks(steps: Mapping[str, Step], known: Mapping[str, Known]) -> str:
    for name, step in steps.items():
        if step.kind != "each":
            continue
        plan = known.get(name)
        if plan is not None and plan.certain:
            count = len(plan.agents)
            return f"{count} subtask{'s' * (count != 1)}, as the deterministic decomposer plans it"
        if step.recorded:
            return f"subtasks as in {step.recorded} recorded runs"
        if plan is not None:
            return f"about {len(plan.agents)} subtasks, by the request's grammar"
        return "the number of subtasks is not known: a few are assumed"
    return ""


def _over(cost: Range, ask: Ask) -> list[str]:
    if ask.budget_micro_usd is None:
        return []
    left = ask.budget_micro_usd / MICRO_USD
    return [f"{ask.budget_rule} leaves ${left:.6g}"] if cost.high > left else []
