"""The store of keys, on a SQLite file and on a real PostgreSQL: the same in all things."""

from __future__ import annotations

import dataclasses
import stat
import threading
from pathlib import Path

import pytest

from orchestrator.errors import StorageError, UserError
from orchestrator.gateway.keys.records import Allotment, Sum, key_json
from orchestrator.gateway.keys.secret import hash_of
from orchestrator.gateway.keys.store import KeyStore, Seen
from orchestrator.gateway.keys.values import Key
from orchestrator.testing import ManualClock
from orchestrator.types import Caller

from .conftest import Place

ME = "cli:me@here"
WANTED = Key(
    id="",
    name="ci",
    access=frozenset({"call", "read"}),
    tasks=frozenset({"draft"}),
    models=frozenset(),
    caller=Caller(workspace="lab", user="ana", tier="paid", feature="search"),
    expires_at=2_000_000_000.5,
)


def test_a_key_is_kept_as_it_was_asked_for(store: KeyStore, clock: ManualClock) -> None:
    made = store.create(WANTED, by=ME)
    kept = store.record(made.record.key.id)
    assert kept == made.record
    expected = dataclasses.replace(WANTED, id=kept.key.id)
    assert kept.key == dataclasses.replace(
        expected, caller=dataclasses.replace(WANTED.caller, key=kept.key.id)
    )
    assert (kept.made_by, kept.made_at) == (ME, clock.now())
    assert [secret.hash for secret in kept.secrets] == [hash_of(made.secret)]


def test_a_secret_is_nowhere_in_the_database(place: Place, store: KeyStore) -> None:
    """Neither whole, nor the part of it that is not shown."""
    made = [store.create(WANTED, by=ME)]
    made.append(store.rotate(made[0].record.key.id, grace_s=60, by=ME))
    store.revoke(made[0].record.key.id, by=ME)
    text = repr([store.records(), store.log(), store.since(Seen()), made])
    if isinstance(place, Path):
        for file in place.parent.iterdir():
            text += file.read_bytes().decode("latin-1")
    for one in made:
        assert one.record.secrets[0].shown in text, "what is shown is there to be found"
        assert one.secret[20:] not in text


def test_a_revoked_key_is_revoked_once(store: KeyStore, clock: ManualClock) -> None:
    id = store.create(WANTED, by=ME).record.key.id
    first = store.revoke(id, by=ME)
    at = clock.now()
    clock.advance(10)
    assert store.revoke(id, by="somebody else") == first
    assert store.record(id).key.revoked_at == at
    assert [change.what for change in store.log()] == ["revoke", "create"]


def test_a_revoked_key_can_be_neither_changed_nor_rotated(store: KeyStore) -> None:
    id = store.create(WANTED, by=ME).record.key.id
    store.change(id, lambda key: dataclasses.replace(key, name="other"), by=ME)
    store.revoke(id, by=ME)
    with pytest.raises(UserError, match="is revoked"):
        store.rotate(id, grace_s=0, by=ME)
    with pytest.raises(UserError, match="is revoked"):
        store.change(id, lambda key: key, by=ME)


def test_a_rotated_key_has_two_secrets_for_a_while(store: KeyStore, clock: ManualClock) -> None:
    made = store.create(WANTED, by=ME)
    clock.advance(5)
    again = store.rotate(made.record.key.id, grace_s=3600, by=ME)
    old, new = store.record(made.record.key.id).secrets
    assert (old.hash, old.ends_at) == (hash_of(made.secret), clock.now() + 3600)
    assert (new.hash, new.ends_at) == (hash_of(again.secret), None)


def test_a_second_rotation_never_makes_a_secret_last_longer(
    store: KeyStore, clock: ManualClock
) -> None:
    id = store.create(WANTED, by=ME).record.key.id
    store.rotate(id, grace_s=60, by=ME)
    store.rotate(id, grace_s=3600, by=ME)
    first, second, third = sorted(
        store.record(id).secrets, key=lambda s: (s.ends_at is None, s.ends_at or 0)
    )
    assert first.ends_at == clock.now() + 60
    assert second.ends_at == clock.now() + 3600
    assert third.ends_at is None


def test_a_key_is_found_by_id_beginning_name_or_secret(store: KeyStore) -> None:
    made, other = store.create(WANTED, by=ME), store.create(Key(id="", name="other"), by=ME)
    id = made.record.key.id
    for text in (id, id[:9], id[4:9], "ci", made.secret, made.secret[:19]):
        assert store.find(text).key.id == id, text
    assert store.find("other").key.id == other.record.key.id


@pytest.mark.parametrize("text", ["", "k", "nobody", "key_", "mesh-0000000000", "mesh-no"])
def test_what_names_no_key_or_two_is_refused(store: KeyStore, text: str) -> None:
    for _ in range(2):
        store.create(WANTED, by=ME)
    with pytest.raises(UserError, match=r"unknown key|stands for 2 keys"):
        store.find(text)


def test_a_secret_that_is_not_known_is_not_repeated(store: KeyStore) -> None:
    secret = "mesh-Not0a0Key0But0Maybe0Of0Somebody0Else0"
    with pytest.raises(UserError) as refused:
        store.find(secret)
    assert "Maybe0Of" not in str(refused.value)


# ── allotments ───────────────────────────────────────────────────────────────────────────


def test_an_allotment_replaces_the_one_before(store: KeyStore) -> None:
    sums = (Sum(usd=0.5, window="hour", soft=0.25), Sum(usd=7, window="month", soft=True))
    first = Allotment(per="user", name="ana", sums=sums, requests_per_minute=3)
    store.allot(first, by=ME)
    assert store.allotment("user", "ana") == first
    second = Allotment(per="user", name="ana", tokens_per_minute=10_000_000_000)
    store.allot(second, by=ME)
    assert store.allotments() == (second,)
    store.allot(Allotment(per="user", name="ana"), by=ME)
    assert store.allotments() == ()
    assert store.allotment("user", "ana").is_empty


