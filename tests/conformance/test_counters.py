"""Limits that several processes keep together: in a file, and on a real Valkey."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.calling.traffic.file_counters import FileCounters
from orchestrator.sharing.client import Shared
from orchestrator.sharing.counters import SharedServerCounters
from orchestrator.testing import SharedCountersConformance
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]


class TestFileCounters(SharedCountersConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "limits.sqlite"

    def make(self) -> FileCounters:
        return FileCounters(self.path)

    def more_of(self, counters: object) -> FileCounters:
        return FileCounters(self.path)


class _Own(SharedServerCounters):
    """Counters that close the connection that was made for them."""

    async def close(self) -> None:
        await self._shared.close()


class TestSharedServerCounters(SharedCountersConformance):
    @pytest.fixture(autouse=True)
    def _server(self, valkey: Valkey) -> None:
        self.url = valkey.url

    def make(self) -> SharedServerCounters:
        return _Own(Shared(self.url, project="conformance"))

    def more_of(self, counters: object) -> SharedServerCounters:
        return self.make()
