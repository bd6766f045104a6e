"""No key, no answer; unless only this machine can ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import PrerequisiteError, UserError
from orchestrator.gateway.keys.opening import is_loopback, open_store, ring_for
from orchestrator.gateway.keys.store import KeyStore
from orchestrator.gateway.keys.values import Key
from orchestrator.project.schema import Settings, Storage
from orchestrator.testing import ManualClock

LOOPBACK = ("127.0.0.1", "127.8.8.8", "localhost", "LocalHost", "::1", "[::1]")
OUTSIDE = ("0.0.0.0", "::", "", "192.168.0.1", "8.8.8.8", "localhost.example.org", "mesh")


@pytest.mark.parametrize("host", LOOPBACK)
def test_open_is_for_this_machine(host: str, store: KeyStore, clock: ManualClock) -> None:
    assert is_loopback(host)
    assert ring_for(host, True, store, clock) is None


@pytest.mark.parametrize("host", OUTSIDE)
def test_and_for_no_other(host: str, store: KeyStore, clock: ManualClock) -> None:
    assert not is_loopback(host)
    with pytest.raises(UserError, match="mesh keys create --admin"):
        ring_for(host, True, store, clock)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_without_a_key_it_says_how_to_make_one(
    host: str, store: KeyStore, clock: ManualClock
) -> None:
    with pytest.raises(PrerequisiteError, match="mesh keys create --admin"):
        ring_for(host, False, store, clock)
    made = store.create(Key(id=""), by="cli:me@here")
    ring = ring_for(host, False, store, clock)
    assert ring is not None
    ring.start()
    assert ring.find(made.secret).id == made.record.key.id
    ring.close()


def test_a_key_that_is_revoked_counts_as_none(store: KeyStore, clock: ManualClock) -> None:
    made = store.create(Key(id=""), by="cli:me@here")
    store.revoke(made.record.key.id, by="cli:me@here")
    with pytest.raises(PrerequisiteError):
        ring_for("127.0.0.1", False, store, clock)


def test_keys_are_kept_where_the_project_says(tmp_path: Path, clock: ManualClock) -> None:
    assert open_store(Settings(), tmp_path, clock).place == str(tmp_path / "keys.sqlite")
    named = Settings(storage=Storage(database="postgres://ana:pass@db.example.org/mesh"))
    place = open_store(named, tmp_path, clock).place
    assert "db.example.org/mesh" in place
    assert "pass" not in place
