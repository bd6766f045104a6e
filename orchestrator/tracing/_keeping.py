"""Which rule each text of a running trace is stored under, and what must be rewritten.

A hop with a decision follows the decision's own rule. The trace's question, answer and error,
and hops without a decision (tools, functions), follow the strictest rule that the trace has
met. Until it has met one their texts wait in memory: nothing is written first and taken back
later, unless a later hop turns out to be stricter than all before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.records import Hop, Trace
from orchestrator.tracing import _database as db
from orchestrator.tracing.redact import Mask, redact_hop, redact_trace, strictest
from orchestrator.types import LogRule

if TYPE_CHECKING:
    from sqlalchemy import Connection

EVERYTHING = LogRule()
NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")


@dataclass(slots=True)
class Kept:
    """What the writer knows of one running trace; its texts as they came."""

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
        if self.ended and self.rule is None:
            self.rule = NOTHING if self.unrouted else EVERYTHING

    def _tighten(self, rule: LogRule | None) -> None:
        if rule is not None:
            self.rule = rule if self.rule is None else strictest(self.rule, rule)


def write(
    connection: Connection, batch: Iterable[Trace | Hop], running: dict[str, Kept]
) -> tuple[dict[str, Kept], bool]:
    """Write a batch; `running` is not changed, so that a batch that fails can be tried again.

    Returns:
        What is now known of the traces that still run, and whether a stored text was taken back.
    """
    groups: dict[str, list[Trace | Hop]] = {}
    for record in batch:
        trace_id = record.id if isinstance(record, Trace) else record.trace_id
        groups.setdefault(trace_id, []).append(record)
    after = dict(running)
    retracted = False
    for trace_id, records in groups.items():
        kept = _known(connection, trace_id, running.get(trace_id))
        retracted |= _write_trace(connection, trace_id, records, kept)
        if kept.ended:
            after.pop(trace_id, None)
        else:
            after[trace_id] = kept
    return after, retracted


def _known(connection: Connection, trace_id: str, kept: Kept | None) -> Kept:
    if kept is not None:
        return replace(kept, waiting=dict(kept.waiting))
    stored = db.read_trace(connection, trace_id)
    return Kept(rule=stored.log if stored else None, trace=stored)


def _write_trace(
    connection: Connection, trace_id: str, records: Sequence[Trace | Hop], kept: Kept
) -> bool:
    before = kept.rule
    for record in records:
        kept.meet(record)
    rule, mask = kept.rule or NOTHING, kept.mask
    hops = {record.id: record for record in records if isinstance(record, Hop)}
    tightened = before is not None and before != rule
    if tightened:
        stored = db.read_hops(connection, trace_id, undecided=True)
        hops = {hop.id: hop for hop in stored} | hops
    if kept.rule is not None:
        hops = kept.waiting | hops
        kept.waiting = {}
    if hops:
        db.write_hops(
            connection,
            [
                redact_hop(hop, hop.decision.log if hop.decision else rule, mask)
                for hop in hops.values()
            ],
        )
    if kept.trace is not None and (
        before != kept.rule or any(isinstance(r, Trace) for r in records)
    ):
        db.write_trace(connection, replace(redact_trace(kept.trace, rule, mask), log=kept.rule))
    return tightened
