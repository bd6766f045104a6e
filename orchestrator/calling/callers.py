"""Whom a declared budget or limit holds for, and what it tells callers apart by.

What a caller does not say counts as a match: no limit is passed by keeping quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.types import Caller

if TYPE_CHECKING:
    from orchestrator.project.policy_schema import CallerMatch

FIELDS = {
    "workspace": "workspace",
    "user": "user",
    "user_tier": "tier",
    "key": "key",
    "feature": "feature",
}
"""What is told apart → the field of a `Caller`."""


def holds_for(match: CallerMatch, caller: Caller, tags: Sequence[str]) -> bool:
    """Whether `match` counts what this caller asks for with these tags."""
    if match.tags is not None and not set(listed(match.tags)) & set(tags):
        return False
    return all(is_among(said_by(caller, name), getattr(match, name)) for name in FIELDS)


def is_among(said: str, wanted: str | Sequence[str] | None) -> bool:
    """Whether what was said, if anything, is one of those that are wanted, if any are."""
    return wanted is None or not said or said in listed(wanted)


def said_by(caller: Caller, name: str) -> str:
    """What the caller says about one of `FIELDS`; empty where nothing, or for another name."""
    field = FIELDS.get(name)
    return str(getattr(caller, field)) if field else ""


def listed(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
