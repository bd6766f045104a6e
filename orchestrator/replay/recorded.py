"""A request as it is on record, and what a journal would have held of it.

The record is its trace. Where the journal of a run is still there it is asked first: it holds
everything as it was, and of traces that were recorded before they held all of it, the rest.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator import errors
from orchestrator.errors import (
    CallError,
    IncompleteError,
    InjectionError,
    InternalError,
    MeshError,
    NoCandidateError,
    OverBudgetError,
    RateLimitedError,
    RunError,
    SourceError,
    StorageError,
    UnsafeError,
    UserError,
)
from orchestrator.fleet.families import answering_family
from orchestrator.graph.active import SUPERSEDED
from orchestrator.graph.asking import PERSON
from orchestrator.graph.journal import JournalStore
from orchestrator.records import Hop, Trace
from orchestrator.tracing.store import TraceStore
from orchestrator.types import as_json, from_json

_BY_NAME: Mapping[str, type[MeshError]] = {
    kind.__name__: kind
    for kind in (
        NoCandidateError,
        OverBudgetError,
        InjectionError,
        UnsafeError,
        SourceError,
        StorageError,
        InternalError,
    )
}
"""Errors that are caught by what they are, and hold nothing but a message."""
CUT_OFF = ("running", "cancelled", "unknown")
"""How a trace stands whose end is not on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known of one request."""

    trace: Trace
    hops: tuple[Hop, ...]
    """In the order in which they began, without those that an edit has put out of use."""
    request: Mapping[str, Any]
    """See `Trace.request`."""
    held: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the journal still holds of calls, by the hop's id."""
    brought: Mapping[str, Any] = field(default_factory=dict)
    """What tools have brought, packed, by the hop's id."""
    project: Mapping[str, Any] | None = None
    """What the run depended on; see `graph.changes`."""

    @property
    def is_call(self) -> bool:
        """A single call, which belongs to no run."""
        return "call" in self.request

    @property
    def cut_off(self) -> bool:
        """It did not come to an end, or its end is not on record."""
        return self.trace.status in CUT_OFF

    @property
    def calls(self) -> tuple[Hop, ...]:
        """The hops that asked a model."""
        return tuple(hop for hop in self.hops if is_call(hop))

    def at(self, node: str, round: int, role: str) -> Hop | None:
        """What a tool, or a person, did there."""
        found = (h for h in self.hops if (h.node, h.round, h.role) == (node, round, role))
        return next(found, None)

    def act(self, id: str) -> Mapping[str, Any] | None:
        """What a journal would hold of a call of a tool that a model asked for, by its hop."""
        hop = next((hop for hop in self.hops if hop.id == id and id in self.brought), None)
        return None if hop is None else {"value": self.brought[id], "hops": [as_json(hop)]}

    def person(self, node: str, round: int) -> Hop | None:
        """What a person answered there."""
        return self.at(node, round, PERSON)

    def sources(self) -> dict[str, str]:
        """The hash of every document that was looked into, by its path."""
        found: dict[str, str] = {}
        for hop in self.hops:
            found.update((hop.replay or {}).get("sources") or {})
        for value in self.brought.values():
            found = {**dict(_passages(value)), **found}
        return found

    def value(self, hop: Hop) -> Mapping[str, Any]:
        """What a journal would hold of a call that was answered."""
        held = self.held.get(hop.id)
        if held is not None:
            return held
        beside = hop.replay or {}
        text = beside.get("text", hop.output or "")
        answered = beside.get("answered") or _answered(hop)
        return {"hop": as_json(hop), "text": text, "answered": answered}


