"""Lines of the ledger on their way to its file: spooled by each process, booked in batches.

A process that spends from allowances writes down when a call begins and how it ends, each as a
record of its spool (`storage.spool`), which survives the process. `book` moves what lies there into
the ledger's file; anybody may call it who opens that file. A record is booked once, together with
how far its spool was read, whoever is killed in between.

What a dead process had begun and not ended becomes a line with the outcome `unknown`, and what it
held of budgets and did not spend is free again: after the last of its records was booked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.calling.spending.lines import (
    ATTEMPT_COLUMNS,
    CHARGE_COLUMNS,
    SCHEMA,
    values_of_attempt,
)
from orchestrator.errors import StorageError
from orchestrator.records import Attempt
from orchestrator.storage.spool import Drained, drain
from orchestrator.storage.sqlite import connect, writing
from orchestrator.types import Outcome

_HELLO, _BEGAN, _ENDED, _LAPSED, _RELEASED = "h", "b", "e", "l", "r"
_OVER_S = 86_400.0
"""How long an account is kept after its window has ended."""
_SWEPT_S = 3600.0
_COLUMNS = ("lease", "amount", "at", "expires", "owner", "seq", *CHARGE_COLUMNS, *ATTEMPT_COLUMNS)
_INSERT = (
    f"INSERT INTO spend ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (lease) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name != "lease")
    + " WHERE spend.expires IS NOT NULL"
)


def spools_of(ledger: Path) -> tuple[Path, str]:
    """Where the spools of all who use the ledger in that file lie, and of which kind they are."""
    return ledger.with_name("spool"), ledger.stem


# ── records ──────────────────────────────────────────────────────────────────────────────


def hello(*, elsewhere: bool) -> bytes:
    """The first record of a process, before it takes anything.

    Args:
        elsewhere: what it takes is not in the ledger's file alone, so that it takes a `give_back`
            to free it.
    """
    return _encoded([_HELLO, "", elsewhere])


def began(lease: str, charge: tuple[str, ...], amount: int, at: float) -> bytes:
    """A call begins: so much is reserved for it."""
    return _encoded([_BEGAN, lease, amount, at, charge])


def ended(
    lease: str,
    charge: tuple[str, ...],
    amount: int,
    at: float,
    attempt: Attempt,
    accounts: Sequence[str],
) -> bytes:
    """A call has ended, and so much is charged to these accounts."""
    values = values_of_attempt(attempt)
    return _encoded([_ENDED, lease, amount, at, charge, values, accounts])


def lapsed(lease: str) -> bytes:
    """Nobody said in time how the call has ended."""
    return _encoded([_LAPSED, lease])


def released(lease: str) -> bytes:
    """The call was not made."""
    return _encoded([_RELEASED, lease])


def _encoded(record: list[Any]) -> bytes:
    import msgspec

    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:  # half a character, which no file takes
        return msgspec.json.encode(_whole(record))


def _whole(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_whole(part) for part in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


# ── booking ──────────────────────────────────────────────────────────────────────────────


GiveBack = Callable[[str, Mapping[str, int]], None]


def book(
    ledger: Path,
    give_back: GiveBack | None = None,
    *,
    wait_s: float = 0.0,
    limit_s: float | None = None,
) -> Drained:
    """Move what was spooled into the ledger's file.

    Args:
        give_back: frees what a process that has died held elsewhere: told its name, and what it had
            spent of each account. May raise; then it is told again the next time. Without it that
            waits for somebody who has it.
        wait_s: how long to wait while somebody else books.
        limit_s: stop after about so many seconds and leave the rest to the next one.

    Raises:
        StorageError: a file cannot be read or written; what was not booked stays in the spools.
    """
    folder, kind = spools_of(ledger)
    if not any(folder.glob(f"{kind}-*")) and not (give_back and ledger.exists()):
        return Drained()
    try:
        with closing(connect(ledger, SCHEMA, wait_s=30)) as db:
            drained = drain(folder, kind, _Lines(db, kind), wait_s=wait_s, limit_s=limit_s)
            if give_back is not None:
                _give_back(db, give_back)
            return drained
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"the ledger {ledger} cannot be written: {error}") from error


def _give_back(db: sqlite3.Connection, give_back: GiveBack) -> None:
    """What was spent stays known: the other place may forget."""
    for (owner,) in db.execute("SELECT owner FROM estate WHERE state = 'dead'").fetchall():
        spent = db.execute("SELECT account, spent FROM allowance WHERE owner = ?", (owner,))
        give_back(owner, dict(spent))
        db.execute("UPDATE estate SET state = 'settled' WHERE owner = ?", (owner,))


@dataclass(slots=True)
class _Lines:
    """A `storage.spool.Sink`: the ledger's file."""

    db: sqlite3.Connection
    kind: str
    swept: float = 0.0
    """How far, in seconds since the epoch, accounts that are over were removed."""

    def taken(self) -> Mapping[str, int]:
        return dict(self.db.execute("SELECT name, bytes FROM segments"))

    def take(self, segment: str, records: Sequence[bytes], end: int) -> None:
        import msgspec

        owner = segment.removeprefix(f"{self.kind}-").split(".")[0]
        batch = _Batch(owner)
        for record in records:
            batch.add(*msgspec.json.decode(record))
        with writing(self.db):
            batch.write(self.db)
            if batch.newest > self.swept + _SWEPT_S:
                _sweep(self.db, batch.newest)
                self.swept = batch.newest
            self.db.execute(
                "INSERT INTO segments VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
                (segment, end),
            )

    def ended(self, owner: str) -> None:
        with writing(self.db) as db:
            rows = db.execute("SELECT lease FROM begun WHERE owner = ?", (owner,)).fetchall()
            for (lease,) in rows:
                _lapse(db, lease)
            db.execute("UPDATE estate SET state = 'dead' WHERE owner = ?", (owner,))
            db.execute(
                "DELETE FROM allowance WHERE owner = ? AND owner NOT IN (SELECT owner FROM estate)",
                (owner,),
            )

    def forget(self, segments: Sequence[str]) -> None:
        with writing(self.db):
            self.db.executemany("DELETE FROM segments WHERE name = ?", [(s,) for s in segments])


