"""What commands over recorded traffic share: the traffic, and a line that says how far it is."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.status import Status

    from orchestrator.mesh import Mesh
    from orchestrator.replay.traffic import Traffic


class Steps:
    """One line on standard error that says what goes on; on a terminal only."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __enter__(self) -> Self:
        from orchestrator.cli._show import Screen, terminal

        if terminal(sys.stderr):
            console = Screen(sys.stderr).console
            self._status = console.status("")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, text: str) -> None:
        """What goes on now."""
        if self._status is not None:
            self._status.update(text)


def traffic_of(mesh: Mesh, since: str, steps: Steps) -> Traffic:
    """What was asked of models since then.

    Raises:
        UserError: `since` is no moment, or nothing was asked.
    """
    from orchestrator.cli.costs import read_moment
    from orchestrator.errors import UserError
    from orchestrator.replay.traffic import read_traffic

    found = read_traffic(
        mesh.store,
        since=read_moment(since, time.time(), "--since"),
        fleet=mesh.fleet(),
        progress=lambda done, every: steps.say(f"reading: {done:,} of {every:,} traces"),
    )
    if not found.hops:
        raise UserError(
            f"no call is on record since {since}; run something first, or look further back with "
            "--since"
        )
    return found
