"""`mesh import` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scaffold.litellm_configs import LITERAL, STYLES

from .test_init import mesh

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(STYLES["mixed"], "utf-8")
    return "config.yaml"


def test_it_shows_the_models_and_what_was_not_carried_over(
    config: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mesh(capsys, monkeypatch, "import", "litellm", config, "-o", "new") == 0
    out = capsys.readouterr().out
    models, _, rest = out.partition("Not carried over")
    left, _, rest = rest.partition("Changed or guessed")
    changed, _, rest = rest.partition("Not needed here")
    assert "claude-eu" in models
    assert "config.yaml:7" in models
    assert "the wildcard 'openai/*' names no model" in left
    assert "write one entry for each model" in left
    assert "set SMART_API_KEY in the environment" in changed
    assert "context_window_fallbacks" in rest
    assert "new/fleet.yaml" in rest
    assert LITERAL not in out
    assert mesh(capsys, monkeypatch, "check", "--project", "new") == 0


def test_json_has_all_of_it(config: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mesh(capsys, monkeypatch, "import", "litellm", config, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["made"] == ["fleet.yaml", "policy.yaml"]
    assert [m["name"] for m in said["models"]][:2] == ["smart", "smart-anthropic"]
    assert said["models"][0]["deployments"][0]["key"] == "SMART_API_KEY"
    for kind in ("not_carried_over", "changed", "needless"):
        assert {"file", "line", "key", "why", "do"} <= set(said[kind][0])


def test_it_refuses_to_overwrite(
    config: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fleet.yaml").write_text("mine\n", "utf-8")
    assert mesh(capsys, monkeypatch, "import", "litellm", config) == 2
    assert "fleet.yaml" in capsys.readouterr().err
    assert not (tmp_path / "policy.yaml").exists()
    assert mesh(capsys, monkeypatch, "import", "litellm", config, "--force") == 0
    assert "the former one is now .mesh/replaced/1/fleet.yaml" in capsys.readouterr().out


def test_a_broken_configuration_is_shown_with_its_line(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("model_list:\n- model_name: a\n  litellm_params: gpt-4o\n", "utf-8")
    assert mesh(capsys, monkeypatch, "import", "litellm", str(config)) == 2
    err = capsys.readouterr().err
    assert f"{config}:3:19" in err
    assert "litellm_params: gpt-4o" in err
    assert "Traceback" not in err
