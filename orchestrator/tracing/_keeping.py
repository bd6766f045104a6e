"""Which rule each text of a running trace is stored under, and what must be rewritten.

A hop with a decision follows the decision's own rule. The trace's question, answer and error,
and hops without a decision (tools, functions), follow the strictest rule that the trace has
met. Until it has met one their texts wait in memory: nothing is written first and taken back
later, unless a later hop turns out to be stricter than all before it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from orchestrator.guard.detecting.secrets import may_hold_secret
from orchestrator.records import Hop, Trace
from orchestrator.tracing._decisions import Decisions, Known, decision_json, fleet_rows
from orchestrator.tracing._packing import KeptHop, News, pack
from orchestrator.tracing.redact import (
    Find,
    Mask,
    redact_hop,
    redact_trace,
    strictest,
)
from orchestrator.types import LogRule

EVERYTHING = LogRule()
NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")
_TELL_AGAIN_S = 600.0
"""How often a decision is written out, so that the store knows that it is still referred to."""
_MOST_TOLD = 10_000


@dataclass(slots=True)
class _Kept:
    """What is known of one running trace; its texts as they came."""

    rule: LogRule | None = None
    trace: Trace | None = None
    waiting: dict[str, Hop] = field(default_factory=dict)
    """Hops without a decision, for as long as there is no rule."""
    unrouted: bool = False
    """A hop was to be routed and was not: nobody has said what may be kept."""
    mask: Mask = field(default_factory=Mask)

    @property
    def ended(self) -> bool:
        return self.trace is not None and self.trace.status not in ("running", "waiting")

    def meet(self, record: Trace | Hop) -> None:
        """Take in what a record says about the rule."""
        if isinstance(record, Trace):
            self.trace = record
            self._tighten(record.log)
        elif record.decision is not None:
            self._tighten(record.decision.log)
        else:
            self.unrouted = self.unrouted or record.profile is not None
            if self.rule is None:
                self.waiting[record.id] = record
        if self.rule is None and self.ended:
            self.rule = NOTHING if self.unrouted else EVERYTHING

    def _tighten(self, rule: LogRule | None) -> None:
        if rule is not None and rule is not self.rule:
            self.rule = rule if self.rule is None else strictest(self.rule, rule)


class Keeper:
    """Makes of what was recorded the lines that may be stored. For one thread.

    Args:
        exported: traces that end are handed on to a collector of spans.
        find: what is masked besides in traces that begin from now on; may be set anew.
    """

    def __init__(self, *, exported: bool = False, find: Find | None = None) -> None:
        self._exported, self.find = exported, find
        self._running: dict[str, _Kept] = {}
        self._decisions = Decisions()
        self._told: dict[str, float] = {}
        """When each decision and fleet was written out, on the monotonic clock."""

    def lines(self, records: Iterable[Trace | Hop]) -> tuple[list[bytes], bool]:
        """Lines, one for each trace, and whether texts of earlier ones must be taken back."""
        found, stricter = [], False
        now = time.monotonic()
        for trace_id, group in _by_trace(records).items():
            kept = self._running.get(trace_id)
            if kept is None:
                kept = self._running[trace_id] = _Kept(mask=Mask(self.find))
            before = kept.rule
            for record in group:
                kept.meet(record)
            stricter = stricter or (before is not None and before != kept.rule)
            found.append(self._line(kept, group, before, now))
            if kept.ended:
                del self._running[trace_id]
        return found, stricter

    def forget_told(self) -> None:
        """Lines were lost, and decisions with them: they are written out again."""
        self._told.clear()

    def _line(
        self, kept: _Kept, group: Sequence[Trace | Hop], before: LogRule | None, now: float
    ) -> bytes:
        hops = {record.id: record for record in group if isinstance(record, Hop)}
        if kept.rule is not None and kept.waiting:
            hops, kept.waiting = kept.waiting | hops, {}
        told = len(hops) < len(group) or before != kept.rule
        trace = kept.trace if told else None
        known = [self._decisions.of(h.decision) if h.decision else None for h in hops.values()]
        pairs = list(zip(hops.values(), known, strict=True))
        secret = any(k is not None and k.shared.secret for k in known)
        if kept.rule is not None and kept.rule.keeps_all and not secret:  # so does each hop's
            plain = [KeptHop(hop, k.key if k else None) for hop, k in pairs]
            news = self._news(plain, known, now)
            line = pack(news, self._exported, trace, kept.rule, plain)
            if not may_hold_secret(line):
                self._tell(news, now)
                return line
        rule, mask = kept.rule or NOTHING, kept.mask
        cleaned = [_clean(hop, k, rule, mask) for hop, k in pairs]
        trace = trace and redact_trace(trace, rule, mask)
        news = self._news(cleaned, known, now)
        self._tell(news, now)
        return pack(news, self._exported, trace, kept.rule, cleaned)

    def _news(self, hops: Sequence[KeptHop], known: Sequence[Known | None], now: float) -> News:
        """The decisions that these hops share and the fleets that theirs saw, where they are to be
        written out."""
        decisions: dict[str, str] = {}
        fleets: dict[str, str] = {}
        for hop, one in zip(hops, known, strict=True):
            if one is None:
                continue
            if hop.key and self._untold(hop.key, now):
                decisions[hop.key] = one.content
            fleet = one.decision.fleet
            if fleet is not None and fleet.hash not in fleets and self._untold(fleet.hash, now):
                fleets |= fleet_rows(fleet)
        return News(decisions, fleets)

    def _untold(self, key: str, now: float) -> bool:
        return now > self._told.get(key, -inf) + _TELL_AGAIN_S

    def _tell(self, news: News, now: float) -> None:
        """They stand in a line that is kept."""
        if news.decisions or news.fleets:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            self._told.update(dict.fromkeys((*news.decisions, *news.fleets), now))


def _clean(hop: Hop, known: Known | None, rule: LogRule, mask: Mask) -> KeptHop:
    """The hop as it may be stored; `rule` is for one without a decision, which has its own."""
    if known is None:
        return KeptHop(redact_hop(hop, rule, mask))
    cleaned = redact_hop(hop, known.decision.log, mask, known.shared)
    if cleaned.decision is known.decision:
        return KeptHop(cleaned, known.key)
    alone = None if cleaned.decision is None else decision_json(cleaned.decision)
    return KeptHop(cleaned, None, alone)


def _by_trace(records: Iterable[Trace | Hop]) -> dict[str, list[Trace | Hop]]:
    """The records of each trace, in order."""
    groups: dict[str, list[Trace | Hop]] = {}
    for record in records:
        trace_id = record.id if isinstance(record, Trace) else record.trace_id
        groups.setdefault(trace_id, []).append(record)
    return groups
