"""Which traces are asked for: the filters of the list, and how each is said.

The same words on a page's address and on the command line: `model=gpt-5`, `--model gpt-5`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from orchestrator.project.names import listing, nearest
from orchestrator.records import Trace
from orchestrator.types import Outcome, VerdictName

STATUSES: tuple[str, ...] = ("running", "waiting", "ok", "failed", "cancelled", "unknown")
VERDICTS: tuple[str, ...] = (*get_args(VerdictName), "none")
OUTCOMES: tuple[str, ...] = tuple(str(outcome) for outcome in Outcome)
LONGEST = 200
"""Characters of a value."""
_SPANS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0, "y": 365 * 86_400.0}
_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([mhdwy])", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What must hold for a trace; what is empty or `None` is not asked. All of it must hold."""

    text: str = ""
    """Stands in its question, answer or error, in whatever case; or its id begins so."""
    task: str = ""
    """One of its hops was for this task."""
    model: str = ""
    """One of its attempts was at this model, or at this `model/deployment`."""
    outcome: str = ""
    """One of its attempts ended so."""
    verdict: str = ""
    """`none`: it has no verdict."""
    status: str = ""
    tag: str = ""
    graph: str = ""
    cost_from: int | None = None
    """Micro-dollars; a trace of unknown cost lies in no range."""
    cost_to: int | None = None
    since: float | None = None
    """Seconds since the epoch."""
    until: float | None = None
    """Itself excluded."""
    workspace: str | None = None
    """Of whose behalf it was made; no filter that anybody writes."""


NOTHING = Wanted()

FIELDS: Mapping[str, str] = {
    "q": "text",
    "task": "task",
    "model": "model",
    "outcome": "outcome",
    "verdict": "verdict",
    "status": "status",
    "tag": "tag",
    "graph": "graph",
    "cost_from": "cost_from",
    "cost_to": "cost_to",
    "since": "since",
    "until": "until",
}
"""As it is said → as it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was said, as far as it can be understood."""

    wanted: Wanted
    problems: Mapping[str, str]
    """By the name of the field: what is wrong with it, and what is allowed."""


def read_wanted(said: Mapping[str, str], now: float, ignored: Sequence[str] = ()) -> Read:
    """What is asked for by these words; what is wrong is told, field by field.

    Args:
        said: by the names of `FIELDS`; an empty text says nothing.
        now: seconds since the epoch; `7d` is so long before.
        ignored: names that mean something else.
    """
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, text in said.items():
        text = text.strip()
        if name in ignored or not text:
            continue
        try:
            if name not in FIELDS:
                raise ValueError(f"there is no such filter; allowed: {_known(name, FIELDS)}")
            if len(text) > LONGEST:
                raise ValueError(f"at most {LONGEST} characters")
            found[FIELDS[name]] = _READERS.get(name, _text)(text, now)
        except ValueError as error:
            problems[name] = str(error)
    _ordered(found, problems, "cost_from", "cost_to", "nothing costs at least {0} and at most {1}")
    _ordered(found, problems, "since", "until", "that ends before it begins")
    return Read(wanted=Wanted(**found), problems=problems)


def _text(text: str, _: float) -> str:
    return text


def _one_of(known: Sequence[str]) -> Callable[[str, float], str]:
    def read(text: str, _: float) -> str:
        word = text.lower().replace(" ", "_").replace("-", "_")
        if word not in known:
            raise ValueError(f"found '{text}'; allowed: {_known(text, known)}")
        return word

    return read


def _known(text: str, known: Any) -> str:
    near = nearest(text, known)
    return listing(known, 30) + (f"; did you mean '{near}'?" if near else "")


def _dollars(text: str, _: float) -> int:
    try:
        usd = float(text.removeprefix("$"))
    except ValueError:
        usd = math.nan
    if not 0 <= usd <= 1e9:
        raise ValueError(f"found '{text}'; allowed: US dollars, 0.05")
    return round(usd * 1_000_000)


def _moment(end: bool) -> Callable[[str, float], float]:
    def read(text: str, now: float) -> float:
        span = _SPAN.fullmatch(text)
        if span is not None:
            return now - float(span[1]) * _SPANS[span[2]]
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.timestamp() + (86_400.0 if end and _DAY.fullmatch(text) else 0.0)
        except (ValueError, OverflowError):
            raise ValueError(
                f"found '{text}'; allowed: how long ago (30m, 24h, 7d), a day (2026-11-01), or a "
                "moment (2026-11-01T12:00)"
            ) from None

    return read


_READERS: Mapping[str, Callable[[str, float], Any]] = {
    "verdict": _one_of(VERDICTS),
    "status": _one_of(STATUSES),
    "outcome": _one_of(OUTCOMES),
    "cost_from": _dollars,
    "cost_to": _dollars,
    "since": _moment(end=False),
    "until": _moment(end=True),
}


def _ordered(
    found: Mapping[str, Any], problems: dict[str, str], low: str, high: str, words: str
) -> None:
    if low in found and high in found and found[low] > found[high]:
        dollars = [f"${found[name] / 1e6:g}" for name in (low, high)]
        problems[high] = words.format(*dollars)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list ends; the next one goes on behind it."""

    started_at: float
    trace_id: str

    @classmethod
    def of(cls, trace: Trace) -> Place:
        """That of a trace."""
        return cls(trace.started_at, trace.id)

    @classmethod
    def read(cls, text: str) -> Place:
        """The inverse of `str`.

        Raises:
            ValueError: it is none.
        """
        found = re.fullmatch(r"(-?\d{1,15}(?:\.\d{1,20})?)~([\w.-]{1,64})", text, re.ASCII)
        if found is None:
            raise ValueError("no place in the list")
        return cls(float(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.started_at!r}~{self.trace_id}"
