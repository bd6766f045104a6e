"""How values read on a page: the filters of the templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from orchestrator.money import usd
from orchestrator.tracing.explain import counted, dollars, duration
from orchestrator.types import Outcome
from orchestrator.viewer.assets import version

TONES: dict[str, str] = {
    "accepted": "good",
    "ok": "good",
    "supported": "good",
    "revised": "info",
    "running": "info",
    "resumed": "info",
    "cached": "info",
    "abstained": "warn",
    "waiting": "warn",
    "skipped": "quiet",
    "cancelled": "warn",
    "skipped_open": "warn",
    "busy": "warn",
    "unsure": "warn",
    "unknown": "warn",
    "unverified": "warn",
    "failed": "bad",
    "invalid": "bad",
    "unsupported": "bad",
    "contradicted": "bad",
}
TONES |= dict.fromkeys(("fallback", "retry", "repair"), "warn")
TONES |= dict.fromkeys(("hedge", "racer", "panelist"), "info")
MARKS: Mapping[str, str] = {
    "good": "✓",
    "info": "●",
    "warn": "!",
    "bad": "✗",
    "quiet": "–",
}
"""So that nothing is told by colour alone."""
SIGNS: Mapping[str, str] = {
    "fallback": "↪",
    "retry": "↻",
    "repair": "✎",
    "cached": "◇",
    "resumed": "▷",
    "hedge": "⇉",
    "racer": "⇉",
    "panelist": "⇉",
    "running": "…",
    "waiting": "…",
}
"""Of words that have one of their own."""
_OUTCOMES = frozenset(Outcome) - {Outcome.OK, Outcome.UNKNOWN}


def tone(word: str | None) -> str:
    """How a status, verdict or outcome is to be seen: good, info, warn, bad, quiet."""
    if word in TONES:
        return TONES[word]
    return "bad" if word in _OUTCOMES else "warn" if word else "quiet"


def mark(word: str | None) -> str:
    """Its sign, or that of its tone."""
    return SIGNS.get(word or "") or MARKS[tone(word)]


def money(micro_usd: int | None) -> str:
    """Micro-dollars for a person: `$0.0042`; `unknown` for `None`."""
    return dollars(usd(micro_usd))


def when(at: float) -> str:
    """A moment as `2026-11-22 00:31:07`, in UTC; the script shows it in the reader's time."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "unknown"


def iso(at: float) -> str:
    """The same for `<time datetime>`."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return ""


def count(number: int | None) -> str:
    """`12,345`; `unknown` for `None`."""
    return "unknown" if number is None else f"{number:,}"


def spoken(word: str | None) -> str:
    """`timed out`, not `timed_out`."""
    return (word or "").replace("_", " ")


def short(text: str | None, most: int = 160) -> str:
    """On one line, cut with a mark."""
    line = " ".join((text or "")[: most * 4].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def ticked(text: str) -> Markup:
    """What stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one is left over, so they mean nothing
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(
        code.format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def segment(text: str) -> str:
    """As one part of a URL's path."""
    return quote(text, safe="")


def key_of(hop_id: str, trace_id: str) -> str:
    """A hop in the address of its page: its id without the trace's, which stands there already."""
    return hop_id.removeprefix(f"{trace_id}.")


def query(values: Mapping[str, Any]) -> str:
    """As a query string, with `?`; without what is empty."""
    said = [(k, v) for k, v in values.items() if v not in (None, "", [], ())]
    return f"?{urlencode(said, doseq=True)}" if said else ""


def pretty(value: Any) -> str:
    """A value as it would stand in JSON; texts as they are."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False, default=str)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "tone": tone,
    "mark": mark,
    "money": money,
    "dollars": dollars,
    "duration": duration,
    "counted": counted,
    "when": when,
    "iso": iso,
    "count_of": count,
    "spoken": spoken,
    "short": short,
    "segment": segment,
    "ticked": ticked,
    "key_of": key_of,
    "query": query,
    "pretty": pretty,
}
GLOBALS: Mapping[str, Callable[..., Any]] = {"assets": version}
