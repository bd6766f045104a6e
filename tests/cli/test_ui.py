"""`mesh ui` and `mesh trace list` at the prompt."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.prompt import Prompt, prompt_in
from tests.viewer.recorded import BAD, GOOD, HOSTILE, write

MESH = str(Path(sys.executable).parent / "mesh")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write(folder)
    return folder


@pytest.fixture
def run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    return prompt_in(project, monkeypatch, capsys)


@contextmanager
def pages(project: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`mesh ui` in a process, and where it answers."""
    command = [MESH, "ui", "--json", "--project", str(project), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            text += line
        yield json.loads(text)["url"], process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_the_pages_are_there_until_they_are_told_to_end(
    project: Path, ends: signal.Signals
) -> None:
    with pages(project, "--port", "0") as (url, process):
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url) as answer:
            assert GOOD in answer.read().decode()
        request = urllib.request.Request(url, headers={"Host": "rebound.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request)
        process.send_signal(ends)
        _, errors = process.communicate(timeout=60)
        assert errors == ""
        assert process.returncode in (0, -signal.SIGTERM)


def test_a_port_that_is_taken_is_told_and_the_usual_one_is_replaced(
    project: Path, run: Prompt
) -> None:
    with pages(project) as (url, _), pages(project) as (other, _):
        assert url != other
        port = url.rstrip("/").rpartition(":")[2]
        done = run("ui", "--port", port)
        assert done.code == 2
        assert f"port {port} of 127.0.0.1 is taken" in done.err


def test_a_project_that_does_not_hold_together_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mesh.yaml").write_text("storag: {}\n")
    done = prompt_in(tmp_path, monkeypatch, capsys)("ui", "--port", "0")
    assert done.code == 2
    assert "did you mean 'storage'" in done.err


def test_beyond_this_machine_a_key_is_needed(run: Prompt) -> None:
    done = run("ui", "--host", "0.0.0.0", "--port", "0")
    assert done.code == 2
    assert done.out == ""
    assert "mesh keys create" in done.err


def test_the_list_takes_the_same_filters(run: Prompt) -> None:
    def found(*arguments: str) -> list[str]:
        return [one["id"] for one in run("trace", "list", "--json", *arguments).json["traces"]]

    assert found() == [GOOD, BAD, HOSTILE]
    assert found("--status", "failed", "--outcome", "timeout silent") == [BAD]
    assert found("--text", "SIGNED") == [BAD]
    assert found("--tag", "hr", "--model", "smollm2/local", "--cost-to", "0.01") == [GOOD]
    assert "No trace matches" in run("trace", "list", "--tag", "nothing").out
    assert "did you mean 'smollm2-135m'" in run("trace", "list", "--model", "smolm2-135m").out
    wrong = run("trace", "list", "--verdict", "acepted", "--cost-from", "x")
    assert wrong.code == 2
    assert "--verdict: found 'acepted'" in wrong.err
    assert "--cost-from: found 'x'" in wrong.err
