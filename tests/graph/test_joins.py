"""Branches of a choice come together again: what follows waits for the one that was taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh

from .small import write_project

CHOICE = """

@function("pick")
def pick(inputs):
    return (inputs["question"].split()[0], "picked")


@function("joined")
def joined(inputs):
    return "+".join(str(inputs[k]) for k in ("left", "right", "far", "beside") if k in inputs)
"""
JOIN = """
    input: {question: text}
    nodes:
      pick: {function: pick, of: question, to: {left: left, right: right}}
      left: {agent: echo, of: pick}
      right: {agent: echo, from: [pick, question]}
      end: {function: joined, from: [left, right]}
    output: end
"""
DEEP = """
    input: {question: text}
    nodes:
      pick: {function: pick, of: question, to: {left: left, right: right}}
      left: {agent: echo, of: pick}
      right: {agent: echo, of: pick}
      far: {agent: echo, of: right}
      end: {function: joined, from: [left, far]}
    output: end
"""
SHORT = """
    input: {question: text}
    nodes:
      pick: {function: pick, of: question, to: {left: left, right: end}}
      left: {agent: echo, of: pick}
      end: {function: joined, from: [left, pick]}
    output: end
"""
UNEVEN = """
    input: {question: text}
    nodes:
      pick: {function: pick, of: question, to: {left: left, right: right}}
      left: {agent: echo, of: pick}
      right: {agent: echo, of: pick}
      beside: {agent: echo, of: right}
      far: {agent: echo, of: right}
      end: {function: joined, from: [left, beside, far]}
    output: end
"""
BESIDE = """
    input: {question: text}
    nodes:
      pick: {function: pick, of: question, to: {left: left, right: right}}
      left: {agent: echo, of: pick}
      right: {agent: echo, of: pick}
      start: {agent: echo, of: question}
      beside: {agent: echo, of: start}
      end: {function: joined, from: [left, right, beside]}
    output: end
"""


@pytest.mark.parametrize(
    ("graph", "question", "answer"),
    [
        (JOIN, "left", "<picked>"),
        (JOIN, "right", "<picked+right>"),
        (DEEP, "left", "<picked>"),
        (DEEP, "right", "<<picked>>"),
        (SHORT, "left", "<picked>"),
        (SHORT, "right", ""),
        (UNEVEN, "left", "<picked>"),
        (UNEVEN, "right", "<<picked>>+<<picked>>"),
        (BESIDE, "left", "<picked>+<<left>>"),
        (BESIDE, "right", "<picked>+<<right>>"),
    ],
)
async def test_the_branch_that_was_taken_goes_on(
    tmp_path: Path, graph: str, question: str, answer: str
) -> None:
    write_project(tmp_path, graph)
    with (tmp_path / "functions.py").open("a") as file:
        file.write(CHOICE)
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert (await mesh.run(question=question)).text == answer
