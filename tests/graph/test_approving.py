"""A destructive call never runs without the approval of exactly that call, whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.calling.clock import SystemClock
from orchestrator.errors import RunError, UserError, WaitingError
from orchestrator.graph.approving import Approval, Decision
from orchestrator.graph.asking import HumanAnswer, Question
from orchestrator.project.load import load_project
from tests.calling.server import StandIn
from tests.graph.act_driver import POINTS
from tests.graph.acting import (
    GRAPH,
    NAMED,
    Told,
    done,
    plan,
    resumed,
    spending,
    waiting,
    write_project,
)

DOUBLE = """
objective: {maximize: quality}
tools:
  - name: twice
    match: {level: destructive}
    double_check: true
"""
ALLOWED = """
objective: {maximize: quality}
tools:
  - name: notes
    match: {tool: write-down}
    then: allow
"""
RUN = """
import asyncio, sys
from orchestrator import Mesh
from orchestrator.errors import WaitingError

async def main():
    async with Mesh.load(sys.argv[1], env={}) as mesh:
        inputs = {"question": sys.argv[3]} if sys.argv[2] == "-" else {"resume": sys.argv[2]}
        try:
            print((await mesh.run(**inputs)).text)
        except WaitingError as waiting:
            print("waits", waiting.run, waiting.approval)

