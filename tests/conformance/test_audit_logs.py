"""The conformance suite over every audit log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.guard.auditing.segments import entries, segments
from orchestrator.guard.auditing.trail import AuditTrail
from orchestrator.project.protocols import AuditLog
from orchestrator.records import AuditEvent
from orchestrator.testing import AuditLogConformance
from orchestrator.tracing.redact import Mask


class TestAuditTrail(AuditLogConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> AuditLog:
        return AuditTrail(
            self.folder,
            root=self.folder,
            project="here",
            now=lambda: 1e9,
            clean=lambda text: Mask().personal(text),
        )

    def events(self, log: AuditLog) -> Sequence[AuditEvent]:
        assert isinstance(log, AuditTrail)
        log.close()
        assert log.problem is None
        return [
            AuditEvent(
                kind=e.kind, what=e.what, at=e.at, trace_id=e.trace_id, by=e.by, facts=e.facts
            )
            for e in entries(log.chain.folder)
        ]

    def raw(self, log: AuditLog) -> bytes:
        assert isinstance(log, AuditTrail)
        return b"".join(path.read_bytes() for path in segments(log.chain.folder))
