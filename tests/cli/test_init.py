"""`mesh init` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli import main


def mesh(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr("sys.argv", ["mesh", *args])
    with pytest.raises(SystemExit) as done:
        main()
    assert isinstance(done.value.code, int)
    return done.value.code


def test_it_says_what_was_made_and_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mesh(capsys, monkeypatch, "init", "my desk") == 0
    out = capsys.readouterr().out
    for name in ("fleet.yaml", "agents/desk-writer.md", "graphs/front-desk.yaml", ".gitignore"):
        assert name in out
        assert (tmp_path / "my desk" / name).is_file()
    after = out.partition("Next\n")[2].splitlines()
    assert [line.strip() for line in after] == [
        "cd 'my desk'",
        "mesh check",
        "mesh eval front-desk",
        'mesh run front-desk question="How long is the loan period?" sources=sources',
    ]


def test_here_is_the_default_and_json_is_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mesh(capsys, monkeypatch, "init", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["root"] == "."
    assert set(said["made"]) == {
        p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()
    }
    assert said["next"][0] == "mesh check"


def test_it_refuses_to_overwrite_and_force_keeps_the_former_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.yaml").write_text("mine\n", "utf-8")
    assert mesh(capsys, monkeypatch, "init", str(tmp_path)) == 2
    said = capsys.readouterr()
    assert "policy.yaml" in said.err
    assert "--force" in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["policy.yaml"]
    assert mesh(capsys, monkeypatch, "init", str(tmp_path), "--force") == 0
    assert ".mesh/replaced/1/policy.yaml" in capsys.readouterr().out
    assert (tmp_path / ".mesh/replaced/1/policy.yaml").read_text("utf-8") == "mine\n"
