"""The journal of a run that nobody takes up again: in memory, and of that run alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.graph.journal import JournalStore, RunJournal, RunRecord, RunState


class MemoryJournal(RunJournal):
    """The journal of a run that nobody takes up again."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.fresh = True
        self._values: dict[str, Mapping[str, Any]] = {}

    async def get(self, key: str) -> Mapping[str, Any] | None:
        return self._values.get(key)

    async def begin(self, key: str, *, node: str, deployment: str = "") -> str | None:  # noqa: ARG002
        return None

    async def put(self, key: str, value: Mapping[str, Any], *, node: str) -> None:  # noqa: ARG002
        self._values[key] = value

    async def drop(self, key: str) -> None:
        """Nothing of it is kept."""

    def entries(self) -> list[Mapping[str, Any]]:
        return list(self._values.values())

    def begin_run(self) -> None:
        """Nobody else can hold it."""

    def adopt(self, record: RunRecord) -> None:
        """It is carried out under the project as it is."""

    async def cancel_requested(self) -> bool:
        return False

    def stop(self, state: RunState, waiting: Mapping[str, Any] | None = None) -> None:
        """It is not taken up again."""

    def finish(self, *, keep: bool) -> None:
        """Nothing stays of it."""

    def close(self) -> None:
        self._values.clear()


class OneRun(JournalStore):
    """Journals in memory, for the run of that record alone."""

    def __init__(self, record: RunRecord) -> None:
        self._only = record

    def find(self, run: str) -> RunRecord:  # noqa: ARG002
        return self._only

    def open(self, record: RunRecord) -> RunJournal:
        return MemoryJournal(record.id)

    def nodes(self, run: str) -> list[str]:  # noqa: ARG002
        return []
