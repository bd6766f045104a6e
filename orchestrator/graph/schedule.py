"""Subtasks start as soon as their own inputs exist.

LangGraph runs in supersteps: a fast branch would wait at every step for its slow sibling.
Here each subtask is an asyncio task that awaits only the subtasks that it needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from orchestrator.errors import InternalError, RunError

R = TypeVar("R")


def topological(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The ids in an order in which each stands after what it needs; stable.

    Raises:
        RunError: a needed id does not exist, or the needs form a cycle.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(needs)
    for name, required in needs.items():
        for other in required:
            if other not in needs:
                raise RunError(f"subtask '{name}' needs '{other}', which is not in the plan")
            graph.add_edge(other, name)
    rank = {name: index for index, name in enumerate(needs)}
    try:
        return tuple(nx.lexicographical_topological_sort(graph, key=lambda n: rank[n]))
    except nx.NetworkXUnfeasible:
        cycle = " → ".join(edge[0] for edge in nx.find_cycle(graph))
        raise RunError(f"the plan's subtasks need each other in a circle: {cycle}") from None


async def run_dag(
    needs: Mapping[str, Sequence[str]],
    run: Callable[[str, Mapping[str, R]], Awaitable[R]],
) -> tuple[R, ...]:
    """Run every subtask, each as soon as all that it needs is done.

    Args:
        needs: the ids that each id needs.
        run: called with an id and the results of what it needs.

    Returns:
        The results in the order of `needs`. The first exception cancels all others.
    """
    order = topological(needs)
    tasks: dict[str, asyncio.Task[R]] = {}

    async def one(name: str) -> R:
        inputs = {other: await tasks[other] for other in needs[name]}
        return await run(name, inputs)

    try:
        async with asyncio.TaskGroup() as group:
            for name in order:
                tasks[name] = group.create_task(one(name), name=f"subtask {name}")
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    return tuple(tasks[name].result() for name in needs)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    for failure in group.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            return _first(failure)
        return failure
    raise InternalError("a task group failed without a failure")
