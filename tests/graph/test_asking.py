"""A graph asks a person: answered in place, later, by another process, in somebody else's graph."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import UserError, WaitingError
from orchestrator.graph.asking import HumanAnswer, Question
from orchestrator.project.load import load_project

from .small import calls, write_project

ASKING = """
    input: {question: text}
    nodes:
      draft: {agent: echo, of: question}
      approval: {ask: "May it go out?", of: draft, to: {approve: sent, reject: dropped}}
      sent: {agent: echo, of: approval}
      dropped: {agent: echo, from: [approval, question]}
      end: {function: first, from: [sent, dropped]}
    output: end
"""
FREE = """
    input: {question: text}
    nodes:
      name: {ask: "Who signs?", of: question}
      letter: {agent: echo, from: [question, name]}
    output: letter
"""
LOOP = """
    input: {question: text}
    nodes:
      draft: {agent: echo, of: question}
      approval:
        ask: May it go out?
        of: draft
        to: {approve: sent, again: draft}
        at_most: 2
      sent: {agent: echo, of: approval}
    output: sent
"""
SIDE = """
    input: {question: text}
    nodes:
      approval: {ask: "Well?", of: question}
      one: {agent: echo, of: question}
      two: {agent: echo, of: one}
      end: {agent: echo, from: [approval, two]}
    output: end
"""
FIRST = """

@function("first")
def first(inputs):
    return next(v for k, v in inputs.items() if k in ("sent", "dropped"))
