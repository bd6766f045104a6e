"""A run resumed after the project was edited: what changed, what is kept, and consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import ChangedProjectError, RunError
from orchestrator.graph.active import SUPERSEDED

from .small import AGENTS, calls, write_project

CHAIN = """
    input: {question: text}
    nodes:
      first: {agent: echo, of: question}
      second: {agent: other, of: first}
      third: {agent: echo, of: second}
      end: {function: broken, of: third}
    output: end
"""
MENDED = CHAIN.replace("{function: broken, of: third}", "{agent: echo, of: third}")
OTHER = AGENTS["echo"].replace("Repeat.", "Repeat it.")


def project(folder: Path, graph: str = CHAIN) -> Path:
    write_project(folder, graph)
    (folder / "agents" / "other.md").write_text(OTHER)
    return folder


async def failed(folder: Path) -> str:
    """The id of a run that has recorded everything but its end."""
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(RunError):
            await mesh.run(question="q")
        return mesh.journals.runs(1)[0].id


async def refused(folder: Path, run: str) -> ChangedProjectError:
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(ChangedProjectError) as changed:
            await mesh.run(resume=run)
    return changed.value


def edit_graph(folder: Path) -> None:
    write_graph(folder, MENDED)


def write_graph(folder: Path, graph: str) -> None:
    import textwrap

    (folder / "graphs" / "small.yaml").write_text(textwrap.dedent(graph))


def edit_agent(folder: Path) -> None:
    (folder / "agents" / "other.md").write_text(OTHER.replace("Repeat it.", "Repeat it well."))


def edit_policy(folder: Path) -> None:
    (folder / "policy.yaml").write_text(
        "objective: {minimize: latency}\nroutes: [{name: high-risk, match: {risk: high}}]\n"
    )


def edit_fleet(folder: Path) -> None:
    text = (folder / "fleet.yaml").read_text()
    (folder / "fleet.yaml").write_text(text.replace('{"*": 1.0}', '{"*": 0.9}'))


def edit_python(folder: Path) -> None:
    with (folder / "functions.py").open("a") as file:
        file.write("\nNEW = 1\n")


def rename_node(folder: Path) -> None:
    write_graph(folder, CHAIN.replace("second", "middle"))


@pytest.mark.parametrize(
    ("edit", "changes", "kept", "anew"),
    [
        (
            edit_graph,
            ["graphs/small.yaml: node 'end' changed: function, agent"],
            ["first", "second", "third"],
            ["end"],
        ),
        (
            edit_agent,
            ["agents/other.md: prompt changed"],
            ["first"],
            ["second", "third", "end"],
        ),
        (
            edit_policy,
            [
                "policy.yaml: objective changed: minimize",
                "policy.yaml: route 'high-risk' added",
            ],
            [],
            ["first", "second", "third", "end"],
        ),
        (
            edit_fleet,
            ["fleet.yaml: model 'echo' changed: tasks"],
            ["first", "second", "third"],
            ["end"],
        ),
        (
            edit_python,
            ["functions.py: changed"],
            [],
            ["first", "second", "third", "end"],
        ),
        (
            rename_node,
            [
                "graphs/small.yaml: node 'second' removed",
                "graphs/small.yaml: node 'third' changed: of",
                "graphs/small.yaml: node 'middle' added",
            ],
            ["first"],
            ["middle", "third", "end"],
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_it_says_what_changed_and_what_is_kept(
    tmp_path: Path,
    edit: Callable[[Path], None],
    changes: list[str],
    kept: list[str],
    anew: list[str],
) -> None:
    run = await failed(project(tmp_path))
    edit(tmp_path)
    changed = await refused(tmp_path, run)
    assert sorted(changed.changes) == sorted(changes)
    assert list(changed.reused) == kept
    assert list(changed.anew) == anew
    assert changes[0] in str(changed)


async def test_after_consent_only_what_changed_and_what_follows_runs(tmp_path: Path) -> None:
    run = await failed(project(tmp_path))
    assert len(calls(tmp_path)) == 3
    edit_agent(tmp_path)
    edit_graph(tmp_path)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(resume=run, accept_changes=True)
    assert answer.text == "<<<<q>>>>"
    ran = [json.loads(line)["text"] for line in calls(tmp_path)[3:]]
    assert ran[0] == "<q>", "the changed agent ran again"
    assert ran[-1] == "<<<q>>>"
    old = [h.node for h in answer.hops if SUPERSEDED in h.notes]
    assert "second" in old
    assert "first" not in old

    async with Mesh.load(tmp_path, env={}) as mesh:
        again = await mesh.run(resume=run)
    assert again.text == answer.text, "having agreed once is enough"


async def test_a_result_of_an_old_prompt_is_never_taken_for_one_of_the_new(tmp_path: Path) -> None:
    """Also not where the changed node is the one whose result everything hangs on."""
    run = await failed(project(tmp_path))
    edit_policy(tmp_path)
    edit_graph(tmp_path)
    async with Mesh.load(tmp_path, env={}) as mesh:
        answer = await mesh.run(resume=run, accept_changes=True)
    assert len(calls(tmp_path)) == 3 + 4
    assert answer.text == "<<<<q>>>>"


@pytest.mark.parametrize("what", ["another graph", "a comment", "a suite"])
async def test_what_the_run_does_not_use_needs_no_consent(tmp_path: Path, what: str) -> None:
    project(tmp_path, MENDED)
    async with Mesh.load(tmp_path, env={}) as mesh:
        first = await mesh.run(question="q")
    if what == "another graph":
        write_project(tmp_path / "x", MENDED)
        (tmp_path / "graphs" / "more.yaml").write_text(
            (tmp_path / "graphs" / "small.yaml").read_text()
        )
    elif what == "a comment":
        with (tmp_path / "policy.yaml").open("a") as file:
            file.write("# nothing\n")
    else:
        (tmp_path / "evals").mkdir()
        (tmp_path / "evals" / "e.yaml").write_text(
            "graph: small\ncases: [{input: {question: q}}]\n"
        )
    async with Mesh.load(tmp_path, env={}) as mesh:
        again: Any = await mesh.run(resume=first.trace_id)
    assert again.text == first.text
    assert len(calls(tmp_path)) == 4