def read_record(store: TraceStore, journals: JournalStore | None, wanted: str) -> Record:
    """The record of the trace with that id, or with the only one that begins so.

    Raises:
        UnknownNameError, UserError: no such trace, or several.
        RunError: what a replay needs of it was not to be kept, or was not kept yet.
    """
    trace = store.trace(wanted)
    stored = store.hops(trace.id)
    asked, project, values = _journaled(journals, trace.id)
    request = asked or trace.request
    if request is None:
        raise RunError(_why_not(trace, stored))
    if (request.get("call") or {}).get("asks", "text") != "text":
        raise RunError(
            f"trace '{trace.id}' cannot be replayed: its answer is no text, and is not kept"
        )
    known = _with_journaled(stored, values.values())
    hops = tuple(hop for hop in known if SUPERSEDED not in hop.notes)
    brought = {h.id: h.replay["value"] for h in hops if h.replay and "value" in h.replay}
    held: dict[str, Mapping[str, Any]] = {}
    for key, value in values.items():
        if "hop" in value:
            held[f"{trace.id}.{key}"] = value
        else:
            brought.update({hop["id"]: value["value"] for hop in value["hops"]})
    return Record(
        trace=trace, hops=hops, request=request, held=held, brought=brought, project=project
    )


def _with_journaled(hops: Sequence[Hop], values: Iterable[Mapping[str, Any]]) -> Sequence[Hop]:
    """With what a process that was killed had put into the journal and not yet into the trace."""
    found = {hop.id: hop for hop in hops}
    for value in values:
        for content in [value["hop"]] if "hop" in value else value["hops"]:
            if content["id"] not in found:
                found[content["id"]] = from_json(Hop, content)
    if len(found) == len(hops):
        return hops
    return sorted(found.values(), key=lambda hop: hop.started_at)


def is_call(hop: Hop) -> bool:
    """Whether it asked, or would have asked, a model."""
    return hop.profile is not None and hop.prompt is not None


def error_of(hop: Hop) -> Exception:
    """The error that a hop ended in, as it was raised."""
    beside, message = hop.replay or {}, hop.error or ""
    name = beside.get("raised") or ("CallError" if hop.decision else "NoCandidateError")
    if name == "IncompleteError":
        text, reason = beside.get("text", ""), beside.get("reason", "")
        return IncompleteError(message, hop.attempts, text=text, reason=reason)
    if name == "CallError":
        return CallError(message, hop.attempts)
    if name == "RateLimitedError":
        return RateLimitedError(message, retry_after_s=0.0)
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, MeshError):
        plain = UserError if issubclass(kind, UserError) else RunError
        return _BY_NAME.get(name, plain)(message)
    # Of the project's own code, which may catch it by what it is.
    known = getattr(builtins, name, None)
    base = known if isinstance(known, type) and issubclass(known, Exception) else Exception
    said = message.removeprefix(f"{name}: ")
    own: type[Exception] = type(name, (base,), {"__str__": lambda _: said})
    return own()


def _answered(hop: Hop) -> dict[str, Any]:
    """What is known of a reply by its hop; see `transcript.kept`."""
    if not hop.attempts:
        raise RunError(f"node '{hop.node}': who answered is not on record")
    last = hop.attempts[-1]
    return {
        "deployment": last.deployment,
        "model": last.model,
        "family": answering_family(last.family, last.reported_model),
        "ending": hop.ending or "complete",
        "finish_reason": last.finish or "",
        "agreement": None,
    }


def _journaled(
    journals: JournalStore | None, run: str
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None, Mapping[str, Mapping[str, Any]]]:
    """Of what the journal still holds: what was asked, what it depended on, all results."""
    if journals is None:
        return None, None, {}
    try:
        record = journals.find(run)
    except UserError:
        return None, None, {}
    if record.id != run:
        return None, None, {}
    asked = {name: record.request.get(name) for name in ("inputs", "options", "thread")}
    return asked, record.request.get("project"), journals.values(run)


def _why_not(trace: Trace, hops: Sequence[Hop]) -> str:
    rules = [trace.log, *(hop.decision.log for hop in hops if hop.decision)]
    if any(rule is not None and not rule.keeps_all for rule in rules):
        return (
            f"trace '{trace.id}' cannot be replayed: its texts were not to be kept, as a route says"
        )
    return (
        f"trace '{trace.id}' cannot be replayed: what it was asked is not on record. "
        "It was recorded by an older version of mesh, or its request brings no text"
    )


def _passages(value: Any) -> Iterable[tuple[str, str]]:
    """The documents of packed passages: path and hash."""
    if isinstance(value, list):
        for item in value:
            yield from _passages(item)
    elif isinstance(value, Mapping) and value.get("$type") == "Passage":
        passage = value["value"]
        yield passage["file"], passage["doc_hash"]
