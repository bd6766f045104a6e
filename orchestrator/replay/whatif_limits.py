"""`--fail-if`: what a change of policy may not bring, in a small strict language.

    cost>+10%       it rises by more than a tenth
    cost>+2         by more than 2 dollars
    cost>25         it is over 25 dollars
    quality<-0.01   its mean falls by more than a hundredth
    quality<0.85    its mean is below that
    latency>+20%    a call takes a fifth longer in the mean
    latency>1500    over so many milliseconds
    moved>30%       more of the calls go elsewhere
    unserved>0      there is a call that nobody may serve
    unknown>5%      of more of the calls nothing can be said

A number with a sign is a change, one without is the value afterwards; of cost, quality and latency
`%` is a share of what it was, and so only a change can be said in it. What counts is the end of the
interval that is worse for you: `cost>+10%` trips where the cost may rise by more than a tenth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.replay.whatif import Change, Comparison

Measure = Literal["cost", "quality", "latency", "unserved", "unknown", "moved"]
MEASURES: tuple[Measure, ...] = ("cost", "quality", "latency", "unserved", "unknown", "moved")
_SHARES = MEASURES[3:]
_FORM = re.compile(r"\s*([A-Za-z_]+)\s*([<>])\s*([+-]?)\s*\$?(\d+(?:\.\d+)?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One of them."""

    text: str
    """As it was written."""
    measure: Measure
    above: bool
    """It trips above the amount, else below it."""
    kind: Literal["value", "change", "share"]
    """Against the value afterwards, the change, or a share: of what it was, or of all calls."""
    amount: float

    def tripped(self, comparison: Comparison) -> str | None:
        """What was found, in words, where it trips; else `None`."""
        if self.measure in _SHARES:
            return self._counted(comparison)
        total = comparison.total
        change: Change | None = getattr(total, self.measure)
        if change is None:
            return "nothing can be said of it"
        told = {"value": change.after, "change": change.by, "share": change.relative}[self.kind]
        if told is None:
            return None if change.by.low == change.by.high == 0 else "it was 0 before"
        found = told.high if self.above else told.low
        if not self._beyond(found):
            return None
        sign = "" if self.kind == "value" else "+"
        form = f"{found:{sign}.1%}" if self.kind == "share" else f"{found:{sign}.4g}"
        return f"it may be {form}"

    def _counted(self, comparison: Comparison) -> str | None:
        found = {
            "unserved": comparison.count("unserved"),
            "unknown": comparison.count("unknown"),
            "moved": comparison.moved,
        }[self.measure]
        share = found / max(len(comparison.hops), 1)
        if not self._beyond(share if self.kind == "share" else found):
            return None
        return f"it is {found:,} of {len(comparison.hops):,} calls ({share:.1%})"

    def _beyond(self, found: float) -> bool:
        return found > self.amount if self.above else found < self.amount


def read_limit(text: str) -> Limit:
    """What was written for `--fail-if`.

    Raises:
        UserError: it is no such limit; an unknown word is refused with the near name.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise UserError(
            f"--fail-if: '{text}' is no limit; write what, > or <, and how much: "
            "cost>+10%, cost>25, quality<-0.01, latency>+20%, unserved>0, unknown>5%, moved>30%"
        )
    name, sign, plus, number, percent = found.groups()
    measure = next((m for m in MEASURES if m == name.lower()), None)
    if measure is None:
        raise UnknownNameError("measure", name, MEASURES, "--fail-if")
    amount = float(f"{plus}{number}") / (100 if percent else 1)
    if measure in _SHARES:
        if plus:
            raise UserError(f"--fail-if: '{text}': {measure} is counted, so it has no sign")
        kind: Literal["value", "change", "share"] = "share" if percent else "value"
    elif percent and not plus:
        raise UserError(
            f"--fail-if: '{text}': a share of what it was is a change; write {measure}{sign}"
            f"+{number}% or {measure}{sign}-{number}%"
        )
    else:
        kind = "share" if percent else "change" if plus else "value"
    return Limit(text=text, measure=measure, above=sign == ">", kind=kind, amount=amount)
