"""One entry of the audit log, as the bytes of one line.

A line is canonical JSON: the keys in a fixed order, the content's hash last. The hash covers every
byte before it, among them the number of the entry and the hash of the one before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.records import AuditEvent, AuditKind
from orchestrator.types import as_json

NOTHING = "0" * 64
"""What stands for the hash before the first entry."""
_DOMAIN = b"mesh-audit-entry-1\0"
"""So that no hash of another kind of content is ever taken for one of an entry."""
_END = re.compile(rb',"hash":"([0-9a-f]{64})"\}\Z')


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event at its place in the chain."""

    number: int
    """From 1, without a gap."""
    previous: str
    """The hash of the entry before; `NOTHING` for the first."""
    kind: AuditKind
    what: str
    at: float
    """Seconds since the epoch."""
    trace_id: str = ""
    by: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain goes: one number and one hash that stand for everything before."""

    number: int = 0
    hash: str = NOTHING


def line_of(event: AuditEvent, before: Head) -> tuple[bytes, Head]:
    """The line of the entry that follows `before`, with its line end, and the head after it."""
    body = json.dumps(
        {
            "n": before.number + 1,
            "prev": before.hash,
            "at": round(float(event.at), 3),
            "kind": event.kind,
            "what": event.what,
            "trace": event.trace_id,
            "by": event.by,
            "facts": _sorted(as_json(event.facts)),
        },
        separators=(",", ":"),
        default=str,
    ).encode("ascii")[:-1]
    hash = _hash(body)
    return body + b',"hash":"' + hash.encode() + b'"}\n', Head(before.number + 1, hash)


def read_line(line: bytes, before: Head | None) -> Entry:
    """The entry that a line without its end holds.

    Args:
        before: the head that it must follow; `None`: whichever.

    Raises:
        ValueError: it is none, was changed, or does not follow; says what was expected.
    """
    end = _END.search(line)
    if end is None:
        raise ValueError("this is no whole entry: it does not end in a hash")
    body, stated = line[: end.start()], end[1].decode()
    if _hash(body) != stated:
        raise ValueError(f"the content does not have the hash that it states, {stated[:12]}…")
    try:
        content = json.loads(body + b"}")
        entry = Entry(
            number=content["n"],
            previous=content["prev"],
            at=content["at"],
            kind=content["kind"],
            what=content["what"],
            trace_id=content["trace"],
            by=content["by"],
            facts=content["facts"],
            hash=stated,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"this is no entry: {error}") from error
    if before is not None:
        _check_place(entry, before)
    return entry


def _check_place(entry: Entry, before: Head) -> None:
    if entry.number != before.number + 1:
        raise ValueError(f"expected entry {before.number + 1}, found entry {entry.number}")
    if entry.previous != before.hash:
        raise ValueError(
            f"expected that it follows {before.hash[:12]}…, it states {entry.previous[:12]}…"
        )


def _hash(body: bytes) -> str:
    return hashlib.sha256(_DOMAIN + body).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_sorted(one) for one in value]
    return value
