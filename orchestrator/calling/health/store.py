"""What is known of the deployments' health, in a file that the processes of a project share.

It is written off the caller's path and at most once a second, and read anew as often. A disk that
fails costs the sharing, never a call: it is logged once. Who reports (`mesh incidents`) reads it
directly, and hears of it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from orchestrator.calling.health.machine import State
from orchestrator.errors import StorageError
from orchestrator.storage.sqlite import Schema, connect, writing
from orchestrator.types import as_json, from_json

PAUSE_S = 1.0
"""Between two looks at the file."""
WAIT_S = 2.0
"""For another process that writes."""
_LOG = logging.getLogger("orchestrator.health")

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], None]
After = Callable[[bool], None]
"""Told, outside of the write, whether it was kept."""

SCHEMA = Schema(
    # A change here needs a `Step`; see `storage.migrate`.
    create=(
        "CREATE TABLE breakers ("
        " deployment TEXT PRIMARY KEY, changed REAL NOT NULL, account TEXT NOT NULL,"
        " state TEXT NOT NULL)",
        "CREATE TABLE numbers ("
        " deployment TEXT PRIMARY KEY, at REAL NOT NULL, calls INTEGER NOT NULL,"
        " numbers TEXT NOT NULL)",
        "CREATE TABLE incidents ("
        " id TEXT PRIMARY KEY, deployment TEXT NOT NULL, kind TEXT NOT NULL,"
        " started REAL NOT NULL, ended REAL, what TEXT NOT NULL, errors TEXT NOT NULL,"
        " times INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL,"
        " unanswered INTEGER NOT NULL)",
        "CREATE UNIQUE INDEX incidents_open ON incidents (deployment) WHERE ended IS NULL",
        "CREATE INDEX incidents_started ON incidents (started)",
        "CREATE TABLE reroutes ("
        " incident TEXT NOT NULL, deployment TEXT NOT NULL, calls INTEGER NOT NULL,"
        " paid INTEGER NOT NULL, paid_unknown INTEGER NOT NULL,"
        " usual INTEGER NOT NULL, usual_unknown INTEGER NOT NULL,"
        " PRIMARY KEY (incident, deployment))",
        "CREATE TABLE identities ("
        " deployment TEXT NOT NULL, model TEXT NOT NULL, fingerprint TEXT NOT NULL,"
        " at REAL NOT NULL, PRIMARY KEY (deployment, model, fingerprint))",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """A breaker as some process left it. All times are seconds since the epoch."""

    changed: float
    """When it last opened, closed, …; the newest of all processes counts."""
    account: str = ""
    """Tells apart the keys that were used, without being one."""
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNumbers:
    """What some process has measured at a deployment."""

    at: float
    """Seconds since the epoch."""
    calls: int
    """Read: of all processes together. Written: those that were not written before."""
    numbers: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The file at one moment."""

    states: Mapping[str, StoredState] = field(default_factory=dict)
    numbers: Mapping[str, StoredNumbers] = field(default_factory=dict)
    troubled: frozenset[str] = frozenset()
    """Deployments with an open incident."""


class HealthMemory(Protocol):
    """What `Breakers` and `Live` need to outlive the process, and to hear of others."""

    def latest(self) -> Stored:
        """What was known a moment ago; the same object until there is news. Waits for nothing."""
        ...

    def keep_state(self, deployment: str, state: StoredState) -> None:
        """Write it soon, unless another process has written a newer one."""
        ...

    def keep_numbers(self, deployment: str, numbers: StoredNumbers) -> None:
        """Write them soon; the calls are added to those of others."""
        ...


