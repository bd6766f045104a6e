"""Checks of graphs against policy and fleet, and the refusal of a run that cannot end well."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import NoCandidateError
from orchestrator.graph.answer import RunOptions
from orchestrator.mesh import Mesh
from orchestrator.types import Constraints
from tests.graph.planted_project import FILES, found_in, write_files


def project(folder: Path, **files: str) -> Path:
    names = {"graph": "graphs/main.yaml", "fleet": "fleet.yaml", "policy": "policy.yaml"}
    given = {names[name]: text for name, text in files.items()}
    return write_files(folder, FILES | given)


def test_one_reason_is_one_problem_however_many_nodes_it_hits(tmp_path: Path) -> None:
    graph = FILES["graphs/main.yaml"]
    policy = FILES["policy.yaml"].replace("minimize: cost", "minimize: cost, quality_floor: 0.95")
    policy = policy.replace("0.95}", "0.95, below_floor: refuse}")
    folder = write_files(
        project(tmp_path, policy=policy), {"graphs/more.yaml": graph, "graphs/again.yaml": graph}
    )
    nodes = [p for p in found_in(folder) if p.code == "no-model-for-node"]
    assert len(nodes) == 1
    assert "the same for again.draft, again.check, main.plan" in nodes[0].found
    assert "relax objective.quality_floor" in nodes[0].allowed


def test_a_default_graph_is_not_held_against_a_fleet_of_ones_own(tmp_path: Path) -> None:
    """`cross-validated` is inherited, and this fleet has nobody for most of its nodes."""
    assert found_in(write_files(tmp_path, FILES)) == []
    assert "cross-validated" in Mesh.load(tmp_path, env={}).project.graphs


def test_a_role_that_goes_on_by_itself_needs_no_model(tmp_path: Path) -> None:
    """The router falls back to rules where no model may be asked."""
    fleet = FILES["fleet.yaml"].replace("plan: 0.8, ", "").replace("plan: 0.7, ", "")
    found = found_in(project(tmp_path, fleet=fleet))
    assert [(p.code, p.key) for p in found] == [("no-model-for-node", "nodes.plan.agent")]


ECHO = """
from orchestrator import role

@role("asks")
async def asks(work):
    return (await work.call(variables={}, inputs={})).text

@role("asks-or-not")
async def asks_or_not(work):
    from orchestrator import NoCandidateError
    try:
        return (await work.call(variables={}, inputs={})).text
    except NoCandidateError:
        return ""

@role("never-asks")
async def never_asks(work):
    return ""
"""


@pytest.mark.parametrize(
    ("role", "severities"), [("asks", ["warning"]), ("asks-or-not", []), ("never-asks", [])]
)
def test_a_role_that_does_not_say_what_it_does(
    tmp_path: Path, role: str, severities: list[str]
) -> None:
    files = {
        "names.py": FILES["names.py"] + ECHO,
        "agents/own.md": f"---\ndescription: x\nrole: {role}\ntask: dance\n---\nDance.\n",
        "graphs/own.yaml": "input: {q: text}\nnodes:\n  a: {agent: own, of: q}\noutput: a\n",
    }
    found = found_in(write_files(project(tmp_path), files))
    assert [p.severity for p in found] == severities


def test_what_stands_in_the_way_is_named_with_its_line(tmp_path: Path) -> None:
    policy = FILES["policy.yaml"].replace("[soc2]", "[soc2, hipaa]").replace("primary: sonnet", "")
    found = found_in(project(tmp_path, policy=policy.replace("fallbacks: [gpt]", "")))
    assert [p.code for p in found] == ["route-without-model"]
    policy = FILES["policy.yaml"].replace("    require: {certifications: [soc2]}\n", "")
    barred = policy.replace("{task: draft}", "{}\n    require: {trains_on_data: false}\n")
    fleet = FILES["fleet.yaml"].replace("        trains_on_data: false\n", "")
    told = next(p for p in found_in(project(tmp_path, policy=barred, fleet=fleet)) if p.allowed)
    assert "relax route:drafts.require.trains_on_data" in told.allowed


# ── before a run ─────────────────────────────────────────────────────────────────────────


async def run(folder: Path, options: RunOptions = RunOptions()) -> None:
    async with Mesh.load(folder, env={}) as mesh:
        await mesh.run("main", question="What?", options=options)


async def test_a_run_that_could_not_be_served_is_refused_before_it_begins(tmp_path: Path) -> None:
    fleet = FILES["fleet.yaml"].replace("plan: 0.8, ", "").replace("plan: 0.7, ", "")
    with pytest.raises(NoCandidateError, match="graph 'main', node 'plan'") as refused:
        await run(project(tmp_path, fleet=fleet))
    assert refused.value.relax == ("fleet.capability.tasks",)
    async with Mesh.load(tmp_path, env={}) as mesh:
        assert list(mesh.store.traces()) == []


async def test_the_limits_of_the_request_count(tmp_path: Path) -> None:
    options = RunOptions(constraints=Constraints(regions=("moon",)))
    with pytest.raises(NoCandidateError, match="node 'plan'") as refused:
        await run(project(tmp_path), options)
    assert refused.value.relax == ("request.regions",)


async def test_a_key_that_is_missing_is_no_reason_to_refuse(tmp_path: Path) -> None:
    """It is told when the step is reached, with what happened before."""
    with pytest.raises(NoCandidateError) as failed:
        await run(project(tmp_path))
    assert failed.value.relax == ("health.available",)
