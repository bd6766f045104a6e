"""A new project holds together, and says in its README and Makefile what works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.project.editor import stale
from orchestrator.project.load import LoadedProject, load_project
from orchestrator.scaffold.new_project import GRAPH, new_project, template_files

MESH = Path(sys.executable).parent / "mesh"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    new_project(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(root: Path) -> LoadedProject:
    return load_project(root, env={})


def mesh(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(MESH), *arguments], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_has_one_of_everything_of_its_own(loaded: LoadedProject, root: Path) -> None:
    own = {key for key, path in loaded.sources.items() if path.is_relative_to(root)}
    assert own == {
        "mesh.yaml",
        "fleet.yaml",
        "policy.yaml",
        "agents/desk-writer.md",
        "graphs/front-desk.yaml",
        "evals/front-desk.yaml",
    }
    graph = loaded.project.graphs[GRAPH]
    assert "desk-writer" in {node.agent for node in graph.nodes.values()}
    assert "signed" in {node.function for node in graph.nodes.values()}
    assert loaded.project.settings.default_graph == GRAPH


def test_its_fleet_is_hosted_local_and_deterministic(loaded: LoadedProject) -> None:
    fleet = loaded.project.fleet.models
    kinds = {
        ("deterministic" if model.family is None else deployment.hosting)
        for model in fleet.values()
        for deployment in model.deployments
    }
    assert kinds == {"deterministic", "self", "hosted"}


def test_its_deterministic_models_are_those_of_the_default_fleet(loaded: LoadedProject) -> None:
    from orchestrator.project.load import default_root

    default = load_project(default_root(), env={}).project.fleet.models
    fixed = {name: model for name, model in default.items() if model.family is None}
    assert {n: m for n, m in loaded.project.fleet.models.items() if m.family is None} == fixed


def test_its_schemas_and_lines_are_up_to_date(root: Path) -> None:
    assert stale(root) == []


def test_its_cases_answer_abstain_and_calculate(loaded: LoadedProject) -> None:
    expected = [case.expect for case in loaded.project.suites[GRAPH].cases]
    verdicts = {e.verdict for e in expected}
    assert {"accepted", "abstained"} <= verdicts
    assert any(e.number for e in expected)


def test_the_readme_names_every_file(root: Path) -> None:
    said = (root / "README.md").read_text("utf-8")
    places = set(template_files()) - {"README.md", "Makefile", ".gitignore"}
    unnamed = {p for p in places if f"`{p}`" not in said}
    assert {p.partition("/")[0] for p in unnamed} == {"sources", "schemas"}
    assert all(f"`{folder}/`" in said for folder in ("sources", "schemas"))


def test_the_commands_of_its_readme_work(root: Path) -> None:
    text = (root / "README.md").read_text("utf-8")
    fences = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
    commands = [line for fence in fences for line in fence.splitlines()]
    spoken = re.findall(r"`(mesh [^`]+)`", text.replace("\n", " "))
    assert [command.split()[1] for command in commands] == ["check", "eval", "run"]
    for command in [*commands[2:], *spoken]:  # `make test` runs the first two
        done = mesh(root, *shlex.split(command)[1:])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_make_test_passes_where_only_the_command_is(root: Path) -> None:
    done = subprocess.run(
        ["make", "test", f"MESH={MESH}"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(root)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