class HealthStore:
    """Satisfies `HealthMemory`, and what `Incidents` need to outlive the process.

    Args:
        path: made when something is first written.
        pause_s: between two looks at the file.
    """

    def __init__(self, path: Path, *, pause_s: float = PAUSE_S) -> None:
        self.path = path
        self._pause_s = pause_s
        self._lock = threading.Lock()  # over what waits to be written
        self._file_lock = threading.Lock()  # one look at a time
        self._latest: Stored | None = None
        self._stamp: tuple[int, ...] = ()
        self._timer: threading.Timer | None = None
        self._looked = float("-inf")
        self._states: dict[str, StoredState] = {}
        self._numbers: dict[str, StoredNumbers] = {}
        self._jobs: list[tuple[Job, After | None]] = []
        self._failed = self._closed = False

    # ── for calls: nothing here waits for the disk after the first time ───────────────────

    def latest(self) -> Stored:
        """The file as it was a moment ago; the first time it is read at once."""
        if self._latest is None:
            self.flush()
        elif time.monotonic() - self._looked > self._pause_s:
            self._wake()
        return self._latest or Stored()

    def keep_state(self, deployment: str, state: StoredState) -> None:
        """Write it soon, unless another process has written a newer one."""
        with self._lock:
            self._states[deployment] = state
        self._wake()

    def keep_numbers(self, deployment: str, numbers: StoredNumbers) -> None:
        """Write them soon; the calls are added to those of others."""
        with self._lock:
            waiting = self._numbers.get(deployment)
            calls = numbers.calls + (waiting.calls if waiting else 0)
            self._numbers[deployment] = replace(numbers, calls=calls)
        self._wake()

    def soon(self, job: Job, after: After | None = None) -> None:
        """Carry `job` out inside the next write, after those before it."""
        with self._lock:
            self._jobs.append((job, after))
        self._wake()

    def flush(self) -> None:
        """Write what waits, and read what others have written, now."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self._look()

    def close(self) -> None:
        """Write what waits; nothing is written or read by itself after that."""
        with self._lock:
            self._closed = True
        self.flush()

    def _wake(self) -> None:
        with self._lock:
            if self._timer is not None or self._closed:
                return
            wait_s = max(0.0, self._looked + self._pause_s - time.monotonic())
            self._timer = threading.Timer(wait_s, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
            if self._closed:
                return
        self._look()

    def _look(self) -> None:
        with self._file_lock:
            with self._lock:
                states, self._states = self._states, {}
                numbers, self._numbers = self._numbers, {}
                jobs, self._jobs = self._jobs, []
            self._looked = time.monotonic()
            kept = False
            try:
                if states or numbers or jobs:
                    with closing(connect(self.path, SCHEMA, wait_s=WAIT_S)) as database:
                        _write(database, states, numbers, [job for job, _ in jobs])
                    kept = True
                stamp = self._stamped()
                if self._latest is None or stamp != self._stamp:
                    self._latest, self._stamp = self._read(), stamp
            except (sqlite3.Error, OSError, StorageError) as error:
                self._complain(error)
                self._latest = self._latest or Stored()
        for _, after in jobs:
            if after is not None:
                after(kept)

    def _stamped(self) -> tuple[int, ...]:
        """Changes when anybody writes."""
        stamp: list[int] = []
        for end in ("", "-wal"):
            with suppress(FileNotFoundError):
                found = self.path.with_name(self.path.name + end).stat()
                stamp += (found.st_mtime_ns, found.st_size)
        return tuple(stamp)

    def _read(self) -> Stored:
        if not self.path.exists():
            return Stored()
        with closing(connect(self.path, SCHEMA, wait_s=WAIT_S)) as database:
            return _read(database)

    def _complain(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            _LOG.warning(
                "%s cannot be used (%s): what this process learns of its deployments' health is "
                "not kept, and incidents are not recorded; move the file away to begin anew",
                self.path,
                error,
            )

    # ── for reports ──────────────────────────────────────────────────────────────────────

    def ask(self, question: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """The answer of the file as it is now; `nothing` where there is no file.

        Raises:
            StorageError: it cannot be read.
        """
        self.flush()
        if not self.path.exists():
            return nothing
        try:
            with closing(connect(self.path, SCHEMA, wait_s=WAIT_S)) as database:
                return question(database)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self.path} cannot be read: {error}") from error


def _write(
    database: sqlite3.Connection,
    states: Mapping[str, StoredState],
    numbers: Mapping[str, StoredNumbers],
    jobs: list[Job],
) -> None:
    with writing(database):
        database.executemany(
            "INSERT INTO breakers (deployment, changed, account, state) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (deployment) DO UPDATE SET changed = excluded.changed,"
            " account = excluded.account, state = excluded.state"
            " WHERE excluded.changed >= breakers.changed",
            [(d, s.changed, s.account, _text(s.state)) for d, s in states.items()],
        )
        database.executemany(
            "INSERT INTO numbers (deployment, at, calls, numbers) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (deployment) DO UPDATE SET at = excluded.at,"
            " calls = calls + excluded.calls, numbers = excluded.numbers",
            [(d, n.at, n.calls, _text(n.numbers)) for d, n in numbers.items()],
        )
        for job in jobs:
            job(database)


def _read(database: sqlite3.Connection) -> Stored:
    states = {}
    for deployment, changed, account, text in database.execute(
        "SELECT deployment, changed, account, state FROM breakers"
    ):
        with suppress(ValueError):  # of another version of the program; pydantic's are such, too
            state = from_json(State, json.loads(text))
            states[deployment] = StoredState(changed=changed, account=account, state=state)
    numbers = {}
    for deployment, at, calls, text in database.execute(
        "SELECT deployment, at, calls, numbers FROM numbers"
    ):
        with suppress(ValueError):  # broken, which costs the sharing and never a call
            numbers[deployment] = StoredNumbers(at=at, calls=calls, numbers=json.loads(text))
    troubled = database.execute("SELECT deployment FROM incidents WHERE ended IS NULL")
    return Stored(states=states, numbers=numbers, troubled=frozenset(name for (name,) in troubled))


def _text(value: Any) -> str:
    return json.dumps(as_json(value), separators=(",", ":"))