asyncio.run(main())
"""


async def decide(folder: Path, id: str, *, approve: bool = True, **said: Any) -> Approval:
    async with Mesh.load(folder, env={}) as mesh:
        return mesh.approvals.decide(id, Decision(approve=approve, **{"by": "ann", **said}))


def process(folder: Path, run: str, question: str = "", die: str = "") -> tuple[int, list[str]]:
    """A run in a real process of its own; its exit code and what it printed."""
    env = {**os.environ, "DIE": die, "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), run, question],
        check=False,
        capture_output=True,
        text=True,
        env=env,
    )
    return ended.returncode, ended.stdout.split()


def on_record(folder: Path, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
    with closing(sqlite3.connect(folder / ".mesh" / "journal.sqlite")) as database:
        found = database.execute(sql, values).fetchall()
        database.commit()
    return found


# ── asked, answered, carried out once ────────────────────────────────────────────────────


async def test_it_waits_shows_everything_and_is_carried_out_once_when_approved(
    tmp_path: Path,
) -> None:
    async with StandIn(Told()) as url:
        stopped = await waiting(write_project(tmp_path, url), question=plan(spending(7), "end"))
        assert not done(tmp_path)
        assert stopped.question == "May the destructive tool 'spend' be called by 'act'?"
        assert json.loads(stopped.shown["arguments"]) == {"amount": 7}
        assert "Spend money, for good." in stopped.shown["tool"]
        with pytest.raises(WaitingError) as again:
            await resumed(tmp_path, stopped.run)
        assert again.value.approval == stopped.approval, "it is asked once"
        first = await decide(tmp_path, stopped.approval)
        second = await decide(tmp_path, stopped.approval, by="bob")
        assert (first.ruling, second.ruling) == (first.ruling, first.ruling)
        answer = await resumed(tmp_path, stopped.run)
        assert answer.text == "end"
        assert done(tmp_path) == ["spend 7"]
        (hop,) = [h for h in answer.hops if h.role == "tool"]
        assert (hop.output, hop.notes) == ("7 spent", ("approved by ann",))
        late = await decide(tmp_path, stopped.approval)
        assert late.state == "used", "said once more, nothing comes of it"
        with pytest.raises(UserError, match="is carried out already"):
            await decide(tmp_path, stopped.approval, approve=False)
        assert (await resumed(tmp_path, stopped.run)).text == "end"
    assert done(tmp_path) == ["spend 7"]


async def test_a_rejection_goes_back_to_the_model_with_its_reason(tmp_path: Path) -> None:
    server = StandIn(Told())
    async with server as url:
        stopped = await waiting(write_project(tmp_path, url), question=plan(spending(7), "sorry"))
        await decide(tmp_path, stopped.approval, approve=False, because="too much")
        with pytest.raises(UserError, match="it was rejected"):
            await decide(tmp_path, stopped.approval)
        assert (await resumed(tmp_path, stopped.run)).text == "sorry"
    said = server.seen[-1].body["messages"][-1]["content"]
    assert said == "error: a person (ann) has refused this call: too much"
    assert not done(tmp_path)


async def test_edited_arguments_are_run_and_the_models_own_never(tmp_path: Path) -> None:
    server = StandIn(Told())
    async with server as url:
        stopped = await waiting(write_project(tmp_path, url), question=plan(spending(700), "ok"))
        await decide(tmp_path, stopped.approval)
        edited = await decide(tmp_path, stopped.approval, arguments={"amount": 7}, by="bob")
        assert edited.ruling is not None
        assert (edited.ruling.edited, edited.ruling.by) == (True, "bob")
        same = await decide(tmp_path, stopped.approval)
        assert same.ruling == edited.ruling, "a late approval does not bring the original back"
        answer = await resumed(tmp_path, stopped.run)
        with pytest.raises(UserError, match="is carried out already"):
            await decide(tmp_path, stopped.approval, arguments={"amount": 8})
    assert answer.text == "ok"
    assert done(tmp_path) == ["spend 7"]
    said = server.seen[-1].body["messages"][-1]["content"]
    assert said.startswith('[a person has changed the arguments to {"amount": 7}]')


async def test_edited_arguments_that_do_not_fit_are_not_run(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        stopped = await waiting(write_project(tmp_path, url), question=plan(spending(7), "ok"))
        await decide(tmp_path, stopped.approval, arguments={"amount": "all"})
        answer = await resumed(tmp_path, stopped.run)
    assert answer.text == "ok"
    assert not done(tmp_path)


async def test_two_acts_need_two_approvals(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        both = [*spending(1), *spending(2)]
        stopped = await waiting(write_project(tmp_path, url), question=plan(both, "ok"))
        await decide(tmp_path, stopped.approval)
        with pytest.raises(WaitingError) as second:
            await resumed(tmp_path, stopped.run)
        assert done(tmp_path) == ["spend 1"]
        assert second.value.approval != stopped.approval
        await decide(tmp_path, second.value.approval, approve=False)
        assert (await resumed(tmp_path, stopped.run)).text == "ok"
    assert done(tmp_path) == ["spend 1"]


async def test_an_approval_of_another_run_is_worth_nothing(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        question = plan(spending(7), "end")
        one = await waiting(write_project(tmp_path, url), question=question)
        other = await waiting(tmp_path, question=question)
        await decide(tmp_path, one.approval)
        with pytest.raises(WaitingError):
            await resumed(tmp_path, other.run)
        assert not done(tmp_path)
        # Also where somebody copies what was said of the one to the other.
        on_record(
            tmp_path,
            "UPDATE approvals SET (state, ruling, answers, expires_at) = (SELECT state, ruling,"
            " answers, expires_at FROM approvals WHERE id = ?) WHERE id = ?",
            (one.approval, other.approval),
        )
        answer = await resumed(tmp_path, other.run)
    assert not done(tmp_path)
    (hop,) = [h for h in answer.hops if h.role == "tool"]
    assert hop.error == (
        "refused: its approval does not hold: the answer on record is one to something else"
    )


@pytest.mark.parametrize("forged", ["state", "wanted", "nonsense"])
async def test_what_is_changed_by_hand_in_the_database_approves_nothing(
    tmp_path: Path, forged: str
) -> None:
    async with StandIn(Told()) as url:
        stopped = await waiting(write_project(tmp_path, url), question=plan(spending(7), "end"))
        if forged == "state":
            on_record(tmp_path, "UPDATE approvals SET state = 'approved'")
        elif forged == "nonsense":
            await decide(tmp_path, stopped.approval)
            on_record(tmp_path, "UPDATE approvals SET ruling = x'00'")
        else:
            await decide(tmp_path, stopped.approval)
            async with Mesh.load(tmp_path, env={}) as mesh:
                ((sealed,),) = on_record(tmp_path, "SELECT wanted FROM approvals")
                wanted = mesh.journals.unseal(sealed)
                wanted["act"]["arguments"]["amount"] = 70_000
                sealed = mesh.journals.seal(wanted)
            on_record(tmp_path, "UPDATE approvals SET wanted = ?", (sealed,))
        answer = await resumed(tmp_path, stopped.run)
    assert not done(tmp_path)
    (hop,) = [h for h in answer.hops if h.role == "tool"]
    assert hop.error is not None
    assert hop.error.startswith("refused: its approval does not hold")


class Later(SystemClock):
    """Moves on when it is told."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@pytest.mark.parametrize("approve", [False, True])
