"""The least and the most that a run can cost and take, from what is declared and never drawn.

The least: every answer short, nothing fails, no round is repeated, every condition false, of ways
the cheapest. The most: every round, every subtask, every retry and fallback, the longest prompt
that a context holds and the longest answer that is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from orchestrator.graph.edges import Edges
from orchestrator.money import MICRO_USD, PICO_PER_MICRO
from orchestrator.project.schema import Graph
from orchestrator.replay.planning.asking import MOST_TRIES, Member, Use
from orchestrator.replay.planning.history import Inputs
from orchestrator.replay.planning.outline import Pattern, Step

_RETRIES = MOST_TRIES - 1
_SHORT = 2.0
"""Standard deviations below the middle: of forty answers, one is shorter."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Micro-dollars and milliseconds. `most` is `None` where nothing bounds it."""

    least: float
    most: float | None
    least_ms: float
    most_ms: float | None


def bounds_of(
    graph: Graph, edges: Edges, steps: Mapping[str, Step], inputs: Inputs
) -> dict[str, Bounds]:
    """Of each node, over all its runs in one run of the graph."""
    written: dict[str, float | None] = {}
    found = {}
    for name in edges.order:
        step = steps[name]
        rounds = 1
        for chooser, body in edges.bodies.items():
            if name in body:
                rounds *= 1 + (graph.nodes[chooser].at_most or 1)
        upstream = _sum([written.get(source, 0.0) for source in step.sources])
        calls = _most_calls(step)
        worst = [_most(use, inputs, upstream) for use in step.uses.values() if use.members]
        cost = _times(_largest([w[0] for w in worst]), calls * rounds)
        ms = _times(_largest([w[1] for w in worst]), calls * rounds)
        written[name] = _times(_largest([w[2] for w in worst]), calls)
        declared = graph.nodes[name].usd
        if declared is not None:
            cap = declared * MICRO_USD * rounds
            cost = cap if cost is None else min(cost, cap)
        limit = graph.nodes[name].latency_ms
        if limit is not None:
            ms = limit * rounds if ms is None else min(ms, float(limit * rounds))
        needed = step.holds == 1.0 and not _may_be_left_out(name, edges)
        least, least_ms = _least_of(step, inputs) if needed else (0.0, 0.0)
        most_ms = None if ms is None else ms + step.own_ms * rounds
        found[name] = Bounds(least, cost, least_ms, most_ms)
    return found


def _may_be_left_out(name: str, edges: Edges) -> bool:
    """Whether a choice may go another way: only where it stands behind one that leads onward to
    several nodes."""
    for chooser in edges.concerned[name]:
        body = edges.bodies.get(chooser, frozenset())
        onward = {t for t in edges.choices[chooser].values() if t not in body}
        if len(onward) > 1 and name not in body:
            return True
    return False


def _most_calls(step: Step) -> int:
    seen = max((sum(p.calls.values()) for p in (*step.first, *step.later)), default=0)
    return max(seen, step.parts[1] if step.parts else 0)


def _most(
    use: Use, inputs: Inputs, upstream: float | None
) -> tuple[float | None, float | None, float | None]:
    """Micro-dollars, milliseconds and tokens written of the worst call."""
    costs: list[float | None] = []
    times: list[float | None] = []
    answers: list[float | None] = []
    for member in use.members:
        prompt = _longest_prompt(use, member, inputs, upstream)
        answer = _longest_answer(member)
        answers.append(answer)
        if prompt is None or answer is None:
            costs.append(None if _paid(member) else 0.0)
            times.append(None)
            continue
        costs.append(_cost(member, prompt, answer))
        pace = member.pace
        times.append(None if pace is None else pace.first_ms + pace.token_ms * answer)
    dearest, slowest = _largest(costs), _largest(times)
    return (
        _sum([*costs, _times(dearest, _RETRIES)]),
        _sum([*times, _times(slowest, _RETRIES)]),
        _largest(answers),
    )


def _longest_prompt(
    use: Use, member: Member, inputs: Inputs, upstream: float | None
) -> float | None:
    if member.counted == 0:
        return 0.0
    longest = None
    if upstream is not None:
        middle = float(use.prompt.expected(inputs, upstream))
        longest = max(middle, 1.0) * exp(_SHORT * use.prompt.sd) * member.counted
    held = None if member.context is None else float(member.context)
    return min((v for v in (longest, held) if v is not None), default=None)


def _longest_answer(member: Member) -> float | None:
    most = member.answer.most
    if most is not None:
        return float(most)
    return None if member.context is None else float(member.context)


def _paid(member: Member) -> bool:
    return member.price is None or bool(member.price.input or member.price.output)


def _cost(member: Member, prompt: float, answer: float) -> float | None:
    price = member.price
    if price is None or price.input is None or price.output is None:
        return None
    dearest = max((price, *(s.price for s in price.steps)), key=lambda p: p.output or 0)
    total = prompt * (dearest.input or 0) + answer * (dearest.output or 0)
    return total / PICO_PER_MICRO


def _least_of(step: Step, inputs: Inputs) -> tuple[float, float]:
    """Micro-dollars and milliseconds of the cheapest run of a node."""
    ways = [_least_way(step, p, inputs) for p in step.first]
    cost = min((c for c, _ in ways), default=0.0)
    return cost, min((ms for _, ms in ways), default=0.0) + step.own_ms


def _least_way(step: Step, pattern: Pattern, inputs: Inputs) -> tuple[float, float]:
    cost = ms = 0.0
    for name, count in pattern.calls.items():
        use = step.uses.get(name)
        if use is None or not use.members:
            continue
        member = use.members[0]
        prompt = max(float(use.prompt.expected(inputs, 0.0)), 1.0) * exp(-_SHORT * use.prompt.sd)
        answer = max(member.answer.expected(prompt) * exp(-_SHORT * member.answer.sd), 1.0)
        cost += count * (_cost(member, prompt * member.counted, answer) or 0.0)
        pace = member.pace
        ms += 0.0 if pace is None else pace.first_ms + pace.token_ms * answer
    return cost, ms


def _largest(values: Sequence[float | None]) -> float | None:
    return None if None in values else max((v for v in values if v is not None), default=0.0)


def _sum(values: Sequence[float | None]) -> float | None:
    return None if None in values else sum(v for v in values if v is not None)


def _times(value: float | None, count: int) -> float | None:
    return value * count if value is not None else None if count else 0.0
