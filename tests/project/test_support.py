"""`checking.support` of mesh.yaml: the file that it names is there, is read, and counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ProjectError
from orchestrator.evidence.project_model import project_model
from orchestrator.evidence.scoring.model import shipped
from orchestrator.graph.check import check_project
from orchestrator.project.load import load_project

from .samples import changed, load, problems_of, spoiled, valid, write

KEY = ("checking", "support")


def test_the_file_is_read_and_counts_in_the_hash(tmp_path: Path) -> None:
    write(tmp_path / "one", valid())
    write(tmp_path / "two", valid() | {"support.json": '{"name": "other"}\n'})
    files = valid()
    del files["mesh.yaml"]["checking"]
    write(tmp_path / "none", files)
    one, two, none = (load(tmp_path / name).project for name in ("one", "two", "none"))
    assert two.support == '{"name": "other"}\n'
    assert none.support == ""
    assert len({one.hash, two.hash, none.hash}) == 3
    assert "support.json" in repr(two)
    assert '"other"' not in repr(two)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ('{"a": 1,\n "b": }\n', 2, "this is not JSON: Expecting value"),
        ("[" * 100_000, 1, "this is not JSON: it is nested too deeply"),
        ("[]\n", 1, "a model of support is a JSON object; found list"),
    ],
)
def test_a_broken_file_is_told_with_its_line(
    tmp_path: Path, content: str, line: int, said: str
) -> None:
    [problem] = spoiled(tmp_path, valid() | {"support.json": content})
    assert (problem.file, problem.line) == (str(tmp_path / "support.json"), line)
    assert said in str(problem)


def test_text_that_is_none_is_told(tmp_path: Path) -> None:
    write(tmp_path, valid())
    (tmp_path / "support.json").write_bytes(b'{"\xff": 1}')
    [problem] = problems_of(tmp_path)
    assert "not UTF-8" in problem.message


@pytest.mark.parametrize("value", ["suport.json", "evals/none.json", "evals"])
def test_a_file_that_is_missing_is_told_where_it_is_named(tmp_path: Path, value: str) -> None:
    files = changed("mesh.yaml", KEY, value)
    places = write(tmp_path, files)
    [problem] = problems_of(tmp_path)
    assert problem.file == str(tmp_path / "mesh.yaml")
    assert (problem.line, problem.column) == places["mesh.yaml"][KEY]
    assert (problem.found, problem.code) == (value, "missing-support")
    assert problem.near == ("support.json" if value == "suport.json" else "")


@pytest.mark.parametrize("value", ["", 3, ["support.json"]])
def test_only_a_name_is_allowed(tmp_path: Path, value: Any) -> None:
    [problem] = spoiled(tmp_path, changed("mesh.yaml", KEY, value))
    assert problem.key == "checking.support"


def test_where_none_is_named_it_is_the_shipped_one(tmp_path: Path) -> None:
    assert project_model(load_project(tmp_path).project) == shipped()


def test_a_file_that_is_no_model_is_a_problem_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("checking: {support: odd.json}\n")
    (tmp_path / "odd.json").write_text(json.dumps({"name": "odd"}))
    loaded = load_project(tmp_path)
    [problem] = [p for p in check_project(loaded, {}) if p.severity == "error"]
    assert problem.file == str(tmp_path / "odd.json")
    assert "support model" in problem.message
    with pytest.raises(ProjectError) as error:
        project_model(loaded.project)
    assert str(error.value).startswith(f"{tmp_path / 'odd.json'}:1:1: ")


def test_the_name_and_the_hash_of_a_model_tell_it_apart(tmp_path: Path) -> None:
    held = json.loads(shipped().to_json()) | {"name": "towns"}
    (tmp_path / "towns.json").write_text(json.dumps(held))
    (tmp_path / "mesh.yaml").write_text("checking: {support: towns.json}\n")
    found = project_model(load_project(tmp_path).project)
    assert found.name == "towns"
    assert found.hash != shipped().hash
