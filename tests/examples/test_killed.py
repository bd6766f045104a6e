"""The demonstration, killed with `kill -9` at random moments and resumed: the same answer."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.graph.answer import Answer
from orchestrator.graph.journal import JournalStore

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "examples" / "remote-work" / "sources"
REQUEST = (
    "Draft a remote-work policy for 120 employees, calculate the yearly cost of a 40 EUR monthly "
    "allowance each, and summarise the citations"
)
KILLS = 10
START = """
import asyncio, sys
from orchestrator import Mesh

async def main():
    async with Mesh.load(sys.argv[1], env={}) as mesh:
        await mesh.run(question=sys.argv[2], sources=[sys.argv[3]])

asyncio.run(main())
"""
# Every deterministic model of the project writes down that it ran, and then runs.
COUNTING = """
from pathlib import Path

from orchestrator import builtin
from orchestrator.project.registry import BUILTINS

LOG = Path(__file__).parent / "ran.log"


def counted(name, model):
    def run(request):
        with LOG.open("a") as log:
            log.write(name + "\\n")
        return model(request)

    return run


for name, model in BUILTINS.items("builtin").items():
    builtin(name)(counted(name, model))
"""


def project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "mesh.yaml").write_text("python: [counting.py]\n")
    (folder / "counting.py").write_text(COUNTING)
    return folder


async def carried(folder: Path, **arguments: Any) -> Answer:
    async with Mesh.load(folder, env={}) as mesh:
        return await mesh.run(**arguments)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Answer, float]]:
    """An uninterrupted run, and how long a process takes for one, in seconds."""
    folder = project(tmp_path_factory.mktemp("whole") / "project")
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", START, str(folder), REQUEST, str(SOURCES)], check=True)
    seconds = time.monotonic() - began
    answer = asyncio.run(carried(folder, question=REQUEST, sources=[str(SOURCES)]))
    yield answer, seconds
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_demonstration_resumes(
    tmp_path: Path, whole: tuple[Answer, float], seed: int
) -> None:
    expected, seconds = whole
    folder = project(tmp_path / "project")
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(folder), REQUEST, str(SOURCES)], stderr=subprocess.DEVNULL
    )
    database = folder / ".mesh" / "journal.sqlite"
    while not database.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.Random(seed).uniform(0.05, max(seconds - 1.5, 0.5)))
    process.send_signal(signal.SIGKILL)
    process.wait()

    store = JournalStore(folder / ".mesh")
    (run,) = store.read("SELECT id FROM runs")[0]
    recorded = {
        row[0]: store.unseal(row[1])
        for row in store.read("SELECT key, value FROM entries WHERE value NOT NULL")
    }
    store.close()

    answer = asyncio.run(carried(folder, resume=run))
    assert answer.text == expected.text
    assert answer.verdict == expected.verdict
    assert answer.citations == expected.citations
    assert answer.plan == expected.plan
    assert steps(answer) == steps(expected)

    after = {hop.id.partition(".")[2]: hop for hop in answer.hops}
    for key, value in recorded.items():
        if "hop" in value:
            began = [attempt["started_at"] for attempt in value["hop"]["attempts"]]
            assert [a.started_at for a in after[key].attempts] == began, "a recorded hop ran again"
    attempts = [a for hop in answer.hops for a in hop.attempts]
    ran = Counter((folder / "ran.log").read_text().split())
    for model, times in ran.items():
        own = [a for a in attempts if a.model == model]
        in_flight = sum(a.outcome == "unknown" for a in own)
        # What was begun may or may not have reached the model before the kill.
        assert len(own) - in_flight <= times <= len(own)


def steps(answer: Answer) -> list[tuple[str, str]]:
    """The steps of a run; those that run side by side have no order."""
    return sorted((hop.node, hop.role) for hop in answer.hops)
