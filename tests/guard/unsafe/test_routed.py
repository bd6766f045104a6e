"""How the answers of moderation models are read, and who may be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import ProjectError
from orchestrator.guard.unsafe.routed import read
from orchestrator.project.load import load_project


@pytest.mark.parametrize(
    ("said", "categories"),
    [
        ('{"unsafe": false, "categories": []}', []),
        ('{"unsafe": true, "categories": ["hate", "hate", "crime"]}', ["hate", "crime"]),
        ('Here: {"unsafe": true, "categories": []}', ["other"]),
        ('{"flagged": true, "categories": {"violence": true, "hate": false}}', ["violence"]),
        ('{"label": "safe", "confidence": 0.9}', []),
        ('{"label": "toxic", "confidence": 0.9}', ["other"]),
        ('{"label": "hate", "confidence": 0.2}', []),
        ("safe", []),
        ("Safe\n", []),
        ("unsafe\nS9,S10", ["weapons", "hate"]),
        ("unsafe\nS99", ["other"]),
    ],
)
def test_three_ways_of_answering(said: str, categories: list[str]) -> None:
    assert [flag.category for flag in read(said)] == categories


@pytest.mark.parametrize(
    "said", ["", "I cannot say.", "{}", "[]", '{"unsafe": "no"}', '{"categories": []}', "{broken}"]
)
def test_what_is_no_answer_is_never_safe(said: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(said)


MODELS = """
models:
  guard-8b: {family: a, tier: small, tasks: {moderate: 0.8}, deployments: [
    {id: d, via: builtin, function: calculator, hosting: self}]}
  writer: {family: b, tier: small, tasks: {"*": 0.8}, deployments: [
    {id: d, via: builtin, function: calculator, hosting: self}]}
"""


def _project(folder: Path, filter: str) -> Path:
    (folder / "fleet.yaml").write_text(MODELS)
    (folder / "policy.yaml").write_text(
        f"routes:\n  - {{name: r, match: {{}}, unsafe: {{filter: {filter}}}}}\n"
    )
    return folder


@pytest.mark.parametrize("name", ["local", "guard-8b"])
def test_who_may_be_the_filter(tmp_path: Path, name: str) -> None:
    assert load_project(_project(tmp_path, name)).project.policy.routes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("guard-8", r"unknown filter; found guard-8; allowed: .*did you mean 'guard-8b'\?"),
        ("writer", "does not have the task 'moderate'; found writer; allowed: local, guard-8b"),
    ],
)
def test_who_may_not(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        load_project(_project(tmp_path, name))
