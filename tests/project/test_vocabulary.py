"""A word that no file of the project knows is refused, with its near name."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh, NoCandidateError
from orchestrator.errors import UnknownNameError
from orchestrator.graph.answer import RunOptions

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return Mesh.load(ROOT, env={})


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ({"task": "sumarize"}, "summarize"),
        ({"data_class": "pi"}, "pii"),
        ({"risk": "hihg"}, "high"),
        ({"needs": ["visoin"]}, "vision"),
    ],
)
def test_a_misspelt_word_is_refused(mesh: Mesh, said: dict[str, Any], near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        mesh.decide("Summarise the report.", **said)


def test_every_declared_word_is_taken(mesh: Mesh) -> None:
    from orchestrator.project.vocabulary import capabilities, tasks

    for task in tasks(mesh.project):
        with contextlib.suppress(NoCandidateError):  # nobody offline may serve it
            mesh.decide("Do it.", task=task)
    assert {"json", "tools", "cite"} <= set(capabilities(mesh.project))


async def test_a_run_refuses_it_before_anything_is_kept(tmp_path: Path) -> None:
    async with Mesh.load(tmp_path, env={}) as loaded:
        with pytest.raises(UnknownNameError, match="did you mean 'pii'"):
            await loaded.run(question="q", options=RunOptions(data_class="pi"))
        loaded.store.flush()
        assert loaded.store.traces(limit=5) == []
