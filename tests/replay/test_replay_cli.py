"""`mesh replay` at the prompt: what it prints, and how it exits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.prompt import Prompt, prompt_in

from .small import run, write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


@pytest.fixture
def mesh(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    return prompt_in(project, monkeypatch, capsys)


def test_the_latest_is_the_same(mesh: Prompt, project: Path) -> None:
    trace = run(project, "looped", "why")
    done = mesh("replay")
    assert done.code == 0
    assert f"Same: trace {trace} gives the same output, byte for byte" in done.out
    assert "decisions: 5 of 5 the same" in done.out
    assert "0 calls, $0" in done.out


def test_an_edit_is_shown_and_exits_with_1(mesh: Prompt, project: Path) -> None:
    run(project, "looped", "why")
    agent = project / "agents" / "last.md"
    agent.write_text(agent.read_text().replace("End with", "Close with"))
    done = mesh("replay")
    assert done.code == 1
    assert done.out.startswith("Different: trace")
    assert "check, prompt: " in done.out
    assert "edited since: agents/last.md: prompt changed" in done.out
    assert "[-End-]{+Close+}" in done.out


def test_many_at_once(mesh: Prompt, project: Path) -> None:
    for question in ("one", "two"):
        run(project, "looped", question)
    run(project, "looped", "three", data_class="pii")
    done = mesh("replay", "--since", "1d")
    assert done.code == 0
    assert "1 request cannot be replayed: its texts were not to be kept" in done.out
    assert "2 of 2 the same; 10 of 10 decisions the same; 0 calls, $0" in done.out
    (project / "functions.py").write_text(
        (project / "functions.py").read_text().replace("{inputs['round']}:", "round ")
    )
    done = mesh("replay", "--since", "1d")
    assert done.code == 1
    assert "0 of 2 the same" in done.out


def test_for_programs(mesh: Prompt, project: Path) -> None:
    trace = run(project, "looped", "why")
    found = mesh("replay", trace[:14], "--json").json
    assert found["same"] is True
    (one,) = found["replays"]
    assert one["trace_id"] == trace
    assert one["calls"] == 0
    assert {hop["status"] for hop in one["hops"]} == {"same"}
    assert one["decisions"]["same"] == one["decisions"]["total"] == 5
    assert one["output"].startswith("<")


def test_what_cannot_be_replayed_exits_with_3(mesh: Prompt, project: Path) -> None:
    run(project, "looped", "why", data_class="pii")
    done = mesh("replay")
    assert done.code == 3
    assert "its texts were not to be kept" in done.out
    assert mesh("replay", "--json").json["cannot"]


def test_from_a_step_on(mesh: Prompt, project: Path, tmp_path: Path) -> None:
    trace = run(project, "looped", "why")
    done = mesh("replay", trace, "--from", "answer", "--model", "loud")
    assert done.code == 0
    said = " ".join(done.out.split())
    assert f"repeats {trace} from 'answer #2' on: 1 call made, 4 taken from the record" in said
    assert "First difference: answer #2" in done.out
    prompt = tmp_path / "other.md"
    prompt.write_text("---\ndescription: x\n---\nNow: {{ text }}\n")
    found = mesh("replay", trace, "--from", "check", "--prompt", str(prompt), "--json").json
    assert found["repeats"] == trace
    assert found["made"] == 4
    found = mesh("replay", trace, "--from", "draft", "--input", "question=when", "--json").json
    assert "when" in found["answer"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "loud"), "--model changes a step: name it, with --from STEP"),
        (("abc", "--since", "1d"), "give ids or --since, not both"),
        (("--from", "chekc"), "did you mean 'check'"),
        (("zzzz",), "unknown trace 'zzzz'"),
        (("--from", "check", "--input", "question"), "write key=value"),
    ],
)
def test_mistakes(mesh: Prompt, project: Path, arguments: tuple[str, ...], words: str) -> None:
    run(project, "looped", "why")
    done = mesh("replay", *arguments)
    assert done.code == 2
    assert words in done.err


def test_nothing_recorded(mesh: Prompt) -> None:
    assert mesh("replay").code == 2
