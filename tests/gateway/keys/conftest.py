"""A place for keys: a SQLite file, or a database of a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.gateway.keys.store import KeyStore
from orchestrator.testing import ManualClock
from tests.gateway.postgres import a_database

Place = Path | str


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where keys may be kept, both ways."""
    if request.param == "sqlite":
        yield tmp_path / "storage" / "keys.sqlite"
        return
    with a_database() as url:
        yield url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(place: Place, clock: ManualClock) -> Iterator[KeyStore]:
    """An empty store."""
    store = KeyStore(place, clock)
    yield store
    store.close()
