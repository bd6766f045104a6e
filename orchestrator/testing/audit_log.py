"""What every audit log must do."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from orchestrator.project.protocols import AuditLog
from orchestrator.records import AuditEvent

SECRET = "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"


class AuditLogConformance:
    """Say how the log is made, and how its events are read."""

    def make(self) -> AuditLog:
        """A log without events."""
        raise NotImplementedError

    def events(self, log: AuditLog) -> Sequence[AuditEvent]:
        """All that `log` has taken until now, in order; waits until they are kept."""
        raise NotImplementedError

    def raw(self, log: AuditLog) -> bytes:
        """Every byte that it keeps."""
        raise NotImplementedError

    EVENT = AuditEvent(
        kind="refusal",
        what="pii may not go to hosted models",
        at=1e9,
        trace_id="t1",
        by="mesh",
        facts={"data_class": "pii", "routes": ["private"], "count": 3, "known": None},
    )

    def test_what_it_takes_is_kept(self) -> None:
        """An event comes back as it was, facts and all."""
        log = self.make()
        log.record(self.EVENT)
        assert list(self.events(log)) == [self.EVENT]

    def test_events_stay_in_order(self) -> None:
        """As one thread has recorded them; none is missing."""
        log = self.make()
        threads = [threading.Thread(target=self._many, args=(log, n)) for n in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        found = [event.facts for event in self.events(log)]
        for number in range(4):
            assert [f["n"] for f in found if f["of"] == number] == list(range(50))

    def _many(self, log: AuditLog, of: int) -> None:
        for number in range(50):
            log.record(AuditEvent(kind="tool", what="ran", at=1e9, facts={"of": of, "n": number}))

    def test_every_event_is_kept(self) -> None:
        """Many in a row, faster than they can be written."""
        log = self.make()
        for _ in range(1000):
            log.record(self.EVENT)
        assert len(self.events(log)) == 1000

    def test_no_secret_is_kept(self) -> None:
        """Whatever a careless caller hands in."""
        log = self.make()
        facts = {"tool": SECRET, "nested": [{"key": f"Bearer {SECRET}"}], SECRET: 1}
        log.record(AuditEvent(kind="tool", what=f"asked with {SECRET}", at=1e9, facts=facts))
        assert len(self.events(log)) == 1
        assert SECRET.encode() not in self.raw(log)

    def test_no_text_is_kept(self) -> None:
        """What is longer than a name or a few words is cut off."""
        log = self.make()
        log.record(AuditEvent(kind="tool", what="w " * 5000, at=1e9, facts={"t": "x " * 5000}))
        assert len(self.events(log)) == 1
        assert len(self.raw(log)) < 2000
