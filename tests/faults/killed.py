"""Fault 26: whoever answers is killed in the middle of a request."""

from __future__ import annotations

import asyncio
import dataclasses
import signal
import sys
from pathlib import Path

from orchestrator.records import Hop
from tests.calling.server import words
from tests.faults import over_http
from tests.faults.bench import HTTP, Bench, Called
from tests.faults.door import kill_all
from tests.faults.scenario import FINE, HEALTHY, Scenario, need
from tests.faults.steps import Step
from tests.faults.ways import Wish
from tests.gateway.serve.service import serving

ROOT = Path(__file__).parents[2]
FAULT = "the process is killed"
DYING = dataclasses.replace(FINE, stops_after=20, stops="silence")
QUESTION = "Which rivers?"
GRAPH = "graph:two-steps"


async def _kill(bench: Bench) -> None:
    """Kill whoever answers in the middle of a call."""
    if bench.way in HTTP:
        await _kill_the_gateway(bench, "task:chat", (DYING, FINE))
    else:
        await _kill_the_process(bench)


async def _kill_in_a_graph(bench: Bench) -> None:
    """Kill the gateway in the second hop of a graph's run."""
    await _kill_the_gateway(bench, GRAPH, (FINE, DYING, FINE))


async def _kill_the_process(bench: Bench) -> None:
    """A graph's run is resumed in this process; after a call another one is made."""
    graph = bench.way == "in process"
    bench.server.does("primary", (FINE, DYING, FINE) if graph else (DYING, FINE))
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.victim", str(bench.folder), bench.way, QUESTION),
        cwd=ROOT,
    )
    ended = asyncio.ensure_future(victim.wait())
    try:
        await _in_its_middle(bench, ended)
    finally:
        if not ended.done():
            victim.send_signal(signal.SIGKILL)
        await asyncio.gather(ended, return_exceptions=True)
    await bench.reopen()
    called = _killed_call(bench)
    await (_resume(bench, called) if graph else bench.ask("And now?"))
    called.ended = bench.clock.monotonic()


async def _in_its_middle(bench: Bench, ended: asyncio.Future[int]) -> None:
    """Return when twenty words were sent, and the call is on the trace."""
    dying = asyncio.ensure_future(bench.server.until(lambda: _dying(bench)))
    try:
        await asyncio.wait((ended, dying), return_when=asyncio.FIRST_COMPLETED)
        need(not ended.done(), "the process ended by itself")
        while not bench.mesh.store.traces():
            await asyncio.sleep(0.02)  # another process writes it, by no clock of ours
    finally:
        dying.cancel()


def _dying(bench: Bench) -> bool:
    return any(a.step == DYING and len(a.sent) == 20 for a in bench.primary)


def _killed_call(bench: Bench) -> Called:
    """What is known of the call whose process is no more."""
    (trace,) = bench.mesh.store.traces()
    called = Called(
        question=QUESTION, started=bench.clock.monotonic(), trace_id=trace.id, killed=True
    )
    bench.calls.append(called)
    return called


async def _resume(bench: Bench, called: Called) -> None:
    answer = await bench.mesh.run(resume=called.trace_id)
    called.pieces.append(answer.text)


async def _kill_the_gateway(bench: Bench, model: str, steps: tuple[Step, ...]) -> None:
    """Kill all processes of `mesh serve` in the middle of a request, and start it again."""
    bench.server.does("primary", steps)
    cut = Called(question=QUESTION, started=bench.clock.monotonic())
    async with serving(bench.folder) as service:
        bench.url = service.url
        asking = asyncio.ensure_future(over_http.ask(bench, cut, Wish(), model))
        await _in_its_middle(bench, asyncio.ensure_future(service.process.wait()))
        kill_all(service)
        (error,) = await asyncio.gather(asking, return_exceptions=True)
        need(isinstance(error, over_http.LostError), f"the caller was not cut off: {error!r}")
    called = _killed_call(bench)
    need(cut.trace_id in ("", called.trace_id), f"the caller was told of trace {cut.trace_id}")
    async with serving(bench.folder) as service:
        bench.url = service.url
        if model == GRAPH:
            await _resume(bench, called)
        else:
            called.pieces += cut.pieces
            await bench.ask("And now?")
    called.ended = bench.clock.monotonic()


# ── what must hold ───────────────────────────────────────────────────────────────────────


def _after_the_kill(bench: Bench) -> None:
    called = bench.calls[0]
    need(called.trace is not None, "the call is not on the trace")
    need(not any(line.is_open for line in called.lines), f"still reserved: {called.lines}")
    unknown = [line for line in called.lines if line.outcome == "unknown"]
    need(len(unknown) == 1, f"the ledger does not say what is unknown: {called.lines}")
    need(unknown[0].amount == 0, f"a reservation is charged: {unknown}")
    if len(called.hops) > 1 or bench.way == "in process":
        _resumed(bench, called)
        return
    status = called.trace.status if called.trace else "missing"
    # Only a service keeps who writes a trace; of others it stays as the process has left it.
    right = ("unknown",) if bench.way in HTTP else ("running", "unknown")
    need(status in right, f"the trace of a killed call says {status}; right: {right}")
    need(not called.outcomes or "unknown" in called.outcomes, f"attempts {called.outcomes}")
    if bench.way in HTTP:
        begun = "".join(words(HEALTHY)[:20]) if bench.streams else ""
        need(called.text == begun, f"before it was cut off the caller had {called.text!r:.80}")
        _, after = bench.calls
        need(after.text == HEALTHY, f"started again, it says {after.text!r:.80}; {after.error}")
        need(after.trace is not None and after.trace.status == "ok", "the next call is not ok")


def _resumed(bench: Bench, called: Called) -> None:
    """The run was completed, and its finished hops were kept."""
    first, second = (_hop(called, node) for node in ("first", "second"))
    need(called.text == HEALTHY, f"the resumed run says {called.text!r:.80}")
    need(called.trace is not None and called.trace.status == "ok", "the resumed run is not ok")
    need([a.outcome for a in first.attempts] == ["ok"], f"the first hop: {first.attempts}")
    need(
        [a.outcome for a in second.attempts] == ["unknown", "ok"],
        f"the attempt in flight is not marked unknown: {second.attempts}",
    )
    need(second.attempts[0].cost_micro_usd is None, "what nobody knows has a cost")
    need(len(bench.primary) == 3, f"{len(bench.primary)} requests: the first hop ran again")
    known = sum(a.cost_micro_usd or 0 for a in called.attempts)
    need(called.spent == known, f"the ledger holds {called.spent}, known are {known}")


def _hop(called: Called, node: str) -> Hop:
    found = [hop for hop in called.hops if hop.node == node]
    need(len(found) == 1, f"{len(found)} hops of '{node}'")
    return found[0]


OTHERS = "a killed run of a graph is what 'in process' shows"
ONCE = "a graph's run is the same where its text comes in one piece"
SCENARIOS = (
    Scenario(
        number=26,
        fault=FAULT,
        act=_kill,
        caller=(_after_the_kill,),
        holds=lambda _: None,
        lacks={"litellm": "the process dies whichever transport it used"},
        seconds=6,
    ),
    Scenario(
        number=26,
        fault=FAULT,
        variant="in the second hop of a graph",
        act=_kill_in_a_graph,
        caller=(_after_the_kill,),
        holds=lambda _: None,
        lacks={
            "litellm": "the process dies whichever transport it used",
            "in process": OTHERS,
            "streaming": OTHERS,
            "not streaming": OTHERS,
            "http": ONCE,
        },
        seconds=8,
    ),
)
