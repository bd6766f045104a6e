"""Placeholders in whole runs: shared by all steps, and at the end what the caller may see."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.records import Hop
from tests.calling.server import Say, StandIn

ANN, BOB = "ann.muster@example.org", "bob.beispiel@example.net"
IBAN = "DE89 3704 0044 0532 0130 00"
PYTHON = f"""
from orchestrator import role, tool


@role("writer")
async def write(work):
    said = "\\n".join(str(v) for v in work.inputs.values())
    reply = await work.call(variables={{"text": said}}, inputs={{"text": said}})
    return reply.text


@tool("lookup")
async def lookup(toolbox, *, query):
    return "The owner is {BOB}, account {IBAN}."
"""
FLEET = """
models:
  cloud:
    family: first
    tier: mid
    context: 32000
    tasks: {"*": 0.9}
    can: [stream]
    deployments:
      - {id: api, via: openai, model: c, endpoint: "${CLOUD_URL}", hosting: hosted,
         price: {input: 1.0, output: 2.0}}
"""
GRAPH = """
input: {question: text}
nodes:
  found: {tool: lookup, with: {query: question}}
  draft: {agent: writer, from: [question, found]}
  last: {agent: writer, from: [draft]}
output: last
"""
AGENT = "---\ndescription: Writes.\nrole: writer\ntask: chat\n---\nWrite.\n\n## Input\n{{ text }}\n"


def project(folder: Path, redact: str) -> Path:
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True)
    (folder / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: letter\n")
    (folder / "functions.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "policy.yaml").write_text(
        f"objective: {{maximize: quality}}\nroutes:\n  - {{name: covered, redact: {redact}}}\n"
    )
    (folder / "agents" / "writer.md").write_text(AGENT)
    (folder / "graphs" / "letter.yaml").write_text(textwrap.dedent(GRAPH))
    return folder


def echo(body: Mapping[str, Any]) -> Say:
    """Repeats the last message."""
    return Say(str(body["messages"][-1]["content"]))


@pytest.mark.parametrize(
    ("give_back", "seen"),
    [
        ("own", (ANN, "[EMAIL_2]", "[IBAN_1]")),
        ("all", (ANN, BOB, IBAN)),
        ("none", ("[EMAIL_1]", "[EMAIL_2]", "[IBAN_1]")),
    ],
)
async def test_a_run_gives_back_what_its_caller_may_see(
    tmp_path: Path, give_back: str, seen: tuple[str, ...]
) -> None:
    rule = f"{{before: hosted, give_back: {give_back}}}"
    events: list[Any] = []
    stand_in = StandIn(echo)
    async with (
        stand_in as url,
        Mesh.load(project(tmp_path / "p", rule), env={"CLOUD_URL": url}) as mesh,
    ):
        question = f"I am {ANN}. Whose account is it?"
        answer = await mesh.run("letter", question=question, on_event=events.append)
        again = await mesh.run(resume=answer.trace_id)
        mesh.store.flush()
        trace = mesh.store.trace(answer.trace_id)
    for value in seen:
        assert value in answer.text
    hidden = {ANN, BOB, IBAN} - set(seen)
    assert not any(value in answer.text for value in hidden)
    assert again.text == answer.text, "also when it is taken up by who knows only the journal"
    assert trace.answer is not None
    assert not any(value in trace.answer for value in hidden)
    bodies = [str(request.body) for request in stand_in.seen]
    assert len(bodies) == 2
    for body in bodies:
        assert not any(value in body for value in (ANN, BOB, IBAN))
        assert "[EMAIL_2], account [IBAN_1]" in body, "both steps know them by the same names"
    told = [note for hop in answer.hops for note in hop.notes if "hidden from" in note]
    assert bool(told) == bool(hidden)
    if give_back == "own":
        assert told == ["2 places of the answer hidden from the caller: give_back is own"]
    hops = [e for e in events if isinstance(e, Hop) and e.attempts]
    assert hops[0].notes == ("3 values replaced before hosted models (email 2, iban 1)",)
