"""The world of one cell of the table: a fault server, a project, a mesh, and one way to call it.

What a call came to is seen from both sides: a `Called` is the caller's, the server's log is the
provider's. The trace and the ledger are read back from where they are kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import MeshError
from orchestrator.mesh import Mesh
from orchestrator.money import Usage
from orchestrator.parts import Injected
from orchestrator.project.load import load_project
from orchestrator.project.protocols import Clock
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.types import Outcome
from tests.faults.door import in_processes, in_this_loop, logged
from tests.faults.project import Fleet, Via, write_project
from tests.faults.server import Arrival, FaultServer

Way = Literal["in process", "streaming", "not streaming", "http", "http streaming"]
WAYS: tuple[Way, ...] = ("in process", "streaming", "not streaming", "http", "http streaming")
HTTP: tuple[Way, ...] = ("http", "http streaming")
VIAS: tuple[Via, ...] = ("openai", "litellm")
DEADLINE_S = 30.0
NOT_TOLD = "(not told)"
"""What a door does not tell its callers, though others do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who answered, as the caller was told."""

    model: str
    deployment: str
    ending: str | None
    usage: Usage
    cost_micro_usd: int | None
    attempts: tuple[tuple[str, str], ...] | int
    """Deployment and outcome of each; or how many, where no more is told."""
    reported_model: str | None = NOT_TOLD
    tools: tuple[tuple[str, str], ...] = ()
    """The tools that are called, each with its only argument."""


@dataclass(slots=True, kw_only=True)
class Called:
    """One call, as its caller saw it, and what was recorded of it. Times are the clock's."""

    question: str
    started: float
    ended: float | None = None
    pieces: list[str] = field(default_factory=list)
    """The text as it came."""
    said: Said | None = None
    error: MeshError | None = None
    stopped: bool = False
    """The caller went away."""
    killed: bool = False
    """Whoever would have answered is no more, and nobody writes the end of its trace."""
    trace_id: str = ""
    """Where it is known; else the trace is found by the question."""
    status: int | None = None
    """Of the HTTP response."""
    code: str | None = None
    """Of the error, as the gateway says it."""
    trace: Trace | None = None
    hops: tuple[Hop, ...] = ()
    lines: tuple[Line, ...] = ()
    """What the ledger holds for it, in the order of its beginnings."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def spent(self) -> int:
        """Micro-dollars that were charged."""
        return sum(line.amount for line in self.lines)

    @property
    def seconds(self) -> float:
        return (self.started if self.ended is None else self.ended) - self.started

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(a for hop in self.hops for a in hop.attempts)

    @property
    def outcomes(self) -> tuple[str, ...]:
        return tuple(str(a.outcome) for a in self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the ledger: an attempt that was paid, or what is still reserved for one."""

    deployment: str
    outcome: str
    """Empty while it is reserved."""
    amount: int
    """Micro-dollars that are charged; of a lapsed lease none."""
    cost: int | None
    """Micro-dollars; `None` while nobody knows."""
    is_open: bool


PROMPT_S = 15.0
"""On real clocks, where a busy machine takes its time, a shorter bound counts as this one: the
catalogue's own for an answer while one deployment is silent. Nothing may be quicker than right."""
SETTLES = 2000
"""How often it is looked whether something still runs; ten seconds, for a machine that is busy."""
NEVER_SENT = (Outcome.SKIPPED_OPEN, Outcome.BUSY, Outcome.OVER_BUDGET)
"""Attempts that no provider has seen."""


