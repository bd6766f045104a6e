"""`encoder:` in fleet.yaml: what a kind of encoder cannot do, and keys that say nothing to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.project.samples import changed, spoiled, valid

AT = ("models", "tiny", "deployments", 1)


def declared(**spec: Any) -> dict[str, Any]:
    return changed("fleet.yaml", (*AT, "encoder"), spec)


@pytest.mark.parametrize(
    ("spec", "key", "message"),
    [
        ({"kind": "similarity", "outputs": {"a": "b"}}, "outputs", "has no use for the key"),
        ({"kind": "similarity", "threshold": 0.5}, "threshold", "has no use for the key"),
        ({"kind": "classifier", "labels": {"a": ["b"]}}, "labels", "has no use for the key"),
        ({"kind": "classifier", "threshold": 0.5}, "threshold", "has no use for the key"),
        ({"kind": "pairs", "outputs": {"yes": "right"}}, "outputs.yes", "stands for a verdict"),
        ({"kind": "pairs", "threshold": 1.5}, "threshold", "1.5"),
        ({"kind": "pear"}, "kind", "did you mean 'pairs'"),
        ({"kind": "pairs", "labels": {"a": "b"}}, "labels.a", "put it in brackets"),
        ({}, "kind", "is missing"),
    ],
)
def test_what_an_encoder_has_no_use_for(
    tmp_path: Path, spec: dict[str, Any], key: str, message: str
) -> None:
    (problem,) = spoiled(tmp_path, declared(**spec))
    assert problem.key == f"models.tiny.deployments[1].encoder.{key}"
    assert message in str(problem)
    assert problem.line > 1


@pytest.mark.parametrize("key", ["weights", "encoder"])
def test_an_encoder_needs_weights_and_its_kind(tmp_path: Path, key: str) -> None:
    files = valid()
    del files["fleet.yaml"]["models"]["tiny"]["deployments"][1][key]
    (problem,) = spoiled(tmp_path, files)
    assert f"a deployment via encoder needs the key '{key}'" in str(problem)


def test_no_other_transport_has_use_for_it(tmp_path: Path) -> None:
    files = changed(
        "fleet.yaml", ("models", "tiny", "deployments", 0, "encoder"), {"kind": "pairs"}
    )
    (problem,) = spoiled(tmp_path, files)
    assert "a deployment via llamacpp has no use for the key 'encoder'" in str(problem)


def test_vectors_cannot_check(tmp_path: Path) -> None:
    files = declared(kind="similarity")
    files["fleet.yaml"]["models"]["tiny"]["tasks"] = {"check": 0.9, "classify": 0.7}
    found = [p for p in spoiled(tmp_path, files) if "cannot do this task" in p.message]
    assert [p.key for p in found] == ["models.tiny.tasks.check"]
    assert found[0].allowed == "classify, rerank"


def test_a_whole_declaration_loads(tmp_path: Path) -> None:
    assert not spoiled(tmp_path, declared(kind="similarity", labels={"bug": ["It fails."]}))
