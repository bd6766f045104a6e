"""Acts that wait for a person: kept in the journal, agreed to once, used once.

An approval's id is a keyed digest of exactly what it approves: run, node, round, step, tool and
arguments. So other arguments are another act, and what was agreed to in one run is worth nothing
in another. What was asked and what was answered is sealed with the journal's key; the columns
beside them are for listing and for taking an approval once, and nothing follows from them alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from cryptography.fernet import InvalidToken

from orchestrator.errors import UnknownNameError, UserError, WaitingError
from orchestrator.graph.journal import JournalStore
from orchestrator.graph.telling import is_signed
from orchestrator.project.protocols import AuditLog, Clock
from orchestrator.records import AuditEvent
from orchestrator.roles.looping.acts import (
    APPROVE,
    REJECT,
    Act,
    Nobody,
    Ruling,
    Tampered,
    Wanted,
)
from orchestrator.types import as_json, from_json

State = Literal["waiting", "approved", "rejected", "expired", "used"]
_COLUMNS = "id, run, state, asked_at, expires_at, answers, used_at, wanted, ruling"
_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One act with what was asked and said of it, as people see it."""

    id: str
    state: State
    asked_at: float
    """Seconds since the epoch, as all times here."""
    expires_at: float
    wanted: Wanted
    ruling: Ruling | None = None
    used_at: float | None = None

    @property
    def question(self) -> str:
        """What a person is asked."""
        act = self.wanted.act
        return f"May the {self.wanted.level} tool '{act.tool}' be called by '{act.node}'?"

    @property
    def shown(self) -> dict[str, str]:
        """All that a person is to see before, in full."""
        wanted, act = self.wanted, self.wanted.act
        shown = {
            "tool": f"{act.tool} ({wanted.level})\n{wanted.description}".strip(),
            "arguments": json.dumps(act.arguments, ensure_ascii=False, indent=2),
            "why it is asked": f"{wanted.why} [{wanted.rule}]",
        }
        if wanted.task:
            shown["task"] = wanted.task
        if act.again:
            shown["it may have been done"] = (
                "this call was begun before, and the process ended before anybody knew whether "
                "it was carried out; approve it only if it may be carried out again"
            )
        if wanted.check is not None:
            shown["double check"] = wanted.check.in_words
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person says of an act."""

    approve: bool
    by: str
    because: str = ""
    arguments: Mapping[str, Any] | None = None
    """In the place of the model's, where the person changed them."""
    through: str = "command"
    """`command`, `viewer`, `webhook`, `run` or `graph`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """All approvals of one project; satisfies `acts.Approver`.

    Args:
        store: the journal.
        audit: takes what was asked, said, refused and used.
        hours: how long an act waits for an answer, and an approval for its use.
        tell: called with each act that begins to wait.
    """

    store: JournalStore
    clock: Clock
    audit: AuditLog
    hours: float = 24.0
    tell: Callable[[Approval], None] = lambda _: None
    secret: str = field(default="", repr=False)
    """Signs answers that come from elsewhere; empty: none are taken."""

    # ── for a run ────────────────────────────────────────────────────────────────────────

    async def find(self, act: Act) -> Ruling | Tampered | Nobody:
        return await asyncio.to_thread(self._find, act)

    def _find(self, act: Act) -> Ruling | Tampered | Nobody:
        id = self.id_of(act)
        rows = self.store.read(f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", (id,))
        if not rows:
            return Nobody()
        try:
            found = self._read(rows[0])
        except _BrokenError as broken:
            self._event("refused: what is on record of it was changed", act, id, why=str(broken))
            return Tampered(id=id, why=str(broken))
        found = self._expired(found)
        if found.ruling is None:
            return Nobody(asked=True, check=found.wanted.check)
        return replace(found.ruling, used=found.used_at is not None)

    async def ask(self, wanted: Wanted) -> NoReturn:
        found = await asyncio.to_thread(self._ask, wanted)
        act = wanted.act
        raise WaitingError(
            act.run,
            act.node,
            found.question,
            found.shown,
            (APPROVE, REJECT),
            approval=found.id,
        )

    def _ask(self, wanted: Wanted) -> Approval:
        act, now = wanted.act, self.clock.now()
        id = self.id_of(act)
        fresh = self.store.write(
            "INSERT OR IGNORE INTO approvals"
            " (id, run, node, tool, level, state, asked_at, expires_at, wanted)"
            " VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?, ?)",
            (
                id,
                act.run,
                act.node,
                act.tool,
                wanted.level,
                now,
                now + self.hours * _HOUR,
                self.store.seal(as_json(wanted)),
            ),
        )
        found = self.get(id)
        if fresh:
            self._event("waits for an approval", act, id, level=wanted.level, rule=wanted.rule)
            self.tell(found)
        return found

    async def take(self, ruling: Ruling) -> bool:
        return await asyncio.to_thread(
            self.store.write,
            "UPDATE approvals SET state = 'used', used_at = ?"
            " WHERE id = ? AND state = 'approved' AND used_at IS NULL AND answers = ?",
            (self.clock.now(), ruling.id, ruling.number),
        )

    # ── for people ───────────────────────────────────────────────────────────────────────

    def list(self, state: State | None = None, limit: int = 50) -> list[Approval]:
        """The latest, newest first; those whose texts are gone, or were changed, are left out."""
        rows = self.store.read(
            f"SELECT {_COLUMNS} FROM approvals WHERE wanted NOT NULL"
            " ORDER BY asked_at DESC, id LIMIT ?",
            (limit if state is None else -1,),
        )
        found: list[Approval] = []
        for row in rows:
            try:
                found.append(self._expired(self._read(row)))
            except _BrokenError:
                continue
        return [one for one in found if state in (None, one.state)][:limit]

    def get(self, id: str) -> Approval:
        """The one with that id, or with the only one that begins so.

        Raises:
            UnknownNameError: there is none, or several.
            UserError: its texts are gone, or what is on record was changed.
        """
        rows = self.store.read(
            f"SELECT {_COLUMNS} FROM approvals WHERE substr(id, 1, ?) = ? LIMIT 2", (len(id), id)
        )
        if len(rows) != 1 or not id:
            known = self.store.read("SELECT id FROM approvals ORDER BY asked_at DESC LIMIT 12")
            raise UnknownNameError("approval", id, [row[0] for row in known])
        try:
            return self._expired(self._read(rows[0]))
        except _BrokenError as broken:
            raise UserError(f"approval '{rows[0][0]}' cannot be used: {broken}") from None

    def decide(self, id: str, decision: Decision) -> Approval:
        """Approve or reject; the same said twice is said once.

        Raises:
            UnknownNameError: no such approval.
            UserError: it has expired, was used, or the contrary was said before.
        """
        found = self.get(id)
        act = found.wanted.act
        wanted = decision.arguments is not None and decision.arguments != act.arguments
        now = self.clock.now()
        said: Literal["approved", "rejected"] = "approved" if decision.approve else "rejected"
        ruling = Ruling(
            id=found.id,
            said=said,
            arguments=dict(decision.arguments or {}) if wanted else act.arguments,
            edited=wanted,
            by=decision.by,
            because=decision.because,
            at=now,
            number=found.ruling.number + 1 if found.ruling else 1,
        )
        if (why := _why_not(found, ruling) or _against(found, ruling)) is not None:
            self._event(f"refused: {why}", act, found.id, decision, attempt=said)
            raise UserError(f"approval '{found.id}': {why}")
        again = decision.arguments is None and found.state in ("approved", "used")
        if _same(found.ruling, ruling) or (again and ruling.go):
            return found  # also where another person has changed the arguments and approved those
        sealed = self.store.seal({**as_json(ruling), "digest": self._digest(act, ruling)})
        done = self.store.write(
            "UPDATE approvals SET state = ?, expires_at = ?, ruling = ?, answers = ?"
            " WHERE id = ? AND state = ? AND used_at IS NULL AND answers = ?",
            (
                said,
                now + self.hours * _HOUR,
                sealed,
                ruling.number,
                found.id,
                found.state,
                ruling.number - 1,
            ),
        )
        if not done:  # somebody else was quicker
            return self.decide(id, decision)
        what = f"{said} with other arguments" if ruling.edited else said
        self._event(what, act, found.id, decision, arguments=self._digest(act, ruling))
        return self.get(found.id)

    def is_signed(self, body: bytes, header: str) -> bool:
        """Whether an answer that came with that signature is to be taken; what is not is on
        record."""
        now = self.clock.now()
        good = is_signed(self.secret, body, header, now)
        if not good:
            what = "an answer was refused: its signature is not good"
            self.audit.record(AuditEvent(kind="approval", what=what, at=now))
        return good

    # ── what is on record ────────────────────────────────────────────────────────────────

    def id_of(self, act: Act) -> str:
        """A keyed digest of all of it."""
        return self.store.mark(as_json(act))

    def _digest(self, act: Act, ruling: Ruling) -> str:
        """Of the act as it was agreed to."""
        return self.id_of(replace(act, arguments=ruling.arguments))

    def _read(self, row: tuple[Any, ...]) -> Approval:
        id, run, state, asked_at, expires_at, answers, used_at, wanted, ruling = row
        if wanted is None:
            raise _BrokenError("the run has ended, and its texts were not to be kept")
        try:
            known = from_json(Wanted, self.store.unseal(wanted))
            said = None if ruling is None else self.store.unseal(ruling)
        except (InvalidToken, ValueError, TypeError, KeyError):
            raise _BrokenError("what was asked or answered is not readable with our key") from None
        if self.id_of(known.act) != id or known.act.run != run:
            raise _BrokenError("the arguments on record are not those that were asked about")
        found = Approval(
            id=id,
            state=state,
            asked_at=asked_at,
            expires_at=expires_at,
            wanted=known,
            used_at=used_at,
        )
        if said is None:
            if state not in ("waiting", "expired"):
                raise _BrokenError("it counts as answered, and no answer is on record")
            return found
        digest = said.pop("digest", "")
        answered = from_json(Ruling, said)
        latest = (answered.id, answered.number) == (id, answers)
        if not latest or self._digest(known.act, answered) != digest:
            raise _BrokenError("the answer on record is one to something else")
        return replace(found, ruling=answered)

    def _expired(self, found: Approval) -> Approval:
        """As it is now: nobody answers, or uses, what has waited too long."""
        late = found.state in ("waiting", "approved") and found.expires_at <= self.clock.now()
        if late and self.store.write(
            "UPDATE approvals SET state = 'expired' WHERE id = ? AND state = ?",
            (found.id, found.state),
        ):
            self._event("expired", found.wanted.act, found.id, before=found.state)
        if not late and found.state != "expired":
            return found
        ruling = Ruling(
            id=found.id,
            said="expired",
            arguments=found.wanted.act.arguments,
            because="nobody has answered in time"
            if found.ruling is None
            else "it was approved, and not carried out in time",
            at=found.expires_at,
        )
        return replace(found, state="expired", ruling=ruling)

    def _event(
        self, what: str, act: Act, id: str, decision: Decision | None = None, **facts: Any
    ) -> None:
        said = {} if decision is None else {"through": decision.through}
        self.audit.record(
            AuditEvent(
                kind="approval",
                what=f"{act.tool}: {what}",
                at=self.clock.now(),
                trace_id=act.run,
                by="" if decision is None else decision.by,
                facts={"approval": id, "tool": act.tool, "node": act.node, **said, **facts},
            )
        )


class _BrokenError(ValueError):
    """What is on record is not what was put there."""


def _why_not(found: Approval, ruling: Ruling) -> str | None:
    """Why that cannot be said of it now."""
    if found.state == "expired":
        return "it has expired; the run goes on as if it were rejected"
    if found.state == "used":
        same = ruling.go and not ruling.edited
        return None if same else "it was approved and is carried out already"
    if found.state == "rejected":
        return None if not ruling.go else "it was rejected"
    return None


def _against(found: Approval, ruling: Ruling) -> str | None:
    """Who overrules a second model says why."""
    check = found.wanted.check
    if not ruling.go or ruling.because or check is None or check.go or found.ruling is not None:
        return None
    return f"a second model says {check.in_words}; to approve it all the same, say why"


def _same(before: Ruling | None, now: Ruling) -> bool:
    """Whether that was said already; who says so again does not matter."""
    if before is None:
        return False
    return (before.said, before.arguments) == (now.said, now.arguments)
