"""Inputs and nodes may have any name: the compiled graph's own state does not get in their way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator import Mesh

from .small import write_project


async def test_inputs_and_nodes_named_like_state(tmp_path: Path) -> None:
    graph = """
        input: {question: text, values: text, run: text, next: text}
        nodes:
          rounds: {agent: echo, from: [values, run, next]}
          output: {agent: echo, from: [rounds, question]}
        output: output
    """
    write_project(tmp_path, graph)
    async with Mesh.load(tmp_path, env={}) as mesh:
        inputs: dict[str, Any] = {"question": "q", "values": "v", "run": "r", "next": "n"}
        answer = await mesh.run(**inputs)
        embedded = await mesh.graph("small").ainvoke(inputs)
    assert answer.text == "<q+<n+r+v>>"
    assert embedded["output"] == "<q+<n+r+v>>"
