"""Two stand-ins behind the models `first` and `second`, and a mesh that knows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.mesh import Mesh
from tests.calling.server import StandIn, Step
from tests.chat.brain import Brain
from tests.chat.served import open_mesh, standing_in, write_fleet


class Rig:
    """Two stand-ins, behind the models `first` and `second`, and a mesh that knows them."""

    def __init__(self, mesh: Mesh, first: StandIn, second: StandIn) -> None:
        self.mesh, self.first, self.second = mesh, first, second

    @property
    def sent(self) -> dict[str, Any]:
        return self.first.seen[-1].body


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[Any]:
    opened: list[Any] = []

    def make(*first: Step | Brain, second: Step | Brain | None = None, policy: str = "") -> Rig:
        one, two = standing_in(*first), standing_in(second or Brain())
        url, server = one.__enter__()
        other, other_server = two.__enter__()
        folder = write_fleet(tmp_path, url, other, **({"policy": policy} if policy else {}))
        mesh = open_mesh(folder)
        opened.extend([one, two, mesh])
        return Rig(mesh.__enter__(), server, other_server)

    yield make
    for context in reversed(opened):
        context.__exit__(None, None, None)
