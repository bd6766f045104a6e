"""Lines of many traces into the tables, each as whoever made it has cleaned it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import case, select

from orchestrator.money import Usage
from orchestrator.records import Hop, Trace
from orchestrator.tracing import _rows as rows
from orchestrator.tracing import _tables as tables
from orchestrator.tracing._database import Database
from orchestrator.tracing._packing import (
    ATTEMPT,
    HOP,
    PROFILE,
    TRACE,
    KeptHop,
    Line,
    News,
    PackedHop,
    pack,
    unpack,
)
from orchestrator.tracing._tables import spooled, traces
from orchestrator.tracing.audited import Audited, lost
from orchestrator.tracing.redact import Find, Mask, redact_hop, redact_trace, strictest
from orchestrator.types import LogRule, from_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOG = logging.getLogger("orchestrator.tracing")
_HOP_ID, _STATUS = HOP.index("id"), TRACE.index("status")
LOST = "the process that served it ended in the middle"


@dataclass(slots=True)
class Intake:
    """A `storage.spool.Sink` over the trace store's tables."""

    database: Database
    find: Find | None = None
    """What is masked besides; see `redact.Mask`."""
    audited: Audited | None = None
    """Tells the audit log."""

    def taken(self) -> Mapping[str, int]:
        with self.database.reading() as connection:
            found = connection.execute(select(spooled.c.segment, spooled.c.taken))
            return {row.segment: row.taken for row in found}

    def take(self, segment: str, records: Sequence[bytes], end: int) -> None:
        lines = []
        for record in records:
            try:
                lines.append(unpack(record))
            except ValueError:  # nobody can read it, and the others wait behind it
                _LOG.warning("a spooled record of another version of mesh was left out")
        owner = segment.split("-", 1)[1].split(".")[0]
        with self.database.writing() as connection:
            retracted = write(connection, lines, owner, self.find)
            if self.audited is not None:
                self.audited.tell(connection, lines)
            connection.execute(spooled.delete().where(spooled.c.segment == segment))
            connection.execute(spooled.insert().values(segment=segment, taken=end))
        if retracted:
            self.database.forget()

    def ended(self, owner: str) -> None:
        found = (traces.c.owner == owner) & (traces.c.status == "running")
        error = case((traces.c.error.is_(None), LOST), else_=traces.c.error)
        with self.database.writing() as connection:
            ended = connection.execute(
                traces.update().where(found).values(status="unknown", error=error, owner=None)
            )
            if ended.rowcount > 0 and self.audited is not None:
                self.audited.keep([lost(ended.rowcount, time.time())])

    def forget(self, segments: Sequence[str]) -> None:
        with self.database.writing() as connection:
            connection.execute(spooled.delete().where(spooled.c.segment.in_(segments)))


def write(
    connection: Connection,
    lines: Iterable[Line],
    owner: str | None = None,
    find: Find | None = None,
) -> bool:
    """Write what the lines say, in order.

    Args:
        owner: who made them, where he may die.

    Returns:
        Whether a stored text was taken back.
    """
    found: dict[str, _Found] = {}
    contents: dict[str, str] = {}
    fleets: dict[str, str] = {}
    for line in lines:
        found.setdefault(line.trace_id, _Found(line.trace_id)).add(line)
        contents.update(line.decisions)
        fleets.update(line.fleets)
    stored = rows.read_rules(connection, found)
    retracted = False
    for name, rule in stored.items():
        met = found[name]
        met.tighten(rule)
        if rule is not None and met.rule != rule:
            _take_back(connection, met)
            retracted = True
    rows.write_shared(connection, tables.decisions, contents)
    rows.write_shared(connection, tables.fleets, fleets)
    rows.write_unexported(connection, [name for name, met in found.items() if met.exported])
    for new in (True, False):
        # Where the line that a trace began with was lost, its hops may stand there alone.
        part = [
            met.whole(find)
            for name, met in found.items()
            if (name not in stored and met.trace is not None) is new
        ]
        told = [line for line in part if line.trace is not None]
        rows.write_traces(connection, told, owner=owner, new=new)
        rows.write_hops(connection, part, new=new)
    return retracted


@dataclass(slots=True)
class _Found:
    """What a batch says of one trace."""

    trace_id: str
    trace: Line | None = None
    """The last line that holds it."""
    rule: LogRule | None = None
    mixed: bool = False
    """Not all of it was kept under the strictest rule."""
    exported: bool = False
    hops: dict[str, PackedHop] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        if line.trace is not None:
            self.trace = line
            ended = line.trace[_STATUS] not in ("running", "waiting")
            self.exported = line.exported and ended
        self.tighten(line.rule)
        for hop in line.hops:
            self.hops[hop.values[_HOP_ID]] = hop

    def tighten(self, rule: LogRule | None) -> None:
        """The trace has met this rule, too."""
        if rule is None or rule == self.rule:
            return
        if self.rule is not None:
            self.mixed, rule = True, strictest(self.rule, rule)
        self.rule = rule

    def whole(self, find: Find | None) -> Line:
        """All of it as one line, under the strictest rule."""
        trace = self.trace
        line = Line(
            decisions={},
            fleets={},
            exported=self.exported,
            trace_id=self.trace_id,
            trace=trace.trace if trace else None,
            caller=trace.caller if trace else None,
            tags=trace.tags if trace else None,
            request=trace.request if trace else None,
            rule=self.rule,
            hops=list(self.hops.values()),
        )
        return _redacted(line, find) if self.mixed else line


def _take_back(connection: Connection, met: _Found) -> None:
    """What stands already was kept under a looser rule than the trace has met now."""
    met.mixed = True
    stored = rows.read_trace(connection, met.trace_id) if met.trace is None else None
    hops = rows.read_hops(connection, met.trace_id, undecided=True)
    if stored is None and not hops:
        return
    again = unpack(pack(News(), False, stored, None, [KeptHop(hop) for hop in hops]))
    if stored is not None:
        met.trace = again
    met.hops = {hop.values[_HOP_ID]: hop for hop in again.hops} | met.hops


def _redacted(line: Line, find: Find | None) -> Line:
    """With what has no rule of its own kept under the line's."""
    bare = [hop for hop in line.hops if not hop.decided]
    if line.trace is None and not bare:
        return line
    rule, mask = line.rule or LogRule(), Mask(find)
    trace = None
    if line.trace is not None:
        said = {"caller": line.caller, "tags": line.tags, "request": line.request}
        values = {**dict(zip(TRACE, line.trace, strict=True)), **said}
        trace = redact_trace(from_json(Trace, values), rule, mask)
    redacted = [KeptHop(redact_hop(_hop(hop), rule, mask)) for hop in bare]
    again = unpack(pack(News(), line.exported, trace, rule, redacted))
    again.hops += [hop for hop in line.hops if hop.decided]
    return again


def _hop(hop: PackedHop) -> Hop:
    attempts = []
    for values in hop.attempts:
        attempt = dict(zip(ATTEMPT, values, strict=True))
        usage = {n: attempt.pop(f"usage_{n}") for n in Usage.__dataclass_fields__}
        attempts.append({**attempt, "usage": usage})
    profile = None
    if hop.profile is not None:
        profile = dict(zip(PROFILE, hop.profile, strict=True))
        if hop.constraints is not None:
            profile["constraints"] = hop.constraints
    content = {"notes": hop.notes, "replay": hop.replay, "attempts": attempts, "profile": profile}
    return from_json(Hop, {**dict(zip(HOP, hop.values, strict=True)), **content})
