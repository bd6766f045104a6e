"""What is said of answers after they were given: taken in within limits, kept with the trace."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import RateLimitedError, UnknownNameError, UserError
from orchestrator.records import Feedback, Hop, Trace
from orchestrator.tracing.redact import Mask
from orchestrator.tracing.store import TraceStore

DAY_S = 86_400.0
LONGEST = 2_000
"""Characters of a comment."""
WEIGHTS = {"person": 1.0, "downstream": 0.7, "tests": 0.7, "retried": 0.3}
"""How much each source counts. A person's word is the surest; that somebody asked again says
little. `downstream`: what took the answer over accepted or refused it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody wants to say of an answer."""

    trace: str
    """The trace's id, or a beginning of it that no other has."""
    score: float
    """0 is bad, 1 is good."""
    hop: str | None = None
    """A node's name, a hop's id or its number, counted from 1; `None`: the whole answer."""
    comment: str = ""
    """Kept only where the trace keeps all texts; without secrets."""
    source: str = "person"


def give(
    store: TraceStore, said: Said, *, by: str, now: float, per_day: int, workspace: str = ""
) -> Feedback:
    """Keep it. Whoever says something of the same answer again replaces what he said before.

    Args:
        by: who says so: a key's id, a user of this machine.
        now: seconds since the epoch.
        per_day: how many answers one may judge in 24 hours.
        workspace: the only one whose traces there are for him; empty: all.

    Raises:
        UnknownNameError: no such trace, hop or source.
        UserError: a score outside 0..1, a comment that is too long, a trace that still runs.
        RateLimitedError: he has said too much today.
        StorageError: it cannot be written.
    """
    if not 0.0 <= said.score <= 1.0:  # NaN is not within them either
        raise UserError(f"score: {said.score:g} is not within 0 (bad) and 1 (good)")
    if said.source not in WEIGHTS:
        raise UnknownNameError("source", said.source, tuple(WEIGHTS))
    if len(said.comment) > LONGEST:
        raise UserError(f"comment: {len(said.comment):,} characters; at most {LONGEST:,}")
    trace = store.trace(said.trace)
    if workspace and trace.caller.workspace != workspace:
        raise UnknownNameError("trace", said.trace, ())
    if trace.status == "running":
        raise UserError(f"trace '{trace.id}' still runs: there is no answer to judge yet")
    hop = "" if said.hop is None else find_hop(store.hops(trace.id), said.hop).id
    kept = Feedback(
        trace_id=trace.id,
        hop_id=hop,
        score=said.score,
        weight=WEIGHTS[said.source],
        source=said.source,
        by=by,
        at=now,
        comment=_kept(said.comment, trace),
    )
    if not store.judge(kept, since=now - DAY_S, most=per_day):
        raise RateLimitedError(
            f"'{by}' has judged {per_day:,} answers in the last 24 hours, which is all that one "
            "may (feedback.per_day in mesh.yaml)",
            retry_after_s=3600.0,
        )
    return kept


def find_hop(hops: list[Hop], wanted: str) -> Hop:
    """The hop with that id or number, or the only one of that node; of several the last.

    Raises:
        UnknownNameError: there is none; names the nodes.
    """
    if wanted.isdigit() and 1 <= int(wanted) <= len(hops):
        return hops[int(wanted) - 1]
    found = [hop for hop in hops if wanted in (hop.id, hop.node)]
    if not found:
        raise UnknownNameError("hop", wanted, sorted({hop.node for hop in hops}))
    return found[-1]


def told(kept: Feedback) -> str:
    """One line that says what was kept."""
    of = f"hop {kept.hop_id.rpartition('.')[2]} of trace" if kept.hop_id else "trace"
    return f"{of} {kept.trace_id}: {kept.score:g} from {kept.source} {kept.by}"


def _kept(comment: str, trace: Trace) -> str:
    if trace.log is not None and not trace.log.keeps_all:
        return ""
    return Mask().secrets(comment.strip())
