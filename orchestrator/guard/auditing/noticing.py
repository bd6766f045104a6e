"""What changed since the decision before: another policy, another fleet, another learned state.

A policy is in force from the first decision that is made under it. So who reads the log sees it at
that place of the chain, whichever process had loaded it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.records import AuditEvent, AuditKind

SEEN = "seen.json"
OVERLAP_S = 600.0
"""Requests that had begun may end under what was in force before; that is no change back."""
Describe = Callable[[str, str, str], Mapping[str, Any]]
"""Of a subject (`policy`), before and after, what is known of the change: who, and what."""

_SUBJECTS: Mapping[str, tuple[AuditKind, str]] = {
    "policy": ("policy", "another policy is in force"),
    "deployments": ("configuration", "the fleet has other deployments"),
    "predictor": ("configuration", "another learned state is used"),
}


@dataclass(slots=True)
class Noticing:
    """Puts an event before the first decision under something new.

    What was seen last stands in a small file beside the log; who removes it sees the change twice.
    """

    folder: Path
    describe: Describe = field(default=lambda _subject, _before, _after: {})

    def with_changes(self, events: Sequence[AuditEvent]) -> list[AuditEvent]:
        """The events, each change before the first that tells of it."""
        seen = self._read()
        found: list[AuditEvent] = []
        changed = False
        for event in events:
            if event.kind == "decision":
                for change in self._changes(seen, event):
                    changed = True
                    found.append(change)
            found.append(event)
        if changed:
            self._keep(seen)
        return found

    def _changes(self, seen: dict[str, dict[str, Any]], event: AuditEvent) -> Iterator[AuditEvent]:
        for subject, (kind, what) in _SUBJECTS.items():
            now = event.facts.get(subject)
            known = seen.get(subject, {})
            if not now or now == known.get("now"):
                continue
            if now == known.get("before") and event.at - known.get("at", 0.0) < OVERLAP_S:
                continue
            before = known.get("now", "")
            seen[subject] = {"now": now, "before": before, "at": event.at}
            described = dict(self.describe(subject, before, now))
            yield AuditEvent(
                kind=kind,
                what=what if before else what.replace("another ", "a ").replace("other ", ""),
                at=event.at,
                by=str(described.pop("by", "mesh")),
                facts={"subject": subject, "before": before, "after": now, **described},
            )

    def _read(self) -> dict[str, dict[str, Any]]:
        with suppress(OSError, ValueError):
            found = json.loads((self.folder / SEEN).read_text("utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def _keep(self, seen: Mapping[str, Any]) -> None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self.folder / SEEN
            path.touch(mode=0o600)
            path.write_text(json.dumps(seen), "utf-8")
