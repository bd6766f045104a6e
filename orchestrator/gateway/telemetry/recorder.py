"""The recorder: one process that moves what the workers have written down into the databases."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from orchestrator.errors import StorageError
from orchestrator.gateway.telemetry.board import Board, Slot
from orchestrator.gateway.telemetry.tally import Tally, unpack
from orchestrator.mesh import Mesh
from orchestrator.project.load import LoadedProject
from orchestrator.storage.spool import Backlog, Drained
from orchestrator.tracing.export import Exporter, Exporting, endpoint_of
from orchestrator.tracing.spooled import KIND

_LOG = logging.getLogger("orchestrator.recorder")
NICE = 19
"""Requests go first: what waits here is seen in the metrics, and nobody waits for it."""
_PAUSE_S = 0.25
_TURN_S = 1.0
"""How long one spool is read before the other has its turn."""


@dataclass(slots=True)
class _Kind:
    """One kind of records.

    Attributes:
        drain: moves what lies there, for about so many seconds.
        backlog: what still lies there; `None`: nobody knows.
    """

    name: str
    drain: Callable[[float], Drained]
    backlog: Callable[[], Backlog] | None = None
    failing: bool = False
    size: float = 0.0
    """Bytes of a record, on average."""


def run(
    loaded: LoadedProject, env: Mapping[str, str], board: Board, alive: Callable[[], bool]
) -> None:
    """Move, export and publish until SIGTERM, or until the supervisor is gone; then the rest.

    It waits for the workers to end before it does: whoever stops a service may tell all of its
    processes at once.

    Args:
        board: of the gateway; the last slot is this process's.
        alive: whether the supervisor is still there.
    """
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    with suppress(OSError):
        os.nice(NICE)
    *workers, own = board.slots
    recorder = Recorder(Mesh(loaded, env=env), env, own)
    try:
        while (alive() and not ended.is_set()) or any(slot.is_held for slot in workers):
            if not recorder.turn():
                time.sleep(_PAUSE_S)
    finally:
        recorder.close()


class Recorder:
    """What that process does, a turn at a time.

    Args:
        mesh: whose records they are.
        env: where the names of OpenTelemetry's variables are looked up.
    """

    def __init__(self, mesh: Mesh, env: Mapping[str, str], slot: Slot) -> None:
        from orchestrator.calling.spending.spooled import book

        self._slot, self._store = slot, mesh.store
        before = slot.read()
        self._tally = unpack(before) if before else Tally()
        self._counting = threading.Lock()
        ledger = mesh.storage / "ledger.sqlite"
        self._kinds = (
            _Kind(KIND, lambda limit: self._store.drain(limit_s=limit), self._store.backlog),
            _Kind("ledger", lambda limit: book(ledger, limit_s=limit)),
        )
        self._exporting = self._exporting_of(mesh, env)
        if self._exporting is not None:
            self._exporting.start()

    def _exporting_of(self, mesh: Mesh, env: Mapping[str, str]) -> Exporting | None:
        declared = mesh.project.settings.telemetry
        endpoint = endpoint_of(declared, env)
        if endpoint is None:
            return None
        exporter = Exporter(declared, endpoint, env, mesh.providers())
        return Exporting(self._store, exporter, self._exported)

    def turn(self) -> bool:
        """Everything once; whether there is more to do."""
        more = False
        for kind in self._kinds:
            try:
                drained = kind.drain(_TURN_S)
                waiting = kind.backlog() if kind.backlog else None
            except StorageError as error:
                if not kind.failing:
                    _LOG.error("%s are not moved to the database, and wait: %s", kind.name, error)
                kind.failing = True
                continue
            kind.failing = False
            more = more or not (drained.complete or drained.busy)
            with self._counting:
                self._tell(kind, drained, waiting)
        self._publish()
        return more

    def close(self) -> None:
        """What the workers have left behind, and the last spans."""
        while self.turn():
            pass
        if self._exporting is not None:
            self._exporting.close()
        self._publish()
        self._store.close()

    def _tell(self, kind: _Kind, drained: Drained, waiting: Backlog | None) -> None:
        labels = (kind.name,)
        if drained.records:
            self._tally.count("mesh_spool_taken", labels, drained.records)
            kind.size = drained.bytes / drained.records
        if waiting is not None:
            age = 0.0 if waiting.oldest is None else max(0.0, time.time() - waiting.oldest)
            records = round(waiting.bytes / kind.size) if kind.size else 0
            self._tally.set("mesh_spool_bytes", labels, waiting.bytes)
            self._tally.set("mesh_spool_records", labels, records)
            self._tally.set("mesh_spool_oldest_seconds", labels, age)

    def _exported(self, count: int, arrived: bool) -> None:
        with self._counting:
            self._tally.count("mesh_exported_traces", ("ok" if arrived else "failed",), count)

    def _publish(self) -> None:
        with self._counting:
            self._slot.write(self._tally.pack())
