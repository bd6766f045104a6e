"""What a tool has brought decides what may be called after it, in a whole run."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import RunError
from tests.calling.server import StandIn
from tests.graph.acting import Told, done, plan, write_project

POLICY = """
data_classes: [public, internal, pii]
default_data_class: internal
routes:
  - {name: home, match: {data_class: pii}, require: {hosting: self}}
"""
MORE = '''

@tool("people", level="read", hosted=False)
async def people(box, *, who: str) -> str:
    """Look somebody up."""
    log(f"people {who}")
    return f"{who}: ada.lovelace@example.com, IBAN DE89 3704 0044 0532 0130 00"


@tool("files", level="read", hosted=False, data_class="pii")
async def files(box, *, number: int) -> str:
    """Read a personnel file, in which nothing looks like personal data."""
    log(f"files {number}")
    return "she is often late"


@tool("web", level="read", hosted=True)
async def web(box, *, about: str) -> str:
    """Ask somebody else's service."""
    log(f"web {about}")
    return "the web knows"
'''


def project(tmp_path: Path, url: str) -> Path:
    folder = write_project(tmp_path, url)
    (folder / "policy.yaml").write_text(POLICY)
    [own] = folder.glob("*.py")
    own.write_text(own.read_text() + MORE)
    agent = folder / "agents" / "doer.md"
    agent.write_text(agent.read_text().replace("tools: [", "tools: [people, files, web, "))
    return folder


@pytest.mark.parametrize(
    ("first", "goes"),
    [
        (["look", {"at": "this"}], True),
        (["people", {"who": "ada"}], False),
        (["files", {"number": 7}], False),
    ],
)
async def test_what_was_read_bars_the_tools_that_would_hand_it_on(
    tmp_path: Path, first: list[object], goes: bool
) -> None:
    server = StandIn(Told())
    question = plan([first], [["web", {"about": "late people"}]], "done")
    async with server as url, Mesh.load(project(tmp_path, url), env={}) as mesh:
        answer = await mesh.run(question=question)
    assert answer.text == "done"
    assert ("web late people" in done(tmp_path)) is goes
    assert len(done(tmp_path)) == 1 + goes
    said = [m["content"] for m in server.seen[-1].body["messages"] if m["role"] == "tool"][-1]
    assert ("leaves our own machines" in said) is not goes
    [hop] = [h for h in answer.hops if h.agent == "web"]
    assert hop.status == ("ok" if goes else "failed")
    assert any(("route:home.require.hosting" in note) is not goes for note in hop.notes)


GRAPH = """
input: {question: text, about: text}
nodes:
  asked: {tool: web, with: {about: about}}
output: asked
"""


@pytest.mark.parametrize(
    ("about", "goes"), [("late people", True), ("ada.lovelace@example.com", False)]
)
async def test_a_tool_that_a_graph_names_is_barred_likewise(
    tmp_path: Path, about: str, goes: bool
) -> None:
    folder = project(tmp_path, "http://127.0.0.1:9")
    (folder / "graphs" / "small.yaml").write_text(GRAPH)
    async with Mesh.load(folder, env={}) as mesh:
        if goes:
            await mesh.run(question="Ask.", about=about)
        else:
            with pytest.raises(RunError, match="leaves our own machines"):
                await mesh.run(question="Ask.", about=about)
    assert len(done(tmp_path)) == goes
