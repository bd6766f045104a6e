"""Where keys and allotments are kept: the SQLite file `keys.sqlite`, or PostgreSQL.

What is written is on record in the same transaction: who, when, what, before and after. Blocking,
and never in a request's way: those ask the `StoredRing`, which holds it all in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import BindParameter, Connection, Table, and_, bindparam, or_

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.gateway.keys import rows, tables
from orchestrator.gateway.keys.records import (
    Allotment,
    Change,
    KeyRecord,
    Secret,
    Subject,
    allotment_json,
    scope_json,
)
from orchestrator.gateway.keys.secret import hash_of, id_in, new_id, new_secret, shown
from orchestrator.gateway.keys.values import Key
from orchestrator.project.protocols import Clock
from orchestrator.storage.database import Database

FILE = "keys.sqlite"


@dataclass(frozen=True, slots=True)
class Made:
    """A new secret, which is seen here and never again."""

    record: KeyRecord
    secret: str

    def __repr__(self) -> str:
        return f"Made({self.record.key.id})"


@dataclass(frozen=True, slots=True)
class Seen:
    """How far somebody has read a store."""

    made: str = ""
    number: int = -1


@dataclass(frozen=True, slots=True)
class News:
    """What came since somebody has read."""

    seen: Seen
    whole: bool
    """All that there is; what was read before is of another store, or of a later state of it."""
    keys: tuple[KeyRecord, ...]
    allotments: tuple[Allotment, ...]


class KeyStore:
    """Keys and allotments in one database. Thread-safe; opened when it is first used.

    Args:
        place: the SQLite file, or the address of a PostgreSQL database.

    All raise `StorageError` where the database cannot be read or written. `by` says who acts, for
    the record: a key's id, or `cli:user@host`.
    """

    def __init__(self, place: Path | str, clock: Clock) -> None:
        self._database = Database(tables.KEYS, place)
        self.clock = clock
        self._told: list[Callable[[], None]] = []

    @property
    def place(self) -> str:
        """The file, or the server's address without its password."""
        return self._database.place

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell` after each change that is made through this object, in its thread."""
        self._told.append(tell)

    def close(self) -> None:
        """Close its connections; the next call opens it again."""
        self._database.close()

    # ── keys ─────────────────────────────────────────────────────────────────────────────

    def create(self, wanted: Key, *, by: str, allotment: Allotment | None = None) -> Made:
        """A new key as `wanted`, whose id does not count, with its secret.

        Args:
            allotment: what it may spend; whose it is does not count.
        """
        id = new_id()
        secret, now = new_secret(id), self.clock.now()
        key = replace(wanted, id=id, caller=replace(wanted.caller, key=id), revoked_at=None)
        kept = Secret(hash=hash_of(secret), shown=shown(secret), made_at=now)
        record = KeyRecord(key=key, made_at=now, made_by=by, secrets=(kept,))
        with self._changing("create", by, "key", id) as change:
            row = {"id": id, **rows.row_of_key(key), "made_at": now, "made_by": by}
            change.insert_key(row)
            change.insert_secret(id, kept)
            change.after = {"name": key.name, **scope_json(key), "secret": kept.shown}
            if allotment is not None and not allotment.is_empty:
                allotment = replace(allotment, per="key", name=id)
                change.put_allotment(allotment)
                change.after["allotted"] = allotment_json(allotment)
        return Made(record, secret)

    def records(self) -> tuple[KeyRecord, ...]:
        """All keys, the newest first."""
        with self._database.reading() as connection:
            found = rows.records(connection)
        return tuple(sorted(found, key=lambda r: (-r.made_at, r.key.id)))

    def find(self, text: str) -> KeyRecord:
        """The one key that `text` names: its id or the beginning of it, its name, or a secret.

        Raises:
            UserError: none, or more than one.
        """
        records = self.records()
        id = id_in(text)
        if text.startswith("mesh-"):  # also a wrong one is not repeated: it may be a secret
            text = id or "mesh-…"
        exact = [r for r in records if text and text in (r.key.id, r.key.name)]
        begun = [r for r in records if len(text) > 2 and _begins(r.key.id, text)]
        found = exact or begun
        if len(found) == 1:
            return found[0]
        if not found:
            names = [n for r in records for n in (r.key.id, r.key.name) if n]
            raise UnknownNameError("key", text, names)
        ids = ", ".join(r.key.id for r in found)
        raise UserError(f"'{text}' stands for {len(found)} keys: {ids}; say which by its id")

    def record(self, id: str) -> KeyRecord:
        """The key with that id.

        Raises:
            UnknownNameError: there is none.
        """
        with self._database.reading() as connection:
            return rows.record(connection, id)

    def any_good(self) -> bool:
        """Whether there is a key that opens anything now."""
        now = self.clock.now()
        return any(record.status(now) == "active" for record in self.records())

    def change(self, id: str, changed: Callable[[Key], Key], *, by: str) -> KeyRecord:
        """Put what `changed` makes of the key in its place; id and revocation stay.

        Raises:
            UserError: there is none, or it is revoked.
        """
        with self._changing("change", by, "key", id) as change:
            old = rows.record(change.connection, id)
            _refuse_revoked(old)
            key = changed(old.key)
            key = replace(
                key, id=id, caller=replace(key.caller, key=id), revoked_at=old.key.revoked_at
            )
            change.before = {"name": old.key.name, **scope_json(old.key)}
            change.after = {"name": key.name, **scope_json(key)}
            change.update_key(id, rows.row_of_key(key))
        return replace(old, key=key)

    def revoke(self, id: str, *, by: str) -> KeyRecord:
        """End a key at once and for ever; one that is revoked stays as it is.

        Raises:
            UnknownNameError: there is none.
        """
        now = self.clock.now()
        with self._changing("revoke", by, "key", id) as change:
            old = rows.record(change.connection, id)
            if old.key.revoked_at is not None:
                change.made = False
                return old
            change.before, change.after = {"revoked_at": None}, {"revoked_at": now}
            change.update_key(id, {"revoked_at": now})
        return replace(old, key=replace(old.key, revoked_at=now))

    def rotate(self, id: str, *, grace_s: float, by: str) -> Made:
        """A new secret for a key; its other ones are good for `grace_s` seconds more.

        Raises:
            UserError: there is none, or it is revoked.
        """
        now = self.clock.now()
        secret = new_secret(id)
        fresh = Secret(hash=hash_of(secret), shown=shown(secret), made_at=now)
        with self._changing("rotate", by, "key", id) as change:
            old = rows.record(change.connection, id)
            _refuse_revoked(old)
            ends = now + max(grace_s, 0.0)
            kept = tuple(_ended(one, ends) for one in old.secrets)
            for one in kept:
                change.end_secret(one)
            change.insert_secret(id, fresh)
            change.update_key(id, {})
            change.before = {"secret": old.secrets[-1].shown if old.secrets else None}
            change.after = {"secret": fresh.shown, "others_end_at": ends}
        return Made(replace(old, secrets=(*kept, fresh)), secret)

    def used(self, moments: Mapping[bytes, float]) -> None:
        """Write down when secrets, by their hashes, were last used. Is no change on record."""
        if not moments:
            return
        table = tables.secrets
        at: BindParameter[float] = bindparam("moment")
        earlier = or_(table.c.used_at.is_(None), table.c.used_at < at)
        same = and_(table.c.hash == bindparam("of"), earlier)
        given = [{"of": hash, "moment": moment} for hash, moment in moments.items()]
        with self._database.writing() as connection:
            connection.execute(table.update().where(same).values(used_at=at), given)

    # ── what callers may spend and ask for ───────────────────────────────────────────────

    def allot(self, allotment: Allotment, *, by: str) -> Allotment:
        """Put this in the place of what its key, user or workspace was allotted before."""
        return self.reallot(allotment.per, allotment.name, lambda _: allotment, by=by)

    def reallot(
        self, per: Subject, name: str, changed: Callable[[Allotment], Allotment], *, by: str
    ) -> Allotment:
        """Put what `changed` makes of an allotment in its place; an empty one allows all."""
        with self._changing("allot", by, per, name) as change:
            old = rows.allotment(change.connection, per, name)
            new = replace(changed(old), per=per, name=name)
            if new == old:
                change.made = False
                return old
            change.before, change.after = _allotted(old), _allotted(new)
            change.put_allotment(new)
        return new

    def allotment(self, per: Subject, name: str) -> Allotment:
        """What somebody is allotted; an empty one where nothing is said."""
        with self._database.reading() as connection:
            return rows.allotment(connection, per, name)

    def allotments(self) -> tuple[Allotment, ...]:
        """All that are not empty, in the order of their names."""
        with self._database.reading() as connection:
            found = rows.allotments(connection)
        kept = (one for one in found if not one.is_empty)
        return tuple(sorted(kept, key=lambda one: (one.per, one.name)))

    # ── the record of changes ────────────────────────────────────────────────────────────

    def log(
        self, *, name: str | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[Change, ...]:
        """The changes, the newest first.

        Args:
            name: of this key, user or workspace only.
            before: only those with a smaller number, for the next page.
        """
        table = tables.changes
        query = table.select().order_by(table.c.number.desc()).limit(limit)
        if name is not None:
            query = query.where(table.c.name == name)
        if before is not None:
            query = query.where(table.c.number < before)
        with self._database.reading() as connection:
            return tuple(Change(**row._mapping) for row in connection.execute(query))

    # ── for those who keep it in memory ──────────────────────────────────────────────────

    def since(self, seen: Seen) -> News | None:
        """What came since; `None` where nothing did, which takes one cheap read to tell."""
        with self._database.reading() as connection:
            now = Seen(*connection.execute(tables.state.select()).one())
            if now == seen:
                return None
            whole = now.made != seen.made or now.number < seen.number
            after = -1 if whole else seen.number
            return News(
                seen=now,
                whole=whole,
                keys=rows.records(connection, after),
                allotments=rows.allotments(connection, after),
            )

    @contextmanager
    def _changing(self, what: str, by: str, per: Subject, name: str) -> Iterator[_Change]:
        """One change and its line on record, in one transaction; then all are told."""
        with self._database.writing() as connection:
            change = _Change(connection)
            yield change
            if not change.made:
                return
            row = {"number": change.number, "at": self.clock.now(), "by": by, "what": what}
            row |= {"per": per, "name": name, "before": change.before, "after": change.after}
            connection.execute(tables.changes.insert().values(row))
        for tell in self._told:
            tell()


class _Change:
    """What is written in one transaction, all of it under one number."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Also the lock between processes: on PostgreSQL the row stays locked until the end.
        table = tables.state
        counted = table.update().values(number=table.c.number + 1).returning(table.c.number)
        self.number = connection.execute(counted).scalar_one()
        self.made = True
        """Set to false where it turns out that there is nothing to do."""
        self.before: dict[str, Any] | None = None
        self.after: dict[str, Any] | None = None

    def insert_key(self, row: Mapping[str, Any]) -> None:
        self._insert(tables.keys, row)

    def update_key(self, id: str, row: Mapping[str, Any]) -> None:
        table = tables.keys
        values = {**row, "changed": self.number}
        self.connection.execute(table.update().where(table.c.id == id).values(values))

    def insert_secret(self, id: str, secret: Secret) -> None:
        row = {"hash": secret.hash, "key_id": id, "shown": secret.shown}
        self.connection.execute(
            tables.secrets.insert().values(**row, made_at=secret.made_at, ends_at=secret.ends_at)
        )

    def end_secret(self, secret: Secret) -> None:
        table = tables.secrets
        same = table.c.hash == secret.hash
        self.connection.execute(table.update().where(same).values(ends_at=secret.ends_at))

    def put_allotment(self, allotment: Allotment) -> None:
        table, row = tables.allotments, rows.row_of_allotment(allotment)
        same = and_(table.c.per == allotment.per, table.c.name == allotment.name)
        self.connection.execute(table.delete().where(same))
        self._insert(table, row)

    def _insert(self, table: Table, row: Mapping[str, Any]) -> None:
        self.connection.execute(table.insert().values(**row, changed=self.number))


def _allotted(allotment: Allotment) -> dict[str, Any] | None:
    return None if allotment.is_empty else allotment_json(allotment)


def _ended(secret: Secret, at: float) -> Secret:
    return replace(secret, ends_at=at if secret.ends_at is None else min(secret.ends_at, at))


def _refuse_revoked(record: KeyRecord) -> None:
    if record.key.revoked_at is not None:
        raise UserError(f"key '{record.key.id}' is revoked, and stays so; make a new one")


def _begins(id: str, text: str) -> bool:
    return id.startswith(text) or id.removeprefix("key_").startswith(text)
