"""The stores: traces, money, and the hops of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orchestrator.calling.ledger import MemoryLedger, SqliteLedger
from orchestrator.calling.spending.allowance import AllowanceLedger
from orchestrator.graph.journal import JournalStore, RunJournal, RunRecord
from orchestrator.project.policy_schema import Budget
from orchestrator.testing import (
    JournalConformance,
    LedgerConformance,
    ManualClock,
    RecorderConformance,
)
from orchestrator.testing.stores import LEASE_S
from orchestrator.tracing.spooled import SpoolRecorder
from orchestrator.tracing.store import TraceStore
from tests.gateway.postgres import a_database


class Folder:
    """A folder of its own for each test."""

    folder: Path

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path


class TestTraceStore(Folder, RecorderConformance):
    def make(self) -> TraceStore:
        return TraceStore(self.folder / "traces.sqlite")

    def reader(self, recorder: object) -> TraceStore:
        assert isinstance(recorder, TraceStore)
        return recorder

    def close(self, recorder: object) -> None:
        assert isinstance(recorder, TraceStore)
        recorder.close()


class TestTraceStoreOnPostgres(Folder, RecorderConformance):
    url: str

    @pytest.fixture(autouse=True)
    def _database(self) -> Iterator[None]:
        with a_database() as self.url:
            yield

    def make(self) -> TraceStore:
        return TraceStore(self.folder / "traces.sqlite", database=self.url)

    def reader(self, recorder: object) -> TraceStore:
        assert isinstance(recorder, TraceStore)
        return recorder

    def close(self, recorder: object) -> None:
        assert isinstance(recorder, TraceStore)
        recorder.close()


class TestSpoolRecorder(Folder, RecorderConformance):
    def make(self) -> SpoolRecorder:
        return SpoolRecorder(self.folder)

    def reader(self, recorder: object) -> TraceStore:
        assert isinstance(recorder, SpoolRecorder)
        recorder.flush()
        return TraceStore(self.folder / "traces.sqlite")

    def close(self, recorder: object) -> None:
        assert isinstance(recorder, SpoolRecorder)
        recorder.close()


class TestMemoryLedger(LedgerConformance):
    def make(self, budgets: Sequence[Budget], clock: ManualClock) -> MemoryLedger:
        return MemoryLedger(budgets, clock, lease_s=LEASE_S)

    async def spent(self, ledger: object, trace_id: str | None = None) -> int:
        assert isinstance(ledger, MemoryLedger)
        return await ledger.spent(trace_id)


class TestSqliteLedger(Folder, LedgerConformance):
    made = 0

    def make(self, budgets: Sequence[Budget], clock: ManualClock) -> SqliteLedger:
        self.made += 1
        return SqliteLedger(self.folder / f"{self.made}.sqlite", budgets, clock, lease_s=LEASE_S)

    async def spent(self, ledger: object, trace_id: str | None = None) -> int:
        assert isinstance(ledger, SqliteLedger)
        return await ledger.spent(trace_id)

    async def close(self, ledger: object) -> None:
        assert isinstance(ledger, SqliteLedger)
        await ledger.close()


class TestAllowanceLedger(Folder, LedgerConformance):
    made = 0

    def make(self, budgets: Sequence[Budget], clock: ManualClock) -> AllowanceLedger:
        self.made += 1
        path = self.folder / f"{self.made}.sqlite"
        return AllowanceLedger(path, budgets, clock, lease_s=LEASE_S)

    async def spent(self, ledger: object, trace_id: str | None = None) -> int:
        assert isinstance(ledger, AllowanceLedger)
        return await ledger.spent(trace_id)

    async def close(self, ledger: object) -> None:
        assert isinstance(ledger, AllowanceLedger)
        await ledger.close()


class TestRunJournal(Folder, JournalConformance):
    def open(self) -> RunJournal:
        self.store = JournalStore(self.folder)
        return self.store.open(
            RunRecord(id="run", graph="g", project_hash="p", started_at=1.0, request={"inputs": {}})
        )

    def close(self, journal: object) -> None:
        assert isinstance(journal, RunJournal)
        journal.close()
        self.store.close()
