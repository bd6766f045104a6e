"""Keys in memory: who is let in, how soon a change is known, and what holds without the store."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.errors import KeyRefusedError, StorageError
from orchestrator.gateway.keys.records import Allotment, Sum
from orchestrator.gateway.keys.ring import LOOK_S, NOTE_S, StoredRing
from orchestrator.gateway.keys.store import KeyStore
from orchestrator.gateway.keys.values import Key
from orchestrator.sharing.client import Shared
from orchestrator.testing import ManualClock
from orchestrator.types import Caller
from tests.sharing.valkey import Valkey, valkey

from .conftest import Place

__all__ = ["valkey"]  # a fixture

ME = "cli:me@here"
WANTED = Key(id="", name="ci")


@pytest.fixture
def ring(store: KeyStore, clock: ManualClock) -> Iterator[StoredRing]:
    """Started, over the store that the test changes."""
    ring = StoredRing(store, clock)
    ring.start()
    yield ring
    ring.close()


def refused(ring: StoredRing, secret: str) -> KeyRefusedError:
    with pytest.raises(KeyRefusedError) as error:
        ring.find(secret)
    assert secret[20:] not in str(error.value) or not secret[20:]
    return error.value


def soon(holds: Callable[[], bool]) -> None:
    """Wait until it holds; a minute is what a machine may hang, not what it may take."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "it never came to hold"
        time.sleep(0.01)


