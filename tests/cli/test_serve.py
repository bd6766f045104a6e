"""`mesh serve`, `reload`, `health`, `fleet drain` and `fleet refresh` at the prompt."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from orchestrator.cli.serve import show_reload, show_started
from orchestrator.gateway.serve.start import Started
from orchestrator.storage.operations import operation
from tests.gateway.serve.service import write_service

from .prompt import Prompt, prompt_in
from .samples import WIDTHS, printed, squeezed


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    write_service(tmp_path, "http://127.0.0.1:9/v1")
    return prompt_in(tmp_path, monkeypatch, capsys)


def test_a_bad_project_prints_its_problems(mesh: Prompt, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("objective: {minimise: cost}\n")
    done = mesh("serve", "--open", "--port", "0")
    assert done.code == 2
    assert "policy.yaml:1:13" in done.err
    assert "did you mean 'minimize'" in done.err


def test_a_taken_port_is_said_with_what_to_do(mesh: Prompt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = mesh("serve", "--open", "--port", str(port))
    assert done.code == 2
    assert f"port {port} of 127.0.0.1 is taken by another program" in done.err
    assert "--port" in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "mesh keys create --admin"),
        (("--open", "--host", "0.0.0.0"), "--open with host '0.0.0.0'"),
        (("--open", "--host", "nowhere.invalid"), "nowhere.invalid"),
        (("--open", "--host", "192.0.2.1"), "192.0.2.1"),
    ],
)
def test_it_does_not_start_where_nobody_or_everybody_could_ask(
    mesh: Prompt, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = mesh("serve", "--port", "0", *options)
    assert done.code == 2
    assert said in done.err
    assert not list(tmp_path.glob(".mesh/gateways/*"))


def test_windows_is_told_where_it_runs(mesh: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    done = mesh("serve", "--open")
    assert done.code == 2
    assert "run it on Linux or macOS, in WSL, or in the container" in squeezed(done.err)


def test_where_no_gateway_runs_it_says_so(mesh: Prompt) -> None:
    done = mesh("reload")
    assert done.code == 2
    assert "no gateway runs on" in done.err
    assert mesh("health").code == 2
    gone = mesh("health", "--url", "http://127.0.0.1:9")
    assert gone.code == 3
    assert "is not ready: it does not answer" in gone.err
    assert mesh("operations").out == "Nothing is on record yet.\n"


def test_a_drain_says_who_takes_over_and_refuses_to_leave_nobody(mesh: Prompt) -> None:
    done = mesh("fleet", "drain", "words", "--reason", "too dear", "--for", "2h")
    assert done.code == 0
    assert "out of use until 2" in squeezed(done.out)
    assert "spare/one" in done.out
    assert "too dear" in squeezed(mesh("fleet").out)
    refused = mesh("fleet", "drain", "spare/one")
    assert refused.code == 2
    assert "nobody would serve: " in refused.err
    assert "--force" in refused.err
    forced = mesh("fleet", "drain", "spare", "--force", "--json").json
    assert {one["after"] for one in forced["takeovers"]} == {None}
    assert mesh("fleet", "undrain", "words").out == "yes in use again: words/one\n"
    actions = [one["action"] for one in mesh("operations", "--json").json["operations"]]
    assert actions == ["undrain", "drain", "drain"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("drain", "wrds"), "did you mean 'words'?"),
        (("drain", "words/two"), "unknown deployment 'words/two'"),
        (("drain", "words", "--for", "soon"), "'soon' is no length of time"),
        (("undrain", "words"), "words is not drained; drained: none"),
        (("refresh", "--provider", "opnai"), "unknown provider 'opnai'"),
    ],
)
def test_a_mistake_is_said_in_words(mesh: Prompt, arguments: tuple[str, ...], said: str) -> None:
    done = mesh("fleet", *arguments)
    assert done.code == 2
    assert said in squeezed(done.err)


def test_a_refresh_without_anybody_there_says_who_could_not_be_asked(
    mesh: Prompt, tmp_path: Path
) -> None:
    done = mesh("fleet", "refresh", "--write", "--json").json
    (asked,) = done["asked"]
    assert asked["name"] == "127.0.0.1:9"
    assert asked["problem"].startswith("it cannot be reached")
    assert (tmp_path / "fleet.refreshed.yaml").exists()
    assert mesh("check").code == 0
    assert "it cannot be reached" in squeezed(mesh("fleet", "refresh").out)
    assert mesh("operations", "--json").json["operations"][0]["action"] == "refresh"


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_shown_fits(width: int) -> None:
    started = Started(
        address="http://127.0.0.1:8700",
        pid=1,
        workers=2,
        keys="virtual",
        deployments=9,
        available=7,
        storage=".mesh",
        project_hash="a" * 16,
        policy_hash="b" * 16,
        warnings=("policy.yaml:3: doubtful",),
    )
    shown = printed(lambda screen: show_started(screen, started), width)
    assert "http://127.0.0.1:8700/v1" in shown
    assert "2 workers" in shown
    assert "7 of 9 deployments available" in squeezed(shown)
    assert "doubtful" in shown
    refused = operation(
        "reload", "gateway vm:1", "ana", result="refused", details={"problems": ["x.yaml:1: no"]}
    )
    shown = printed(lambda screen: show_reload(screen, refused), width)
    assert "x.yaml:1: no" in shown
    assert "it goes on as it was" in squeezed(shown)
