"""A trace as one JSON document, complete: the request, its hops, their decisions, the fleets those
saw. And a trace made fit to be shown to others.

The format, `version` 1:

    {"format": "mesh-trace", "version": 1, "made_with": "…", "redacted": false,
     "trace": {…}, "hops": [{…, "decision": "<key>"}, …],
     "decisions": {"<key>": {…}}, "fleets": {"<hash>": {…}}}

What stands in the braces are the values of `records` and `types` field by field, as `as_json`
writes them. Hops with the same decision name the same key. A reader takes documents of its own
version and of earlier ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.errors import UserError
from orchestrator.records import Hop, Trace
from orchestrator.tracing._packing import json_text
from orchestrator.tracing.redact import Mask, redact_hop, redact_trace
from orchestrator.types import (
    Caller,
    Decision,
    FleetSnapshot,
    LogRule,
    as_json,
    from_json,
)

if TYPE_CHECKING:
    from pydantic import ValidationError

_T = TypeVar("_T")

FORMAT = "mesh-trace"
VERSION = 1
_NOTHING = LogRule(prompts="none", outputs="none", tool_args="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """All that is on record of one request."""

    trace: Trace
    hops: tuple[Hop, ...]
    fleets: Mapping[str, FleetSnapshot] = field(default_factory=dict)
    """Those that its decisions saw, by their hash; some may not be on record."""
    redacted: bool = False
    """Its texts were taken out."""


def collected(
    trace: Trace, hops: Sequence[Hop], snapshot: Callable[[str], FleetSnapshot | None]
) -> Document:
    """The document of a trace.

    Args:
        snapshot: finds a fleet by its hash, as `TraceStore.snapshot` does.
    """
    hashes = sorted({hop.decision.fleet_hash for hop in hops if hop.decision is not None})
    found = {name: snapshot(name) for name in hashes}
    fleets = {name: fleet for name, fleet in found.items() if fleet is not None}
    return Document(trace=trace, hops=tuple(hops), fleets=fleets)


def redacted(document: Document) -> Document:
    """The same to be shown to others: no text of the request is left in it, nor who asked.

    Texts and what talks about them go as under the rule `log: none`; secrets and personal data are
    masked in everything else. Names of models, steps and rules, and all numbers, stay. Fleets,
    which tell what somebody runs, go.
    """
    mask = Mask()
    trace = redact_trace(document.trace, _NOTHING, mask)
    hops = tuple(redact_hop(hop, _NOTHING, mask) for hop in document.hops)
    caller = trace.caller
    nobody = Caller(
        workspace="<workspace>" if caller.workspace else "",
        user="<user>" if caller.user else "",
        tier=caller.tier,
        key="<key>" if caller.key else "",
        feature=mask.personal(caller.feature),
    )
    tags = tuple(mask.personal(tag) for tag in trace.tags)
    trace = replace(trace, caller=nobody, tags=tags, parent="")
    return Document(trace=trace, hops=hops, redacted=True)


# ── writing ──────────────────────────────────────────────────────────────────────────────


def written(document: Document) -> str:
    """As JSON, readable by a person who must."""
    import msgspec

    from orchestrator import __version__

    decisions: dict[str, Any] = {}
    known: dict[int, str] = {}
    hops = []
    for hop in document.hops:
        content = as_json(replace(hop, decision=None))
        if hop.decision is not None:
            key = known.get(id(hop.decision))
            if key is None:
                text = json_text(as_json(hop.decision))
                key = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
                decisions.setdefault(key, json.loads(text))
                known[id(hop.decision)] = key
            content["decision"] = key
        hops.append(content)
    whole = {
        "format": FORMAT,
        "version": VERSION,
        "made_with": f"orchestrator {__version__}",
        "redacted": document.redacted,
        "trace": as_json(document.trace),
        "hops": hops,
        "decisions": decisions,
        "fleets": {name: as_json(fleet) for name, fleet in document.fleets.items()},
    }
    return msgspec.json.format(json_text(whole), indent=1) + "\n"


# ── reading ──────────────────────────────────────────────────────────────────────────────


def is_document(content: Any) -> bool:
    """Whether parsed JSON says that it is one of ours, of whatever version."""
    return isinstance(content, dict) and content.get("format") == FORMAT


def read(content: Any, name: str) -> Document:
    """The document in parsed JSON.

    Args:
        name: what to call it in a message, such as the file's name.

    Raises:
        UserError: it is none, or of a later version.
    """
    if not is_document(content):
        raise UserError(f'{name} is no trace of mesh: it lacks "format": "{FORMAT}"')
    version = content.get("version")
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise UserError(
            f"{name} was written in version {version!r} of the format; this mesh reads versions "
            f"up to {VERSION}"
        )
    part = _Reader(name)
    decisions = {
        key: part.value(Decision, of, f"decisions.{key}")
        for key, of in part.mapping(content, "decisions").items()
    }
    fleets = {
        key: part.value(FleetSnapshot, of, f"fleets.{key}")
        for key, of in part.mapping(content, "fleets").items()
    }
    trace = part.value(Trace, content.get("trace"), "trace")
    hops = content.get("hops")
    if not isinstance(hops, list):
        raise part.wrong("hops", "a list is needed")
    found = tuple(_hop(part, item, n, decisions, fleets) for n, item in enumerate(hops))
    _hang_together(part, trace, found)
    return Document(
        trace=trace, hops=found, fleets=fleets, redacted=content.get("redacted") is True
    )


def _hop(
    part: _Reader,
    content: Any,
    number: int,
    decisions: Mapping[str, Decision],
    fleets: Mapping[str, FleetSnapshot],
) -> Hop:
    place = f"hops.{number}"
    if not isinstance(content, dict):
        raise part.wrong(place, "an object is needed")
    key = content.get("decision")
    hop = part.value(Hop, {**content, "decision": None}, place)
    if key is None:
        return hop
    if key not in decisions:
        raise part.wrong(f"{place}.decision", f"there is no decision '{key}'")
    decision = decisions[key]
    return replace(hop, decision=replace(decision, fleet=fleets.get(decision.fleet_hash)))


def _hang_together(part: _Reader, trace: Trace, hops: Sequence[Hop]) -> None:
    ids: set[str] = set()
    for number, hop in enumerate(hops):
        if hop.trace_id != trace.id:
            raise part.wrong(f"hops.{number}.trace_id", f"'{hop.trace_id}' is another trace")
        if hop.id in ids:
            raise part.wrong(f"hops.{number}.id", f"there are two hops '{hop.id}'")
        ids.add(hop.id)


@dataclass(frozen=True, slots=True)
class _Reader:
    name: str

    def value(self, kind: type[_T], content: Any, place: str) -> _T:
        from pydantic import ValidationError

        try:
            return from_json(kind, content)
        except ValidationError as error:
            raise self.wrong(*_first_of(error, place)) from None

    def mapping(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found = content.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key, "an object is needed")
        return found

    def wrong(self, place: str, why: str) -> UserError:
        return UserError(f"{self.name} is no trace that mesh can read: {place}: {why}")


def _first_of(error: ValidationError, place: str) -> tuple[str, str]:
    found = error.errors(include_url=False)[0]
    where = ".".join([place, *map(str, found["loc"])])
    return where, found["msg"][:1].lower() + found["msg"][1:]
