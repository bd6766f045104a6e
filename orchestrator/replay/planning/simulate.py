"""Runs of a graph, drawn by the thousand: what each costs and takes. No model is called.

All runs go through the graph together, node by node; which of them a node concerns is a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.graph.edges import Edges
from orchestrator.project.schema import Graph
from orchestrator.replay.planning.asking import ask
from orchestrator.replay.planning.history import Inputs
from orchestrator.replay.planning.odds import Odds
from orchestrator.replay.planning.outline import Pattern, Step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]


@dataclass(slots=True)
class Drawn:
    """What the runs have used, one number each: micro-dollars and milliseconds."""

    cost: Numbers
    ms: Numbers
    node_cost: dict[str, Numbers] = field(default_factory=dict)
    node_ms: dict[str, Numbers] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    """How often each node ran, on average."""
    calls: dict[str, float] = field(default_factory=dict)


class Simulation:
    """Draws runs; the same seed draws the same."""

    def __init__(
        self, graph: Graph, edges: Edges, steps: Mapping[str, Step], odds: Odds, inputs: Inputs
    ) -> None:
        self._graph, self._edges, self._steps = graph, edges, steps
        self._odds, self._inputs = odds, inputs
        self._rank = {name: place for place, name in enumerate(edges.order)}
        self._after: dict[str, tuple[str, ...]] = {
            name: tuple(
                c
                for c, labels in edges.choices.items()
                if name in labels.values() and self._rank[c] < self._rank[name]
            )
            for name in edges.order
        }
        """Node → those that may choose it as the way onward."""

    def draw(self, count: int, seed: int = 0) -> Drawn:
        """So many runs."""
        import numpy as np

        self._rng = np.random.default_rng(seed)
        self._count = count
        self._passed = {n: np.zeros(count, dtype=bool) for n in self._edges.order}
        self._finish = {n: np.zeros(count) for n in self._edges.order}
        self._written = {n: np.zeros(count) for n in self._edges.order}
        self._cost = {n: np.zeros(count) for n in self._edges.order}
        self._took = {n: np.zeros(count) for n in self._edges.order}
        self._ran = {n: np.zeros(count) for n in self._edges.order}
        self._calls = dict.fromkeys(self._edges.order, 0.0)
        self._sent_back = {n: np.zeros(count, dtype=int) for n in self._edges.choices}
        self._chosen: dict[str, Truths] = {}
        everyone = np.ones(count, dtype=bool)
        self._walk(self._edges.order, everyone, np.zeros(count))
        return Drawn(
            cost=np.sum(list(self._cost.values()), axis=0),
            ms=np.max(list(self._finish.values()), axis=0),
            node_cost=self._cost,
            node_ms=self._took,
            times={n: float(ran.mean()) for n, ran in self._ran.items()},
            calls={n: total / count for n, total in self._calls.items()},
        )

    def _walk(self, nodes: Sequence[str], mask: Truths, begins: Numbers) -> None:
        """Run these nodes in order, in the runs of the mask, none before its time."""
        for name in nodes:
            turn = mask & self._ready(name)
            if not turn.any():
                continue
            self._run(name, turn, begins)
            if name in self._edges.choices:
                self._choose(name, turn)

    def _ready(self, name: str) -> Truths:
        """In which runs everything is there that the node waits for, and nobody left it out."""
        import numpy as np

        ready = np.zeros(self._count, dtype=bool)
        ways = self._edges.alternatives[name]
        for way in ways:
            ready |= np.logical_and.reduce([self._passed[w] for w in way])
        if not ways:
            ready[:] = True
        if self._after[name]:
            ready &= np.logical_or.reduce([self._passed[c] for c in self._after[name]])
        return ready & self._chosen[name] if name in self._chosen else ready

    def _run(self, name: str, turn: Truths, begins: Numbers) -> None:
        import numpy as np

        step, rng = self._steps[name], self._rng
        waits = [self._finish[w] for w in (*self._edges.waits[name], *self._after[name])]
        start = np.maximum.reduce([begins, *waits])
        runs = turn & (rng.random(self._count) < step.holds) if step.holds < 1 else turn
        took = np.zeros(self._count)
        first = runs & (self._ran[name] == 0)
        if step.uses:
            self._written[name][runs] = 0.0
        for some, patterns in ((first, step.first), (runs & ~first, step.later)):
            if patterns and some.any():
                self._ask(step, some, patterns, took)
        took[runs] += step.own_ms
        self._ran[name][runs] += 1
        self._took[name] += took
        self._passed[name] |= turn
        self._finish[name] = np.where(turn, start + took, self._finish[name])

    def _ask(self, step: Step, some: Truths, patterns: Sequence[Pattern], took: Numbers) -> None:
        """Draw how each run asks, and then its calls."""
        import numpy as np

        at = np.flatnonzero(some)
        weights = np.array([p.weight for p in patterns])
        drawn = self._rng.choice(len(patterns), size=len(at), p=weights / weights.sum())
        whole = np.array([max(sum(p.calls.values()), 1) for p in patterns], dtype=float)[drawn]
        upstream = np.zeros(len(at))
        for source, how in step.sources.items():
            amount = self._written[source][at]
            upstream += amount / whole if how == "part" else amount
        summed, longest = np.zeros(len(at)), np.zeros(len(at))
        for name, use in step.uses.items():
            counts = np.array([p.calls.get(name, 0) for p in patterns])[drawn]
            for number in range(int(counts.max(initial=0))):
                here = np.flatnonzero(counts > number)
                prompt = use.prompt.draw(self._inputs, upstream[here], self._rng)
                asked = ask(use, prompt, self._rng)
                self._cost[step.node][at[here]] += asked.cost
                self._written[step.node][at[here]] += asked.answer
                if use.members and use.members[0].counted:  # code is not called
                    self._calls[step.node] += len(here)
                summed[here] += asked.ms
                longest[here] = np.maximum(longest[here], asked.ms)
        took[at] += np.maximum(summed * step.side_by_side, longest)

    def _choose(self, name: str, turn: Truths) -> None:
        """Send runs back, as often as they may be; the others go on along one of the ways."""
        import numpy as np

        targets = dict.fromkeys(self._edges.choices[name].values())
        body = self._edges.bodies.get(name, frozenset())
        back = [t for t in targets if t in body and self._rank[t] <= self._rank[name]]
        onward = [t for t in targets if t not in back]
        if back:
            most, times = self._graph.nodes[name].at_most or 1, self._sent_back[name]
            chances = np.array([self._odds.sent_back(name, n) for n in range(most)] + [0.0])
            again = turn & (self._rng.random(self._count) < chances[np.minimum(times, most)])
            times[again] += 1
            if again.any():
                within = [n for n in self._edges.order if n in body]
                self._walk(within, again, self._finish[name].copy())
        if len(onward) > 1:
            shares = np.cumsum(self._odds.chosen(onward))
            taken = np.minimum(
                np.searchsorted(shares, self._rng.random(self._count)), len(onward) - 1
            )
            for place, target in enumerate(onward):
                old = self._chosen.get(target, np.zeros(self._count, dtype=bool))
                self._chosen[target] = np.where(turn, taken == place, old)
