"""A model that calls tools, within its bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import RunError, WaitingError
from orchestrator.graph.approving import Decision
from tests.calling.server import StandIn
from tests.graph.acting import Told, done, plan, spending, write_project


async def test_what_tools_bring_goes_back_to_the_model_until_it_answers(tmp_path: Path) -> None:
    told = Told()
    server = StandIn(told)
    async with server as url, Mesh.load(write_project(tmp_path, url), env={}) as mesh:
        two = [["look", {"at": "this"}], ["look", {"at": "that"}]]
        answer = await mesh.run(question=plan(two, [["look", {"at": "more"}]], "all is fine"))
    assert answer.text == "all is fine"
    assert sorted(done(tmp_path)) == ["look more", "look that", "look this"]
    last = server.seen[-1].body["messages"]
    assert [m["role"] for m in last][-6:] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
    ]
    assert [m["content"] for m in last if m["role"] == "tool"] == [
        "this is fine",
        "that is fine",
        "more is fine",
    ]
    hops = [(h.role, h.agent, h.status) for h in answer.hops]
    assert hops.count(("tool", "look", "ok")) == 3
    assert hops.count(("specialist", "doer", "ok")) == 3
    assert told.calls == 3


async def test_a_call_that_fits_no_tool_is_not_made_and_goes_back_to_the_model(
    tmp_path: Path,
) -> None:
    server = StandIn(Told())
    wrong = [["lok", {"at": "x"}], ["look", {"to": "x"}], ["spend", {"amount": "much"}]]
    async with server as url, Mesh.load(write_project(tmp_path, url), env={}) as mesh:
        answer = await mesh.run(question=plan(wrong, "enough"))
    assert answer.text == "enough"
    assert not done(tmp_path)
    assert any("it calls the tool 'lok'" in str(m) for m in server.seen[-1].body["messages"])


async def test_the_last_model_call_has_to_be_the_answer(tmp_path: Path) -> None:
    server = StandIn(Told())
    looks = [[["look", {"at": str(n)}]] for n in range(9)]
    async with server as url, Mesh.load(write_project(tmp_path, url, steps=3), env={}) as mesh:
        answer = await mesh.run(question=plan(*looks))
    assert answer.text == "that is all I know"
    assert len(server.seen) == 3
    assert server.seen[-1].body["tool_choice"] == "none"
    assert any("the last of 3 model calls" in note for hop in answer.hops for note in hop.notes)


async def test_money_ends_the_loop_with_a_typed_bound(tmp_path: Path) -> None:
    graph = (
        "input: {question: text}\n"
        "nodes:\n  act: {agent: doer, of: question, usd: 0.0000001}\noutput: act\n"
    )
    server = StandIn(Told())
    async with (
        server as url,
        Mesh.load(write_project(tmp_path, url, graph=graph), env={}) as mesh,
    ):
        with pytest.raises(RunError):
            await mesh.run(question=plan([["look", {"at": "x"}]], "never"))
    assert not done(tmp_path)


async def test_the_same_call_over_and_over_is_stopped(tmp_path: Path) -> None:
    server = StandIn(Told())
    looks = [[["look", {"at": "x"}]] for _ in range(6)]
    async with server as url, Mesh.load(write_project(tmp_path, url), env={}) as mesh:
        answer = await mesh.run(question=plan(*looks, "enough"))
    assert answer.text == "enough"
    assert len(done(tmp_path)) == 3


async def test_a_resumed_run_neither_calls_nor_pays_twice(tmp_path: Path) -> None:
    told = Told()
    async with StandIn(told) as url:
        write_project(tmp_path, url)
        async with Mesh.load(tmp_path, env={}) as mesh:
            with pytest.raises(WaitingError) as stopped:
                await mesh.run(question=plan([["look", {"at": "x"}]], spending(3), "end"))
            before = told.calls
            mesh.approvals.decide(stopped.value.approval, approved())
        async with Mesh.load(tmp_path, env={}) as mesh:
            answer = await mesh.run(resume=stopped.value.run)
            replayed = await mesh.replay(answer.trace_id)
    assert answer.text == "end"
    assert done(tmp_path) == ["look x", "spend 3"]
    assert (before, told.calls) == (2, 3)
    assert replayed.same, replayed.differences


def approved() -> Decision:
    return Decision(approve=True, by="ann")
