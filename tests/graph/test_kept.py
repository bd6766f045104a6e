"""A result that cannot be kept is not handed on, and what it cost is on the trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import StorageError
from orchestrator.graph.journal import RunJournal
from tests.calling.server import Say
from tests.chat.served import standing_in, write_fleet

AGENT = """---
description: Says something.
task: chat
---
Answer. {{ task }}
"""
GRAPH = """
input: {question: text}
nodes:
  speak: {agent: speaker, of: question}
output: speak
"""


async def test_an_answer_that_cannot_be_kept_was_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise StorageError("the disk is full")

    with standing_in(Say("Hello.")) as (url, _), standing_in(Say("Hello.")) as (other, _):
        folder = write_fleet(tmp_path, url, other)
        for name, text in (("agents/speaker.md", AGENT), ("graphs/speak.yaml", GRAPH)):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        monkeypatch.setattr(RunJournal, "put", full)
        async with Mesh.load(folder) as mesh:
            with pytest.raises(StorageError, match="the disk is full"):
                await mesh.run("speak", question="Hello")
            trace = mesh.store.traces()[0]
            (hop,) = [h for h in mesh.store.hops(trace.id) if h.attempts]
    assert (trace.status, hop.status, hop.error) == ("failed", "failed", "the disk is full")
    assert trace.cost_micro_usd == hop.cost_micro_usd != 0
