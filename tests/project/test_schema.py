"""The strictness of every declared class, generated from the classes themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.project.declared import Declared
from orchestrator.project.fleet_schema import Prices
from orchestrator.project.schema import Project
from tests.project.samples import (
    CLASSES,
    KEY,
    Path_,
    changed,
    classes_in,
    keys_of,
    levels,
    load,
    problems_of,
    shown,
    spoiled,
    valid,
    without,
    write,
)

LEVELS = [
    (file, path, cls) for file in CLASSES for path, cls in levels(CLASSES[file], valid()[file])
]


def _misspelt(key: str) -> str:
    """The longest key with its last letter doubled stays nearest to that key."""
    return key + key[-1]


def _leaves(data: Any, path: Path_ = ()) -> list[Path_]:
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in _leaves(value, (*path, key))]
    if isinstance(data, list):
        return [leaf for i, value in enumerate(data) for leaf in _leaves(value, (*path, i))]
    return [path]


LEAVES = [
    (file, path)
    for file in CLASSES
    for path in _leaves(valid()[file])
    if "input" not in path or file.startswith("graphs")
]


def test_the_sample_is_valid(tmp_path: Path) -> None:
    assert spoiled(tmp_path, valid()) == ()


def heirs(cls: type[BaseModel]) -> set[type[BaseModel]]:
    return {heir for sub in cls.__subclasses__() for heir in (sub, *heirs(sub))}


def test_the_sample_has_every_declared_class_and_key() -> None:
    def all_classes(cls: type[BaseModel]) -> set[type[BaseModel]]:
        inner = {c for f in cls.model_fields.values() for c in classes_in(f.annotation)}
        return {cls}.union(*(all_classes(c) for c in inner))

    assert {cls for _, _, cls in LEVELS} == set().union(*map(all_classes, CLASSES.values()))
    only_bases = {Prices}
    assert {cls for _, _, cls in LEVELS} == heirs(Declared) - {Project} - only_bases
    for cls in {cls for _, _, cls in LEVELS}:
        used = set()
        for file, path, other in LEVELS:
            data = valid()[file]
            for step in path:
                data = data[step]
            used |= set(data) if other is cls else set()
        # The ways to state an objective exclude each other, and so do the forms of an answer.
        assert used | {"maximize", "code"} >= set(keys_of(cls)), (
            f"use all keys of {cls} in samples.py"
        )


@pytest.mark.parametrize(
    ("file", "path", "cls"), LEVELS, ids=[f"{f}:{shown(p)}" for f, p, _ in LEVELS]
)
def test_an_unknown_key_is_refused_at_this_level(
    tmp_path: Path, file: str, path: Path_, cls: type[BaseModel]
) -> None:
    right = max(keys_of(cls), key=len)
    wrong = _misspelt(right)
    places = write(tmp_path, changed(file, (*path, wrong), 1))
    problems = problems_of(tmp_path)
    assert len(problems) == 1
    problem = problems[0]
    assert problem.file == str(tmp_path / file)
    assert (problem.line, problem.column) == places[file][(*path, wrong, KEY)]
    assert problem.key == shown((*path, wrong))
    assert problem.message == "unknown key"
    assert problem.found == wrong
    assert problem.allowed == ", ".join(keys_of(cls))
    assert problem.near == right
    assert problem.snippet.strip().removeprefix("- ").startswith(f"{wrong}:")


def test_a_key_of_an_earlier_version_is_refused_with_what_says_the_same_today(
    tmp_path: Path,
) -> None:
    write(tmp_path, changed("policy.yaml", ("objective", "cross_validate"), True))
    (problem,) = problems_of(tmp_path)
    assert problem.message == "unknown key; it is now 'checking: model'"
    assert (problem.found, problem.near) == ("cross_validate", "checking")


@pytest.mark.parametrize(("file", "path"), LEAVES, ids=[f"{f}:{shown(p)}" for f, p in LEAVES])
def test_a_mapping_is_refused_where_a_plain_value_belongs(
    tmp_path: Path, file: str, path: Path_
) -> None:
    places = write(tmp_path, changed(file, path, {"zzz": 1}))
    problems = problems_of(tmp_path)
    assert [(p.key, p.found) for p in problems] == [(shown(path), "a mapping")]
    assert (problems[0].line, problems[0].column) == places[file][path]
    assert problems[0].allowed


@pytest.mark.parametrize(
    ("file", "path"),
    [
        (file, (*path, field.alias or name))
        for file, path, cls in LEVELS
        for name, field in cls.model_fields.items()
        if field.is_required() and (file, path) != ("fleet.yaml", ())  # its only key
    ],
    ids=lambda value: value if isinstance(value, str) else shown(value),
)
def test_a_required_key_is_missed(tmp_path: Path, file: str, path: Path_) -> None:
    places = write(tmp_path, without(file, path))
    problems = problems_of(tmp_path)
    assert [p.key for p in problems] == [shown(path)]
    assert "missing" in problems[0].message
    held_by = places[file]
    if len(path) > 1:
        parent = path[:-1]
        assert (problems[0].line, problems[0].column) == held_by.get(
            (*parent, KEY), held_by[parent]
        )


@pytest.mark.parametrize(
    ("file", "path", "wrong"),
    [
        ("agents/writer.md", ("task",), "taks"),
        ("fleet.yaml", ("models", "tiny", "tier"), "teir"),
        ("policy.yaml", ("routes", 0, "name"), "nam"),
        ("graphs/main.yaml", ("output",), "ouput"),
    ],
)
def test_a_misspelt_required_key_is_one_mistake(
    tmp_path: Path, file: str, path: Path_, wrong: str
) -> None:
    files = without(file, path)
    inner = files[file]
    for step in path[:-1]:
        inner = inner[step]
    inner[wrong] = "x"
    problems = spoiled(tmp_path, files)
    assert [(p.key, p.near) for p in problems] == [(shown((*path[:-1], wrong)), path[-1])]


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("agents/writer.md", "name"),
        ("agents/writer.md", "prompt"),
        ("graphs/main.yaml", "name"),
        ("evals/smoke.yaml", "name"),
        ("graphs/main.yaml", "hash"),
    ],
)
def test_what_the_file_name_or_body_says_is_no_key(tmp_path: Path, file: str, key: str) -> None:
    problems = spoiled(tmp_path, changed(file, (key,), "x"))
    assert [(p.key, p.found) for p in problems] == [(key, key)]
    assert problems[0].message.startswith("unknown key")


@pytest.mark.parametrize("key", ["from_", "with_"])
def test_python_names_of_keys_are_no_keys(tmp_path: Path, key: str) -> None:
    problems = spoiled(tmp_path, changed("graphs/main.yaml", ("nodes", "plan", key), []))
    assert [(p.key, p.near) for p in problems] == [(f"nodes.plan.{key}", key.rstrip("_"))]


WRONG: list[tuple[str, Path_, Any, dict[str, str]]] = [
    (
        "mesh.yaml",
        ("deadline_ms",),
        "60000",
        {
            "message": "the value has the wrong type; write 60000, without quotes",
            "found": "the text '60000'",
            "allowed": "a whole number above 0",
        },
    ),
    ("mesh.yaml", ("deadline_ms",), 0, {"message": "the number is out of range"}),
    ("mesh.yaml", ("deadline_ms",), 1.5, {"found": "the number 1.5"}),
    ("mesh.yaml", ("deadline_ms",), True, {"found": "true"}),
    ("mesh.yaml", ("embedder",), "statik", {"near": "static"}),
    (
        "mesh.yaml",
        ("python",),
        "names.py",
        {"message": "the value has the wrong type; put it in brackets"},
    ),
    (
        "policy.yaml",
        ("budgets", 0, "match", "model"),
        "tiny/here",
        {"message": "the text does not have the right form", "near": "tiny"},
    ),
    (
        "mesh.yaml",
        ("default_graph",),
        5,
        {"message": "the value has the wrong type; put it in quotes"},
    ),
    (
        "mesh.yaml",
        ("storage",),
        None,
        {
            "found": "nothing",
            "allowed": "a mapping with the keys database, keep_days, max_mb, path",
        },
    ),
    ("fleet.yaml", ("models",), {}, {"found": "an empty mapping"}),
    ("fleet.yaml", ("models",), [], {"found": "an empty list"}),
    ("fleet.yaml", ("models", "tiny"), None, {"found": "nothing"}),
    (
        "fleet.yaml",
        ("models", "tiny", "tier"),
        "frontir",
        {"near": "frontier", "allowed": "nano, small, mid, frontier"},
    ),
    ("fleet.yaml", ("models", "tiny", "deployments"), [], {"message": "at least one is needed"}),
    (
        "fleet.yaml",
        ("models", "sonnet", "deployments", 0, "discover"),
        "yes",
        {"message": "the value has the wrong type; write true", "allowed": "true or false"},
    ),
    (
        "fleet.yaml",
        ("models", "sonnet", "deployments", 0, "trains_on_data"),
        "false",
        {"message": "the value has the wrong type; remove the quotes"},
    ),
    (
        "fleet.yaml",
        ("models", "sonnet", "deployments", 0, "region"),
        "EU West",
        {"near": "eu-west", "message": "the text does not have the right form"},
    ),
    (
        "fleet.yaml",
        ("models", "sonnet", "tasks", "draft"),
        1.2,
        {"allowed": "a number from 0 to 1"},
    ),
    ("fleet.yaml", ("models", "sonnet", "tasks", "draft"), -1, {"found": "the number -1"}),
    (
        "fleet.yaml",
        ("models", "sonnet", "context"),
        "200_000",
        {"message": "the value has the wrong type; write 200000, without quotes"},
    ),
    ("policy.yaml", ("data_classes",), [], {"message": "at least one is needed"}),
    (
        "policy.yaml",
        ("routes", 0, "match", "risk", 1),
        "hihg",
        {"near": "high", "allowed": "low, normal, medium, high"},
    ),
    ("policy.yaml", ("routes", 0, "match", "risk"), "hihg", {"near": "high"}),
    ("policy.yaml", ("routes", 0, "match", "task", 1), 3, {"found": "the number 3"}),
    (
        "policy.yaml",
        ("routes", 0, "match", "task"),
        3,
        {"allowed": "a list, each a text or a text"},
    ),
    ("policy.yaml", ("routes", 0, "require", "trains_on_data"), True, {"allowed": "false"}),
    ("policy.yaml", ("routes", 0, "store_prompts"), "redact", {"near": "redacted"}),
    (
        "policy.yaml",
        ("budgets", 0, "per"),
        "day",
        {"allowed": "run, project, workspace, user, user_tier, key, feature, model"},
    ),
    ("policy.yaml", ("budgets", 0, "usd"), -1, {"message": "the number is out of range"}),
    ("agents/writer.md", ("description",), "", {"allowed": "a text that is not empty"}),
    ("agents/writer.md", ("call", "temperature"), 3, {"allowed": "a number from 0 to 2"}),
    ("graphs/main.yaml", ("input", "question"), "txt", {"near": "text"}),
    (
        "graphs/main.yaml",
        ("nodes", "verdict", "at_most"),
        21,
        {"allowed": "a whole number from 1 to 20"},
    ),
    ("graphs/main.yaml", ("nodes", "check", "family"), "draft", {"allowed": "other-than NODE"}),
    ("graphs/main.yaml", ("nodes", "found", "with", "limit"), [1], {"found": "a list of 1"}),
    ("evals/smoke.yaml", ("cases", 1, "expect", "verdict"), "acepted", {"near": "accepted"}),
    ("evals/smoke.yaml", ("repetitions",), 0, {"allowed": "a whole number from 1 to 100"}),
    ("evals/smoke.yaml", ("cases", 0, "expect", "max_ms"), 1.5, {"found": "the number 1.5"}),
    ("evals/smoke.yaml", ("cases",), [], {"message": "at least one is needed"}),
]


@pytest.mark.parametrize(
    ("file", "path", "value", "expected"),
    WRONG,
    ids=[f"{f}:{shown(p)}={v!r}" for f, p, v, _ in WRONG],
)
def test_a_wrong_value_is_refused(
    tmp_path: Path, file: str, path: Path_, value: Any, expected: dict[str, str]
) -> None:
    places = write(tmp_path, changed(file, path, value))
    problems = problems_of(tmp_path)
    assert [p.key for p in problems] == [shown(path)]
    assert (problems[0].line, problems[0].column) == places[file][path]
    assert {key: getattr(problems[0], key) for key in expected} == expected


@pytest.mark.parametrize(
    ("file", "path", "near"),
    [
        ("fleet.yaml", ("models", "My Model"), "my-model"),
        ("graphs/main.yaml", ("input", "Question"), "question"),
    ],
)
def test_a_name_that_is_no_name(tmp_path: Path, file: str, path: Path_, near: str) -> None:
    files = valid()
    inner = files[file]
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = inner.pop(next(iter(reversed(inner))))
    places = write(tmp_path, files)
    problem = next(p for p in problems_of(tmp_path) if p.message == "this is not a valid name")
    assert (problem.line, problem.column) == places[file][(*path, KEY)]
    assert problem.near == near


def test_a_loaded_project_cannot_be_changed(tmp_path: Path) -> None:
    write(tmp_path, valid())
    project = load(tmp_path).project
    with pytest.raises(ValueError, match="frozen"):
        project.settings.deadline_ms = 1  # type: ignore[misc]
    for table in (project.agents, project.graphs["main"].nodes, project.fleet.models):
        with pytest.raises(TypeError, match="cannot be changed"):
            table["x"] = 1  # type: ignore[assignment]
        with pytest.raises(TypeError, match="cannot be changed"):
            table.clear()
    case = project.suites["smoke"].cases[0]
    assert case.input["sources"] == ("docs",)