async def test_it_expires_with_and_without_an_approval(tmp_path: Path, approve: bool) -> None:
    clock = Later()
    async with StandIn(Told()) as url:
        settings = "approvals: {hours: 2}\n"
        folder = write_project(tmp_path, url, settings=settings)
        stopped = await waiting(folder, question=plan(spending(7), "end"))
        if approve:
            await decide(folder, stopped.approval)
        clock.ahead = 2 * 3600 + 1
        async with Mesh(load_project(folder, env={}), env={}, clock=clock) as mesh:
            with pytest.raises(UserError, match="it has expired"):
                mesh.approvals.decide(stopped.approval, Decision(approve=True, by="bob"))
            assert [one.state for one in mesh.approvals.list()] == ["expired"]
            answer = await mesh.run(resume=stopped.run)
    assert answer.text == "end"
    assert not done(tmp_path)
    (hop,) = [h for h in answer.hops if h.role == "tool"]
    assert hop.error is not None
    assert "in time" in hop.error


# ── killed processes ─────────────────────────────────────────────────────────────────────


async def test_a_kill_before_the_approval_changes_nothing(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url)
        stopped = await waiting(folder, question=plan(spending(7), "end"))
        on_record(folder, "UPDATE runs SET state = 'running', waiting = NULL")
        with pytest.raises(WaitingError) as again:
            await resumed(folder, stopped.run)
        assert again.value.approval == stopped.approval
        assert not done(folder)
        await decide(folder, stopped.approval)
        assert (await resumed(folder, stopped.run)).text == "end"
    assert done(folder) == ["spend 7"]


async def test_killed_at_any_moment_it_is_done_once_and_never_without_a_person(
    tmp_path: Path,
) -> None:
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url)
        driver = [sys.executable, "-m", "tests.graph.act_driver", str(folder)]
        here = Path(__file__).parents[2]
        ended = await asyncio.to_thread(
            subprocess.run, driver, check=True, stdout=subprocess.PIPE, text=True, cwd=here
        )
    seen = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["point"] for one in seen] == list(POINTS)
    for one in seen:
        assert one["killed"], one
        assert (one["without"], one["done"], one["answer"]) == (0, 1, "end"), one
    asked_again = {one["point"] for one in seen if one["asked again"]}
    # Between these two nobody can know whether it was done.
    assert asked_again == set(POINTS[POINTS.index("take after") : POINTS.index("result after")])
    for one in seen:
        if one["asked again"]:
            assert one["another"], one
            assert one["still"] == one["left"], one


async def test_an_allowed_write_that_was_killed_is_not_repeated_by_itself(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url, policy=ALLOWED)
        question = plan([["write-down", {"text": "x"}]], "end")
        code, _ = await asyncio.to_thread(process, folder, "-", question, "after")
        assert code == -signal.SIGKILL
        assert done(folder) == ["write x"]
        async with Mesh.load(folder, env={}) as mesh:
            (record,) = mesh.journals.runs()
            with pytest.raises(WaitingError) as stopped:
                await mesh.run(resume=record.id)
            mesh.approvals.decide(
                stopped.value.approval, Decision(approve=False, by="ann", because="it is there")
            )
        assert (await resumed(folder, record.id)).text == "end"
    assert done(folder) == ["write x"]


# ── elsewhere ────────────────────────────────────────────────────────────────────────────


async def test_it_is_answered_in_place_or_with_the_resumed_run(tmp_path: Path) -> None:
    asked: list[Question] = []

    async def person(question: Question) -> HumanAnswer:
        asked.append(question)
        return HumanAnswer(text="approve", by="ann")

    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url)
        async with Mesh.load(folder, env={}) as mesh:
            answer = await mesh.run(question=plan(spending(1), "end"), on_question=person)
        assert answer.text == "end"
        assert asked[0].approval
        stopped = await waiting(folder, question=plan(spending(2), "end"))
        async with Mesh.load(folder, env={}) as mesh:
            with pytest.raises(UserError, match="'yes' is no answer"):
                await mesh.run(resume=stopped.run, answer="yes")
            answer = await mesh.run(resume=stopped.run, answer="approve")
    assert answer.text == "end"
    assert done(folder) == ["spend 1", "spend 2"]


