"""The audit log as the parts of a project use it. Satisfies `protocols.AuditLog`."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import StorageError, UserError
from orchestrator.guard.auditing.anchors import places_of
from orchestrator.guard.auditing.chain import Chain
from orchestrator.guard.auditing.entry import Head
from orchestrator.guard.auditing.heads import head_to_send, private_key
from orchestrator.guard.auditing.noticing import Describe, Noticing
from orchestrator.guard.auditing.segments import FOLDER
from orchestrator.records import AuditEvent
from orchestrator.storage.collect import Collector

if TYPE_CHECKING:
    from orchestrator.project.audit_schema import Anchor

LONGEST = 200
"""Characters of one value; what is longer is a text, and no text stands here."""
SECONDS = 0.05
"""How long events wait for others."""
SENT = "sent.json"
"""How far heads were sent, as all processes of the project know it."""
_LOG = logging.getLogger("orchestrator.audit")
_DIGEST = re.compile(r"(?=\d*[a-f])[0-9a-f]{12,64}")


class AuditTrail:
    """Takes events from any thread and writes them in a thread of its own.

    Make it after the process has forked. What cannot be written is lost and counted, and `problem`
    says so; the events that come with the traces wait with them (`write`).

    Args:
        storage: the project's storage folder.
        root: the project's folder.
        project: stands in every head, since several projects may send theirs to one place.
        anchor: where heads go.
        clean: takes out of a text what must not be kept: secrets, personal data.
        describe: tells of a changed policy or fleet who changed what.
    """

    def __init__(
        self,
        storage: Path,
        *,
        root: Path,
        project: str,
        now: Callable[[], float],
        anchor: Anchor | None = None,
        env: Mapping[str, str] | None = None,
        clean: Callable[[str], str] = lambda text: text,
        describe: Describe = lambda _subject, _before, _after: {},
    ) -> None:
        self.chain = Chain(storage / FOLDER)
        self._noticing = Noticing(self.chain.folder, describe)
        self.project, self._now, self._clean = project, now, clean
        self._anchor, self._env = anchor, env or {}
        self._places = () if anchor is None else places_of(anchor, root)
        self._unsent: dict[str, str] = {}
        """By place, why the last head did not arrive."""
        self._why = ""
        self._head: Head | None = None
        self._sending = threading.Lock()
        self._events: Collector[AuditEvent] = Collector(self._take, "mesh-audit", seconds=SECONDS)

    def record(self, event: AuditEvent) -> None:
        """Take the event; see `protocols.AuditLog`."""
        self._events.put(event)

    def write(self, events: Sequence[AuditEvent]) -> None:
        """Keep them now; they are on the disk when this returns. Only for events that hold
        nothing but declared names, classes, numbers and digests.

        Raises:
            StorageError: they cannot be written.
        """
        if events:
            self._head = self.chain.append(self._noticing.with_changes(events))
            self.send_head()

    def flush(self) -> None:
        """Write what waits."""
        self._events.flush()

    def close(self) -> None:
        """Write what waits, and send the last head."""
        self._events.close()
        self.send_head(last=True)

    @property
    def problem(self) -> str | None:
        """What was lost, or did not arrive, for a person; `None` where nothing was."""
        if self._events.lost or self._why:
            return (
                f"{self._events.lost or 'some'} audit events were lost: {self._why or 'too many'}"
            )
        for place, why in self._unsent.items():
            return f"the audit log's head did not reach {place}: {why}"
        return None

    def send_head(self, *, last: bool = False) -> None:
        """Send the head, where it is time.

        Args:
            last: nobody writes after this: whatever was not sent is.
        """
        anchor, head = self._anchor, self._head
        if anchor is None or head is None or not self._places:
            return
        with self._sending:
            sent = self._sent()
            new = head.number - sent.get("number", 0)
            late = self._now() - sent.get("at", 0.0) >= anchor.minutes * 60
            if new > 0 and (last or late or new >= anchor.every):
                self._send(anchor, head)

    def _send(self, anchor: Anchor, head: Head) -> None:
        at = self._now()
        try:
            secret = self._env.get(anchor.key, "") if anchor.key else ""
            if anchor.key and not secret:
                raise UserError(f"the variable {anchor.key} with the signing key is not set")
            key = private_key(secret, anchor.key or "") if secret else None
            made = head_to_send(self.project, head, at, key)
        except UserError as error:
            self._did_not_arrive("its place", str(error))
            return
        arrived = False
        for name, send in self._places:
            try:
                send(made)
            except OSError as error:
                self._did_not_arrive(name, error.strerror or str(error))
            else:
                self._unsent.pop(name, None)
                arrived = True
        if arrived and not self._unsent:
            self._keep_sent({"number": head.number, "hash": head.hash, "at": at})

    def _did_not_arrive(self, place: str, why: str) -> None:
        if self._unsent.get(place) != why:
            _LOG.warning("the audit log's head did not reach %s: %s", place, why)
        self._unsent[place] = why

    def _sent(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads((self.chain.folder / SENT).read_text("utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def _keep_sent(self, content: Mapping[str, Any]) -> None:
        """A hint when the next one is due, no evidence: whoever loses it sends one more."""
        with suppress(OSError):
            path = self.chain.folder / SENT
            path.touch(mode=0o600)
            path.write_text(json.dumps(content), "utf-8")

    def _take(self, events: list[AuditEvent]) -> None:
        try:
            self.write([self._cleaned(event) for event in events])
        except StorageError as error:
            if not self._why:
                _LOG.error("%s", error)
            self._why = str(error)

    def _cleaned(self, event: AuditEvent) -> AuditEvent:
        return replace(
            event,
            what=self._text(event.what),
            by=self._text(event.by),
            facts={self._text(str(key)): self._value(v) for key, v in event.facts.items()},
        )

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(str(key)): self._value(one) for key, one in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._value(one) for one in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        if _DIGEST.fullmatch(text):
            return text
        cleaned = self._clean(text)
        return cleaned if len(cleaned) <= LONGEST else f"{cleaned[: LONGEST - 1]}…"