@dataclass(kw_only=True)
class Bench:
    """What a scenario works with."""

    way: Way
    via: Via
    clock: Any
    """A `Clock` that can also `step`."""
    quick: bool
    """Time is injected, so amounts are small as well."""
    server: FaultServer
    mesh: Mesh
    folder: Path
    url: str = ""
    """Where the gateway answers, for the ways over HTTP."""
    logged: tuple[str, ...] = ()
    """The last that `mesh serve` has logged."""
    elsewhere: tuple[str, ...] = ()
    """Deployments whose requests cannot reach the fault server."""
    calls: list[Called] = field(default_factory=list)

    @property
    def streams(self) -> bool:
        """The caller gets the text as it comes."""
        return self.way in ("streaming", "http streaming")

    def at_most(self, seconds: float) -> float:
        """How long something may take that should take at most so long."""
        return seconds if self.quick else max(seconds, PROMPT_S)

    async def ask(
        self,
        question: str = "Name the rivers.",
        *,
        structured: bool = False,
        tools: bool = False,
        deadline_s: float | None = None,
        leaves_after: int | None = None,
    ) -> Called:
        """One call; its failure is a part of what is returned.

        Args:
            structured: an answer in the form of `project.SCHEMA` is asked for.
            tools: the model may look up the weather.
            deadline_s: of this call; `DEADLINE_S` where absent.
            leaves_after: the caller goes away when the server has sent so many pieces.
        """
        from tests.faults.ways import Wish, carry

        called = Called(question=question, started=self.clock.monotonic())
        self.calls.append(called)
        wish = Wish(
            structured=structured, tools=tools, deadline_s=deadline_s, leaves_after=leaves_after
        )
        call = asyncio.ensure_future(carry(self, called, wish))
        if leaves_after is not None and not self.streams:
            await self.server.until(lambda: _sent(self.server.log) >= leaves_after)
            call.cancel()
        try:
            await call
        except MeshError as error:
            called.error = error
        except asyncio.CancelledError:
            called.stopped = True
            if not call.cancelled():
                raise
        called.ended = self.clock.monotonic()
        return called

    async def settled(self) -> None:
        """Wait until nothing runs on: upstream calls are over, and all traces have ended."""
        for _ in range(SETTLES):
            if not await asyncio.to_thread(self._runs_on):
                break
            await asyncio.sleep(0.005)  # of real time: it is our own threads that still write
        for called in self.calls:
            await asyncio.to_thread(self.look_back, called)

    def _runs_on(self) -> bool:
        if any(arrival.ended_at is None for arrival in self.server.log):
            return True
        killed = {called.trace_id for called in self.calls if called.killed}
        running = (t.id for t in self.mesh.store.traces(200) if t.status == "running")
        return any(id not in killed for id in running)

    def look_back(self, called: Called) -> None:
        """Read what was recorded of a call."""
        known = called.trace_id
        traces = self.mesh.store.traces(200)
        found = [
            t for t in traces if known == t.id or (not known and t.question == called.question)
        ]
        if found:
            called.trace = found[0]
            called.hops = tuple(self.mesh.store.hops(found[0].id))
            called.lines = tuple(self.lines(found[0].id))

    def lines(self, trace_id: str) -> Iterator[Line]:
        """The ledger's rows of that trace, read from its file."""
        self.mesh._parts.ledger.flush()
        with closing(sqlite3.connect(self.mesh.storage / "ledger.sqlite")) as db:
            rows = db.execute(
                "SELECT deployment, outcome, amount, cost, expires FROM spend WHERE trace_id = ?"
                " ORDER BY at, rowid",
                (trace_id,),
            ).fetchall()
        for deployment, outcome, amount, cost, expires in rows:
            is_open = expires is not None and expires > self.clock.now()
            charged = 0 if expires is not None else amount
            yield Line(
                deployment=deployment,
                outcome=outcome or "",
                amount=charged,
                cost=cost,
                is_open=is_open,
            )

    async def reopen(self) -> None:
        """Let go of the mesh, and load it anew as another process would."""
        await self.mesh.close()
        self.mesh = open_mesh(self.folder, self.clock, served=self.way in HTTP)

    @property
    def primary(self) -> list[Arrival]:
        return self.server.to("primary")

    @property
    def fallback(self) -> list[Arrival]:
        return self.server.to("fallback")


def _sent(log: list[Arrival]) -> int:
    return sum(len(arrival.sent) for arrival in log)


def open_mesh(folder: Path, clock: Clock, *, served: bool) -> Mesh:
    """The mesh of the project in `folder` under that clock; as a service has it where `served`."""
    env: Mapping[str, str] = {}
    injected = Injected(served=served)
    return Mesh(load_project(folder, env=env), env=env, clock=clock, injected=injected)


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    way: Way,
    via: Via,
    clock: Any,
    quick: bool,
    fleet: Fleet,
    scripts: Mapping[str, Any],
    process: bool = False,
) -> AsyncIterator[Bench]:
    """A server with these scripts, and the mesh of a project whose deployments they are.

    Args:
        process: over HTTP, whoever answers is `mesh serve`; else it is in this loop.
    """
    async with FaultServer(scripts, clock=clock) as server, AsyncExitStack() as opened:
        schemes = {name: "https" if name in fleet.encrypted else "http" for name in scripts}
        endpoints = {name: server.endpoint(name, scheme=s) for name, s in schemes.items()}
        write_project(folder, fleet, via, endpoints, deadline_s=DEADLINE_S)
        made = Bench(
            way=way,
            via=via,
            clock=clock,
            quick=quick,
            server=server,
            mesh=open_mesh(folder, clock, served=way in HTTP),
            folder=folder,
            elsewhere=(*fleet.endpoints, *fleet.encrypted),
        )
        opened.push_async_callback(lambda: made.mesh.close())
        if way in HTTP:
            door = in_processes(folder) if process else in_this_loop(made.mesh, quick=quick)
            made.url = await opened.enter_async_context(door)
        try:
            yield made
        finally:
            made.logged = logged(folder)
