"""A run that is cancelled stops upstream, pays for what it used, and can be resumed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import CancelledRunError, UserError
from tests.calling.server import Hang, Say, StandIn

from .served import ONE, TWO, write_served
from .small import calls, write_project

SLOW = Say("one two three four five six", gap_s=0.05, break_after=3, broken="hang")


def leases(folder: Path) -> tuple[int, int]:
    """How many leases are open, and micro-dollars charged."""
    with closing(sqlite3.connect(folder / ".mesh" / "ledger.sqlite")) as db:
        rows = db.execute("SELECT expires, amount FROM spend").fetchall()
    return sum(e is not None for e, _ in rows), sum(a for e, a in rows if e is None)


async def started(server: StandIn, words: int = 0) -> None:
    await server.arrived.wait()
    while server.seen[-1].words_sent < words:
        await asyncio.sleep(0.01)


async def test_what_was_heard_until_then_is_paid_and_the_rest_is_not_asked_for(
    tmp_path: Path,
) -> None:
    server = StandIn(SLOW, Say("<done>"))
    runs: list[str] = []
    async with server as url:
        async with Mesh.load(write_served(tmp_path, ONE, url), env={}) as mesh:
            going = asyncio.create_task(
                mesh.run(question="q", on_event=lambda e: runs.append(e.trace_id))
            )
            await started(server, words=3)
            assert await mesh.cancel(runs[0])
            with pytest.raises(CancelledRunError, match=f"run '{runs[0]}' was cancelled"):
                await going
            await asyncio.wait_for(server.seen[0].ended.wait(), 5)
            assert server.seen[0].gone, "the provider was not told"
            mesh.store.flush()
            trace, hops = mesh.store.trace(runs[0]), mesh.store.hops(runs[0])
            assert mesh.journals.find(runs[0]).state == "cancelled"
        opened, charged = leases(tmp_path)
        assert opened == 0
        assert charged > 0
        assert (trace.status, trace.cost_micro_usd) == ("cancelled", charged)
        assert [(h.status, h.cost_micro_usd) for h in hops] == [("cancelled", charged)]

        async with Mesh.load(tmp_path, env={}) as mesh:
            answer = await mesh.run(resume=runs[0])
        assert answer.text == "<done>"
        outcomes = [a.outcome for h in answer.hops for a in h.attempts]
        assert outcomes == ["cancelled", "ok"], "the cancelled attempt stays on the trace"
        assert answer.cost_micro_usd == leases(tmp_path)[1] > charged


async def test_a_silent_model_that_is_cancelled_costs_nothing(tmp_path: Path) -> None:
    server = StandIn(Hang())
    async with server as url, Mesh.load(write_served(tmp_path, ONE, url), env={}) as mesh:
        going = asyncio.create_task(mesh.run(question="q"))
        await started(server)
        going.cancel()  # as a caller's own timeout would
        with pytest.raises(asyncio.CancelledError):
            await going
        await asyncio.wait_for(server.seen[0].ended.wait(), 5)
        mesh.store.flush()
        (trace,) = mesh.store.traces(1)
        assert (trace.status, trace.cost_micro_usd) == ("cancelled", 0)
        assert server.seen[0].gone
    assert leases(tmp_path) == (0, 0)


async def test_what_was_finished_before_the_cancelling_is_not_asked_for_again(
    tmp_path: Path,
) -> None:
    server = StandIn(Say("<first>"), Hang(), Say("<second>"))
    async with server as url:
        async with Mesh.load(write_served(tmp_path, TWO, url), env={}) as mesh:
            going = asyncio.create_task(mesh.run(question="q"))
            while len(server.seen) < 2:
                await asyncio.sleep(0.01)
            run = mesh.journals.runs(1)[0].id
            assert await mesh.cancel(run[:14])
            with pytest.raises(CancelledRunError):
                await going
        async with Mesh.load(tmp_path, env={}) as mesh:
            assert (await mesh.run(resume=run)).text == "<second>"
    assert len(server.seen) == 3


async def test_only_a_run_that_goes_on_can_be_cancelled(tmp_path: Path) -> None:
    async with Mesh.load(write_project(tmp_path, ONE), env={}) as mesh:
        done = await mesh.run(question="q")
        with pytest.raises(UserError, match="does not go on: it is ok"):
            await mesh.cancel(done.trace_id)


# ── from other processes ─────────────────────────────────────────────────────────────────


@contextmanager
def command(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`mesh run` with a model that takes its time, and the id of its run."""
    code = "from orchestrator.cli import main; main()"
    arguments = ["run", "small", "question=q", "--project", str(folder), "--progress", "off"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "ECHO_SECONDS": "60"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        limit = time.monotonic() + 60
        while not calls(folder) and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        assert process.poll() is None, process.communicate()
        mesh = Mesh.load(folder, env={})
        run = mesh.journals.runs(1)[0].id
        mesh.journals.close()
        yield process, run
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
async def test_a_run_is_cancelled_from_another_process(tmp_path: Path) -> None:
    with command(write_project(tmp_path, ONE)) as (process, run):
        async with Mesh.load(tmp_path, env={}) as mesh:
            assert mesh.journals.find(run).state == "running"
            assert await mesh.cancel(run)
            assert mesh.journals.find(run).state == "cancelled"
        _, said = await asyncio.to_thread(process.communicate)
    assert process.returncode == 130
    assert f"run '{run}' was cancelled ($0 spent); to go on: mesh runs resume {run}" in said
    assert "Traceback" not in said
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert (await mesh.run(resume=run)).text == "<q>"


@pytest.mark.slow
async def test_ctrl_c_cancels_and_says_how_to_go_on(tmp_path: Path) -> None:
    with command(write_project(tmp_path, ONE)) as (process, run):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert said == f"mesh: stopped ($0 spent); to go on: mesh runs resume {run}\n"
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert mesh.store.trace(run).status == "cancelled"
        answer: Any = await mesh.run(resume=run)
    assert answer.text == "<q>"
