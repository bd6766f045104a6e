"""The risk of a run rises by what it meets: durably, on the trace, and in the audit log."""

from __future__ import annotations

from typing import Any

from orchestrator.guard.risk import (
    ROLE,
    Event,
    Rise,
    event_of,
    kinds_in_words,
    long_texts,
    tier_for,
)
from orchestrator.records import AuditEvent, Hop
from orchestrator.roles.services import Request, Services
from orchestrator.tracing.stream import emit, hop_event
from orchestrator.types import as_json, digest, from_json

KEY = "risk"
"""Under this the journal keeps a rise, beside the hop that tells of it."""


async def meets(
    services: Services, run: Request, event: Event, why: str, *, node: str, round: int = 0
) -> bool:
    """The run has met something that may raise its risk; whether it did.

    Args:
        why: in words that hold nothing of any text.
    """
    to = tier_for(services.project.policy.risk, event)
    rise = run.course.meets(event, to, node=node, why=why)
    if rise is None:
        return False
    now = services.clock.now()
    hop = _hop(run.trace_id, rise, round, now)
    if run.journal is not None:
        value = {KEY: as_json(rise), "hops": [as_json(hop)]}
        await run.journal.put(f"{KEY}/{rise.to}", value, node=node)
    services.recorder.hop(hop)
    run.tell(hop)
    emit(lambda: hop_event(hop))
    facts = {"node": node, "before": rise.before, "risk": rise.to, "event": event}
    services.audit.record(
        AuditEvent(kind="risk", what=_words(rise), at=now, trace_id=run.trace_id, facts=facts)
    )
    return True


async def brought(
    services: Services, run: Request, value: Any, *, what: str, node: str, round: int = 0
) -> bool:
    """Look at what a tool or a function has brought; whether the risk has risen by it."""
    text = long_texts(value)
    findings = services.detectors.find(text) if text else ()
    event = event_of(findings)
    if event is None:
        return False
    why = f"{kinds_in_words(findings)} in what {what} brought"
    return await meets(services, run, event, why, node=node, round=round)


def kept_rise(entry: Any) -> Rise | None:
    """The rise that an entry of the journal holds, if it holds one."""
    return from_json(Rise, entry[KEY]) if KEY in entry else None


def _hop(trace_id: str, rise: Rise, round: int, now: float) -> Hop:
    # What names and numbers say stays, also where no text may be kept.
    return Hop(
        id=f"{trace_id}.{digest([ROLE, rise.to])}",
        trace_id=trace_id,
        node=f"{rise.node}/{ROLE}",
        round=round,
        role=ROLE,
        agent=f"{rise.before} to {rise.to}: {rise.event}",
        output=_words(rise),
        started_at=now,
    )


def _words(rise: Rise) -> str:
    return f"the risk rose from {rise.before} to {rise.to} at '{rise.node}': {rise.why}"
