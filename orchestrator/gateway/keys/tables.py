"""The tables of the keys, in types that SQLite and PostgreSQL share.

`key_state` has one row. Its number grows by one with each change, and each row that was changed
carries the number of its last change: who has seen number n asks for what is greater. Nothing is
ever removed, since a row that is gone cannot say that it has changed.
"""

from __future__ import annotations

import secrets as random
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
)

from orchestrator.storage.database import Kind

METADATA = MetaData()
_BIG = BigInteger().with_variant(Integer(), "sqlite")
_NAMES = JSON(none_as_null=True)

versions = Table("key_schema_version", METADATA, Column("version", Integer, primary_key=True))

state = Table(
    "key_state",
    METADATA,
    Column("made", String(32), primary_key=True),  # random: tells a new store from an old one
    Column("number", BigInteger, nullable=False),
)


@event.listens_for(state, "after_create")
def _begin(_: Table, connection: Connection, **__: Any) -> None:
    connection.execute(state.insert().values(made=random.token_hex(16), number=0))


keys = Table(
    "keys",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("access", _NAMES, nullable=False),
    Column("tasks", _NAMES),
    Column("models", _NAMES),
    Column("data_classes", _NAMES),
    Column("workspace", Text, nullable=False),
    Column("end_user", Text, nullable=False),  # `user` is a word of SQL
    Column("user_tier", Text, nullable=False),
    Column("feature", Text, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("made_at", Double, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Index("keys_by_change", "changed"),
)

secrets = Table(
    "key_secrets",
    METADATA,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("key_id", String(32), nullable=False, index=True),
    Column("shown", String(24), nullable=False),
    Column("made_at", Double, nullable=False),
    Column("ends_at", Double),
    Column("used_at", Double),
)

allotments = Table(
    "key_allotments",
    METADATA,
    Column("per", String(16), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("sums", JSON, nullable=False),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_minute", BigInteger),
    Column("changed", BigInteger, nullable=False),
    Index("key_allotments_by_change", "changed"),
)

changes = Table(
    "key_changes",
    METADATA,
    Column("number", _BIG, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("by", Text, nullable=False),
    Column("what", String(16), nullable=False),
    Column("per", String(16), nullable=False),
    Column("name", String(256), nullable=False),
    Column("before", _NAMES),
    Column("after", _NAMES),
)

KEYS = Kind(what="the keys", tables=METADATA, version=versions)
