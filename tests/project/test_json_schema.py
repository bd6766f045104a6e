"""The schemas agree with the loader: on what ships, on what is wrong, on every level."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.project._documents import Document, read_front_matter, read_yaml
from orchestrator.project._files import find_sources
from orchestrator.project.json_schema import (
    KINDS,
    REGISTERED,
    Schema,
    kind_of_file,
    schema_of,
    schema_text,
)
from orchestrator.project.registry import BUILTINS

from .samples import CLASSES, changed, levels, problems_of, spoiled, valid, without, write

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "orchestrator" / "scaffold" / "template"


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft202012Validator]:
    return {name: Draft202012Validator(schema_of(kind)) for name, kind in KINDS.items()}


def kind_name(key: str) -> str:
    kind = kind_of_file(key)
    assert kind is not None
    return kind.name


def shipped() -> Iterator[tuple[str, Path]]:
    """Every declared file that ships: of the repository, the template and the examples."""
    examples = sorted(path.parent for path in (ROOT / "examples").rglob("mesh.yaml"))
    for folder in (ROOT, TEMPLATE, *examples):
        sources, problems = find_sources(folder, folder)
        assert not [p for p in problems if "missing" not in p.message]
        yield from ((key, s.path) for key, s in sources.items() if s.path.suffix != ".py")


def content(path: Path) -> Any:
    read = read_front_matter if path.suffix == ".md" else read_yaml
    document = read(path, str(path))
    assert isinstance(document, Document), document
    return document.root.data


@pytest.mark.parametrize("name", KINDS)
def test_a_schema_is_a_schema(name: str) -> None:
    schema = schema_of(KINDS[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"] == KINDS[name].title
    assert schema_text(KINDS[name]) == schema_text(KINDS[name])


@pytest.mark.parametrize(("key", "path"), list(shipped()), ids=lambda value: str(value)[-40:])
def test_what_ships_fits(key: str, path: Path, validators: dict[str, Draft202012Validator]) -> None:
    validators[kind_name(key)].validate(content(path))


@pytest.mark.parametrize("file", CLASSES)
def test_a_file_with_every_key_fits(file: str, validators: dict[str, Draft202012Validator]) -> None:
    validators[kind_name(file)].validate(valid()[file])


@pytest.mark.parametrize("file", CLASSES)
def test_an_unknown_key_is_refused_at_every_level(
    file: str, validators: dict[str, Draft202012Validator]
) -> None:
    places = [path for path, _ in levels(CLASSES[file], valid()[file])]
    assert places
    for path in places:
        broken = changed(file, (*path, "never_a_key"), 1)[file]
        assert not validators[kind_name(file)].is_valid(broken), path


BROKEN: tuple[tuple[str, tuple[str | int, ...], Any], ...] = (
    ("mesh.yaml", ("embedder",), "fast"),
    ("mesh.yaml", ("default_graph",), "Not A Name"),
    ("mesh.yaml", ("deadline_ms",), 0),
    ("mesh.yaml", ("deadline_ms",), "60000"),
    ("mesh.yaml", ("python",), "names.py"),
    ("fleet.yaml", ("models",), {}),
    ("fleet.yaml", ("models", "Sonnet"), valid()["fleet.yaml"]["models"]["tiny"]),
    ("fleet.yaml", ("models", "sonnet", "tier"), "huge"),
    ("fleet.yaml", ("models", "sonnet", "tasks", "draft"), 1.5),
    ("fleet.yaml", ("models", "sonnet", "deployments"), []),
    ("fleet.yaml", ("models", "sonnet", "deployments", 0, "key"), "${ANTHROPIC_API_KEY}"),
    ("fleet.yaml", ("models", "sonnet", "deployments", 0, "hosting"), "cloud"),
    ("fleet.yaml", ("models", "sonnet", "deployments", 0, "params"), {"api_key": "x"}),
    ("fleet.yaml", ("models", "sonnet", "deployments", 0, "retention_days"), -1),
    ("policy.yaml", ("data_classes",), []),
    ("policy.yaml", ("objective", "minimize"), "fun"),
    ("policy.yaml", ("routes", 0, "require", "trains_on_data"), True),
    ("policy.yaml", ("routes", 0, "match", "risk"), ["normal", "extreme"]),
    ("policy.yaml", ("routes", 0, "quality_floor"), "${FLOOR:-0.5}"),
    ("policy.yaml", ("budgets", 0, "window"), "year"),
    ("agents/writer.md", ("description",), ""),
    ("agents/writer.md", ("name",), "writer"),
    ("agents/writer.md", ("prompt",), "Write."),
    ("graphs/main.yaml", ("input", "question"), "string"),
    ("graphs/main.yaml", ("nodes", "check", "family"), "another"),
    ("graphs/main.yaml", ("nodes", "verdict", "at_most"), 21),
    ("graphs/main.yaml", ("nodes", "found", "with", "limit"), [5]),
    ("evals/smoke.yaml", ("cases",), []),
    ("evals/smoke.yaml", ("cases", 0, "expect", "verdict"), "fine"),
)


@pytest.mark.parametrize(("file", "path", "value"), BROKEN, ids=lambda v: str(v)[:50])
def test_loader_and_schema_refuse_the_same(
    file: str,
    path: tuple[str | int, ...],
    value: Any,
    tmp_path: Path,
    validators: dict[str, Draft202012Validator],
) -> None:
    files = changed(file, path, value)
    assert not validators[kind_name(file)].is_valid(files[file])
    assert spoiled(tmp_path, files)


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("fleet.yaml", ("models", "sonnet", "tier")),
        ("policy.yaml", ("budgets", 0, "usd")),
        ("agents/planner.md", ("task",)),
        ("graphs/main.yaml", ("output",)),
        ("evals/smoke.yaml", ("graph",)),
    ],
)
def test_a_missing_key_is_refused_by_both(
    file: str,
    path: tuple[str | int, ...],
    tmp_path: Path,
    validators: dict[str, Draft202012Validator],
) -> None:
    files = without(file, path)
    assert not validators[kind_name(file)].is_valid(files[file])
    assert spoiled(tmp_path, files)


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("mesh.yaml", ("embedder",), "${EMBEDDER:-static}"),
        ("mesh.yaml", ("default_graph",), "${GRAPH:-main}"),
        ("fleet.yaml", ("models", "sonnet", "deployments", 0, "region"), "${REGION:-eu}"),
        ("fleet.yaml", ("models", "sonnet", "deployments", 0, "certifications"), ["${C:-soc2}"]),
        ("policy.yaml", ("routes", 0, "match", "risk"), "${RISK:-high}"),
        ("graphs/main.yaml", ("input", "sources"), "${KIND:-paths?}"),
    ],
)
def test_a_variable_may_stand_for_any_text(
    file: str,
    path: tuple[str | int, ...],
    value: Any,
    tmp_path: Path,
    validators: dict[str, Draft202012Validator],
) -> None:
    files = changed(file, path, value)
    validators[kind_name(file)].validate(files[file])
    write(tmp_path, files)
    assert not problems_of(tmp_path)


def test_every_key_is_described() -> None:
    bare = [
        f"{name}.{key}"
        for kind in KINDS.values()
        for name, part in classes(schema_of(kind))
        for key, value in part["properties"].items()
        if not value.get("description") and "$ref" not in value  # its class is described
    ]
    assert not bare


def classes(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield schema["title"], schema
    yield from ((n, part) for n, part in schema["$defs"].items() if "properties" in part)


def test_keys_that_take_a_registered_name_show_the_librarys_own() -> None:
    BUILTINS.add("function", "of-some-test", test_every_key_is_described)
    shown: dict[tuple[str, str], list[str]] = {}
    for kind in KINDS.values():
        schema = schema_of(kind)
        parts = {**schema["$defs"], kind.declared.__name__: schema}
        for name, key in REGISTERED:
            if name in parts:
                shown[name, key] = parts[name]["properties"][key]["examples"]
    assert set(shown) == set(REGISTERED)
    assert all(shown.values())
    assert "litellm" in shown["DeploymentDeclaration", "via"]
    assert "of-some-test" not in shown["Node", "function"]
