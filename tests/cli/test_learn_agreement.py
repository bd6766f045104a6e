"""`mesh learn agreement`, and what `mesh decide` makes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.evaluation.routing.answered import answered, write_answered
from tests.evaluation.routing.recorded import recorded, write

Command = Callable[..., tuple[int, str]]
MODEL = """\
  {name}:
    family: {name}
    tier: mid
    context: 128000
    tasks: {{"*": {quality}}}
    deployments:
      - id: here
        via: openai
        model: {name}
        endpoint: http://127.0.0.1:9/v1
        hosting: hosted
        price: {{input: {usd}, output: {usd}}}
"""
FLEET = (("little", 0.7, 0.1), ("middle", 0.72, 0.2), ("large", 0.85, 10))
POLICY = "routes:\n  - name: sums\n    strategy: {kind: auto, error_usd: 0.05}\n"


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MESH_DEBUG", raising=False)
    fleet = "".join(MODEL.format(name=n, quality=q, usd=usd) for n, q, usd in FLEET)
    (tmp_path / "fleet.yaml").write_text(f"models:\n{fleet}")
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "mesh.yaml").write_text("deadline_ms: 60000\n")

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        assert isinstance(done.value.code, int)
        told = capsys.readouterr()
        return done.value.code, told.out + told.err

    return run


def decided(mesh: Command) -> tuple[str, int]:
    code, said = mesh("decide", "What is 17 times 23?", "--json")
    assert code == 0
    decision = json.loads(said)
    return decision["strategy"], len(decision["tactics"]["moves"])


def test_what_was_learned_is_used(mesh: Command, tmp_path: Path) -> None:
    data = write_answered(tmp_path / "data", *answered(120))
    assert decided(mesh) == ("single", 0)
    code, said = mesh("learn", "agreement", str(data), "--as", "small=little")
    assert code == 0, said
    assert "little" in said
    strategy, moves = decided(mesh)
    assert strategy == "panel"
    assert moves > 3


def test_mistakes_are_told(mesh: Command, tmp_path: Path) -> None:
    data = write_answered(tmp_path / "data", *answered(60))
    code, said = mesh("learn", "agreement", str(data), "--as", "tiny=little")
    assert code == 2
    assert "small" in said
    bare = write(tmp_path / "bare", recorded(60))
    code, said = mesh("learn", "agreement", str(bare))
    assert code == 2
    assert "column 'answer'" in said