def test_a_key_and_its_budget_are_made_together(store: KeyStore) -> None:
    sums = (Sum(usd=5.0, window="day"),)
    id = store.create(
        WANTED, by=ME, allotment=Allotment(per="key", name="", sums=sums)
    ).record.key.id
    assert store.allotments() == (Allotment(per="key", name=id, sums=sums),)
    assert len(store.log()) == 1


def test_the_same_allotment_again_is_no_change(store: KeyStore) -> None:
    one = Allotment(per="workspace", name="lab", requests_per_minute=3)
    for _ in range(2):
        store.allot(one, by=ME)
    assert len(store.log()) == 1


# ── the record ───────────────────────────────────────────────────────────────────────────


def test_each_change_is_on_record(store: KeyStore, clock: ManualClock) -> None:
    id = store.create(WANTED, by=ME).record.key.id
    clock.advance(1)
    store.change(id, lambda key: dataclasses.replace(key, name="new", tasks=None), by="key_boss")
    store.rotate(id, grace_s=0, by=ME)
    store.allot(Allotment(per="user", name="ana", requests_per_minute=3), by=ME)
    store.revoke(id, by=ME)
    log = store.log()
    assert [c.what for c in log] == ["revoke", "allot", "rotate", "change", "create"]
    changed = log[3]
    assert (changed.by, changed.at, changed.name) == ("key_boss", clock.now(), id)
    before, after = changed.before or {}, changed.after or {}
    assert (before["name"], before["tasks"]) == ("ci", ["draft"])
    assert (after["name"], after["tasks"]) == ("new", None)
    assert {c.what for c in store.log(name=id)} == {"revoke", "rotate", "change", "create"}
    assert [c.what for c in store.log(limit=1, before=log[0].number)] == ["allot"]


def test_what_fails_changes_nothing(store: KeyStore) -> None:
    id = store.create(WANTED, by=ME).record.key.id
    before = store.since(Seen())

    def broken(key: Key) -> Key:
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        store.change(id, broken, by=ME)
    assert store.since(Seen()) == before
    assert len(store.log()) == 1


# ── news ─────────────────────────────────────────────────────────────────────────────────


def test_only_what_came_since_is_told(store: KeyStore) -> None:
    one, two = (store.create(WANTED, by=ME).record.key.id for _ in range(2))
    everything = store.since(Seen())
    assert everything is not None
    assert everything.whole
    assert {record.key.id for record in everything.keys} == {one, two}
    assert store.since(everything.seen) is None
    store.revoke(two, by=ME)
    news = store.since(everything.seen)
    assert news is not None
    assert not news.whole
    assert [record.key.id for record in news.keys] == [two]


def test_when_a_key_was_used_is_no_news(store: KeyStore) -> None:
    made = store.create(WANTED, by=ME)
    seen = store.since(Seen())
    assert seen is not None
    hash = hash_of(made.secret)
    store.used({hash: 20.0})
    store.used({hash: 10.0, b"nobody": 5.0})
    assert store.record(made.record.key.id).used_at == 20.0
    assert store.since(seen.seen) is None


def test_another_store_in_its_place_is_told_whole(place: Place, clock: ManualClock) -> None:
    store = KeyStore(place, clock)
    store.create(WANTED, by=ME)
    seen = store.since(Seen())
    assert seen is not None
    other = store.since(dataclasses.replace(seen.seen, made="other"))
    later = store.since(dataclasses.replace(seen.seen, number=99))
    assert other == later == seen
    store.close()


# ── several at once ──────────────────────────────────────────────────────────────────────


def test_two_that_begin_at_once_share_one_store(place: Place, clock: ManualClock) -> None:
    stores = [KeyStore(place, clock) for _ in range(4)]
    failed: list[Exception] = []

    def make(store: KeyStore) -> None:
        try:
            for _ in range(3):
                store.create(WANTED, by=ME)
        except Exception as error:  # noqa: BLE001 - it is told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=make, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(stores[0].records()) == 12
    assert len({change.number for change in stores[0].log()}) == 12
    for store in stores:
        store.close()


def test_a_closed_store_opens_again(store: KeyStore) -> None:
    store.create(WANTED, by=ME)
    store.close()
    assert len(store.records()) == 1


def test_what_is_shown_of_a_key_changes_with_time(store: KeyStore, clock: ManualClock) -> None:
    soon = dataclasses.replace(WANTED, expires_at=clock.now() + 10)
    record = store.create(soon, by=ME).record
    assert key_json(record, clock.now())["status"] == "active"
    clock.advance(10)
    assert key_json(record, clock.now())["status"] == "expired"
    assert not store.any_good()


# ── files and servers ────────────────────────────────────────────────────────────────────


def test_only_its_owner_may_read_the_file(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "keys.sqlite"
    path.touch(0o644)
    store = KeyStore(path, clock)
    store.create(WANTED, by=ME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_taken_away_is_not_made_anew(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "keys.sqlite"
    store = KeyStore(path, clock)
    store.create(WANTED, by=ME)
    path.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        store.since(Seen())
    assert not path.exists()


def test_a_server_that_is_gone_is_named_without_its_password(clock: ManualClock) -> None:
    store = KeyStore("postgresql://ana:s3cret-pass@127.0.0.1:9/mesh", clock)
    with pytest.raises(StorageError, match=r"the keys in postgresql.*127\.0\.0\.1") as failed:
        store.records()
    assert "s3cret-pass" not in str(failed.value)
