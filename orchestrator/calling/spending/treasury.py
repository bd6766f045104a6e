"""What is left of each cap, for all who spend from it. They take parts of it: allowances.

An account is a cap in one window (`Cap.account`). Of each account

    committed = lines that are settled + what every holder holds

and nobody takes what would bring that above the cap's limit. So what was spent and what may still
be spent from memory never pass it together, whoever dies at whatever moment.

How much a holder gets: what it needs now; and more for what is to come, but at most a share of what
is left, 1 / (2 · holders), so that the parts become small towards the end and the cap is used up to
the last unit (guided self-scheduling: Polychronopoulos and Kuck, 1987). A share smaller than a
single call is not handed out: the account is `tight` then, and every holder keeps no more than its
calls need. Who is short although others hold more than that asks them to give it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.calling.spending import spooled
from orchestrator.calling.spending.book import Book
from orchestrator.calling.spending.caps import Cap
from orchestrator.calling.spending.lines import SCHEMA
from orchestrator.calling.spending.owners import gone
from orchestrator.errors import StorageError
from orchestrator.storage.sqlite import connect, writing

T = TypeVar("T")
NO_LIMIT = 2**53
"""Micro-dollars that stand for the limit of a budget that refuses nothing; Lua counts so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a holder says about one account, and what it would like."""

    cap: Cap
    taken: int
    """All that it ever took of it and did not give back, spent or not. Less than at the last time:
    it gives back."""
    free: int = 0
    """The part of that which no call holds and none has spent."""
    needs: tuple[int, ...] = ()
    """The calls that wait, each with its amount, the first first. Those that fit are granted."""
    like: int = 0
    """For calls to come."""
    keeps: bool = True
    """It would keep what its calls leave over, where that is not needed elsewhere."""

    @property
    def limit(self) -> int:
        """`NO_LIMIT` where nothing is refused."""
        return NO_LIMIT if self.cap.limit is None else self.cap.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How the account stands after it."""

    taken: int
    granted: int
    """More than it said that it had."""
    committed: int
    """Of all holders, this one included."""
    tight: bool
    """It keeps nothing but what calls need."""
    short: bool
    """Not all of its calls fit."""
    pending: bool
    """Others were asked to give back: it is worth asking again in some milliseconds."""


class Treasury(Protocol):
    """Hands allowances out. Used by one thread of each process; may block for a moment.

    Each ask says all that the treasury must know of its holder, so one that is repeated since its
    answer was lost changes nothing.
    """

    def exchange(self, owner: str, asks: Sequence[Ask], now: float) -> Sequence[Told]:
        """One atomic step for each account.

        Raises:
            StorageError, OverBudgetError: it cannot be reached.
        """
        ...

    def asked(self, owner: str) -> frozenset[str] | None:
        """The accounts of which others need what `owner` does not.

        `None`: it has lost what it knew, so that `owner` must say all that it holds. Raises as
        `exchange`.
        """
        ...

    def ended(self, owner: str, spent: Mapping[str, int]) -> None:
        """The holder is no more, and of each account it had spent so much; the rest is free.

        Raises as `exchange`.
        """
        ...

    def close(self) -> None: ...


def granted(ask: Ask, left: int, holders: int) -> tuple[int, bool, bool]:
    """How much a holder gets of what is `left`, whether the account is tight, and whether all of
    its calls fit.

    Args:
        holders: how many there are, this one included.
    """
    fit, all_fit = 0, True
    for need in ask.needs:
        if fit + need <= left + ask.free:
            fit += need
        else:
            all_fit = False
    needed, share = max(fit - ask.free, 0), left // (2 * holders)
    tight = not ask.keeps or share < max(ask.needs, default=1)
    return (needed if tight else max(needed, min(ask.like, share))), tight, all_fit


