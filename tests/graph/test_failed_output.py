"""A run whose output came to nothing has failed; what went wrong is no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import RunError
from tests.calling.server import Fail, Say, StandIn, Step
from tests.graph.small import write_project

GRAPH = """
input: {question: text}
nodes:
  reply: {agent: writer, of: question}
output: reply
"""
WRITER = "---\ndescription: Writes.\ntask: chat\n---\n{{ task }}\n"
FLEET = """
models:
  talker:
    family: someone
    tier: small
    context: 9000
    tasks: {chat: 0.9}
    deployments:
      - {id: a, via: openai, model: m, hosting: hosted, endpoint: "%s"}
"""


async def run(folder: Path, step: Step) -> tuple[str, str]:
    """The answer's text and the trace's status."""
    async with StandIn(step) as endpoint:
        write_project(folder, GRAPH)
        (folder / "agents" / "writer.md").write_text(WRITER)
        (folder / "fleet.yaml").write_text(FLEET % endpoint)
        async with Mesh.load(folder, env={}) as mesh:
            try:
                answer = await mesh.run("small", question="Who?")
            finally:
                status = mesh.store.traces(1)[0].status
            return answer.text, status


async def test_a_specialists_text_is_the_answer(tmp_path: Path) -> None:
    assert await run(tmp_path, Say("It was Ana.")) == ("It was Ana.", "ok")


async def test_where_every_provider_fails_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing came of 'reply': HTTP 500"):
        await run(tmp_path, Fail(500))
    mesh = Mesh.load(tmp_path, env={})
    assert mesh.store.traces(1)[0].status == "failed"
    await mesh.close()
