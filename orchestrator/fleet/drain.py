"""Which deployments somebody has taken out of use, as a running process sees it.

The file is looked at when a snapshot of the fleet is made, at most once a second, and read only
where somebody has written to it. What another machine drained comes by the shared store.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from orchestrator.errors import StorageError
from orchestrator.project.protocols import Clock
from orchestrator.storage.operations import Drain, Operations

_LOG = logging.getLogger("orchestrator.fleet")


class Drains:
    """What is drained now. A file that cannot be read costs the news, never a call."""

    def __init__(self, operations: Operations, clock: Clock) -> None:
        self._operations, self._clock = operations, clock
        self._stamp: tuple[int, ...] = ()
        self._known: Mapping[str, Drain] = {}
        self._failed = False

    def now(self) -> Mapping[str, Drain]:
        """By deployment, without those whose time is over."""
        stamp = self._operations.stamp()
        if stamp != self._stamp:
            try:
                self._known, self._stamp = self._operations.drains(), stamp
            except StorageError as error:
                if not self._failed:
                    self._failed = True
                    _LOG.warning("what is drained from now on is not heard of: %s", error)
        now = self._clock.now()
        return {name: drain for name, drain in self._known.items() if drain.holds(now)}
