"""Keys and allotments as rows of the tables, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from orchestrator.errors import UnknownNameError
from orchestrator.gateway.keys import tables
from orchestrator.gateway.keys.records import (
    Allotment,
    KeyRecord,
    Secret,
    Subject,
    Sum,
    scope_json,
)
from orchestrator.gateway.keys.values import Key
from orchestrator.types import Caller

_FEW = 100
"""Keys whose secrets are asked for by their ids; for more, all secrets are read."""


def row_of_key(key: Key) -> dict[str, Any]:
    """The columns that its terms fill."""
    scope = scope_json(key)
    return {"name": key.name, "end_user": scope.pop("user"), **scope}


def records(connection: Connection, after: int | None = None) -> tuple[KeyRecord, ...]:
    """All keys, or those that were changed after that number."""
    query: Select[Any] = tables.keys.select()
    if after is not None:
        query = query.where(tables.keys.c.changed > after)
    return _with_secrets(connection, query)


def record(connection: Connection, id: str) -> KeyRecord:
    """One key. Raises `UnknownNameError` where there is none."""
    found = _with_secrets(connection, tables.keys.select().where(tables.keys.c.id == id))
    if not found:
        known = connection.execute(select(tables.keys.c.id)).scalars()
        raise UnknownNameError("key", id, list(known))
    return found[0]


def _with_secrets(connection: Connection, query: Select[Any]) -> tuple[KeyRecord, ...]:
    rows = [row._mapping for row in connection.execute(query)]
    secrets: dict[str, list[Secret]] = {row["id"]: [] for row in rows}
    ours = tables.secrets.select().order_by(tables.secrets.c.made_at)
    if len(rows) <= _FEW:
        ours = ours.where(tables.secrets.c.key_id.in_(secrets))
    for found in connection.execute(ours):
        row = dict(found._mapping)
        held = secrets.get(row.pop("key_id"))
        if held is not None:
            held.append(Secret(**row))
    return tuple(
        KeyRecord(
            key=_key_of(row),
            made_at=row["made_at"],
            made_by=row["made_by"],
            secrets=tuple(secrets[row["id"]]),
        )
        for row in rows
    )


def _key_of(row: Any) -> Key:
    def names(column: str) -> frozenset[str] | None:
        return None if row[column] is None else frozenset(row[column])

    return Key(
        id=row["id"],
        name=row["name"],
        access=frozenset(row["access"]),
        tasks=names("tasks"),
        models=names("models"),
        data_classes=names("data_classes"),
        caller=Caller(
            workspace=row["workspace"],
            user=row["end_user"],
            tier=row["user_tier"],
            key=row["id"],
            feature=row["feature"],
        ),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


def allotments(connection: Connection, after: int | None = None) -> tuple[Allotment, ...]:
    """All, also the empty ones; or those that were changed after that number."""
    table = tables.allotments
    query = table.select() if after is None else table.select().where(table.c.changed > after)
    return tuple(_allotment_of(row._mapping) for row in connection.execute(query))


def allotment(connection: Connection, per: Subject, name: str) -> Allotment:
    """One's; an empty one where nothing is said."""
    table = tables.allotments
    same = and_(table.c.per == per, table.c.name == name)
    row = connection.execute(table.select().where(same)).one_or_none()
    return Allotment(per=per, name=name) if row is None else _allotment_of(row._mapping)


def _allotment_of(row: Any) -> Allotment:
    return Allotment(
        per=row["per"],
        name=row["name"],
        sums=tuple(Sum(**one) for one in row["sums"]),
        requests_per_minute=row["requests_per_minute"],
        tokens_per_minute=row["tokens_per_minute"],
    )


def row_of_allotment(allotment: Allotment) -> dict[str, Any]:
    """The columns of an allotment."""
    return {
        "per": allotment.per,
        "name": allotment.name,
        "sums": [asdict(one) for one in allotment.sums],
        "requests_per_minute": allotment.requests_per_minute,
        "tokens_per_minute": allotment.tokens_per_minute,
    }
