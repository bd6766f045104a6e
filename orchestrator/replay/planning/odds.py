"""How often things happen in a run, by what recorded runs have done: rounds, conditions, failures.

Each share is the mean of a Beta distribution: what was counted, and a little of what is expected
beforehand, so that few runs say little.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from orchestrator.replay.planning.history import ENDS, Execution, Inputs, Past
from orchestrator.tracing.steps import UsedCall
from orchestrator.types import Outcome

SENT_BACK = (0.5, 1.0)
"""Before anything is counted: as if half a run had been sent back and one had not."""
_EITHER = (0.5, 0.5)
_ENDS, _UNSURE = (4.9, 0.1), (1.2, 0.8)
"""Of a call, and of one that a cascade may take to a better model."""
_PAID = (1.0, 1.0)
_AGAIN = (0.5, 1.0)
_NEAR, _NEAR_PARTS = 1.0, 0.25
"""Runs whose inputs differ by such a factor, in logarithms, say two thirds as much."""
_ANY = 0.05
"""What the most different run still says."""


@dataclass(frozen=True, slots=True)
class Failing:
    """What becomes of one attempt."""

    ends: float
    """How likely nobody needs to be asked after it."""
    paid: float
    """Of one that does not end it: how likely it is paid for all the same."""
    again: float
    """And how likely the same deployment is asked once more."""


def share(yes: float, no: float, before: tuple[float, float] = _EITHER) -> float:
    """The mean of the Beta distribution."""
    return (yes + before[0]) / (yes + no + sum(before))


class Odds:
    """What recorded runs say of a graph's course."""

    def __init__(self, runs: Sequence[Past]) -> None:
        self.runs = runs
        self._tried: dict[tuple[str, str], Counter[str]] = {}
        self._executions: dict[tuple[str, bool], list[tuple[Past, Execution]]] = {}
        for call in (c for run in runs for c in run.calls):
            for place, attempt in enumerate(call.attempts):
                keys = ((call.agent, attempt.deployment), ("", attempt.deployment))
                after = next(iter(call.attempts[place + 1 :]), None)
                for key in keys:
                    _count(self._tried.setdefault(key, Counter()), attempt, after)

    def failing(self, agent: str, deployment: str, *, step: bool) -> Failing:
        """Of an attempt at the deployment.

        Args:
            step: a better one is asked where it is not sure.
        """
        of_all = self._tried.get(("", deployment), Counter())
        own = self._tried.get((agent, deployment), Counter())
        before = _UNSURE if step else _ENDS
        if not step:  # what it does for others counts for a little
            whole = share(of_all["ends"], of_all["goes on"], before)
            before = (5.0 * whole, 5.0 * (1.0 - whole))
        return Failing(
            ends=share(own["ends"], own["goes on"], before),
            paid=share(own["paid"], own["free"], _PAID),
            again=share(own["again"], own["other"], _AGAIN),
        )

    def sent_back(self, chooser: str, times: int) -> float:
        """How likely the node sends the run back once more, having done so `times` times."""
        counts = [len(run.executions[chooser]) for run in self.runs if chooser in run.executions]
        yes = sum(1 for n in counts if n > times + 1)
        return share(yes, sum(1 for n in counts if n == times + 1), SENT_BACK)

    def chosen(self, targets: Sequence[str]) -> list[float]:
        """How likely the run goes on at each of these nodes, one of which a node chooses."""
        counts = [0.5 + sum(1 for r in self.runs if t in r.executions) for t in targets]
        return [count / sum(counts) for count in counts]

    def holds(self, node: str, before: str) -> float:
        """How likely the condition of the node holds when its turn comes.

        Args:
            before: a node that it waits for; it has as many turns as that one has runs.
        """
        turns = sum(len(run.executions.get(before, ())) for run in self.runs)
        ran = sum(len(run.executions.get(node, ())) for run in self.runs)
        return min(share(ran, max(turns - ran, 0)), 1.0)

    def executions(self, node: str, *, first: bool) -> list[tuple[Past, Execution]]:
        """Every recorded run of the node: its first ones, or later ones if there were any."""
        key = node, first
        if key not in self._executions:
            every = [(run, e) for run in self.runs for e in run.executions.get(node, ())]
            self._executions[key] = [(run, e) for run, e in every if e.first == first] or every
        return self._executions[key]


def _count(counted: Counter[str], attempt: UsedCall, after: UsedCall | None) -> None:
    if attempt.outcome is Outcome.CANCELLED:
        return  # another one was faster
    if attempt.outcome in ENDS:
        counted["ends"] += 1
        return
    counted["goes on"] += 1
    counted["paid" if attempt.cost_micro_usd or attempt.output else "free"] += 1
    if after is not None:
        counted["again" if after.deployment == attempt.deployment else "other"] += 1


def likeness(runs: Sequence[Past], inputs: Inputs) -> list[float]:
    """How much each run says of one with these inputs: a Gaussian kernel over how long they are
    and over how many things they ask for."""
    here = _place(inputs)
    return [
        _ANY + exp(-sum((a - b) ** 2 for a, b in zip(_place(run.inputs), here, strict=True)) / 2)
        for run in runs
    ]


def _place(inputs: Inputs) -> tuple[float, float]:
    return log(1.0 + inputs.texts + inputs.sources) / _NEAR, log(inputs.parts) / _NEAR_PARTS


def parts_known(runs: Sequence[Past], node: str) -> Mapping[str, Sequence[Counter[str]]]:
    """Agent → of each of its recorded subtasks at the node, how often it asked."""
    found: dict[str, list[Counter[str]]] = {}
    for run in runs:
        asked: dict[tuple[int, str], Counter[str]] = {}
        for call in run.calls:
            if call.node == node and call.part:
                asked.setdefault((call.round, call.part), Counter())[call.agent] += 1
        for execution in run.executions.get(node, ()):
            for part, agent in execution.parts.items():
                found.setdefault(agent, []).append(asked.get((0, part), Counter()))
    return found