"""


def project(folder: Path, graph: str) -> Path:
    write_project(folder, graph)
    with (folder / "functions.py").open("a") as file:
        file.write(FIRST)
    return folder


async def waiting(folder: Path, **inputs: Any) -> WaitingError:
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(WaitingError) as stopped:
            await mesh.run(**inputs)
    return stopped.value


async def answered(folder: Path, run: str, answer: str | HumanAnswer) -> Any:
    async with Mesh.load(folder, env={}) as mesh:
        return await mesh.run(resume=run, answer=answer)


async def test_an_answer_in_place(tmp_path: Path) -> None:
    asked: list[Question] = []

    async def person(question: Question) -> str:
        asked.append(question)
        return " Approve "

    async with Mesh.load(project(tmp_path, ASKING), env={}) as mesh:
        answer = await mesh.run(question="q", on_question=person)
    assert answer.text == "<approve>"
    (question,) = asked
    assert (question.node, question.text) == ("approval", "May it go out?")
    assert question.shown == {"draft": "<q>"}
    assert question.allowed == ("approve", "reject")
    assert question.run == answer.trace_id


async def test_the_answer_comes_later_and_from_another_process(tmp_path: Path) -> None:
    stopped = await waiting(project(tmp_path, ASKING), question="q")
    assert (stopped.node, stopped.question) == ("approval", "May it go out?")
    assert stopped.shown == {"draft": "<q>"}
    assert stopped.allowed == ("approve", "reject")
    async with Mesh.load(tmp_path, env={}) as mesh:
        (record,) = mesh.journals.runs()
        assert (record.state, record.waiting["shown"]) == ("waiting", {"draft": "<q>"})
        assert mesh.store.trace(stopped.run).status == "waiting"

    answer = await answered(tmp_path, stopped.run, HumanAnswer(text="reject", by="Ann"))
    assert answer.text == "<reject+q>"
    (hop,) = [h for h in answer.hops if h.node == "approval"]
    assert (hop.role, hop.agent, hop.output) == ("person", "Ann", "reject")
    assert hop.notes[0].startswith("answered by Ann at 20")
    assert hop.prompt == "May it go out?\n\ndraft:\n<q>"
    assert len(calls(tmp_path)) == 2, "the draft was not written twice"
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert mesh.journals.find(stopped.run).state == "ok"
        again = await mesh.run(resume=stopped.run)
    assert again.text == answer.text, "a recorded answer is not asked for again"


async def test_a_kill_between_question_and_answer_loses_nothing(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, sys\n"
        "from orchestrator import Mesh\n"
        "async def person(question):\n"
        "    os._exit(9)\n"
        "async def main():\n"
        "    await Mesh.load(sys.argv[1], env={}).run(question='q', on_question=person)\n"
        "asyncio.run(main())\n"
    )
    project(tmp_path, ASKING)
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode == 9
    async with Mesh.load(tmp_path, env={}) as mesh:
        (record,) = mesh.journals.runs()
        assert record.state == "interrupted"
        with pytest.raises(UserError, match="does not wait for an answer: it is interrupted"):
            await mesh.run(resume=record.id, answer="approve")
        with pytest.raises(WaitingError):
            await mesh.run(resume=record.id)
    assert (await answered(tmp_path, record.id, "approve")).text == "<approve>"
    assert len(calls(tmp_path)) == 2


async def test_any_text_is_an_answer_where_no_labels_are_declared(tmp_path: Path) -> None:
    stopped = await waiting(project(tmp_path, FREE), question="q")
    assert stopped.allowed == ()
    answer = await answered(tmp_path, stopped.run, "J. Doe")
    assert answer.text == "<J. Doe+q>"
    (hop,) = [h for h in answer.hops if h.role == "person"]
    assert hop.agent, "without a name it is the user of the operating system"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("aprove", "'aprove' is no answer .* allowed: approve, reject; did you mean 'approve'"),
        ("  ", "is empty"),
    ],
)
async def test_a_wrong_answer_is_refused_and_the_question_stands(
    tmp_path: Path, said: str, message: str
) -> None:
    stopped = await waiting(project(tmp_path, ASKING), question="q")
    with pytest.raises(UserError, match=message):
        await answered(tmp_path, stopped.run, said)
    assert (await answered(tmp_path, stopped.run, "reject")).text == "<reject+q>"


async def test_a_person_may_send_the_run_back_and_is_asked_again(tmp_path: Path) -> None:
    said = iter(("again", "again", "approve"))
    shown: list[str] = []

    async def person(question: Question) -> str:
        shown.append(question.shown["draft"])
        return next(said)

    async with Mesh.load(project(tmp_path, LOOP), env={}) as mesh:
        answer = await mesh.run(question="q", on_question=person)
    assert answer.text == "<approve>"
    assert shown == ["<q>", "<again+q>", "<again+q>"]
    assert [h.round for h in answer.hops if h.role == "person"] == [0, 1, 2]


async def test_what_stands_beside_the_question_is_finished_before_the_run_stops(
    tmp_path: Path,
) -> None:
    stopped = await waiting(project(tmp_path, SIDE), question="q")
    assert len(calls(tmp_path)) == 2, "both steps beside the question ran"
    answer = await answered(tmp_path, stopped.run, "yes")
    assert answer.text == "<yes+<<q>>>"
    assert len(calls(tmp_path)) == 3


async def test_the_time_in_which_a_person_thinks_is_not_the_runs(tmp_path: Path) -> None:
    from orchestrator.calling.clock import SystemClock

    class Jumping(SystemClock):
        """Moves on by an hour when it is told."""

        ahead = 0.0

        def now(self) -> float:
            return super().now() + self.ahead

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead

    clock = Jumping()

    async def slow_person(_: Question) -> str:
        clock.ahead += 3600
        return "approve"

    loaded = load_project(project(tmp_path, ASKING), env={})
    async with Mesh(loaded, env={}, clock=clock) as mesh:
        answer = await mesh.run(question="q", on_question=slow_person)
        trace = mesh.store.trace(answer.trace_id)
    assert answer.text == "<approve>", "the deadline of five minutes stood still"
    assert answer.ms < 3_000_000
    assert trace.ms < 3_000_000

    async with Mesh(loaded, env={}, clock=clock) as mesh:
        with pytest.raises(WaitingError) as stopped:
            await mesh.run(question="other")
    clock.ahead += 7200
    async with Mesh(loaded, env={}, clock=clock) as mesh:
        later = await mesh.run(resume=stopped.value.run, answer="approve")
    assert 0 < later.ms < 3_000_000


async def test_a_waiting_run_can_be_cancelled_and_taken_up_again(tmp_path: Path) -> None:
    stopped = await waiting(project(tmp_path, ASKING), question="q")
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert await mesh.cancel(stopped.run)
        assert mesh.journals.find(stopped.run).state == "cancelled"
        assert mesh.store.trace(stopped.run).status == "cancelled"
        with pytest.raises(WaitingError):
            await mesh.run(resume=stopped.run)


async def test_what_is_shown_and_said_never_stands_on_the_disk_in_clear(tmp_path: Path) -> None:
    planted = "IBAN DE89370400440532013000"
    policy = (
        "routes:\n  - name: personal\n    match: {}\n"
        "    store_prompts: none\n    store_outputs: none\n"
    )
    write_project(tmp_path, FREE.replace("[question, name]", "[name]"), policy=policy)
    stopped = await waiting(tmp_path, question=planted)
    files = [p for p in (tmp_path / ".mesh").rglob("*") if p.is_file()]
    assert files
    assert not [p for p in files if planted.encode() in p.read_bytes()]
    await answered(tmp_path, stopped.run, planted)
    assert not [p for p in files if p.exists() and planted.encode() in p.read_bytes()]


async def test_in_somebody_elses_graph_it_is_langgraphs_own_interrupt(tmp_path: Path) -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command
    from typing_extensions import TypedDict

    class Mine(TypedDict, total=False):
        question: str
        output: str

    async with Mesh.load(project(tmp_path, ASKING), env={}) as mesh:
        builder = StateGraph(Mine)
        builder.add_node("mesh", mesh.graph("small"))
        builder.add_edge(START, "mesh")
        builder.add_edge("mesh", END)
        mine: Any = builder.compile(checkpointer=InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        state = await mine.ainvoke({"question": "q"}, config)
        (interrupt,) = state["__interrupt__"]
        assert interrupt.value["text"] == "May it go out?"
        assert interrupt.value["shown"] == {"draft": "<q>"}
        assert interrupt.value["allowed"] == ["approve", "reject"]
        state = await mine.ainvoke(Command(resume="approve"), config)
    assert state["output"] == "<approve>"
    assert len(calls(tmp_path)) == 2
