"""What was said of answers, as rows."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from orchestrator.records import Feedback
from orchestrator.tracing._tables import feedback

_FIELDS = tuple(Feedback.__dataclass_fields__)
_ONE_COUNTS = text("SELECT pg_advisory_xact_lock(hashtext('mesh:feedback:' || :by))")


def write_feedback(connection: Connection, said: Feedback, since: float, most: int) -> bool:
    """Keep it, in the place of what the same one said before of the same.

    Args:
        connection: in a write transaction.
        since: its author's count goes from here, in seconds since the epoch.
        most: so much may its author say since then.

    Returns:
        Whether there was room; without it nothing is written.
    """
    if connection.dialect.name == "postgresql":  # elsewhere only one writes at a time
        connection.execute(_ONE_COUNTS, {"by": said.by})
    columns = feedback.c
    same = (
        (columns.trace_id == said.trace_id)
        & (columns.hop_id == said.hop_id)
        & (columns.source == said.source)
        & (columns.by == said.by)
    )
    recent = (columns.by == said.by) & (columns.at >= since) & ~same
    if (connection.execute(select(func.count()).where(recent)).scalar() or 0) >= most:
        return False
    connection.execute(feedback.delete().where(same))
    connection.execute(feedback.insert().values({f: getattr(said, f) for f in _FIELDS}))
    return True


def read_feedback(
    connection: Connection, trace_id: str | None, since: float | None
) -> list[Feedback]:
    """What was said, in the order in which it was; `None`: of all traces, of all time."""
    query = select(*(feedback.c[name] for name in _FIELDS))
    if trace_id is not None:
        query = query.where(feedback.c.trace_id == trace_id)
    if since is not None:
        query = query.where(feedback.c.at >= since)
    rows = connection.execute(query.order_by(feedback.c.at, feedback.c.trace_id)).mappings()
    return [Feedback(**row) for row in rows]
