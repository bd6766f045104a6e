"""`mesh schema` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.project.json_schema import KINDS

from .test_init import mesh

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("kind", KINDS)
def test_one_schema(kind: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mesh(capsys, monkeypatch, "schema", kind) == 0
    assert json.loads(capsys.readouterr().out)["title"] == KINDS[kind].title


def test_the_list_and_all_of_them(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mesh(capsys, monkeypatch, "schema") == 0
    out = capsys.readouterr().out
    assert all(kind.place in out and kind.schema_file in out for kind in KINDS.values())
    assert mesh(capsys, monkeypatch, "schema", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == set(KINDS)


def test_check_fails_until_write_has_mended_it(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mesh.yaml").write_text("embedder: static\n", "utf-8")
    where = ("--project", str(tmp_path))
    assert mesh(capsys, monkeypatch, "schema", "--check", *where) == 1
    err = capsys.readouterr().err
    assert "mesh.yaml:1:1: error[schema-line] the line that names the schema is missing" in err
    assert "mesh schema --write" in err
    assert mesh(capsys, monkeypatch, "schema", "--check", "--json", *where) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert mesh(capsys, monkeypatch, "schema", "--write", "--json", *where) == 0
    written = json.loads(capsys.readouterr().out)
    assert (len(written["schemas"]), written["lines"]) == (len(KINDS), ["mesh.yaml"])
    assert mesh(capsys, monkeypatch, "schema", "--check", *where) == 0
    assert mesh(capsys, monkeypatch, "schema", "--write", *where) == 0
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("agents",), "did you mean 'agent'"), (("fleet", "--write"), "one of KIND, --write")],
)
def test_a_users_mistake(
    arguments: tuple[str, ...], said: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mesh(capsys, monkeypatch, "schema", *arguments) == 2
    assert said in capsys.readouterr().err
