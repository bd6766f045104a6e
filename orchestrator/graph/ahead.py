"""Nodes start as soon as what they wait for is done, also where LangGraph would wait.

LangGraph runs in supersteps: a fast branch waits at every step for its slow sibling. So when a
node finishes, those that now have everything are started at once; when LangGraph comes to
them, it takes the result that is there already, or waits for it. Nothing else changes: the
graph, its checkpoints and its stream are LangGraph's own, and a result belongs to its key in the
journal, whoever started the node.

Never started ahead: what a function may choose or not choose, and what asks a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator.errors import WaitingError
from orchestrator.graph.edges import Edges

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a run stands when a node's turn comes."""

    rounds: Mapping[str, int]
    """Function → how often it has sent the run back; only functions that concern the node."""
    values: Mapping[str, str]
    """Node → journal key of its latest result."""
    sent_back_by: Mapping[str, str] = field(default_factory=dict)
    """Node → the function that started its present round, where one did; for a node's own turn
    nothing is said of others."""

    @property
    def round(self) -> int:
        return sum(self.rounds.values())


def turn_of(edges: Edges, node: str, state: Turn) -> Turn:
    """What of the run's `state` concerns `node`: loops beside it leave it alone."""
    known = edges.concerned[node]
    return Turn(
        rounds={name: times for name, times in state.rounds.items() if name in known},
        values=state.values,
        sent_back_by={n: by for n, by in state.sent_back_by.items() if n == node},
    )


@dataclass(slots=True)
class Ahead(Generic[T]):
    """The nodes of one run that are on their way or done. `T` is what a node gives.

    Args:
        edges: of the run's graph.
        waiting: nodes that may never start by themselves.
    """

    edges: Edges
    waiting: frozenset[str] = frozenset()
    _tasks: dict[str, tuple[Turn, asyncio.Task[tuple[str, T]]]] = field(default_factory=dict)
    _done: dict[str, tuple[Turn, str]] = field(default_factory=dict)
    _state: Turn = field(default_factory=lambda: Turn(rounds={}, values={}))

    async def step(
        self, node: str, state: Turn, run: Callable[[str, Turn], Awaitable[tuple[str, T]]]
    ) -> tuple[str, T]:
        """The journal key and result of `node`, whose turn LangGraph says has come.

        Args:
            state: as LangGraph holds it now.
            run: carries out one node; the same for all nodes of the run.
        """
        self._state = state
        turn = turn_of(self.edges, node, state)
        try:
            held = self._tasks.pop(node, None)
            if held and _same(held[0], turn):
                return await held[1]
            # Whatever the node was doing for an earlier state is not wanted any more.
            await _stop([held[1]] if held else [])
            return await self._carry(node, turn, run)
        except WaitingError:  # the node waits for a person, and nothing else does
            raise
        except BaseException:
            # LangGraph drops what it started; what was started ahead is ours to stop.
            await self.stop()
            raise

    async def settle(self) -> None:
        """Let what was started ahead come to its end, as the journal then knows."""
        while self._tasks:
            tasks = [task for _, task in self._tasks.values()]
            self._tasks.clear()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Cancel what was started ahead and is not finished; returns when it has ended."""
        tasks = [task for _, task in self._tasks.values()]
        self._tasks.clear()
        await _stop(tasks)

    async def _carry(
        self, node: str, turn: Turn, run: Callable[[str, Turn], Awaitable[tuple[str, T]]]
    ) -> tuple[str, T]:
        key, result = await run(node, turn)
        self._done[node] = (turn, key)
        for follower in self.edges.followers[node]:
            now = self._ready(follower)
            if now is not None:
                task = asyncio.create_task(
                    self._carry(follower, now, run), name=f"node {follower}, ahead"
                )
                self._tasks[follower] = (now, task)
        return key, result

    def _ready(self, node: str) -> Turn | None:
        """The turn of `node`, if everything that it waits for is done in this round."""
        waits = self.edges.waits[node]
        if node in self.waiting or node in self._tasks or any(w not in self._done for w in waits):
            return None
        values = {name: key for name, (_, key) in self._done.items()}
        state = Turn(
            rounds=self._state.rounds,
            values={**self._state.values, **values},
            sent_back_by=self._state.sent_back_by,
        )
        for name in waits:
            if not _same(self._done[name][0], turn_of(self.edges, name, state)):
                return None  # left over from the round before
        turn = turn_of(self.edges, node, state)
        done = self._done.get(node)
        return None if done and _same(done[0], turn) else turn


def _same(one: Turn, other: Turn) -> bool:
    return (one.rounds, one.sent_back_by) == (other.rounds, other.sent_back_by)


async def _stop(tasks: list[asyncio.Task[tuple[str, T]]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
