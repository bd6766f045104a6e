"""The ledger's table: a row for every attempt, from its lease on.

    expires      what the row is
    NULL         a line: settled, `amount` was charged
    to come      a lease: `amount` is reserved
    past         a lease that nobody ended: nothing is charged, and what it cost is unknown

`amount` is what budgets count; `cost` is what the attempt cost, NULL where that is unknown.
"""

from __future__ import annotations

import json
from typing import Any

from orchestrator.records import Attempt
from orchestrator.storage.migrate import Step
from orchestrator.storage.sqlite import Schema
from orchestrator.types import Charge

_ADDED = (
    "model TEXT NOT NULL DEFAULT ''",
    "workspace TEXT NOT NULL DEFAULT ''",
    "end_user TEXT NOT NULL DEFAULT ''",
    "user_tier TEXT NOT NULL DEFAULT ''",
    "key_id TEXT NOT NULL DEFAULT ''",
    "feature TEXT NOT NULL DEFAULT ''",
    "tags TEXT NOT NULL DEFAULT '[]'",
    "kind TEXT",
    "outcome TEXT",
    "ms REAL",
    "first_token_ms REAL",
    "cached_tokens INTEGER",
    "cache_write_tokens INTEGER",
    "reasoning_tokens INTEGER",
    "audio_input_tokens INTEGER",
    "audio_output_tokens INTEGER",
    "owner TEXT NOT NULL DEFAULT ''",
    "seq INTEGER",
)
_INDEXES = (
    "CREATE INDEX spend_open ON spend (expires) WHERE expires IS NOT NULL",
    "CREATE INDEX spend_paid ON spend (at) WHERE amount > 0",
    "CREATE INDEX spend_seq ON spend (seq) WHERE seq IS NOT NULL",
)
_COUNTER = (
    "CREATE TABLE spend_count (value INTEGER NOT NULL)",
    "INSERT INTO spend_count (value) VALUES (0)",
)
"""How many paid lines there were ever; a line's `seq` is its number, and never another's."""

_ALLOWANCES = (
    "CREATE TABLE allowance ("
    " account TEXT NOT NULL, owner TEXT NOT NULL, taken INTEGER NOT NULL DEFAULT 0,"
    " spent INTEGER NOT NULL DEFAULT 0, loose INTEGER NOT NULL DEFAULT 0,"
    " asked INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account, owner)) WITHOUT ROWID",
    "CREATE INDEX allowance_owner ON allowance (owner)",
    "CREATE TABLE begun ("
    " lease TEXT PRIMARY KEY, owner TEXT NOT NULL, amount INTEGER NOT NULL, at REAL NOT NULL,"
    " charge TEXT NOT NULL)",
    "CREATE INDEX begun_owner ON begun (owner)",
    "CREATE TABLE estate (owner TEXT PRIMARY KEY, state TEXT NOT NULL)",
    "CREATE TABLE segments (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL)",
)
"""What processes took of a budget to spend it from memory (see `treasury`); which of their calls
have begun and not ended; who holds something elsewhere; and how far their spools are booked (see
`spooled`)."""

SCHEMA = Schema(
    # A change here needs a `Step`; see `storage.migrate`.
    create=(
        "CREATE TABLE spend ("
        " lease TEXT PRIMARY KEY, trace_id TEXT NOT NULL, deployment TEXT NOT NULL,"
        " amount INTEGER NOT NULL, cost INTEGER, input_tokens INTEGER, output_tokens INTEGER,"
        f" estimated INTEGER, at REAL NOT NULL, expires REAL, {', '.join(_ADDED)})",
        "CREATE INDEX spend_at ON spend (at)",
        "CREATE INDEX spend_trace ON spend (trace_id)",
        *_INDEXES,
        *_COUNTER,
        *_ALLOWANCES,
    ),
    steps=(
        Step(
            "a line says who asked and how the attempt ended",
            (
                *(f"ALTER TABLE spend ADD COLUMN {column}" for column in _ADDED),
                "UPDATE spend SET model = substr(deployment, 1, instr(deployment, '/') - 1)",
                *_INDEXES,
                *_COUNTER,
            ),
        ),
        Step("processes spend from allowances, and spool their lines", _ALLOWANCES),
    ),
)


CHARGE_COLUMNS = (
    "trace_id",
    "deployment",
    "model",
    "workspace",
    "end_user",
    "user_tier",
    "key_id",
    "feature",
    "tags",
)
"""What a lease says about whom it is charged to."""


ATTEMPT_COLUMNS = (
    "cost",
    "kind",
    "outcome",
    "ms",
    "first_token_ms",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "estimated",
)
"""What a line says about how the attempt ended."""


def row_of_charge(charge: Charge) -> dict[str, Any]:
    """What a lease says about whom it is charged to, by column."""
    return dict(zip(CHARGE_COLUMNS, values_of_charge(charge), strict=True))


def values_of_charge(charge: Charge) -> tuple[str, ...]:
    """The same without the names."""
    caller = charge.caller
    return (
        charge.trace_id,
        charge.deployment,
        charge.model,
        caller.workspace,
        caller.user,
        caller.tier,
        caller.key,
        caller.feature,
        json.dumps(sorted(set(charge.tags))) if charge.tags else "[]",
    )


def row_of_attempt(attempt: Attempt) -> dict[str, Any]:
    """What a line says about how the attempt ended, by column."""
    return dict(zip(ATTEMPT_COLUMNS, values_of_attempt(attempt), strict=True))


def values_of_attempt(attempt: Attempt) -> tuple[Any, ...]:
    """The same without the names."""
    usage = attempt.usage
    return (
        attempt.cost_micro_usd,
        attempt.kind,
        str(attempt.outcome),
        attempt.ms,
        attempt.first_token_ms,
        usage.input,
        usage.output,
        usage.cached_input,
        usage.cache_write,
        usage.reasoning,
        usage.audio_input,
        usage.audio_output,
        usage.estimated,
    )