async def until(holds: Callable[[], bool]) -> None:
    """As `soon`, while the event loop goes on."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def lets_in(ring: StoredRing, secret: str) -> bool:
    try:
        ring.find(secret)
    except KeyRefusedError:
        return False
    return True


# ── who is let in ────────────────────────────────────────────────────────────────────────


def test_a_good_key_is_found(ring: StoredRing, store: KeyStore) -> None:
    made = store.create(WANTED, by=ME)
    assert ring.find(made.secret) == made.record.key
    assert ring.find(made.secret).caller.key == made.record.key.id


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (lambda secret: secret[:-1], "is not whole"),
        (lambda secret: secret[:30] + ("a" if secret[30] != "a" else "b") + secret[31:], "whole"),
        (lambda secret: "sk-" + secret[5:], "begin with 'mesh-'"),
        (lambda secret: "", "begin with 'mesh-'"),
        (lambda secret: "mesh-ключ-\ud800", "is not whole"),
    ],
)
def test_a_typing_mistake_is_told_as_one(
    ring: StoredRing, store: KeyStore, typed: Callable[[str], str], says: str
) -> None:
    error = refused(ring, typed(store.create(WANTED, by=ME).secret))
    assert (error.status, error.code) == (401, "invalid_key")
    assert says in str(error)


def test_a_whole_key_of_somebody_else_is_unknown(ring: StoredRing, tmp_path: Path) -> None:
    other = KeyStore(tmp_path / "other.sqlite", ManualClock())
    error = refused(ring, other.create(WANTED, by=ME).secret)
    assert (error.status, error.code) == (401, "invalid_key")
    assert "is not known" in str(error)


def test_a_key_expires_at_its_moment(ring: StoredRing, store: KeyStore, clock: ManualClock) -> None:
    secret = store.create(dataclasses.replace(WANTED, expires_at=clock.now() + 60), by=ME).secret
    clock.advance(59.9)
    assert ring.find(secret)
    clock.advance(0.1)
    error = refused(ring, secret)
    assert (error.status, error.code) == (401, "expired_key")
    assert "'ci'" in str(error)


def test_a_longer_life_lets_an_expired_key_in_again(
    ring: StoredRing, store: KeyStore, clock: ManualClock
) -> None:
    made = store.create(dataclasses.replace(WANTED, expires_at=clock.now() + 60), by=ME)
    clock.advance(61)
    assert not lets_in(ring, made.secret)
    store.change(made.record.key.id, lambda key: dataclasses.replace(key, expires_at=None), by=ME)
    assert lets_in(ring, made.secret)


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(
    ring: StoredRing, store: KeyStore
) -> None:
    made, other = store.create(WANTED, by=ME), store.create(WANTED, by=ME)
    store.revoke(made.record.key.id, by=ME)
    error = refused(ring, made.secret)
    assert (error.status, error.code) == (401, "revoked_key")
    assert ring.find(other.secret)


def test_it_is_refused_also_where_the_other_clock_is_ahead(
    place: Place, store: KeyStore, clock: ManualClock
) -> None:
    secret = store.create(WANTED, by=ME).secret
    ahead = KeyStore(place, ManualClock(clock.now() + 3600))
    ahead.revoke(ahead.records()[0].key.id, by=ME)
    ahead.close()
    ring = StoredRing(store, clock)
    ring.start()
    assert refused(ring, secret).code == "revoked_key"
    ring.close()


def test_after_a_rotation_both_secrets_are_good_until_the_old_one_ends(
    ring: StoredRing, store: KeyStore, clock: ManualClock
) -> None:
    old = store.create(WANTED, by=ME)
    new = store.rotate(old.record.key.id, grace_s=60, by=ME)
    assert ring.find(old.secret) == ring.find(new.secret)
    clock.advance(60)
    error = refused(ring, old.secret)
    assert (error.status, error.code) == (401, "expired_key")
    assert "replaced" in str(error)
    assert ring.find(new.secret)


def test_without_a_time_of_grace_the_old_secret_ends_at_once(
    ring: StoredRing, store: KeyStore
) -> None:
    old = store.create(WANTED, by=ME)
    new = store.rotate(old.record.key.id, grace_s=0, by=ME)
    assert refused(ring, old.secret).code == "expired_key"
    assert ring.find(new.secret)


# ── two copies ───────────────────────────────────────────────────────────────────────────


def test_a_key_revoked_on_one_copy_is_refused_on_the_other(
    place: Place, ring: StoredRing, store: KeyStore, clock: ManualClock
) -> None:
    """Within a second: a look takes milliseconds, and is taken more than twice a second."""
    assert LOOK_S <= 0.45
    here, there = ring, StoredRing(KeyStore(place, clock), clock)
    there.start()
    made, kept = store.create(WANTED, by=ME), store.create(WANTED, by=ME)
    soon(lambda: lets_in(there, made.secret))
    store.revoke(made.record.key.id, by=ME)
    assert refused(here, made.secret).code == "revoked_key"
    soon(lambda: not lets_in(there, made.secret))
    assert refused(there, made.secret).code == "revoked_key"
    assert lets_in(there, kept.secret)
    there.close()


def test_a_hint_has_the_other_look_at_once(
    place: Place, store: KeyStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.gateway.keys.ring.LOOK_S", 3600.0)
    there = StoredRing(KeyStore(place, clock), clock)
    there.start()
    made = store.create(WANTED, by=ME)
    assert not lets_in(there, made.secret)
    there.wake()
    soon(lambda: lets_in(there, made.secret))
    there.close()


def test_a_store_put_in_its_place_is_taken_whole(tmp_path: Path, clock: ManualClock) -> None:
    """A file that was restored, or made anew: keys of the other one are not good any more."""
    path = tmp_path / "keys.sqlite"
    store, other = KeyStore(path, clock), KeyStore(tmp_path / "other.sqlite", clock)
    old, new = store.create(WANTED, by=ME), other.create(WANTED, by=ME)
    store.allot(Allotment(per="user", name="ana", requests_per_minute=1), by=ME)
    ring = StoredRing(store, clock)
    ring.start()
    assert lets_in(ring, old.secret)
    (tmp_path / "other.sqlite").rename(path)
    ring.refresh()
    assert not lets_in(ring, old.secret)
    assert lets_in(ring, new.secret)
    assert not ring.limits(Caller(user="ana"))
    ring.close()


# ── a store that cannot be read ──────────────────────────────────────────────────────────


def test_known_keys_go_on_for_a_while_and_then_none(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    path, away = tmp_path / "keys.sqlite", tmp_path / "away.sqlite"
    store = KeyStore(path, clock)
    made = store.create(WANTED, by=ME)
    store.allot(Allotment(per="user", name="ana", requests_per_minute=1), by=ME)
    ring = StoredRing(store, clock, unread_s=300)
    ring.start()
    path.rename(away)
    with caplog.at_level(logging.WARNING, "orchestrator.keys"):
        ring.refresh()
        ring.refresh()
    assert len([r for r in caplog.records if "good for 300 s more" in r.message]) == 1
    clock.advance(300)
    assert ring.find(made.secret)
    clock.advance(0.1)
    error = refused(ring, made.secret)
    assert (error.status, error.code) == (503, "keys_unavailable")
    assert ring.limits(Caller(user="ana"))
    away.rename(path)
    ring.refresh()
    assert ring.find(made.secret)
    ring.close()


def test_unknown_keys_are_refused_all_the_time(tmp_path: Path, clock: ManualClock) -> None:
    path, away = tmp_path / "keys.sqlite", tmp_path / "away.sqlite"
    store, other = KeyStore(path, clock), KeyStore(tmp_path / "other.sqlite", clock)
    store.create(WANTED, by=ME)
    ring = StoredRing(store, clock)
    ring.start()
    path.rename(away)
    ring.refresh()
    new = other.create(WANTED, by=ME).secret
    error = refused(ring, new)
    assert (error.status, error.code) == (503, "keys_unavailable")
    assert refused(ring, new[:-1]).code == "invalid_key"
    ring.close()


def test_who_never_read_its_keys_does_not_begin(clock: ManualClock) -> None:
    ring = StoredRing(KeyStore("postgresql://127.0.0.1:9/mesh", clock), clock)
    with pytest.raises(StorageError):
        ring.start()


# ── when a key was used ──────────────────────────────────────────────────────────────────


def test_when_a_key_was_used_is_written_once_a_minute(
    ring: StoredRing, store: KeyStore, clock: ManualClock
) -> None:
    made, unused = store.create(WANTED, by=ME), store.create(WANTED, by=ME)
    id = made.record.key.id
    ring.find(made.secret)
    used = clock.now()
    ring.wake()
    clock.advance(NOTE_S)
    soon(lambda: store.record(id).used_at == used)
    assert store.record(unused.record.key.id).used_at is None


def test_when_it_was_used_is_written_at_the_end(store: KeyStore, clock: ManualClock) -> None:
    ring = StoredRing(store, clock)
    ring.start()
    made = store.create(WANTED, by=ME)
    ring.find(made.secret)
    ring.close()
    assert store.record(made.record.key.id).used_at == clock.now()


# ── allotments ───────────────────────────────────────────────────────────────────────────


def test_a_budget_holds_for_its_own_caller_alone(ring: StoredRing, store: KeyStore) -> None:
    sums = (Sum(usd=5.0, window="day"), Sum(usd=50.0, window="month", soft=40.0))
    key = store.create(
        WANTED, by=ME, allotment=Allotment(per="key", name="", sums=sums)
    ).record.key.id
    store.allot(Allotment(per="user", name="ana", requests_per_minute=3), by=ME)
    ana = Caller(key=key, user="ana", workspace="lab")
    assert [b.label for b in ring.budgets(ana)] == [f"key.day(key={key})", f"key.month(key={key})"]
    assert [(b.usd, b.soft) for b in ring.budgets(ana)] == [(5.0, None), (50.0, 40.0)]
    (limit,) = ring.limits(ana)
    assert (limit.per, limit.match.user, limit.requests_per_minute) == ("user", "ana", 3)
    ben = Caller(key="key_other", user="ben", workspace="lab")
    assert (ring.budgets(ben), ring.limits(ben)) == ((), ())


def test_a_removed_budget_holds_no_more(ring: StoredRing, store: KeyStore) -> None:
    lab = Caller(workspace="lab")
    store.allot(Allotment(per="workspace", name="lab", requests_per_minute=3), by=ME)
    assert ring.limits(lab)
    store.allot(Allotment(per="workspace", name="lab"), by=ME)
    assert not ring.limits(lab)


def test_budgets_are_the_same_objects_until_they_change(ring: StoredRing, store: KeyStore) -> None:
    """Whoever counts may know one again without looking into it."""
    lab = Caller(workspace="lab")
    store.allot(Allotment(per="workspace", name="lab", sums=(Sum(usd=1, window="day"),)), by=ME)
    assert ring.budgets(lab)[0] is ring.budgets(lab)[0]


# ── through Valkey ───────────────────────────────────────────────────────────────────────


async def test_copies_tell_each_other_at_once(
    valkey: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks by himself here, so what is known was told."""
    monkeypatch.setattr("orchestrator.gateway.keys.ring.LOOK_S", 3600.0)
    clock = ManualClock()
    shared = [Shared(valkey.url, project="p") for _ in range(2)]
    rings = [StoredRing(KeyStore(tmp_path / "keys.sqlite", clock), clock) for _ in shared]
    for ring, line in zip(rings, shared, strict=True):
        ring.start()
        ring.share(line)
        await line.open()
    here, there = rings
    made = await asyncio.to_thread(here.store.create, WANTED, by=ME)
    await until(lambda: lets_in(there, made.secret))
    await asyncio.to_thread(here.store.revoke, made.record.key.id, by=ME)
    await until(lambda: not lets_in(there, made.secret))
    for ring, line in zip(rings, shared, strict=True):
        ring.close()
        await line.close()


async def test_a_change_holds_here_also_where_valkey_is_gone(
    valkey: Valkey, tmp_path: Path
) -> None:
    clock = ManualClock()
    shared = Shared(valkey.url, project="p")
    ring = StoredRing(KeyStore(tmp_path / "keys.sqlite", clock), clock)
    ring.start()
    ring.share(shared)
    await shared.open()
    valkey.kill()
    made = await asyncio.to_thread(ring.store.create, WANTED, by=ME)
    assert lets_in(ring, made.secret)
    ring.close()
    await shared.close()
