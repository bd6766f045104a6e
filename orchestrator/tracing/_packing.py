"""Traces and hops as bytes, on their way from where they were recorded to the tables.

A line says something of one trace: the trace itself, or hops of it, or both. Its values stand in
the order of the tables' columns, so that who takes it in has little left to do.
"""

from __future__ import annotations

import json
import operator
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orchestrator.call_types import CallRequest
from orchestrator.money import Usage
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing.asked import kept_call
from orchestrator.types import Constraints, LogRule, TaskProfile, as_json

TRACE = tuple(
    name for name in Trace.__dataclass_fields__ if name not in ("log", "caller", "tags", "request")
)
HOP = tuple(
    name
    for name in Hop.__dataclass_fields__
    if name not in ("profile", "decision", "attempts", "notes", "replay")
)
_ATTEMPT = tuple(name for name in Attempt.__dataclass_fields__ if name != "usage")
ATTEMPT = (*_ATTEMPT, *(f"usage_{name}" for name in Usage.__dataclass_fields__))
PROFILE = tuple(
    name for name in TaskProfile.__dataclass_fields__ if name not in ("constraints", "reading")
)
RULE = tuple(LogRule.__dataclass_fields__)

_trace = operator.attrgetter(*TRACE, "caller", "tags", "request")
_hop = operator.attrgetter(*HOP, "notes", "replay")
_attempt = operator.attrgetter(*_ATTEMPT, *(f"usage.{n}" for n in Usage.__dataclass_fields__))
_profile = operator.attrgetter(*PROFILE)
_rule = operator.attrgetter(*RULE)

_LAYOUT = zlib.crc32(repr((3, TRACE, HOP, ATTEMPT, PROFILE, RULE)).encode())
"""Stands in every line: what another version has packed means something else."""
_UNCONSTRAINED = Constraints()


def _plain(value: Any) -> Any:
    """What the encoders know, of what they do not: nothing that is recorded may stop the others."""
    plain = as_json(value)
    return str(value) if plain is value else plain


_pack = msgspec.msgpack.Encoder(enc_hook=_plain)
_unpack = msgspec.msgpack.Decoder()
_json = msgspec.json.Encoder(enc_hook=_plain)


@dataclass(frozen=True, slots=True)
class News:
    """What hops share, and what a line is to write out, JSON by key."""

    decisions: Mapping[str, str] = field(default_factory=dict)
    fleets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptHop:
    """A hop as it may be stored, and where its decision stands."""

    hop: Hop
    key: str | None = None
    """Of the decision, where it is shared with others."""
    decision: str | None = None
    """That of this hop alone, as JSON."""


@dataclass(slots=True)
class PackedHop:
    """A hop as a line holds it."""

    values: list[Any]
    """Those of `HOP`."""
    notes: list[str]
    replay: Any
    profile: list[Any] | None
    """The values of `PROFILE`."""
    constraints: Any
    attempts: list[list[Any]]
    """Of each the values of `ATTEMPT`."""
    key: str | None
    decision: str | None

    @property
    def decided(self) -> bool:
        return self.key is not None or self.decision is not None

    @property
    def profile_json(self) -> str | None:
        """As `as_json` would have it, without constraints where there are none."""
        if self.profile is None:
            return None
        found = dict(zip(PROFILE, self.profile, strict=True))
        if self.constraints is not None:
            found["constraints"] = self.constraints
        return json_text(found)


@dataclass(slots=True)
class Line:
    """What a line says of one trace."""

    decisions: Mapping[str, str]
    """Those that it is the first to speak of, JSON by key."""
    fleets: Mapping[str, str]
    """Likewise those that decisions saw."""
    exported: bool
    """The trace is handed on to a collector of spans when it has ended."""
    trace_id: str
    trace: list[Any] | None
    """The values of `TRACE`."""
    caller: Any
    tags: Any
    request: Any
    rule: LogRule | None
    """That the trace's own texts and those of its undecided hops were kept under."""
    hops: list[PackedHop]


def pack(
    news: News,
    exported: bool,
    trace: Trace | None,
    rule: LogRule | None,
    hops: Sequence[KeptHop],
) -> bytes:
    """A line; see `Line`."""
    content = (
        _LAYOUT,
        news.decisions,
        news.fleets,
        exported,
        hops[0].hop.trace_id if trace is None else trace.id,
        None if trace is None else _packed_trace(trace),
        None if rule is None else _rule(rule),
        [_packed(kept) for kept in hops],
    )
    try:
        return _pack.encode(content)
    except UnicodeEncodeError:  # half of a surrogate pair, which no file takes
        return _pack.encode(clean(as_json(content)))


def _packed_trace(trace: Trace) -> tuple[Any, ...]:
    *values, request = _trace(trace)
    call = request and request.get("call")
    if isinstance(call, CallRequest):
        request = {**request, "call": kept_call(call)}
    return (*values, request)


def _packed(kept: KeptHop) -> tuple[Any, ...]:
    hop, profile, constraints = kept.hop, None, None
    if hop.profile is not None:
        profile = _profile(hop.profile)
        if hop.profile.constraints is not _UNCONSTRAINED:
            constraints = hop.profile.constraints
    attempts = [_attempt(attempt) for attempt in hop.attempts]
    return _hop(hop), profile, constraints, attempts, kept.key, kept.decision


def unpack(line: bytes) -> Line:
    """What `pack` was given.

    Raises:
        ValueError: it is no line of this version.
    """
    content = _unpack.decode(line)
    if not isinstance(content, list) or content[:1] != [_LAYOUT]:
        raise ValueError("packed by another version")
    _, decisions, fleets, exported, trace_id, trace, rule, packed = content
    caller = tags = request = None
    if trace is not None:
        *trace, caller, tags, request = trace
    hops = [PackedHop(values[:-2], *values[-2:], *rest) for values, *rest in packed]
    met = None if rule is None else LogRule(**dict(zip(RULE, rule, strict=True)))
    of_trace = (trace_id, trace, caller, tags, request)
    return Line(decisions, fleets, exported, *of_trace, met, hops)


def json_text(value: Any) -> str:
    """`value` as JSON that every database takes."""
    try:
        text = _json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(clean(as_json(value)))
    return text if "\\u0000" not in text else json.dumps(clean(as_json(value)))


def clean(value: Any) -> Any:
    """Plain JSON content without what a database refuses: NUL, and halves of surrogate pairs."""
    if isinstance(value, str):
        return without_nul(value).encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(key): clean(v) for key, v in value.items()}
    if isinstance(value, list):
        return [clean(v) for v in value]
    return value


def without_nul(text: str) -> str:
    """PostgreSQL refuses that character, and other programs end a text there."""
    return text.replace("\0", "\ufffd") if "\0" in text else text
