"""What people and programs say of a key, checked: the same words on the command line and over HTTP.

Every refusal begins with where it stands (`--task`, `tasks`), and says what was found, what is
allowed, and the near name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.gateway.keys.records import SUBJECTS, WINDOWS, Subject, Sum
from orchestrator.gateway.keys.values import Access, Key
from orchestrator.project.vocabulary import tasks

if TYPE_CHECKING:
    from orchestrator.project.schema import Project

LONGEST = 200
"""Characters of a name."""
ACCESS: tuple[Access, ...] = get_args(Access)
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0, "y": 365 * 86_400.0}
_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([mhdwy])", re.ASCII)
_CALLER = {"workspace": "workspace", "user": "user", "user_tier": "tier", "feature": "feature"}
"""What is said → the field of a `Caller`."""

Where = Callable[[str], str]
"""The name of a field → where it stands, for messages."""


def with_terms(
    key: Key, said: Mapping[str, Any], project: Project, now: float, where: Where = str
) -> Key:
    """The key with what was said in the place of what it was.

    Args:
        said: any of `name`, `access`, `tasks`, `models`, `data_classes`, `workspace`, `user`,
            `user_tier`, `feature`, and `expires` (a text as `read_end` takes it, or `None`).

    Raises:
        UserError: something that cannot be.
    """
    changed: dict[str, Any] = {}
    of_caller: dict[str, str] = {}
    known: dict[str, tuple[str, Sequence[str]]] = {
        "access": ("access", ACCESS),
        "tasks": ("task", tasks(project)),
        "models": ("model", (*project.fleet.models, *(f"graph:{g}" for g in project.graphs))),
        "data_classes": ("data class", project.policy.data_classes),
    }
    for field, value in said.items():
        if field in known:
            changed[field] = _names(value, *known[field], where(field))
        elif field == "expires":
            changed["expires_at"] = None if value is None else read_end(value, now, where(field))
        elif field in _CALLER:
            of_caller[_CALLER[field]] = checked_text(value, where(field))
        else:
            changed[field] = checked_text(value, where(field))
    if changed.get("access", key.access) == frozenset():
        raise UserError(f"{where('access')}: a key without any could do nothing; {_ONE_OF}")
    return dataclasses.replace(key, caller=dataclasses.replace(key.caller, **of_caller), **changed)


_ONE_OF = f"allowed: {', '.join(ACCESS)}"


def checked_text(text: str, where: str, *, empty: bool = True) -> str:
    """A name as people give it.

    Raises:
        UserError: it is too long, or holds what is not printed, line breaks among it.
    """
    if not text.isprintable() or len(text) > LONGEST or not (text.strip() or empty):
        least = "" if empty else "1 to "
        allowed = f"{least}{LONGEST} printed characters on one line"
        raise UserError(f"{where}: found {text[:40]!r}; allowed: {allowed}")
    return text.strip()


def checked_subject(per: str, name: str, where: str) -> tuple[Subject, str]:
    """Whose an allotment is.

    Raises:
        UserError: it can be nobody's.
    """
    for subject in SUBJECTS:
        if subject == per:
            return subject, checked_text(name, where, empty=False)
    raise UnknownNameError("subject of a budget", per, SUBJECTS)


def read_end(text: str, now: float, where: str) -> float:
    """The moment until which something holds, in seconds since the epoch.

    `90d` from now (m, h, d, w, y), a day (`2027-03-31`: to its end in UTC), or a moment of RFC 3339
    (`2027-03-31T12:00:00Z`).

    Raises:
        UserError: it is none of these, or is over.
    """
    end = _moment(text, now, 1, where)
    if not now < end <= now + 1000 * _SECONDS["y"]:
        raise UserError(f"{where}: found {text[:40]!r}; allowed: a time that is to come")
    return end


def read_start(text: str, now: float, where: str) -> float:
    """The moment from which on something is told: `7d` ago, or a day or moment as in `read_end`.

    Raises:
        UserError: it is none of these.
    """
    return _moment(text, now, -1, where)


def _moment(text: str, now: float, sign: int, where: str) -> float:
    """So long from now or ago, or a day's end or begin, by `sign`."""
    text = text.strip()
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now + sign * float(span[1]) * _SECONDS[span[2]]
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if sign > 0 and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            moment += timedelta(days=1)
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise UserError(
            f"{where}: found {text[:40]!r}; allowed: how long (12h, 90d, 1y), a day "
            "(2027-03-31), or a moment (2027-03-31T12:00:00Z)"
        ) from None


def read_span(text: str, where: str) -> float:
    """`24h` in seconds; `0` is none.

    Raises:
        UserError: it is no length of time.
    """
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        return float(span[1]) * _SECONDS[span[2]]
    if text.strip() == "0":
        return 0.0
    raise UserError(f"{where}: found {text[:40]!r}; allowed: how long (30m, 24h, 7d), or 0")


def read_sum(text: str, where: str) -> Sum:
    """`5/day`: five US dollars a day.

    Raises:
        UserError: it is no such sum.
    """
    usd, _, window = text.partition("/")
    for known in WINDOWS:
        if known == window.strip():
            try:
                amount = float(usd)
            except ValueError:
                break
            if 0 <= amount < 1e12:
                return Sum(usd=amount, window=known)
    raise UserError(
        f"{where}: found {text[:40]!r}; allowed: US dollars, a slash, and one of "
        f"{', '.join(WINDOWS)}, for example 5/day"
    )


def one_a_window(sums: Iterable[Sum], where: str) -> tuple[Sum, ...]:
    """The sums, the shortest window first.

    Raises:
        UserError: two are of one window.
    """
    found = tuple(sorted(sums, key=lambda one: WINDOWS.index(one.window)))
    windows = [one.window for one in found]
    for window in windows:
        if windows.count(window) > 1:
            raise UserError(f"{where}: two budgets for one window ({window}); keep one of them")
    return found


def _names(
    value: Iterable[str] | None, kind: str, known: Sequence[str], where: str
) -> frozenset[str] | None:
    if value is None:
        return None
    names = frozenset(value)
    for name in sorted(names):
        if name not in known:
            raise UnknownNameError(kind, name[:LONGEST], known, where)
    return names
