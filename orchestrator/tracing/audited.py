"""What the audit log is told of traces and hops as they are written: who decided what, and who saw
which class of data. Never a text: names that the project declares, classes, numbers, digests.

It is told before the traces are committed: a hop without its entry cannot be, and after a crash in
between an entry may stand there twice, with the same `hop`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from orchestrator.records import AuditEvent
from orchestrator.tracing._packing import ATTEMPT, HOP, PROFILE, TRACE, Line, PackedHop
from orchestrator.tracing._tables import decisions, fleets
from orchestrator.types import Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection

BY = "mesh"
Keep = Callable[[Sequence[AuditEvent]], None]
"""Puts events into the audit log; raises `StorageError` where it cannot."""
_MOST = 2000
"""Decisions that are known again; with more, all are read anew."""
_ID, _ROLE, _RESUMED = HOP.index("id"), HOP.index("role"), HOP.index("resumed")
_HOP_STATUS, _STARTED, _MS = HOP.index("status"), HOP.index("started_at"), HOP.index("ms")
_DEPLOYMENT, _OUTCOME, _KIND = (ATTEMPT.index(n) for n in ("deployment", "outcome", "kind"))
_CLASS, _RISK = PROFILE.index("data_class"), PROFILE.index("risk")
_NOT_SENT = frozenset({Outcome.SKIPPED_OPEN, Outcome.BUSY, Outcome.OVER_BUDGET})
_PLACE = ("hosting", "region", "retention_days", "trains_on_data")


_Fleet = tuple[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Decided:
    """What is told of a decision, and the places of its fleet."""

    facts: Mapping[str, Any]
    places: Mapping[str, Mapping[str, Any]]
    """By deployment."""


@dataclass(slots=True)
class Audited:
    """Makes events of the lines of traces. For one thread at a time."""

    keep: Keep
    _known: dict[str, _Decided] = field(default_factory=dict)
    _places: dict[str, _Fleet] = field(default_factory=dict)
    """By fleet hash."""

    def events(self, connection: Connection, lines: Sequence[Line]) -> list[AuditEvent]:
        """What is to be told of lines whose decisions and fleets are in the tables already."""
        found: list[AuditEvent] = []
        for line in lines:
            for hop in line.hops:
                if hop.decided and not hop.values[_RESUMED]:
                    found.append(self._hop(connection, line.trace_id, hop))
            found += _ended(line)
        return found

    def tell(self, connection: Connection, lines: Sequence[Line]) -> None:
        """Put them into the log."""
        self.keep(self.events(connection, lines))

    def _hop(self, connection: Connection, trace_id: str, hop: PackedHop) -> AuditEvent:
        key = hop.key or _digest(hop.decision or "")
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known[key] = self._read(connection, key, hop.decision)
        values, profile = hop.values, hop.profile
        facts: dict[str, Any] = {
            "hop": values[_ID],
            "decision": key,
            "role": values[_ROLE],
            "status": values[_HOP_STATUS],
            "calls": [_call(known, attempt) for attempt in hop.attempts],
            **known.facts,
        }
        if profile is not None:
            facts |= {"data_class": profile[_CLASS], "risk": profile[_RISK]}
        return AuditEvent(
            kind="decision",
            what=f"{facts.get('chosen', 'nobody')} was chosen",
            at=values[_STARTED] + values[_MS] / 1000,
            trace_id=trace_id,
            by=BY,
            facts=facts,
        )

    def _read(self, connection: Connection, key: str, alone: str | None) -> _Decided:
        content: Any = alone
        if content is None:
            content = connection.execute(
                select(decisions.c.content).where(decisions.c.key == key)
            ).scalar()
        decision = json.loads(content) if isinstance(content, str) else content or {}
        facts = {
            "chosen": decision.get("chosen"),
            "routes": decision.get("routes", []),
            "policy": decision.get("policy_hash"),
            "fleet": decision.get("fleet_hash"),
        }
        if decision.get("predictor", "prior") != "prior":
            facts["predictor"] = decision["predictor"]
        if decision.get("degraded"):
            facts["degraded"] = True
        if decision.get("strategy", "single") != "single":
            facts["strategy"] = decision["strategy"]
        guard = decision.get("guard", {})
        facts |= {
            n: guard[n] for n in ("redact", "unsafe") if guard.get(n) not in (None, "none", "off")
        }
        key, places = self._fleet(connection, str(decision.get("fleet_hash")))
        return _Decided(facts | ({"deployments": key} if key else {}), places)

    def _fleet(self, connection: Connection, hash: str) -> _Fleet:
        found = self._places.get(hash)
        if found is None:
            if len(self._places) >= _MOST:
                self._places.clear()
            found = self._places[hash] = _places(connection, hash)
        return found


def _call(known: _Decided, attempt: Sequence[Any]) -> dict[str, Any]:
    """Whom one attempt was for, how it ended, and where that is."""
    to, outcome = attempt[_DEPLOYMENT], str(attempt[_OUTCOME])
    sent = outcome not in _NOT_SENT and attempt[_KIND] != "cached"
    call = {"to": to, "outcome": outcome, "sent": sent}
    return call | dict(known.places.get(to, {}))


def _places(connection: Connection, hash: str) -> _Fleet:
    """The key of the fleet's deployments, which stays the same while their health changes."""
    content = connection.execute(select(fleets.c.content).where(fleets.c.key == hash)).scalar()
    if not isinstance(content, Mapping):
        return "", {}
    made_of = select(fleets.c.content).where(fleets.c.key == content["deployments"])
    found = connection.execute(made_of).scalar() or ()
    return content["deployments"], {
        one["id"]: {name: one[name] for name in _PLACE if one.get(name) is not None}
        for one in found
    }


def _ended(line: Line) -> Iterator[AuditEvent]:
    """How the request ended, where that is more than an answer."""
    if line.trace is None:
        return
    trace = dict(zip(TRACE, line.trace, strict=True))
    status, verdict = trace["status"], trace["verdict"]
    if status in ("running", "waiting") or (status == "ok" and verdict is None):
        return
    facts = {"status": status, "graph": trace["graph"], "policy": trace["policy_hash"]}
    if verdict is not None:
        facts["verdict"] = verdict
    yield AuditEvent(
        kind="verdict",
        what=verdict or f"ended: {status}",
        at=trace["started_at"] + trace["ms"] / 1000,
        trace_id=line.trace_id,
        by=BY,
        facts=facts,
    )


def lost(count: int, at: float) -> AuditEvent:
    """So many requests ended with the process that served them; how is not known."""
    return AuditEvent(
        kind="gap",
        what=f"{count} requests ended with the process that served them",
        at=at,
        by=BY,
        facts={"requests": count},
    )


def _digest(content: str) -> str:
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
