"""A single call is replayed from its trace: its answer is checked and handed out again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator import Mesh
from orchestrator.call_types import CallRequest, Reply, ToolCall
from orchestrator.errors import RunError
from orchestrator.replay.recorded import Record
from orchestrator.replay.rerun import Change
from orchestrator.roles.transcript import beside
from orchestrator.tracing.asked import call_of, kept_call
from tests.tracing.samples import HOP, TRACE

from .small import in_mesh, replay, write_project

MODELS = """

@builtin("chatty")
def chatty(request):
    if "stumble" in str(request.messages):
        raise RuntimeError("it stumbled")
    if request.schema:
        return '```json\\n{"days": 30}\\n```'
    return "thirty days, " + str(request.temperature)
"""
FLEET = """
  chatty:
    tier: nano
    can: [json]
    tasks: {"*": 0.95}
    deployments: [{id: here, via: builtin, function: chatty, hosting: self}]
  other:
    tier: nano
    can: [json]
    tasks: {"*": 0.5}
    deployments: [{id: here, via: builtin, function: chatty, hosting: self}]
"""


class Period(BaseModel):
    """How long."""

    days: int


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = write_project(tmp_path / "project")
    with (folder / "functions.py").open("a") as code:
        code.write(MODELS)
    with (folder / "fleet.yaml").open("a") as fleet:
        fleet.write(FLEET)
    return folder


def asked(folder: Path, text: str = "How long?", schema: Any = None, **settings: Any) -> str:
    async def work(mesh: Mesh) -> str:
        model = mesh.chat_model("chat", temperature=0.5, **settings)
        called = model if schema is None else model.with_structured_output(schema)
        with suppress(RunError):
            await called.ainvoke([("system", "Be brief."), ("human", text)])
        return mesh.store.traces(1)[0].id

    found: str = in_mesh(folder, work)
    return found


@pytest.mark.parametrize("schema", [None, Period])
def test_a_single_call_gives_the_same_output(project: Path, schema: Any) -> None:
    found = replay(project, asked(project, schema=schema))
    assert found.differences == ()
    assert found.again.answer == found.trace.answer
    assert found.decisions.same == found.decisions.total == 1


def test_one_that_failed_fails_again(project: Path) -> None:
    found = replay(project, asked(project, "stumble"))
    assert found.trace.status == "failed"
    assert found.again.error == found.trace.error
    assert found.differences == ()


def test_an_agent_that_wants_more_now_refuses_its_recorded_answer(project: Path) -> None:
    trace = asked(project, agent="last")
    agent = project / "agents" / "last.md"
    agent.write_text(
        agent.read_text().replace("task: chat\n", "task: chat\nvalid: {max_chars: 3}\n")
    )
    found = replay(project, trace)
    assert not found.same
    assert "no longer passes" in (found.again.error or "")
    agent.unlink()
    for graph in ("looped", "asking"):
        (project / "graphs" / f"{graph}.yaml").unlink()
    (project / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: planned\n")
    assert "the agent 'last' is no longer declared" in (replay(project, trace).again.error or "")


def test_a_call_whose_texts_were_not_kept_cannot_be_replayed(project: Path) -> None:
    with pytest.raises(RunError, match="its texts were not to be kept"):
        replay(project, asked(project, data_class="pii"))


def test_what_brought_no_text_cannot_be_replayed(project: Path) -> None:
    async def embedded(mesh: Mesh) -> str:
        trace = replace(TRACE, request={"call": replace(PLAIN, asks="vectors")})
        mesh.store.start(trace)
        mesh.store.finish(replace(trace, status="ok"))
        return trace.id

    with pytest.raises(RunError, match="its answer is no text"):
        replay(project, in_mesh(project, embedded))


def test_a_call_is_asked_of_another_model(project: Path) -> None:
    trace = asked(project)
    change = Change(hop="chat", model="other")
    found = in_mesh(project, lambda mesh: mesh.rerun(trace, change))
    (hop,) = [pair.after for pair in found.diff.pairs]
    assert hop.attempts[-1].deployment == "other/here"
    assert hop.prompt == "Be brief.\n\nHow long?"
    assert hop.output == "thirty days, 0.5"
    assert found.diff.after.origin == trace


# ── how it is kept ───────────────────────────────────────────────────────────────────────

PLAIN = CallRequest(
    messages=(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": ""},
        {"role": "user", "content": "How\n\nlong?"},
    ),
    temperature=0.5,
    stop=("x",),
    schema={"type": "object"},
)


def test_the_words_of_a_call_are_kept_once() -> None:
    kept = kept_call(PLAIN)
    assert "brief" not in str(kept)
    assert call_of(kept, "Be brief.\n\nHow\n\nlong?") == PLAIN


def test_a_call_whose_prompt_was_changed_is_not_made_up() -> None:
    kept = kept_call(PLAIN)
    assert call_of(kept, "Be brief.\n\nHow\n\n<key-1>?") is None
    assert call_of(kept, None) is None


def test_images_are_never_kept() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,SECRET"}}
    message: Any = {"role": "user", "content": [{"type": "text", "text": "see"}, part]}
    kept = kept_call(replace(PLAIN, messages=(message,)))
    assert "SECRET" not in str(kept)
    assert call_of(kept, "see\n[image_url]") is None


def test_tool_calls_and_the_share_of_a_panel_are_kept_beside_the_text() -> None:
    attempt = HOP.attempts[-1]
    reply = Reply(
        text="I look.",
        value="I look.",
        deployment="m/d",
        model="m",
        family="f",
        attempts=(attempt,),
        agreement=0.5,
        tool_calls=(ToolCall(id="1", name="look", arguments="{}"),),
    )
    hop = replace(HOP, output="I look.\n→ look({})", replay=beside(reply))
    value = Record(trace=TRACE, hops=(hop,), request={}).value(hop)
    assert value["text"] == "I look."
    assert value["answered"]["agreement"] == 0.5
    assert value["answered"]["tool_calls"] == [{"id": "1", "name": "look", "arguments": "{}"}]


def test_parts_and_tool_calls_are_kept_as_they_are() -> None:
    message: Any = {"role": "user", "content": [{"type": "text", "text": "see"}]}
    call = replace(PLAIN, messages=(message,))
    assert call_of(kept_call(call), "see") == call
