"""A role that calls several models at once: each call has its line, and a resume pays for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import RunError

from .small import calls, write_project

GRAPH = """
    input: {question: text}
    nodes:
      many: {agent: many, of: question}
    output: many
"""
ROLE = """

@role("many")
async def run_many(work):
    flag = LOG.parent / "again"
    names = ["a", "b", "c", "a"]
    if flag.exists():
        names = names[::-1]  # what comes in any order is found again in any order
    replies = await asyncio.gather(
        *(work.call(variables={}, inputs={"text": name}) for name in names)
    )
    work.put("seen", ",".join(sorted(r.text for r in replies)))
    if not flag.exists():
        flag.touch()
        raise RuntimeError("it broke off")
    return "".join(sorted(r.text for r in replies))
"""


async def test_calls_at_once_are_recorded_and_found_again(tmp_path: Path) -> None:
    folder = write_project(tmp_path, GRAPH)
    with (folder / "functions.py").open("a") as functions:
        functions.write(ROLE)
    many = "---\ndescription: Asks at once.\nrole: many\ntask: chat\n---\nRepeat.\n"
    (folder / "agents" / "many.md").write_text(many)
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(RunError, match="it broke off"):
            await mesh.run(question="go")
        [trace] = mesh.store.traces()
        assert len([h for h in mesh.store.hops(trace.id) if h.node == "many"]) == 4
        answer = await mesh.run(resume=trace.id)
    assert answer.text == "<a><a><b><c>"
    assert len(calls(folder)) == 4
    own = [h for h in answer.hops if h.node == "many"]
    assert len({h.id for h in own}) == len(own) == 4
    assert all(h.resumed for h in own)
    [seen] = [h for h in answer.hops if h.node == "many/seen"]
    assert seen.output == "<a>,<a>,<b>,<c>"
