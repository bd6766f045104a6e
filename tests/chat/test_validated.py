"""Validation is a part of the call: an answer is valid, or repaired, or another model's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.errors import CallError, RunError
from orchestrator.mesh import Mesh
from orchestrator.records import Hop
from tests.calling.server import Call, Say, StandIn, Step
from tests.chat.served import open_mesh, standing_in, write_fleet

ROW = {
    "type": "object",
    "properties": {"count": {"type": "integer"}},
    "required": ["count"],
    "additionalProperties": False,
}
ASKED = {"type": "json_schema", "json_schema": {"name": "row", "schema": ROW}}
WRONG = Say('{"count": "two"}')
RIGHT = Say('{"count": 2}')
PROBLEM = "at /count: 'two' is not of type 'integer'"


class Row(BaseModel):
    count: int


def hop_of(mesh: Mesh) -> Hop:
    trace = mesh.store.traces()[0]
    return mesh.store.hops(trace.id)[-1]


# ── a caller's schema ────────────────────────────────────────────────────────────────────


def test_an_answer_that_breaks_the_schema_is_repaired(rigs: Any) -> None:
    rig = rigs(WRONG, RIGHT)
    answer = rig.mesh.chat_model().invoke("How many?", response_format=ASKED)
    assert json.loads(answer.text) == {"count": 2}
    first, repair = rig.first.seen
    assert repair.body["messages"][:-2] == first.body["messages"]
    said, told = repair.body["messages"][-2:]
    assert said == {"role": "assistant", "content": WRONG.text}
    assert PROBLEM in told["content"]
    assert repair.body["response_format"] == first.body["response_format"]
    assert rig.second.seen == []


def test_both_answers_are_on_record_and_the_trace_says_what_was_mended(rigs: Any) -> None:
    rig = rigs(WRONG, RIGHT)
    rig.mesh.chat_model().invoke("How many?", response_format=ASKED)
    hop = hop_of(rig.mesh)
    assert [(str(a.outcome), a.kind) for a in hop.attempts] == [
        ("invalid_output", "first"),
        ("ok", "repair"),
    ]
    assert hop.validated is True
    assert hop.validation == f"answer 1 of first/a: {PROBLEM}; repaired"


def test_a_repair_that_fails_sends_it_to_the_next_model(rigs: Any) -> None:
    rig = rigs(WRONG, second=RIGHT)
    answer = rig.mesh.chat_model().invoke("How many?", response_format=ASKED)
    assert json.loads(answer.text) == {"count": 2}
    assert (len(rig.first.seen), len(rig.second.seen)) == (2, 1)
    hop = hop_of(rig.mesh)
    assert [a.deployment for a in hop.attempts] == ["first/a", "first/a", "second/b"]
    assert hop.validation == (
        f"answer 1 of first/a: {PROBLEM}; answer 2 of first/a: {PROBLEM}; second/b answered instead"
    )


def test_what_nobody_can_write_is_never_a_success(rigs: Any) -> None:
    rig = rigs(WRONG, second=WRONG)
    with pytest.raises(CallError, match="invalid_output") as caught:
        rig.mesh.chat_model().invoke("How many?", response_format=ASKED)
    assert {str(a.outcome) for a in caught.value.attempts} == {"invalid_output"}
    hop = hop_of(rig.mesh)
    assert hop.validated is False
    assert PROBLEM in hop.validation


def test_nothing_of_an_invalid_answer_is_streamed(rigs: Any) -> None:
    rig = rigs(WRONG, RIGHT)
    chunks = list(rig.mesh.chat_model().stream("How many?", response_format=ASKED))
    assert json.loads("".join(chunk.text for chunk in chunks)) == {"count": 2}


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output_is_the_mended_value(rigs: Any, method: str) -> None:
    said = {
        "json_schema": (WRONG, RIGHT),
        "function_calling": (
            Say("", calls=(Call("Row", WRONG.text),)),
            Say("", calls=(Call("Row", RIGHT.text),)),
        ),
    }
    rig = rigs(*said[method])
    model = rig.mesh.chat_model().with_structured_output(Row, method=method)
    assert model.invoke("How many?") == Row(count=2)
    assert "'two' is not of type 'integer'" in str(rig.first.seen[1].body["messages"][-1])


@pytest.mark.parametrize("around", ["```json\n{}\n```", "Of course:\n\n```\n{}\n```\nDone."])
def test_a_program_gets_the_json_without_its_fence(rigs: Any, around: str) -> None:
    rig = rigs(Say(around.replace("{}", RIGHT.text)))
    model = rig.mesh.chat_model()
    assert model.invoke("How many?", response_format=ASKED).text == RIGHT.text
    assert hop_of(rig.mesh).output == around.replace("{}", RIGHT.text)


@pytest.mark.parametrize(
    "text", ['{"count": 2} is the answer', '{"count": 2, "count": 3}', '[{"count": 2}]']
)
def test_what_is_almost_right_is_wrong(rigs: Any, text: str) -> None:
    rig = rigs(Say(text), RIGHT)
    assert rig.mesh.chat_model().invoke("How many?", response_format=ASKED).text == RIGHT.text
    assert len(rig.first.seen) == 2


def test_a_wrong_tool_call_is_answered_and_made_again(rigs: Any) -> None:
    rig = rigs(Say("", calls=(Call("Raw", "{}"),)), Say("", calls=(Call("Row", RIGHT.text),)))
    answer = rig.mesh.chat_model().bind_tools([Row]).invoke("How many?")
    assert [call["args"] for call in answer.tool_calls] == [{"count": 2}]
    said, told = rig.first.seen[1].body["messages"][-2:]
    assert said["tool_calls"][0]["id"] == told["tool_call_id"]
    assert "it calls the tool 'Raw'; offered: Row" in told["content"]


# ── what an agent declares ───────────────────────────────────────────────────────────────

PYTHON = """
from orchestrator import check

