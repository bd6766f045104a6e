"""A recorder that needs no database: what is recorded goes to a file, and from there to the store.

A process that answers thousands of requests a second hands its records over in a microsecond; a
thread puts those of one trace together, cleans their texts by the log rules, and appends them to a
spool (`storage.spool`). The recorder process, or whoever opens the `TraceStore`, takes them in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.records import Hop, Trace
from orchestrator.storage.collect import SECONDS, Collector
from orchestrator.storage.spool import Spool
from orchestrator.tracing._keeping import Keeper
from orchestrator.tracing.redact import Find

KIND = "traces"


def spool_of(storage: Path) -> Path:
    """Where the spools of a project lie."""
    return storage / "spool"


class SpoolRecorder:
    """Satisfies `protocols.Recorder`. Make it after the process has forked.

    Texts that a log rule does not keep, and secrets, never reach the disk.

    Args:
        storage: the project's folder of traces.
        exported: traces that end are handed on to a collector of spans.
        told: of everything that was recorded, in batches, in a thread of the recorder's own.
        seconds: how long records wait for others.
    """

    def __init__(
        self,
        storage: Path,
        *,
        exported: bool = False,
        told: Callable[[Sequence[Trace | Hop]], None] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._spool = Spool(spool_of(storage), KIND)
        self._keeper = Keeper(exported=exported)
        self._told = told
        self._records: Collector[Trace | Hop] = Collector(
            self._take, "mesh-traces", seconds=seconds
        )
        self.start = self.hop = self.finish = self._records.put

    def masks(self, find: Find) -> None:
        """From now on what `find` finds is masked as well, where texts are kept `redacted`."""
        self._keeper.find = find

    @property
    def lost(self) -> int:
        """How many records could not be kept."""
        return self._records.lost + self._spool.lost

    @property
    def problem(self) -> str | None:
        """What was lost and why, for a person; `None` where nothing was."""
        if self._records.lost:
            return f"{self._records.lost} records of traces came faster than they could be written"
        return self._spool.problem

    def flush(self, *, gently: bool = False) -> None:
        """Write what waits to the spool; see `Collector.flush`."""
        self._records.flush(gently=gently)

    def close(self) -> None:
        """Write what waits. Traces that have not ended by now end as `unknown`."""
        self._records.close()
        self._spool.close()

    def _take(self, records: list[Trace | Hop]) -> None:
        lines, stricter = self._keeper.lines(records)
        if not self._spool.write(lines):
            self._keeper.forget_told()
        if stricter:
            self._spool.rotate()  # so that the file with the looser texts goes when it was read
        if self._told is not None:
            self._told(records)
