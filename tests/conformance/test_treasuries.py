"""The treasuries: over the ledger's file, and over a server that machines share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from orchestrator.calling.spending.shared_treasury import SharedTreasury
from orchestrator.calling.spending.spooled import spools_of
from orchestrator.calling.spending.treasury import FileTreasury
from orchestrator.sharing.client import Shared
from orchestrator.testing import TreasuryConformance
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]


class TestFileTreasury(TreasuryConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        """With the marks of the suite's holders: they live."""
        self.path = tmp_path / "ledger.sqlite"
        folder, kind = spools_of(self.path)
        folder.mkdir()
        with FileLock(folder / f"{kind}-a.lock"), FileLock(folder / f"{kind}-b.lock"):
            yield

    def make(self) -> FileTreasury:
        return FileTreasury(self.path)


class TestSharedTreasury(TreasuryConformance):
    """Each on a machine of its own."""

    machines = 0

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path, valkey: Valkey) -> None:
        self.folder, self.url = tmp_path, valkey.url

    def make(self) -> SharedTreasury:
        self.machines += 1
        path = self.folder / str(self.machines) / "ledger.sqlite"
        return SharedTreasury(Shared(self.url, project="p"), path, silence_s=0.0)
