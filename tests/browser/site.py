"""A project whose graph has really run, and `mesh ui` over it as a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator import Mesh
from orchestrator.scaffold.new_project import GRAPH, QUESTION, new_project

OTHER_QUESTION = "What is the deposit for power tools?"
QUOTE = "The loan period is 7 days."
_BETTER = """
  better-writer:
    {tier: nano, tasks: {draft: 0.58}, can: [cite, json, stream], reads: values,
     deployments: [{<<: *here, function: extractive-writer}]}
"""
"""Another writer, which is preferred to the first as soon as it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is looked at."""

    folder: Path
    url: str
    """Without a slash at its end."""
    first: str
    """The trace of `QUESTION`."""
    better: str
    """The same question, after the fleet got another writer."""
    other: str
    """The trace of `OTHER_QUESTION`."""


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Makes the project in `folder`, runs its graph three times, and serves the pages."""
    new_project(folder)
    first = _run(folder, QUESTION)
    other = _run(folder, OTHER_QUESTION)
    fleet = folder / "fleet.yaml"
    fleet.write_text(fleet.read_text("utf-8") + _BETTER, "utf-8")
    better = _run(folder, QUESTION)
    command = [sys.executable, "-m", "orchestrator.cli", "ui"]
    options = ["--project", str(folder), "--port", "0", "--json"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as served:
        try:
            yield Site(folder=folder, url=_address(served), first=first, better=better, other=other)
        finally:
            served.terminate()


def _run(folder: Path, question: str) -> str:
    async def run() -> str:
        async with Mesh.load(folder, env={}) as mesh:
            answer = await mesh.run(GRAPH, question=question, sources=[str(folder / "sources")])
            assert answer.verdict == "accepted", answer.reason
            return answer.trace_id

    with ThreadPoolExecutor(1) as thread:  # the browser's driver keeps the loop of this one
        return thread.submit(asyncio.run, run()).result()


def _address(served: subprocess.Popen[str]) -> str:
    """What the command says when it listens: one JSON object over several lines."""
    assert served.stdout is not None
    told = ""
    for line in served.stdout:
        told += line
        if line.startswith("}"):
            break
    return str(json.loads(told)["url"]).rstrip("/")