def _sweep(db: sqlite3.Connection, now: float) -> None:
    """Accounts whose window ended long ago: no call of theirs goes on."""
    db.execute("DELETE FROM allowance WHERE account < ?", (f"{max(now - _OVER_S, 0):010.0f}",))
    db.execute(
        "DELETE FROM estate WHERE state = 'settled' AND owner NOT IN (SELECT owner FROM allowance)"
    )


def _lapse(db: sqlite3.Connection, lease: str) -> None:
    """A line that charges nothing, of a call whose cost nobody knows."""
    db.execute(
        f"INSERT OR IGNORE INTO spend (lease, amount, at, expires, owner, outcome,"
        f" {', '.join(CHARGE_COLUMNS)}) SELECT lease, amount, at, 0, owner, ?, "
        + ", ".join(f"json_extract(charge, '$[{n}]')" for n in range(len(CHARGE_COLUMNS)))
        + " FROM begun WHERE lease = ?",
        (Outcome.UNKNOWN, lease),
    )
    db.execute("DELETE FROM begun WHERE lease = ?", (lease,))


@dataclass(slots=True)
class _Batch:
    """Records of one process. A call that begins and ends in the same batch is its line alone."""

    owner: str
    elsewhere: bool = False
    begun: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    """Leases that began in an earlier batch and have ended."""
    lapsed: list[str] = field(default_factory=list)
    spent: dict[str, int] = field(default_factory=dict)
    """By account."""
    newest: float = 0.0
    """When the last of the calls began."""

    def add(self, what: str, lease: str, *rest: Any) -> None:
        """Take one record in."""
        if what == _HELLO:
            (self.elsewhere,) = rest
        elif what == _BEGAN:
            amount, at, charge = rest
            self.begun[lease] = (lease, self.owner, amount, at, _text(charge))
        elif what == _LAPSED:
            self.lapsed.append(lease)
        elif self.begun.pop(lease, None) is None:
            self.over.append(lease)
        if what == _ENDED:
            amount, at, charge, attempt, accounts = rest
            self.newest = max(self.newest, at)
            self.lines.append((lease, amount, at, None, self.owner, *charge, *attempt))
            for account in accounts:
                self.spent[account] = self.spent.get(account, 0) + amount

    def write(self, db: sqlite3.Connection) -> None:
        """All of it, inside of a transaction."""
        if self.elsewhere:
            db.execute("INSERT OR IGNORE INTO estate VALUES (?, 'alive')", (self.owner,))
        db.executemany("INSERT INTO begun VALUES (?, ?, ?, ?, ?)", self.begun.values())
        for lease in self.lapsed:
            _lapse(db, lease)
        db.executemany("DELETE FROM begun WHERE lease = ?", [(lease,) for lease in self.over])
        newest = int(db.execute("SELECT value FROM spend_count").fetchone()[0])
        rows = []
        for line in self.lines:
            paid = line[1] > 0
            newest += paid
            rows.append((*line[:5], newest if paid else None, *line[5:]))
        db.executemany(_INSERT, rows)
        db.execute("UPDATE spend_count SET value = ?", (newest,))
        db.executemany(
            "INSERT INTO allowance (account, owner, taken, spent) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account, owner) DO UPDATE SET spent = spent + excluded.spent",
            [(account, self.owner, spent, spent) for account, spent in self.spent.items()],
        )


def _text(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()