class FileTreasury:
    """Over the ledger's file, for the processes of one machine.

    Args:
        path: the ledger's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._book: Book | None = None
        self._version = -1

    def exchange(self, owner: str, asks: Sequence[Ask], now: float) -> Sequence[Told]:
        """See `Treasury`."""
        if any(ask.cap.of_run for ask in asks):  # another process may have spent on that run
            spooled.book(self._path, wait_s=1.0)
        told = self._work(lambda book: [_exchange(book, owner, ask, now) for ask in asks])
        if any(t.short for t in told) and self._bury(owner, [ask.cap for ask in asks]):
            return [replace(t, pending=t.short) for t in told]
        return told

    def asked(self, owner: str) -> frozenset[str] | None:
        """See `Treasury`."""
        if self._db is not None:
            version = self._db.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:  # nobody else has written
                return frozenset()
            self._version = version
        return self._work(lambda book: _asked(book, owner))

    def ended(self, owner: str, spent: Mapping[str, int]) -> None:
        """See `Treasury`; what is in the file, `spooled.book` forgets itself."""

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = self._book = None

    def _bury(self, owner: str, caps: Sequence[Cap]) -> bool:
        """Book what holders left behind that have died; whether there were any."""
        others = self._work(lambda book: _others(book, owner, caps))
        folder, kind = spooled.spools_of(self._path)
        if not gone(folder, [f"{kind}-{other}" for other in others]):
            return False
        spooled.book(self._path, wait_s=1.0)
        return True

    def _work(self, work: Callable[[Book], T]) -> T:
        try:
            if self._db is None or self._book is None:
                self._db = connect(self._path, SCHEMA, wait_s=30)
                self._book = Book(self._db)
            with writing(self._db):
                return work(self._book)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the ledger {self._path} cannot be written: {error}") from error


def _exchange(book: Book, owner: str, ask: Ask, now: float) -> Told:
    if ask.cap.of_run:
        return _of_run(ask, book.spent(ask.cap, now))
    db, account = book.db, ask.cap.account
    mine = db.execute(
        "SELECT taken, spent FROM allowance WHERE account = ? AND owner = ?", (account, owner)
    ).fetchone()
    stored, spent = mine or (0, 0)
    committed = book.spent(ask.cap, now) - max(stored - spent, 0) + max(ask.taken - spent, 0)
    (others,) = db.execute(
        "SELECT count(*) FROM allowance WHERE account = ? AND owner <> ? AND taken > spent",
        (account, owner),
    ).fetchone()
    grant, tight, fits = granted(ask, ask.limit - committed, others + 1)
    db.execute(
        "INSERT INTO allowance (account, owner, taken, loose) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, owner)"
        " DO UPDATE SET taken = excluded.taken, loose = excluded.loose, asked = asked AND ?",
        (account, owner, ask.taken + grant, not tight, ask.keeps),
    )
    asked = 0
    if not fits:
        asked = db.execute(
            "UPDATE allowance SET asked = 1"
            " WHERE account = ? AND owner <> ? AND loose AND taken > spent",
            (account, owner),
        ).rowcount
    return Told(
        taken=ask.taken + grant,
        granted=grant,
        committed=committed + grant,
        tight=tight,
        short=not fits,
        pending=asked > 0,
    )


def _of_run(ask: Ask, spent: int) -> Told:
    """A run goes on in one process at a time, which counts it: it has all that is left."""
    left = ask.limit - spent
    return Told(
        taken=left,
        granted=left,
        committed=ask.limit,
        tight=False,
        short=False,
        pending=False,
    )


def _asked(book: Book, owner: str) -> frozenset[str]:
    found = book.db.execute("SELECT account FROM allowance WHERE owner = ? AND asked", (owner,))
    return frozenset(account for (account,) in found)


def _others(book: Book, owner: str, caps: Sequence[Cap]) -> list[str]:
    """Who else holds something of these."""
    marks = ", ".join("?" * len(caps))
    found = book.db.execute(
        f"SELECT DISTINCT owner FROM allowance WHERE account IN ({marks}) AND owner <> ?"
        " AND taken > spent",
        (*(cap.account for cap in caps), owner),
    )
    return [other for (other,) in found]
