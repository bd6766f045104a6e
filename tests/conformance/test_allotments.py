"""The conformance suite over everything that tells callers' budgets and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.gateway.keys.records import Allotment, Sum
from orchestrator.gateway.keys.ring import StoredRing
from orchestrator.gateway.keys.store import KeyStore
from orchestrator.project.protocols import Allotments
from orchestrator.testing import AllotmentsConformance, ManualClock


class TestStoredRing(AllotmentsConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> Allotments:
        clock = ManualClock()
        store = KeyStore(self.folder / "keys.sqlite", clock)
        day = (Sum(usd=1.0, window="day"),)
        for per, name in (("user", "ana"), ("workspace", "lab"), ("key", "key_of_ana")):
            store.allot(
                Allotment(per=per, name=name, sums=day, requests_per_minute=9),  # type: ignore[arg-type]
                by="cli:me@here",
            )
        ring = StoredRing(store, clock)
        ring.refresh()
        return ring
