"""The example `examples/human-decision`: approved, rejected, and killed before the answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import WaitingError
from orchestrator.graph.asking import HumanAnswer, Question

EXAMPLE = Path(__file__).parents[2] / "examples" / "human-decision"
ASKED = "The kettle that I received is broken. May I have the money back?"
RULE = "“A customer who receives a broken article gets the money back within fourteen days"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns(".mesh", "__pycache__")
    return shutil.copytree(EXAMPLE, tmp_path / "decision", ignore=ignored)


def sent(folder: Path) -> list[Path]:
    return sorted((folder / ".mesh" / "outbox").glob("*.txt"))


def wanted(folder: Path, order: str = "A-1042") -> dict[str, Any]:
    return {"question": ASKED, "order": order, "rules": [folder / "rules.md"]}


async def test_approved(folder: Path) -> None:
    questions: list[Question] = []

    async def person(question: Question) -> HumanAnswer:
        questions.append(question)
        assert sent(folder) == [], "nothing leaves before the answer"
        return HumanAnswer(text="approve", by="M. Sato")

    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run("refund", on_question=person, **wanted(folder))
    assert answer.text == "The letter for order A-1042 is in the outbox."
    (letter,) = sent(folder)
    assert letter.read_text("utf-8") == questions[0].shown["letter"]
    assert "48.00 EUR" in letter.read_text("utf-8")
    assert RULE in letter.read_text("utf-8")
    (hop,) = [h for h in answer.hops if h.role == "person"]
    assert (hop.agent, hop.output) == ("M. Sato", "approve")


async def test_rejected_in_two_answers_of_three_processes(folder: Path) -> None:
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(WaitingError) as decision:
            await mesh.run("refund", **wanted(folder, "A-1043"))
    run = decision.value.run
    async with Mesh.load(folder, env={}) as mesh:
        with pytest.raises(WaitingError) as why:
            await mesh.run(resume=run, answer="reject")
    assert (why.value.run, why.value.node, why.value.allowed) == (run, "why", ())
    async with Mesh.load(folder, env={}) as mesh:
        answer = await mesh.run(resume=run, answer="The pan was used.")
    assert answer.text == "Order A-1043 goes to the service team: The pan was used."
    assert sent(folder) == []


def mesh_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from orchestrator.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.mark.slow
def test_the_commands_of_the_readme(folder: Path) -> None:
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    first = mesh_command(
        folder, "run", "refund", "order=A-1042", f"question={ASKED}", "rules=rules.md"
    )
    assert first.returncode == 4
    shown = readme.split("rules=rules.md\n")[1].split("…\n")[0]
    assert first.stdout == shown
    told = re.search(r"To answer: mesh run --resume (\w+) --answer approve", first.stderr)
    assert told, first.stderr
    listed = json.loads(mesh_command(folder, "runs", "list", "--json").stdout)
    assert [(r["run"], r["state"]) for r in listed["runs"]] == [(told[1], "waiting")]
    last = mesh_command(
        folder, "run", "--resume", told[1], "--answer", "approve", "--by", "M. Sato"
    )
    assert last.returncode == 0, last.stderr
    assert "The letter for order A-1042 is in the outbox." in last.stdout
    assert len(sent(folder)) == 1


@pytest.mark.slow
async def test_killed_between_question_and_answer(folder: Path) -> None:
    """`decide.py` is killed while it asks; another process answers."""
    process = subprocess.Popen(
        [sys.executable, "decide.py", "A-1042", ASKED],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    limit = time.monotonic() + 60
    while "Yours, the service team" not in process.stdout.readline():
        assert process.poll() is None
        assert time.monotonic() < limit
    process.send_signal(signal.SIGKILL)
    process.communicate()

    async with Mesh.load(folder, env={}) as mesh:
        (record,) = mesh.journals.runs()
        assert record.state == "interrupted"
        again: list[Any] = []

        async def person(question: Question) -> str:
            again.append(question.shown["letter"])
            return "approve"

        answer = await mesh.run(resume=record.id, on_question=person)
    assert RULE in again[0]
    assert answer.text == "The letter for order A-1042 is in the outbox."
    assert len(sent(folder)) == 1
