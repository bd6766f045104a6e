"""Old files of the audit log go whole, and the log says so before they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import StorageError
from orchestrator.guard.auditing.chain import Chain
from orchestrator.guard.auditing.entry import read_line
from orchestrator.guard.auditing.segments import last_of, segments, whole_lines
from orchestrator.records import AuditEvent
from orchestrator.storage.compact import size_of
from orchestrator.storage.sweep import Limits


@dataclass(frozen=True, slots=True)
class AuditSweep:
    """A `storage.sweep.Sweep` over the files of the audit log; the one in use always stays."""

    path: Path
    name: str = "audit log"

    def size(self) -> int:
        return size_of(self.path)

    def sweep(self, limits: Limits, *, dry_run: bool) -> Mapping[str, int]:
        """Files whose last entry is from before the moment."""
        if limits.audit is None:
            return {}
        chain = Chain(self.path)
        try:
            with chain.lock():
                gone = []
                for path in segments(self.path)[:-1]:
                    if _last_at(path) >= limits.audit:
                        break
                    gone.append(path)
                head = last_of(gone[-1])[0] if gone else None
                if head is None:
                    return {}
                if not dry_run:
                    event = AuditEvent(
                        kind="retention",
                        what=f"entries up to {head.number:,} were removed by their age",
                        at=limits.now,
                        by="mesh gc",
                        facts={"through": head.number, "hash": head.hash, "files": len(gone)},
                    )
                    chain.append_locked([event])
                    for path in gone:
                        path.unlink()
        except OSError as error:
            raise StorageError(f"the audit log cannot be cleaned up: {error}") from error
        return {"files": len(gone)}


def _last_at(path: Path) -> float:
    """When its last whole entry was made; a file that holds none is of no age."""
    found = float("inf")
    for line in whole_lines(path):
        try:
            found = read_line(line.rstrip(b"\n"), None).at
        except ValueError:
            continue
    return found
