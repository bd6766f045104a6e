"""Takes traces that were exported elsewhere into the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from orchestrator.errors import StorageError, UnknownNameError, UserError
from orchestrator.tracing.documents import Document, collected, written
from orchestrator.tracing.ids import new_trace_id

if TYPE_CHECKING:
    from orchestrator.records import Hop, Trace
    from orchestrator.tracing.store import TraceStore

CUT_OFF = "it was exported while it ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a document."""

    trace: Trace
    outcome: Literal["new", "same"]
    """`same`: the store has held the very same trace before, and nothing was written."""
    hops: int


def keep(store: TraceStore, document: Document, *, as_new: bool = False) -> Imported:
    """Put the trace of a document into the store.

    What the store's own rules forbid is not stored: secrets are masked, and what a decision's log
    rule withholds stays away, as when the trace was recorded here.

    Args:
        as_new: under an id of its own, whatever the store holds.

    Raises:
        UserError: the store holds another trace of the same id, or cannot hold this one.
        StorageError: the store cannot be read or written.
    """
    document = _ended(document)
    if as_new:
        document = _renamed(document, new_trace_id())
    else:
        there = _found(store, document.trace.id)
        if there is not None:
            _refuse_another(store, there, document)
            return Imported(trace=there, outcome="same", hops=len(document.hops))
    if problem := next(_problems(document), None):
        raise UserError(problem)
    with store.unaudited():
        store.start(document.trace)
        for hop in document.hops:
            store.hop(hop)
        store.finish(document.trace)
    if store.problem is not None:
        raise StorageError(store.problem)
    return Imported(trace=document.trace, outcome="new", hops=len(document.hops))


def _ended(document: Document) -> Document:
    """What was still under way there is not under way here."""
    trace = document.trace
    if trace.status not in ("running", "waiting"):
        return document
    stopped = replace(trace, status="unknown", error=trace.error or CUT_OFF)
    return replace(document, trace=stopped)


def _renamed(document: Document, id: str) -> Document:
    old = document.trace.id
    hops = tuple(
        replace(
            hop,
            trace_id=id,
            id=_below(hop.id, old, id),
            parent_id=hop.parent_id and _below(hop.parent_id, old, id),
        )
        for hop in document.hops
    )
    return replace(document, trace=replace(document.trace, id=id), hops=hops)


def _below(name: str, old: str, new: str) -> str:
    """A hop's id, which begins with its trace's where it was made here."""
    return new + name[len(old) :] if name.startswith(f"{old}.") else name


def _found(store: TraceStore, id: str) -> Trace | None:
    try:
        found = store.trace(id)
    except UnknownNameError:
        return None
    except UserError:  # it begins several others, and is none of them
        return None
    return found if found.id == id else None


def _refuse_another(store: TraceStore, there: Trace, document: Document) -> None:
    known = collected(there, store.hops(there.id), lambda _: None)
    given = replace(document, fleets={}, redacted=False)
    if written(known) != written(_sorted(given)):
        raise UserError(
            f"there is another trace with the id {there.id}; nothing was changed. --as-new keeps "
            "the file's under an id of its own"
        )


def _sorted(document: Document) -> Document:
    """With its hops in the order in which the store tells them."""
    return replace(document, hops=tuple(sorted(document.hops, key=lambda hop: hop.started_at)))


def _problems(document: Document) -> Iterator[str]:
    """What no database takes."""
    from orchestrator.tracing._tables import attempts, hops, traces

    def long(table: object, name: str, value: object, where: str) -> Iterator[str]:
        length = getattr(table.c[name].type, "length", None)  # type: ignore[attr-defined]
        if length and isinstance(value, str) and len(value) > length:
            yield f"{where}.{name} is longer than {length} characters"

    for column in ("id", "graph", "project_hash", "policy_hash", "fleet_hash", "parent"):
        yield from long(traces, column, getattr(document.trace, column), "trace")
    for number, hop in enumerate(document.hops):
        where = f"hops.{number}"
        for column in ("id", "parent_id", "node", "role", "agent"):
            yield from long(hops, column, getattr(hop, column), where)
        for place, attempt in enumerate(hop.attempts):
            for column in ("deployment", "model", "family", "reported_model", "fingerprint"):
                value = getattr(attempt, column)
                yield from long(attempts, column, value, f"{where}.attempts.{place}")
    yield from _beyond(document.hops)


def _beyond(hops: tuple[Hop, ...]) -> Iterator[str]:
    """Numbers beyond 64 bits."""
    for number, hop in enumerate(hops):
        for place, attempt in enumerate(hop.attempts):
            used = attempt.usage
            counts = (used.input, used.output, used.cached_input, attempt.cost_micro_usd or 0)
            if any(abs(count) >= 1 << 63 for count in counts):
                yield f"hops.{number}.attempts.{place} holds a number beyond 64 bits"
