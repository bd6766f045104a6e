"""What is kept of keys and of what single callers may spend, and how it is written as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.gateway.keys.values import Key

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import Budget, CallerLimit

Subject = Literal["key", "user", "workspace"]
"""Whose an allotment is."""
SUBJECTS: tuple[Subject, ...] = ("key", "user", "workspace")
Window = Literal["run", "hour", "day", "month"]
WINDOWS: tuple[Window, ...] = ("run", "hour", "day", "month")
Status = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One secret of a key, without the secret. All moments are seconds since the epoch."""

    hash: bytes
    """SHA-256."""
    shown: str
    """Its beginning, for people."""
    made_at: float
    ends_at: float | None = None
    """Set when another took its place: until then both are good."""
    used_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key as it is kept."""

    key: Key
    made_at: float
    made_by: str
    secrets: tuple[Secret, ...] = ()
    """The newest last."""

    @property
    def used_at(self) -> float | None:
        """When it was last used, as far as it is written: within a minute."""
        return max((s.used_at for s in self.secrets if s.used_at is not None), default=None)

    def status(self, now: float) -> Status:
        """What it is good for at this moment."""
        if self.key.revoked_at is not None:
            return "revoked"
        ended = self.key.expires_at is not None and self.key.expires_at <= now
        return "expired" if ended else "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """At most so many US dollars in each window; `soft` as in a policy's budget."""

    usd: float
    window: Window
    soft: float | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """What one key, user or workspace may spend and ask for."""

    per: Subject
    name: str
    """The id of a key; the name of a user or workspace, as requests say it."""
    sums: tuple[Sum, ...] = ()
    """At most one for each window."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it allows everything."""
        rates = (self.requests_per_minute, self.tokens_per_minute)
        return not self.sums and rates == (None, None)

    def budgets(self) -> tuple[Budget, ...]:
        """Its sums as the ledger takes them."""
        from orchestrator.project.policy_schema import Budget, BudgetMatch

        match = BudgetMatch(**{self.per: self.name})
        return tuple(
            Budget(
                per=self.per,
                match=match,
                usd=float(s.usd),
                window=s.window,
                soft=None if s.soft is False else s.soft,
            )
            for s in self.sums
        )

    def limits(self) -> tuple[CallerLimit, ...]:
        """Its rates as those who count them take them."""
        from orchestrator.project.policy_schema import CallerLimit, CallerMatch

        if (self.requests_per_minute, self.tokens_per_minute) == (None, None):
            return ()
        return (
            CallerLimit(
                per=self.per,
                match=CallerMatch(**{self.per: self.name}),
                requests_per_minute=self.requests_per_minute,
                tokens_per_minute=self.tokens_per_minute,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One administrative act, on record."""

    number: int
    at: float
    by: str
    """A key's id, `cli:user@host`, or `open` where no key was asked for."""
    what: str
    """`create`, `change`, `revoke`, `rotate`, `allot`."""
    per: Subject
    name: str
    """Of what: a key's id, or a user or workspace."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None


# ── as JSON ──────────────────────────────────────────────────────────────────────────────


def key_json(record: KeyRecord, now: float) -> dict[str, Any]:
    """Everything about a key that is no secret. Moments are seconds since the epoch."""
    key = record.key
    return {
        "id": key.id,
        "name": key.name,
        "status": record.status(now),
        **scope_json(key),
        "revoked_at": key.revoked_at,
        "made_at": record.made_at,
        "made_by": record.made_by,
        "used_at": record.used_at,
        "secrets": [
            {"shown": s.shown, "made_at": s.made_at, "ends_at": s.ends_at, "used_at": s.used_at}
            for s in record.secrets
        ],
    }


def scope_json(key: Key) -> dict[str, Any]:
    """What a key may do, for whom, and until when."""
    caller = key.caller
    return {
        "access": sorted(key.access),
        "tasks": _listed(key.tasks),
        "models": _listed(key.models),
        "data_classes": _listed(key.data_classes),
        "workspace": caller.workspace,
        "user": caller.user,
        "user_tier": caller.tier,
        "feature": caller.feature,
        "expires_at": key.expires_at,
    }


def allotment_json(allotment: Allotment) -> dict[str, Any]:
    """What somebody may spend and ask for."""
    return {
        "per": allotment.per,
        "name": allotment.name,
        "budgets": [
            {k: v for k, v in dataclasses.asdict(s).items() if v is not None}
            for s in allotment.sums
        ],
        "requests_per_minute": allotment.requests_per_minute,
        "tokens_per_minute": allotment.tokens_per_minute,
    }


def change_json(change: Change) -> dict[str, Any]:
    """One line of the record of changes."""
    return dataclasses.asdict(change)


def _listed(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
