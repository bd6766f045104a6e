"""`mesh policy`: the policies that were in use, and the way back to one, at the prompt."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.project.load import load_project
from tests.graph.small import write_project

from .prompt import Prompt, prompt_in

GRAPH = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""
FIRST = "objective: {minimize: cost}  # as it was\n"
SECOND = "objective: {maximize: quality}\n"


async def ask(folder: Path) -> None:
    async with Mesh.load(folder, env={}) as mesh:
        await mesh.run("small", question="hi")


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    """The prompt of a project whose two policies have each been in use."""
    folder = write_project(tmp_path, GRAPH, policy=FIRST)
    asyncio.run(ask(folder))
    (folder / "policy.yaml").write_text(SECOND)
    asyncio.run(ask(folder))
    return prompt_in(folder, monkeypatch, capsys)


def test_a_run_keeps_each_policy_once(mesh: Prompt, tmp_path: Path) -> None:
    asyncio.run(ask(tmp_path))
    listed = mesh("policy", "list", "--json").json["policies"]
    assert [one["current"] for one in listed] == [True, False]
    first = listed[1]["hash"]
    assert mesh("policy", "show", first[:6]).out == FIRST
    diff = mesh("policy", "diff", first, "--json").json["diff"]
    assert f"-{SECOND.strip()}" in diff
    assert f"+{FIRST.strip()}" in diff
    assert "letter by letter" in mesh("policy", "diff", listed[0]["hash"]).out
    assert "as policy.yaml says now" in mesh("policy", "list").out


def test_a_rollback_writes_the_text_and_is_on_record(mesh: Prompt, tmp_path: Path) -> None:
    second = load_project(tmp_path, env={}).project.policy_hash
    first = next(
        one["hash"]
        for one in mesh("policy", "list", "--json").json["policies"]
        if not one["current"]
    )
    done = mesh("policy", "rollback", first[:8], "--reason", "too dear")
    assert done.code == 0
    assert f"policy.yaml is {first} again; it was {second}" in done.out
    assert (tmp_path / "policy.yaml").read_text() == FIRST
    assert load_project(tmp_path, env={}).project.policy_hash == first
    (one,) = mesh("operations", "--json").json["operations"]
    assert (one["action"], one["result"], one["why"]) == ("rollback", "done", "too dear")
    assert (one["before"], one["after"]) == (second, first)
    assert "too dear" in mesh("operations").out


def test_the_replaced_one_is_kept_though_nothing_has_loaded_it(
    mesh: Prompt, tmp_path: Path
) -> None:
    first = mesh("policy", "list", "--json").json["policies"][1]["hash"]
    (tmp_path / "policy.yaml").write_text("objective: {maximize: quality, quality_floor: 0.1}\n")
    fresh = load_project(tmp_path, env={}).project.policy_hash
    assert mesh("policy", "rollback", first).code == 0
    assert mesh("policy", "show", fresh).out.endswith("quality_floor: 0.1}\n")


def test_one_that_the_project_does_not_load_with_is_refused(mesh: Prompt, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "routes: [{name: other, match: {task: chat}, primary: echo}]\n"
    )
    asyncio.run(ask(tmp_path))
    odd = load_project(tmp_path, env={}).project.policy_hash
    (tmp_path / "policy.yaml").write_text(SECOND)
    fleet = (tmp_path / "fleet.yaml").read_text()
    (tmp_path / "fleet.yaml").write_text(fleet.replace("  echo:\n", "  parrot:\n"))
    refused = mesh("policy", "rollback", odd)
    assert refused.code == 2
    assert f"the project does not load with policy {odd}" in refused.err
    assert "policy.yaml:1:" in refused.err
    assert str(tmp_path / "policy.yaml") in refused.err
    assert (tmp_path / "policy.yaml").read_text() == SECOND
    assert mesh("operations", "--json").json["operations"][0]["result"] == "refused"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "zz"), "no policy 'zz' is kept; known: "),
        (("rollback", "zz"), "no policy 'zz' is kept"),
        (("diff", ""), "no policy '' is kept"),
    ],
)
def test_an_unknown_hash_is_refused(mesh: Prompt, arguments: tuple[str, ...], said: str) -> None:
    done = mesh("policy", *arguments)
    assert done.code == 2
    assert said in done.err
