"""Recorded runs of one graph, as planning looks at them: who was asked, how much went and came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.call_types import tokens
from orchestrator.project.schema import Graph
from orchestrator.roles.clauses import split
from orchestrator.tracing.steps import UsedCall, UsedRun, UsedStep
from orchestrator.types import Outcome

ENDS = frozenset({Outcome.OK, Outcome.REFUSED, Outcome.DIVERGED})
"""Outcomes after which nobody else is asked."""
_BYTES_A_TOKEN = 4
_READ = 4000
"""Characters of a question that are looked at for what it asks."""
_MOST_EVIDENCE = 4000.0
"""Tokens of sources that reach a model at most: passages are selected."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """How much a caller hands in, in tokens."""

    texts: float
    sources: float = 0.0
    """Of their files as many as can reach a model."""
    parts: int = 1
    """How many things the question asks for, by its grammar."""


@dataclass(frozen=True, slots=True)
class Call:
    """One hop that asked models."""

    node: str
    part: str
    """Of a node with subtasks: which; else empty."""
    round: int
    agent: str
    prompt: int
    attempts: tuple[UsedCall, ...]
    inputs: Inputs
    upstream: float
    """Tokens that models have written for what this node reads."""

    @property
    def answer(self) -> UsedCall | None:
        """The attempt whose answer was taken."""
        ended = [a for a in self.attempts if a.outcome is Outcome.OK]
        return ended[-1] if ended else None


@dataclass(slots=True)
class Execution:
    """One run of one node: which agents asked models, and how often."""

    first: bool
    calls: Counter[str] = field(default_factory=Counter)
    parts: dict[str, str] = field(default_factory=dict)
    """Of a node with subtasks: subtask → agent."""
    own_ms: float = 0.0
    """What it took besides calls, of tools and functions all of it."""
    wall_ms: float = 0.0
    call_ms: float = 0.0
    """The sum over its calls, whether they went side by side or not."""


@dataclass(slots=True)
class Past:
    """One recorded run."""

    id: str
    inputs: Inputs
    cost_micro_usd: int | None
    ms: float
    calls: list[Call] = field(default_factory=list)
    executions: dict[str, list[Execution]] = field(default_factory=dict)
    """By node, in order; a node that is not here did not run."""


def size_of(graph: Graph, inputs: Mapping[str, Any], root: Path) -> Inputs:
    """How much these inputs are. Files are looked at for their size alone."""
    texts = sources = 0.0
    question = ""
    for name, kind in graph.input.items():
        value = inputs.get(name)
        if value is None:
            continue
        if kind.startswith("paths"):
            sources += sum(_bytes(root / path) for path in value) / _BYTES_A_TOKEN
        else:
            text = value if isinstance(value, str) else str(value)
            texts += tokens(text)
            question = question or (text if kind.startswith("text") else "")
    return Inputs(texts, min(sources, _MOST_EVIDENCE), parts_of(question))


def parts_of(question: str) -> int:
    """How many things are asked for, by the question's grammar."""
    return max(1, sum(1 for clause in split(question[:_READ]) if clause.asks))


def _bytes(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        return path.stat().st_size
    except OSError:
        return 0  # a run says so when it comes to it


def past_runs(
    used: Sequence[UsedRun],
    inputs: Mapping[str, Inputs],
    sources: Mapping[str, Mapping[str, str]],
    each: frozenset[str],
) -> list[Past]:
    """The recorded runs.

    Args:
        inputs: by run, where it is known; the question alone counts elsewhere.
        sources: node → the nodes whose models wrote what it reads, each with `whole` or `part`.
        each: nodes with subtasks.
    """
    return [_past(run, inputs.get(run.id), sources, each) for run in used]


def _past(
    run: UsedRun,
    inputs: Inputs | None,
    sources: Mapping[str, Mapping[str, str]],
    each: frozenset[str],
) -> Past:
    question = run.question or ""
    given = inputs or Inputs(float(tokens(question)), parts=parts_of(question))
    past = Past(run.id, given, run.cost_micro_usd, run.ms)
    written: dict[str, dict[tuple[int, str], float]] = {}
    parts = {node: {s.node for s in run.steps if s.node.startswith(f"{node}/")} for node in each}
    for name, number, steps in _by_execution(run.steps):
        found = past.executions.setdefault(name, [])
        execution = Execution(first=not found)
        found.append(execution)
        for step in steps:
            part = step.node.partition("/")[2] if name in each else ""
            agent = step.agent or ""
            if part:
                execution.parts[part] = agent
            asked = _asked(step)
            if not asked:
                continue
            execution.calls[agent] += 1
            execution.call_ms += sum(a.ms for a in asked)
            upstream = _upstream(sources[name], written, len(parts.get(name, ())) or 1)
            prompt = step.input_tokens or asked[-1].input
            call = Call(name, part, step.round, agent, prompt, asked, given, upstream)
            past.calls.append(call)
            if call.answer is not None:
                kept = written.setdefault(name, {})
                kept[number, step.node] = kept.get((number, step.node), 0.0) + call.answer.output
        execution.wall_ms = max(s.started_at + s.ms / 1000 for s in steps) * 1000
        execution.wall_ms -= min(s.started_at for s in steps) * 1000
        execution.own_ms = max(0.0, execution.wall_ms - execution.call_ms)
    return past


def _asked(step: UsedStep) -> tuple[UsedCall, ...]:
    """Its attempts; what was answered as before is no call."""
    return tuple(a for a in step.calls if a.kind != "cached")


def _by_execution(steps: Sequence[UsedStep]) -> Iterator[tuple[str, int, list[UsedStep]]]:
    """Node, round and steps of each time that a node ran, in the order in which they began."""
    grouped: dict[tuple[str, int], list[UsedStep]] = {}
    for step in steps:
        if step.status not in ("skipped", "cancelled"):
            grouped.setdefault((step.node.partition("/")[0], step.round), []).append(step)
    for (name, number), found in grouped.items():
        yield name, number, found


def _upstream(
    sources: Mapping[str, str], written: Mapping[str, Mapping[tuple[int, str], float]], parts: int
) -> float:
    """What the nodes read from have written last."""
    total = 0.0
    for node, how in sources.items():
        kept = written.get(node)
        if kept:
            last = max(number for number, _ in kept)
            amount = sum(value for (number, _), value in kept.items() if number == last)
            total += amount / parts if how == "part" else amount
    return total
