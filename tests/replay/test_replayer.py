"""A recorded run comes out again as it was, without a call; what is not as it was is told."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import RunError, WaitingError
from orchestrator.graph.asking import HumanAnswer

from .small import calls, forget_journal, in_mesh, replay, run, stored, write_project

PLAN = json.dumps(
    [
        {"id": "a", "description": "a", "task": "chat"},
        {"id": "bad", "description": "bad", "task": "chat"},
        {"id": "c", "description": "c", "task": "chat", "needs": ["a", "bad"]},
    ]
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize(("graph", "question"), [("looped", "why"), ("planned", PLAN)])
def test_the_same_output_without_a_call(
    project: Path, graph: str, question: str, journal: bool
) -> None:
    trace = run(project, graph, question)
    if not journal:
        forget_journal(project)
    before, made = stored(project), calls(project)
    found = replay(project, trace)
    assert found.differences == ()
    assert found.again.answer == found.trace.answer
    assert found.trace.answer
    assert found.calls == 0
    assert calls(project) == made
    assert stored(project) == before
    assert {status for _, status, _ in found.statuses} == {"same"}
    assert found.decisions.same == found.decisions.total > 0


def test_a_loop_is_gone_through_as_often_as_then(project: Path) -> None:
    found = replay(project, run(project, "looped", "why"))
    nodes = [(hop.node, hop.round) for hop, _, _ in found.statuses]
    assert ("draft", 1) in nodes
    assert "looked on the shelf" in next(h.notes[0] for h in found.hops if h.node == "facts")


@pytest.mark.parametrize("question", ["stumble", "unreadable"])
def test_a_run_that_failed_fails_with_the_same_error(project: Path, question: str) -> None:
    trace = run(project, "looped", question)
    forget_journal(project)
    found = replay(project, trace)
    assert found.trace.status == "failed"
    assert found.trace.error
    assert found.again.error == found.trace.error
    assert found.differences == ()
    assert found.calls == 0


def test_what_was_hidden_cannot_be_replayed(project: Path) -> None:
    trace = run(project, "looped", "secret", data_class="pii")
    with pytest.raises(RunError, match="its texts were not to be kept"):
        replay(project, trace)


def test_a_run_that_was_stopped_is_replayed_as_far_as_it_went(project: Path) -> None:
    async def stopped(mesh: Mesh) -> str:
        begun = asyncio.Event()

        def tell(event: Any) -> None:
            if getattr(event, "node", "") == "check":
                begun.set()

        task = asyncio.create_task(mesh.run("looped", question="why", on_event=tell))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        trace = mesh.store.traces(1)[0]
        # As a process leaves it that is killed.
        mesh.store.start(replace(trace, status="running", error=None))
        return trace.id

    trace = in_mesh(project, stopped)
    made = calls(project)
    found = replay(project, trace)
    assert found.cut_off
    assert found.differences == ()
    assert ("draft", "same") in [(hop.node, status) for hop, status, _ in found.statuses]
    assert calls(project) == made


def test_people_are_not_asked_again(project: Path) -> None:
    async def asked(mesh: Mesh) -> str:
        said = iter(["again", "approve"])

        async def person(_question: Any) -> HumanAnswer:
            return HumanAnswer(text=next(said), by="ann")

        return (await mesh.run("asking", question="dear", on_question=person)).trace_id

    trace = in_mesh(project, asked)
    forget_journal(project)
    found = replay(project, trace)
    assert found.differences == ()
    assert [h.output for h in found.hops if h.role == "person"] == ["again", "approve"]


def test_a_run_that_waits_comes_to_the_same_question(project: Path) -> None:
    async def waits(mesh: Mesh) -> str:
        with pytest.raises(WaitingError) as caught:
            await mesh.run("asking", question="dear")
        return caught.value.run

    found = replay(project, in_mesh(project, waits))
    assert found.trace.status == found.again.status == "waiting"
    assert found.differences == ()


def test_a_conversation_is_replayed_with_what_was_said_before(project: Path) -> None:
    async def talk(mesh: Mesh) -> list[str]:
        turns = [await mesh.run("talk", question=q, thread="t") for q in ("one", "two", "three")]
        return [turn.trace_id for turn in turns]

    for trace in in_mesh(project, talk):
        assert replay(project, trace).differences == ()


def test_a_run_that_was_taken_up_again_is_replayed_whole(project: Path) -> None:
    async def waits(mesh: Mesh) -> str:
        with pytest.raises(WaitingError) as caught:
            await mesh.run("asking", question="dear")
        return caught.value.run

    trace = in_mesh(project, waits)
    answer = in_mesh(project, lambda mesh: mesh.run(resume=trace, answer="approve"))
    found = replay(project, trace)
    assert found.differences == ()
    assert found.again.answer == answer.text


def test_what_an_edit_put_out_of_use_is_left_aside(project: Path) -> None:
    async def waits(mesh: Mesh) -> str:
        with pytest.raises(WaitingError) as caught:
            await mesh.run("asking", question="dear")
        return caught.value.run

    async def goes_on(mesh: Mesh) -> str:
        try:
            found = await mesh.run(resume=trace, answer="approve", accept_changes=True)
        except WaitingError:  # the question is asked anew, since the draft is another
            found = await mesh.run(resume=trace, answer="approve", accept_changes=True)
        return found.text

    trace = in_mesh(project, waits)
    agent = project / "agents" / "echo.md"
    agent.write_text(agent.read_text().replace("Repeat:", "Say again:"))
    text = in_mesh(project, goes_on)
    for _ in range(2):
        found = replay(project, trace)
        assert found.differences == ()
        assert found.again.answer == text
        forget_journal(project)


def test_a_process_that_was_killed_leaves_what_its_journal_holds(project: Path) -> None:
    trace = run(project, "looped", "why")

    async def cut(mesh: Mesh) -> None:
        one = mesh.store.trace(trace)
        mesh.store.start(replace(one, status="running", answer=None, request=None))
        mesh.store.flush()

    in_mesh(project, cut)
    with closing(sqlite3.connect(project / ".mesh" / "traces.sqlite")) as database, database:
        database.execute("DELETE FROM hops WHERE round = 1 OR node = 'facts'")
    found = replay(project, trace)
    assert found.cut_off
    assert found.differences == ()
    nodes = [(hop.node, hop.round) for hop, status, _ in found.statuses if status == "same"]
    assert ("answer", 1) in nodes
    forget_journal(project)
    with pytest.raises(RunError, match="what it was asked is not on record"):
        replay(project, trace)


# ── what is not as it was ────────────────────────────────────────────────────────────────


def test_an_edited_prompt_is_told_where_it_was_edited(project: Path) -> None:
    trace = run(project, "looped", "why")
    agent = project / "agents" / "last.md"
    agent.write_text(agent.read_text().replace("End with", "Close with"))
    found = replay(project, trace)
    assert not found.same
    statuses = {(hop.node, hop.round): status for hop, status, _ in found.statuses}
    assert statuses["draft", 0] == "same"
    assert statuses["check", 0] == statuses["answer", 1] == "different"
    assert found.diff.first is not None
    assert found.diff.first.pair is not None
    assert found.diff.first.pair.hop.node == "check"
    assert found.diff.first.difference.after.startswith("Close with")
    assert found.edits == ("agents/last.md: prompt changed",)
    assert found.again.answer == found.trace.answer


def test_edited_code_is_told_by_what_it_changes(project: Path) -> None:
    trace = run(project, "looped", "why")
    code = project / "functions.py"
    code.write_text(code.read_text().replace('{inputs["round"]}:', "round "))
    code.write_text(code.read_text().replace("{inputs['round']}:", "round "))
    found = replay(project, trace)
    other = [(h.node, h.round) for h, status, _ in found.statuses if status == "different"]
    assert other == [("draft", 1), ("check", 1), ("answer", 1)]
    assert "round <fact" in found.differences[0] or found.differences[0].startswith("draft #2")
    assert found.edits == ("functions.py: changed",)


def test_code_that_changes_nothing_is_no_difference(project: Path) -> None:
    trace = run(project, "looped", "why")
    code = project / "functions.py"
    code.write_text(code.read_text() + "\n# a remark\n")
    found = replay(project, trace)
    assert found.differences == ()
    assert found.edits == ("functions.py: changed",)


def test_a_step_that_is_new_is_not_on_record(project: Path) -> None:
    trace = run(project, "looped", "why")
    graph = project / "graphs" / "looped.yaml"
    more = "  late: {agent: last, of: answer}\noutput: late\n"
    graph.write_text(graph.read_text().replace("output: answer\n", more))
    found = replay(project, trace)
    assert ("late", "new") in [(hop.node, status) for hop, status, _ in found.statuses]
    assert "not on record" in (found.again.error or "")


def test_a_step_that_is_gone_is_missing(project: Path) -> None:
    trace = run(project, "looped", "why")
    code = project / "functions.py"
    code.write_text(code.read_text().replace("again = inputs", "again = False and inputs"))
    found = replay(project, trace)
    missing = {(h.node, h.round) for h, status, _ in found.statuses if status == "missing"}
    assert ("draft", 1) in missing


def test_a_run_that_failed_and_would_go_on_now_is_told(project: Path) -> None:
    trace = run(project, "looped", "unreadable")
    code = project / "functions.py"
    code.write_text(code.read_text().replace('raise KeyError("shelf")', 'raise KeyError("shelf!")'))
    assert replay(project, trace).differences == ()  # the tool does not run
    graph = project / "graphs" / "looped.yaml"
    facts = "  facts: {tool: find, with: {query: question}}\n"
    graph.write_text(graph.read_text().replace(facts, "").replace(", facts]", "]"))
    found = replay(project, trace)
    assert not found.same
    assert found.again.error == "it waits for what is not on record: draft"


def test_a_graph_that_is_gone_is_told(project: Path) -> None:
    trace = run(project, "looped", "why")
    (project / "graphs" / "looped.yaml").unlink()
    (project / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: planned\n")
    found = replay(project, trace)
    assert not found.same
    assert "unknown graph 'looped'" in (found.again.error or "")


def test_another_policy_is_told_where_it_would_choose_others(project: Path) -> None:
    trace = run(project, "looped", "why")
    policy = project / "policy.yaml"
    policy.write_text(policy.read_text() + "  - {name: quiet, match: {task: [math]}}\n")
    same = replay(project, trace)
    assert same.differences == ()
    assert same.edits == ("policy.yaml: route 'quiet' added",)
    policy.write_text(
        policy.read_text() + "  - {name: loud, match: {task: [chat]}, primary: loud}\n"
    )
    found = replay(project, trace)
    assert found.decisions.different == ()
    assert found.decisions.same == found.decisions.total
    assert {(o.recorded, o.now) for o in found.decisions.elsewhere} == {("soft/here", "loud/here")}
    assert "under the policy as it is now loud/here, not soft/here" in found.differences[0]


def test_a_validator_that_refuses_the_recorded_answer_is_told(project: Path) -> None:
    trace = run(project, "looped", "why")
    agent = project / "agents" / "echo.md"
    agent.write_text(
        agent.read_text().replace("task: chat\n", "task: chat\nvalid: {max_chars: 3}\n")
    )
    found = replay(project, trace)
    assert not found.same
    assert "node 'draft': a recorded output no longer passes" in (found.again.error or "")


def test_a_secret_is_replayed_as_long_as_the_journal_holds_it(project: Path) -> None:
    trace = run(project, "looped", "my key is sk-ant-api03-" + "abcdefghij" * 4)
    found = replay(project, trace)
    assert found.differences == ()
    assert "abcdefghij" not in str(found)
    forget_journal(project)
    again = replay(project, trace)
    assert again.differences == ()


def test_a_source_that_was_edited_or_is_gone_is_the_first_difference(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = project / "facts.md"
    source.write_text("# Rules\n\nThe notice period is three months.\n")
    (project / "graphs" / "read.yaml").write_text(
        "input: {question: text, sources: paths}\n"
        "nodes:\n"
        "  found: {tool: retrieve, with: {query: question, sources: sources}}\n"
        "  reply: {agent: echo, from: [question, found]}\n"
        "output: reply\n"
    )
    monkeypatch.chdir(project)

    async def ask(mesh: Mesh) -> str:
        question = "How long is the notice period?"
        return (await mesh.run("read", question=question, sources=["facts.md"])).trace_id

    trace = in_mesh(project, ask)
    forget_journal(project)
    assert replay(project, trace).differences == ()
    source.write_text("# Rules\n\nThe notice period is four months.\n")
    found = replay(project, trace)
    assert found.differences == ("source facts.md: it was edited since the run read it",)
    assert found.again.answer == found.trace.answer
    source.unlink()
    (said,) = replay(project, trace).differences
    assert said.startswith("source facts.md: it cannot be read any more from ")
