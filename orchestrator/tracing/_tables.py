"""The tables of the trace store, and the steps from one version of them to the next.

Only types that SQLite and Postgres share. What one asks a database about is a column;
what is only read back whole (profile, decision, notes) is JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
)

from orchestrator.storage.migrate import Step
from orchestrator.storage.sqlite import backup_of, copy

METADATA = MetaData()

_BIG = BigInteger().with_variant(Integer(), "sqlite")

versions = Table("schema_version", METADATA, Column("version", Integer, primary_key=True))

traces = Table(
    "traces",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("graph", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ms", Double, nullable=False),
    Column("verdict", String(16)),
    Column("cost_micro_usd", BigInteger),
    Column("question", Text),
    Column("answer", Text),
    Column("error", Text),
    Column("project_hash", String(64), nullable=False),
    Column("policy_hash", String(64), nullable=False),
    Column("fleet_hash", String(64), nullable=False),
    Column("log", JSON(none_as_null=True)),
    Column("caller", JSON(none_as_null=True)),
    Column("tags", JSON(none_as_null=True)),
    Column("request", JSON(none_as_null=True)),
    Column("parent", String(64), nullable=False, server_default=""),
    Column("origin", String(64), nullable=False, server_default=""),
    Column("owner", String(32)),
    Index("traces_by_time", "started_at"),
)

hops = Table(
    "hops",
    METADATA,
    Column("n", _BIG, primary_key=True, autoincrement=True),
    Column("trace_id", String(64), nullable=False),
    Column("id", String(128), nullable=False),
    Column("parent_id", String(128)),
    Column("node", String(128), nullable=False),
    Column("round", Integer, nullable=False),
    Column("role", String(64), nullable=False),
    Column("agent", String(64)),
    Column("status", String(16), nullable=False),
    Column("prompt", Text),
    Column("output", Text),
    Column("validated", Boolean),
    Column("validation", Text, nullable=False),
    Column("error", Text),
    Column("resumed", Boolean, nullable=False),
    Column("notes", JSON(none_as_null=True), nullable=False),
    Column("replay", JSON(none_as_null=True)),
    Column("profile", JSON(none_as_null=True)),
    Column("decision", JSON(none_as_null=True)),
    Column("decision_key", String(32)),
    Column("ending", String(16)),
    Column("started_at", Double, nullable=False),
    Column("ms", Double, nullable=False),
    UniqueConstraint("trace_id", "id"),
)

attempts = Table(
    "attempts",
    METADATA,
    Column("trace_id", String(64), primary_key=True),
    Column("hop_id", String(128), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("deployment", String(160), nullable=False),
    Column("model", String(128), nullable=False),
    Column("family", String(64)),
    Column("outcome", String(32), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ms", Double, nullable=False),
    Column("first_token_ms", Double),
    Column("usage_input", BigInteger, nullable=False),
    Column("usage_output", BigInteger, nullable=False),
    Column("usage_cached_input", BigInteger, nullable=False),
    Column("usage_reasoning", BigInteger, nullable=False),
    Column("usage_estimated", Boolean, nullable=False),
    Column("usage_cache_write", BigInteger, nullable=False, server_default="0"),
    Column("usage_audio_input", BigInteger, nullable=False, server_default="0"),
    Column("usage_audio_output", BigInteger, nullable=False, server_default="0"),
    Column("usage_images", BigInteger, nullable=False, server_default="0"),
    Column("cost_micro_usd", BigInteger),
    Column("error", Text),
    Column("reported_model", String(160)),
    Column("fingerprint", String(160)),
    Column("finish", String(64)),
    Column("kind", String(16), nullable=False, server_default="first"),
    Column("continued", Boolean, nullable=False, server_default="0"),
    Column("retry_after_s", Float),
    Column("confidence", Float),
)

decisions = Table(
    "decisions",
    METADATA,
    Column("key", String(32), primary_key=True),
    Column("content", JSON, nullable=False),
    Column("seen_at", Float, nullable=False),
)
"""Decisions that many hops share; `hops.decision` holds those that are of one hop alone."""

fleets = Table(
    "fleets",
    METADATA,
    Column("key", String(32), primary_key=True),
    Column("content", JSON, nullable=False),
    Column("seen_at", Float, nullable=False),
)
"""Fleets that decisions saw, by their hash, and their deployments; see `_decisions.fleet_rows`."""

feedback = Table(
    "feedback",
    METADATA,
    Column("trace_id", String(64), primary_key=True),
    Column("hop_id", String(128), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("by", String(128), primary_key=True),
    Column("score", Float, nullable=False),
    Column("weight", Float, nullable=False),
    Column("at", Float, nullable=False),
    Column("comment", Text, nullable=False),
    Index("feedback_by_time", "by", "at"),
)

spooled = Table(
    "spooled",
    METADATA,
    Column("segment", String(128), primary_key=True),
    Column("taken", BigInteger, nullable=False),
)
"""How far each file of a spool was taken, in bytes; see `storage.spool`."""

unexported = Table(
    "unexported",
    METADATA,
    Column("trace_id", String(64), primary_key=True),
)
"""Traces that ended and were not handed to the collector of spans yet."""


def _added(table: str, *columns: str) -> tuple[str, ...]:
    return tuple(f"ALTER TABLE {table} ADD COLUMN {column}" for column in columns)


STEPS: tuple[Step, ...] = (
    Step(
        "attempts say why they were made, hops how they ended, traces for whom",
        (
            *_added(
                "attempts",
                "usage_cache_write BIGINT DEFAULT '0' NOT NULL",
                "usage_audio_input BIGINT DEFAULT '0' NOT NULL",
                "usage_audio_output BIGINT DEFAULT '0' NOT NULL",
                "kind VARCHAR(16) DEFAULT 'first' NOT NULL",
                "continued BOOLEAN DEFAULT '0' NOT NULL",
                "retry_after_s FLOAT",
                "confidence FLOAT",
            ),
            *_added("hops", "ending VARCHAR(16)"),
            *_added("traces", "caller JSON", "tags JSON"),
        ),
    ),
    Step(
        "decisions that hops share, traces of spools and their export, images",
        (
            *_added("attempts", "usage_images BIGINT DEFAULT '0' NOT NULL"),
            *_added("hops", "decision_key VARCHAR(32)"),
            *_added("traces", "parent VARCHAR(64) DEFAULT '' NOT NULL", "owner VARCHAR(32)"),
            "CREATE TABLE decisions (key VARCHAR(32) NOT NULL, content JSON NOT NULL, "
            "seen_at FLOAT NOT NULL, PRIMARY KEY (key))",
            "CREATE TABLE spooled (segment VARCHAR(128) NOT NULL, taken BIGINT NOT NULL, "
            "PRIMARY KEY (segment))",
            "CREATE TABLE unexported (trace_id VARCHAR(64) NOT NULL, PRIMARY KEY (trace_id))",
        ),
    ),
    Step("attempts say why the provider stopped", _added("attempts", "finish VARCHAR(64)")),
    Step(
        "the fleets that decisions saw",
        (
            "CREATE TABLE fleets (key VARCHAR(32) NOT NULL, content JSON NOT NULL, "
            "seen_at FLOAT NOT NULL, PRIMARY KEY (key))",
        ),
    ),
    Step(
        "traces hold what a replay needs",
        (
            *_added("traces", "request JSON", "origin VARCHAR(64) DEFAULT '' NOT NULL"),
            *_added("hops", "replay JSON"),
        ),
    ),
    Step(
        "what was said of answers",
        (
            "CREATE TABLE feedback (trace_id VARCHAR(64) NOT NULL, hop_id VARCHAR(128) NOT NULL, "
            "source VARCHAR(64) NOT NULL, by VARCHAR(128) NOT NULL, "
            "score FLOAT NOT NULL, weight FLOAT NOT NULL, "
            "at FLOAT NOT NULL, comment TEXT NOT NULL, "
            "PRIMARY KEY (trace_id, hop_id, source, by))",
            "CREATE INDEX feedback_by_time ON feedback (by, at)",
        ),
    ),
)
"""A change of the tables above needs one more; see `storage.migrate`."""


@dataclass(frozen=True, slots=True)
class Tables:
    """A `migrate.Target` that holds its version in a table of its own.

    Args:
        connection: in a write transaction.
        file: the SQLite file; `None` for a server, whose owner makes the copies.
    """

    connection: Connection
    file: Path | None = None

    def version(self) -> int:
        if not inspect(self.connection).has_table(versions.name):
            return 0
        # The row is locked where the database can, so that only one process migrates.
        locked = select(versions.c.version).with_for_update()
        return self.connection.execute(locked).scalar() or 0

    def create(self) -> None:
        METADATA.create_all(self.connection)

    def execute(self, sql: str) -> None:
        self.connection.exec_driver_sql(sql)

    def mark(self, version: int) -> None:
        self.connection.execute(versions.delete())
        self.connection.execute(versions.insert().values(version=version))

    def back_up(self, version: int) -> None:
        if self.file is not None:
            copy(self.file, backup_of(self.file, version))