async def test_other_branches_go_on(tmp_path: Path) -> None:
    graph = (
        "input: {question: text, other: text}\n"
        "nodes:\n"
        "  act: {agent: doer, of: question}\n"
        "  first: {tool: look, with: {at: other}}\n"
        "  second: {tool: look, with: {at: first}}\n"
        "  end: {function: both, from: [act, second]}\n"
        "output: end\n"
    )
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url, graph=graph)
        with (folder / "tools.py").open("a") as file:
            file.write(
                "\nfrom orchestrator import function\n\n@function('both')\ndef both(inputs):\n"
                "    return inputs['second'] + ' ' + inputs['act'].text\n"
            )
        stopped = await waiting(folder, question=plan(spending(1), "end"), other="o")
        assert done(folder) == ["look o", "look o is fine"]
        await decide(folder, stopped.approval)
        answer = await resumed(folder, stopped.run)
    assert answer.text == "o is fine is fine end"
    assert done(folder) == ["look o", "look o is fine", "spend 1"]


async def test_a_tool_that_the_graph_names_needs_it_too(tmp_path: Path) -> None:
    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url, graph=NAMED)
        stopped = await waiting(folder, question="pay", amount=3)
        assert not done(folder)
        await decide(folder, stopped.approval, arguments={"amount": 2})
        answer = await resumed(folder, stopped.run)
        again = await resumed(folder, stopped.run)
        refused = await waiting(folder, question="pay", amount=4)
        await decide(folder, refused.approval, approve=False, because="no")
        with pytest.raises(RunError, match="the tool 'spend' was not called: a person"):
            await resumed(folder, refused.run)
    assert (answer.text, again.text) == ("2 spent", "2 spent")
    assert done(folder) == ["spend 2"]


@pytest.mark.parametrize("go", [True, False])
async def test_a_second_model_of_another_family_looks_at_it_first(tmp_path: Path, go: bool) -> None:
    verdict = {"verdict": "go" if go else "stop", "reason": "because I say so"}
    told = Told(verdict=json.dumps(verdict))
    async with StandIn(told) as url:
        folder = write_project(tmp_path, url, policy=DOUBLE)
        stopped = await waiting(folder, question=plan(spending(7), "end"))
        assert [body["model"] for body in told.checks] == ["looker"]
        expected = f"{verdict['verdict']}: because I say so (looker)"
        assert stopped.shown["double check"] == expected
        if not go:
            with pytest.raises(UserError, match="say why"):
                await decide(folder, stopped.approval)
        await decide(folder, stopped.approval, because="I know better")
        answer = await resumed(folder, stopped.run)
    assert len(told.checks) == 1, "it is asked once"
    assert done(folder) == ["spend 7"]
    assert [h.node for h in answer.hops if h.agent == "double-check"] == ["act/double-check"]


async def test_no_verdict_is_a_stop(tmp_path: Path) -> None:
    async with StandIn(Told(verdict="I would rather not say")) as url:
        folder = write_project(tmp_path, url, policy=DOUBLE)
        stopped = await waiting(folder, question=plan(spending(7), "end"))
    assert stopped.shown["double check"].startswith("stop: no verdict")


async def test_in_somebody_elses_graph_it_is_langgraphs_own_interrupt(tmp_path: Path) -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command
    from typing_extensions import TypedDict

    class Mine(TypedDict, total=False):
        question: str
        output: Any

    async with StandIn(Told()) as url:
        folder = write_project(tmp_path, url, graph=GRAPH)
        async with Mesh.load(folder, env={}) as mesh:
            builder = StateGraph(Mine)
            builder.add_node("mesh", mesh.graph("small"))
            builder.add_edge(START, "mesh")
            builder.add_edge("mesh", END)
            mine: Any = builder.compile(checkpointer=InMemorySaver())
            config: Any = {"configurable": {"thread_id": "1"}}
            both = [*spending(1), *spending(2)]
            state = await mine.ainvoke({"question": plan(both, "end")}, config)
            first = waits(state)
            assert first["shown"]["arguments"] == '{\n  "amount": 1\n}'
            state = await mine.ainvoke(Command(resume="approve"), config)
            assert waits(state)["approval"] == first["approval"], "it must name what it approves"
            said = {"approval": first["approval"], "answer": "approve", "by": "ann"}
            state = await mine.ainvoke(Command(resume=said), config)
            second = waits(state)
            assert done(folder) == ["spend 1"], "the first approval is none of the second act"
            said = {"approval": second["approval"], "answer": "reject", "because": "no"}
            state = await mine.ainvoke(Command(resume=said), config)
    assert state["output"]["value"]["text"] == "end" if "value" in state["output"] else True
    assert done(folder) == ["spend 1"]


def waits(state: Mapping[str, Any]) -> dict[str, Any]:
    (interrupt,) = state["__interrupt__"]
    found: dict[str, Any] = interrupt.value
    return found
