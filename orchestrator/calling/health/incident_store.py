"""Incidents in the project's `health.sqlite`: what is written, and how they are read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Literal

from orchestrator.calling.health.store import HealthStore
from orchestrator.errors import UnknownNameError

Kind = Literal["outage", "account", "changed"]

ERRORS = 5
"""The last different ones are kept."""
FINGERPRINTS = 8
"""Whoever has reported so many of one model reports others all the time; it says nothing."""
MODELS = 20
SAME_S = 60.0
"""An outage that comes back so soon is the same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reroute:
    """Calls that the one that was out could have served, and that this one answered."""

    deployment: str
    calls: int = 0
    paid_micro_usd: int = 0
    """For the answers of this one, as far as it is known."""
    paid_unknown: int = 0
    """Calls whose cost is not known."""
    usual_micro_usd: int = 0
    """What the one that was out would have cost for the same tokens."""
    usual_unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One deployment out of use, or become another. Times are seconds since the epoch."""

    id: str
    deployment: str
    kind: Kind
    """`outage`; `account`: its key was refused; `changed`: it reports another model."""
    started: float
    ended: float | None = None
    """`None` while it lasts."""
    what: str
    """In words."""
    errors: tuple[str, ...] = ()
    """The last different ones, the newest first."""
    times: int = 1
    """How often it went out of use within it."""
    failed: int = 0
    """Attempts that failed there."""
    skipped: int = 0
    """Attempts that were not made because it was out."""
    unanswered: int = 0
    """Calls that it could have served and that nobody answered."""
    reroutes: tuple[Reroute, ...] = ()

    @property
    def rerouted(self) -> int:
        """Calls that it could have served and that others answered."""
        return sum(r.calls for r in self.reroutes)


@dataclass(slots=True)
class Tally:
    """What happened to calls that wanted one deployment, until it is written."""

    failed: int = 0
    skipped: int = 0
    unanswered: int = 0
    errors: list[str] = field(default_factory=list)
    reroutes: dict[str, Reroute] = field(default_factory=dict)


def begin(database: sqlite3.Connection, incident: Incident) -> tuple[Incident, ...]:
    """Write that it began. An outage that has only just ended goes on.

    Returns:
        What is news: the incident as it stands now; nothing where it is known already.
    """
    row = database.execute(
        "SELECT id, kind, ended, errors FROM incidents WHERE deployment = ? AND kind != 'changed'"
        " ORDER BY started DESC LIMIT 1",
        (incident.deployment,),
    ).fetchone()
    if row is not None and row[1] == incident.kind:
        errors = json.dumps(_newest([*incident.errors, *json.loads(row[3])]))
        if row[2] is None:
            return ()
        if incident.started - row[2] <= SAME_S:
            database.execute(
                "UPDATE incidents SET ended = NULL, times = times + 1, errors = ? WHERE id = ?",
                (errors, row[0]),
            )
            return _found(database, "id = ?", row[:1])
    finish(database, incident.deployment, incident.started)  # out for another reason until now
    write(database, incident)
    return (incident,)


def write(database: sqlite3.Connection, incident: Incident) -> None:
    """Add it as it is, without its reroutes."""
    database.execute(
        "INSERT INTO incidents (id, deployment, kind, started, ended, what, errors, times, failed,"
        " skipped, unanswered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            incident.id,
            incident.deployment,
            incident.kind,
            incident.started,
            incident.ended,
            incident.what,
            json.dumps(incident.errors),
            incident.times,
            incident.failed,
            incident.skipped,
            incident.unanswered,
        ),
    )


def finish(database: sqlite3.Connection, deployment: str, at: float) -> tuple[Incident, ...]:
    """It is over; the incident that was open, if any."""
    rows = database.execute(
        "UPDATE incidents SET ended = max(?, started) WHERE deployment = ? AND ended IS NULL"
        " RETURNING id",
        (at, deployment),
    ).fetchall()
    return _found(database, "id = ?", rows[0]) if rows else ()


def add(database: sqlite3.Connection, deployment: str, tally: Tally) -> None:
    """Count calls towards the incident that is open there, if any."""
    row = database.execute(
        "SELECT id, errors FROM incidents WHERE deployment = ? AND ended IS NULL", (deployment,)
    ).fetchone()
    if row is None:
        return
    identifier = row[0]
    errors = _newest([*reversed(tally.errors), *json.loads(row[1])])
    database.execute(
        "UPDATE incidents SET failed = failed + ?, skipped = skipped + ?,"
        " unanswered = unanswered + ?, errors = ? WHERE id = ?",
        (tally.failed, tally.skipped, tally.unanswered, json.dumps(errors), identifier),
    )
    database.executemany(
        "INSERT INTO reroutes (incident, deployment, calls, paid, paid_unknown, usual,"
        " usual_unknown) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (incident, deployment)"
        " DO UPDATE SET calls = calls + excluded.calls, paid = paid + excluded.paid,"
        " paid_unknown = paid_unknown + excluded.paid_unknown, usual = usual + excluded.usual,"
        " usual_unknown = usual_unknown + excluded.usual_unknown",
        [(identifier, *astuple(reroute)) for reroute in tally.reroutes.values()],
    )


def identify(
    database: sqlite3.Connection, deployment: str, model: str, fingerprint: str, at: float
) -> tuple[str, str] | None:
    """Remember what it reports. The model and fingerprint before, if these are new to it."""
    known = [
        name
        for (name,) in database.execute(
            "SELECT model FROM identities WHERE deployment = ?", (deployment,)
        )
    ]
    if known.count(model) >= FINGERPRINTS or (model not in known and len({*known}) >= MODELS):
        return None
    before = database.execute(
        "SELECT model, fingerprint FROM identities WHERE deployment = ?"
        " ORDER BY at DESC, rowid DESC LIMIT 1",
        (deployment,),
    ).fetchone()
    added = database.execute(
        "INSERT OR IGNORE INTO identities (deployment, model, fingerprint, at) VALUES (?, ?, ?, ?)",
        (deployment, model, fingerprint, at),
    ).rowcount
    return (before[0], before[1]) if added and before is not None else None


def incidents(
    store: HealthStore, *, since: float = 0.0, open_only: bool = False
) -> tuple[Incident, ...]:
    """Those that lasted after `since`, the newest first.

    Raises:
        StorageError: the file cannot be read.
    """
    where = "ended IS NULL" if open_only else "(ended IS NULL OR ended >= ?)"
    values = () if open_only else (since,)
    return store.ask(lambda database: _found(database, where, values), ())


def incident(store: HealthStore, beginning: str) -> Incident:
    """The one whose id begins like that.

    Raises:
        UnknownNameError: there is none, or more than one.
        StorageError: the file cannot be read.
    """
    found = [i for i in incidents(store) if i.id.startswith(beginning)] if beginning else []
    exact = [i for i in found if i.id == beginning]
    if len(exact or found) != 1:
        known = [i.id for i in found or incidents(store)]
        raise UnknownNameError("incident", beginning, known)
    return (exact or found)[0]


def _found(
    database: sqlite3.Connection, where: str, values: Sequence[object]
) -> tuple[Incident, ...]:
    rows = database.execute(
        "SELECT id, deployment, kind, started, ended, what, errors, times, failed, skipped,"
        f" unanswered FROM incidents WHERE {where} ORDER BY started DESC, id",
        values,
    ).fetchall()
    reroutes: dict[str, list[Reroute]] = {}
    for identifier, *rest in database.execute(
        "SELECT incident, deployment, calls, paid, paid_unknown, usual, usual_unknown"
        " FROM reroutes ORDER BY calls DESC, deployment"
    ):
        reroutes.setdefault(identifier, []).append(_reroute(rest))
    return tuple(_incident(row, reroutes) for row in rows)


def _reroute(row: Sequence[object]) -> Reroute:
    names = (f.name for f in fields(Reroute))
    return Reroute(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]


def _incident(row: Sequence[object], reroutes: Mapping[str, Sequence[Reroute]]) -> Incident:
    names = ("id", "deployment", "kind", "started", "ended", "what", "errors", "times", "failed")
    values = dict(zip((*names, "skipped", "unanswered"), row, strict=True))
    values["errors"] = tuple(json.loads(str(values["errors"])))
    return Incident(**values, reroutes=tuple(reroutes.get(str(row[0]), ())))  # type: ignore[arg-type]


def _newest(errors: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(errors))[:ERRORS]