@check("no_promises")
def no_promises(text):
    return "it promises something" if "promise" in text else None

@check("broken")
def broken(text):
    return {}["missing"]
"""


def project(folder: Path, valid: str, url: str) -> Path:
    write_fleet(folder, url)
    (folder / "mesh.yaml").write_text("python: [names.py]\n")
    (folder / "names.py").write_text(PYTHON)
    (folder / "agents").mkdir()
    (folder / "agents" / "clerk.md").write_text(
        f"---\ndescription: Answers letters.\ntask: chat\nvalid: {valid}\n---\n{{{{ task }}}}\n"
    )
    return folder


@contextmanager
def clerk(folder: Path, valid: str, *steps: Step) -> Iterator[tuple[Mesh, StandIn]]:
    """A mesh whose agent `clerk` asks for `valid`, and what answers it."""
    with standing_in(*steps) as (url, seen), open_mesh(project(folder, valid, url)) as mesh:
        yield mesh, seen


@pytest.mark.parametrize(
    ("valid", "bad", "good", "problem"),
    [
        ("{max_chars: 5}", "too long", "short", "8 characters; at most 5"),
        (r"{pattern: '[A-Z]+-\d+'}", "It is AB-1", "AB-1", "does not match the pattern"),
        ("{code: python}", "x = (", "x = 1", "'(' was never closed"),
        ("{sql: postgres}", "SELECT FROM WHERE", "SELECT 1", "Expected table name"),
        ("{sql: postgres, read_only: true}", "DROP TABLE a", "SELECT 1", "holds DROP"),
        ("{check: no_promises}", "I promise it", "Perhaps", "it promises something"),
        ("{json_schema: {type: object}}", "[1]", "{}", "not of type 'object'"),
        ("{code: yaml, max_chars: 9, check: no_promises}", "a: promise", "a: 1", "at most 9"),
    ],
)
def test_what_an_agent_declares_is_held(
    tmp_path: Path, valid: str, bad: str, good: str, problem: str
) -> None:
    with clerk(tmp_path, valid, Say(bad), Say(good)) as (mesh, seen):
        chunks = list(mesh.chat_model(agent="clerk").stream("Write."))
        assert "".join(chunk.text for chunk in chunks) == good
        assert problem in str(seen.seen[1].body["messages"][-1]["content"])
        assert hop_of(mesh).validation.endswith("; repaired")


async def test_an_agent_of_a_graph_is_held_to_it_as_well(tmp_path: Path) -> None:
    graph = "input: {question: text}\nnodes: {write: {agent: clerk, of: question}}\noutput: write\n"
    with standing_in(Say("I promise it."), Say("Perhaps.")) as (url, seen):
        folder = project(tmp_path, "{check: no_promises}", url)
        (folder / "graphs").mkdir()
        (folder / "graphs" / "one.yaml").write_text(graph)
        mesh = Mesh.load(folder, env={})
        try:
            answer = await mesh.run("one", question="Will it come?")
        finally:
            await mesh.close()
        assert answer.text == "Perhaps."
        assert len(seen.seen) == 2


def test_a_schema_is_sent_and_needs_a_model_that_can_hold_it(tmp_path: Path) -> None:
    valid = "{json_schema: {type: object, title: T}}"
    with clerk(tmp_path, valid, Say("{}")) as (mesh, seen):
        mesh.chat_model(agent="clerk").invoke("Write.")
        profile = hop_of(mesh).profile
    assert profile is not None
    assert profile.needs == ("json",)
    asked = seen.seen[0].body["response_format"]
    assert asked["json_schema"]["schema"] == {"type": "object", "title": "T"}


def test_a_check_that_is_broken_fails_the_call_and_says_so(tmp_path: Path) -> None:
    with clerk(tmp_path, "{check: broken}", Say("Yes.")) as (mesh, _):
        with pytest.raises(RunError, match="the check 'broken' failed: KeyError: 'missing'"):
            mesh.chat_model(agent="clerk").invoke("Write.")
        assert hop_of(mesh).status == "failed"
