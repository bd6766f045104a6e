"""What was kept of a hop's texts, and where something was not: why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.tracing.redact import WITHHELD

if TYPE_CHECKING:
    from orchestrator.records import Hop, Trace
    from orchestrator.types import LogLevel, LogRule

LONG = 2400
"""Characters from which a text is folded."""
_SHOWN = 400_000
"""Characters that a page shows of a text; what is longer is cut, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptText:
    """A prompt or an output as its page shows it."""

    name: str
    text: str = ""
    """Empty where nothing is to be shown."""
    note: str = ""
    """Why it is not there, or not whole."""
    size: int = 0
    """Characters of what was kept."""

    @property
    def long(self) -> bool:
        return self.size > LONG


def kept(trace: Trace, hop: Hop, name: Literal["prompt", "output"]) -> KeptText:
    """That text of the hop, by the rule that it was kept under."""
    rule = hop.decision.log if hop.decision is not None else trace.log
    level = _level(rule, name)
    text = hop.prompt if name == "prompt" else hop.output
    routes = ", ".join(hop.decision.routes) if hop.decision is not None else ""
    by = f"the log rule of {name}s is “{level}”" + (f" (routes: {routes})" if routes else "")
    if text is None:
        return KeptText(name=name, note=_missing(hop, name, level, by))
    if level == "hashed":
        return KeptText(name=name, text=text, note=f"Only a hash was kept: {by}.", size=len(text))
    note = f"Personal data is masked: {by}." if level == "redacted" else ""
    if text == WITHHELD:
        return KeptText(name=name, note=f"Not kept: {by}.")
    shown = _laid_out(text) if name == "output" else text
    if len(shown) > _SHOWN:
        note = f"{note} The first {_SHOWN:,} of {len(shown):,} characters.".strip()
        shown = shown[:_SHOWN]
    return KeptText(name=name, text=shown, note=note, size=len(text))


def _level(rule: LogRule | None, name: str) -> LogLevel:
    if rule is None:
        return "full"
    return rule.prompts if name == "prompt" else rule.outputs


def _missing(hop: Hop, name: str, level: LogLevel, by: str) -> str:
    if level == "none":
        return f"Not kept: {by}."
    if not hop.attempts:
        what = "skipped" if hop.status == "skipped" else "code or a person, and no model was called"
        return f"There is no {name} on record: this step was {what}."
    if name == "output" and hop.status != "ok":
        return "There is no output: no attempt gave a usable answer."
    return f"There is no {name} on record."


def _laid_out(text: str) -> str:
    """JSON with lines and indents; any other text as it is."""
    head = text.lstrip()[:1]
    if head not in ("{", "[") or len(text) > _SHOWN:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
