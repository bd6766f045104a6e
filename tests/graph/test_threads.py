"""A conversation: earlier turns are remembered, understood, and never a source."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import UserError
from orchestrator.graph.answer import RunOptions
from orchestrator.graph.threads import Threads
from orchestrator.roles.values import PastTurn

from .small import calls, write_project

TALK = """
    input: {question: text, conversation: "turns?"}
    nodes:
      reply: {agent: talker, from: [question, conversation]}
    output: reply
"""
TALKER = """

@role("talker")
async def talk(work):
    turns = work.inputs["conversation"]
    said = ",".join(f"{t.question}={t.answer}" for t in turns)
    return (await work.call(variables={}, inputs={"text": f"{work.question}[{said}]"})).text
"""
PRIVATE = (
    "routes:\n  - name: personal\n    match: {data_class: pii}\n"
    "    store_prompts: none\n    store_outputs: none\n"
)


def project(folder: Path, policy: str = "") -> Path:
    write_project(folder, TALK, policy=policy)
    with (folder / "functions.py").open("a") as file:
        file.write(TALKER)
    (folder / "agents" / "talker.md").write_text(
        "---\ndescription: Talks.\nrole: talker\ntask: chat\n---\nTalk.\n"
    )
    return folder


async def test_each_turn_knows_those_before_it_also_in_another_process(tmp_path: Path) -> None:
    project(tmp_path)
    async with Mesh.load(tmp_path, env={}) as mesh:
        first = await mesh.run(question="one", thread="t1")
        second = await mesh.run(question="two", thread="t1")
        other = await mesh.run(question="one", thread="t2")
    assert first.text == other.text == "<one[]>"
    assert second.text == "<two[one=<one[]>]>"
    assert (second.thread, second.thread_keeps_texts) == ("t1", True)
    async with Mesh.load(tmp_path, env={}) as mesh:
        third = await mesh.run(question="three", thread="t1")
        listed = {t.name: (t.turns, t.kept) for t in Threads(mesh.journals).list()}
    assert third.text.startswith("<three[one=<one[]>,two=")
    assert listed == {"t1": (3, 3), "t2": (1, 1)}


async def test_a_question_that_leans_is_understood_and_the_trace_says_how(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        await mesh.run(question="What is the monthly allowance for remote work?", thread="t")
        second = await mesh.run(question="When is it paid?", thread="t")
    assert second.text.startswith("<When is it paid (monthly allowance remote work)?[")
    (hop,) = second.hops
    (note,) = hop.notes
    assert note.endswith("so far as: When is it paid (monthly allowance remote work)?")


async def test_a_turn_that_may_not_be_kept_is_forgotten_and_says_so(tmp_path: Path) -> None:
    planted = "IBAN DE89370400440532013000"
    async with Mesh.load(project(tmp_path, PRIVATE), env={}) as mesh:
        options = RunOptions(data_class="pii")
        first = await mesh.run(question=planted, thread="t", options=options)
        second = await mesh.run(question="two", thread="t")
        (summary,) = Threads(mesh.journals).list()
    assert first.thread_keeps_texts is False
    assert second.text == "<two[]>"
    assert (summary.turns, summary.kept) == (2, 1)
    stored = [p for p in (tmp_path / ".mesh").rglob("*") if p.is_file()]
    assert not [p for p in stored if planted.encode() in p.read_bytes()]


async def test_what_was_said_never_stands_on_the_disk_in_clear(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        await mesh.run(question="planted-word", thread="t")
    journal = [p for p in (tmp_path / ".mesh").glob("journal*") if p.is_file()]
    assert journal
    assert not [p for p in journal if b"planted-word" in p.read_bytes()]


async def test_a_resumed_run_is_one_turn(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        first = await mesh.run(question="one", thread="t")
        again = await mesh.run(resume=first.trace_id)
        await mesh.run(question="two", thread="t")
        assert len(Threads(mesh.journals).turns("t")) == 2
    assert again.text == first.text


async def test_two_runs_in_one_thread_do_not_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHO_SECONDS", "5")
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        going = asyncio.create_task(mesh.run(question="one", thread="t"))
        while not calls(tmp_path):
            await asyncio.sleep(0.01)
        async with Mesh.load(tmp_path, env={}) as other:
            with pytest.raises(UserError, match="another run goes on in the thread 't'"):
                await other.run(question="two", thread="t")
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        monkeypatch.setenv("ECHO_SECONDS", "0")
        assert (await mesh.run(question="two", thread="t")).text == "<two[]>"


@pytest.mark.parametrize(("name", "says"), [("", "1 to 64"), ("x" * 65, "1 to 64")])
async def test_a_thread_has_a_name(tmp_path: Path, name: str, says: str) -> None:
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        with pytest.raises(UserError, match=says):
            await mesh.run(question="one", thread=name)


async def test_a_graph_without_such_an_input_says_what_to_declare(tmp_path: Path) -> None:
    write_project(tmp_path, TALK.replace(', conversation: "turns?"', "").replace("talker", "echo"))
    graph = tmp_path / "graphs" / "small.yaml"
    graph.write_text(graph.read_text().replace(", conversation]", "]"))
    async with Mesh.load(tmp_path, env={}) as mesh:
        with pytest.raises(UserError, match=r"conversation: turns\?"):
            await mesh.run(question="one", thread="t")


async def test_a_program_may_bring_its_own_turns(tmp_path: Path) -> None:
    async with Mesh.load(project(tmp_path), env={}) as mesh:
        turns = [PastTurn(question="a", answer="b"), {"question": "c"}]
        answer = await mesh.run(question="one", conversation=turns)
        assert answer.text == "<one[a=b,c=]>"
        with pytest.raises(UserError, match="must be turns, each with question, answer"):
            await mesh.run(question="one", conversation=[{"ask": "c"}])


@pytest.mark.slow
async def test_the_answer_to_a_question_that_leans_is_cited_from_the_sources(
    tmp_path: Path,
) -> None:
    """The shipped graph, offline: the first answer is no source of the second."""
    rules = tmp_path / "rules.txt"
    rules.write_text(
        "Employees who work remotely receive a monthly allowance of 40 EUR. "
        "The allowance is paid on the last working day of the following month. "
        "The canteen opens at noon on working days. "
        "Travel costs are paid within ten days of the claim."
    )
    async with Mesh.load(tmp_path, env={}) as mesh:
        first = await mesh.run(
            question="What is the monthly allowance for remote work?", sources=[rules], thread="t"
        )
        second = await mesh.run(question="When is it paid?", sources=[rules], thread="t")
    assert "40 EUR" in first.text
    assert "last working day of the following month" in second.text
    assert second.citations
    text = rules.read_text()
    assert all(text[c.start : c.end] == c.quote for c in second.citations)
    notes = [note for hop in second.hops for note in hop.notes]
    assert "looked up as: When is it paid (monthly allowance remote work)?" in notes
