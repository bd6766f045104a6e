"""Whose names a mesh sees: the library's, the program's, its own project's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import UserError, condition, function, output_model, role, tool
from orchestrator.project.load import load_project
from orchestrator.project.registry import BUILTINS, SCRIPT, Registry
from tests.project.samples import write

AGENT = "---\ndescription: Inspects.\ntask: chat\n---\n{{ task }}\n"
ROLE = """
from orchestrator import role


@role("inspector")
async def inspect(work):
    return "inspected: " + work.question
"""


def defined(text: str) -> Callable[[Any], str]:
    """A new function of the same module and name each time, as a cell that runs again makes."""

    def answer(inputs: Any) -> str:
        return text

    return answer


# ── in one process ───────────────────────────────────────────────────────────────────────

SCRIPTED = """
import orchestrator.evidence.tools  # before any mesh, and by the program itself
from orchestrator import Graph, Mesh, Node, function
from orchestrator.project.registry import BUILTINS, SCRIPT

assert "retrieve" in BUILTINS.names("tool")
assert not SCRIPT.own()

@function("shout")
def shout(inputs):
    return inputs["text"].upper()

graph = Graph(name="g", input={"text": "text"}, nodes={"a": Node(function="shout")}, output="a")
built, loaded = Mesh.build(graph), Mesh.load()
for mesh in (built, loaded):
    assert mesh._parts.loaded.registry.get("function", "shout") is shout
assert "shout" not in BUILTINS.names("function")
print("seen by both")
"""


def test_what_a_program_registers_every_mesh_of_the_process_sees(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPTED)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "seen by both\n", done.stderr


def test_a_registry_of_ones_own_is_seen_by_its_mesh_alone() -> None:
    one, two = Registry(BUILTINS), Registry(BUILTINS)
    loaded = []
    for registry, text in ((one, "one"), (two, "two")):
        with registry.active():
            function("answer")(defined(text))
            loaded.append(load_project(None, env={}).registry)
    assert [r.get("function", "answer")({}) for r in loaded] == ["one", "two"]
    assert "answer" not in (*SCRIPT.names("function"), *BUILTINS.names("function"))


def test_a_cell_that_runs_again_replaces_what_it_defined() -> None:
    notebook = Registry(BUILTINS, redefine=True)
    with notebook.active():
        condition("ready")(defined("first"))
        before = load_project(None, env={})
        condition("ready")(defined("second"))
        after = load_project(None, env={})
    assert after.registry.get("condition", "ready")({}) == "second"
    # What was loaded stays as it was.
    assert before.registry.get("condition", "ready")({}) == "first"


def test_two_different_definitions_of_a_name_are_a_mistake() -> None:
    notebook = Registry(BUILTINS, redefine=True)
    with notebook.active():
        tool("find")(defined("a"))
        with pytest.raises(UserError, match="the tool 'find' is registered twice"):
            tool("find")(lambda toolbox: "another")


def test_a_project_is_strict_about_a_name_that_is_given_twice() -> None:
    with Registry(BUILTINS).active():
        output_model("letter")(defined("a"))
        with pytest.raises(UserError, match="registered twice"):
            output_model("letter")(defined("b"))


def test_what_a_program_registers_is_in_the_hash() -> None:
    def hashed(item: Any) -> str:
        registry = Registry(BUILTINS)
        registry.add("function", "answer", item)
        return load_project(None, env={}, registry=registry).project.hash

    assert hashed(defined("a")) == hashed(defined("b"))  # the same source
    assert hashed(defined("a")) != hashed(lambda inputs: "a")
    assert hashed(object()) == hashed(object())
    assert hashed(defined("a")) != load_project(None, env={}, registry=BUILTINS).project.hash


# ── agents/NAME.py ───────────────────────────────────────────────────────────────────────


def test_an_agent_takes_the_role_that_stands_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"agents/inspector.md": AGENT, "agents/inspector.py": ROLE})
    loaded = load_project(tmp_path, env={})
    assert loaded.project.agents["inspector"].role == "inspector"
    assert loaded.registry.get("role", "inspector").__name__ == "inspect"


def test_a_stated_role_counts(tmp_path: Path) -> None:
    agent = AGENT.replace("task:", "role: specialist\ntask:")
    write(tmp_path, {"agents/inspector.md": agent, "agents/inspector.py": ROLE})
    assert load_project(tmp_path, env={}).project.agents["inspector"].role == "specialist"


def test_a_role_of_the_library_is_taken_only_where_it_is_stated(tmp_path: Path) -> None:
    write(tmp_path, {"agents/checker.md": AGENT})
    assert "checker" in BUILTINS.names("role")
    assert load_project(tmp_path, env={}).project.agents["checker"].role == "specialist"


def test_a_role_may_be_registered_by_the_program(tmp_path: Path) -> None:
    registry = Registry(BUILTINS)
    with registry.active():
        role("inspector")(defined("x"))
    write(tmp_path, {"agents/inspector.md": AGENT})
    agents = load_project(tmp_path, env={}, registry=registry).project.agents
    assert agents["inspector"].role == "inspector"


def test_a_mesh_keeps_the_names_of_outer_registries_as_they_were() -> None:
    outer = Registry(BUILTINS, redefine=True)
    outer.add("function", "answer", defined("first"))
    with Registry(outer).active():
        loaded = load_project(None, env={}).registry
    outer.add("function", "answer", defined("second"))
    assert loaded.get("function", "answer")({}) == "first"
