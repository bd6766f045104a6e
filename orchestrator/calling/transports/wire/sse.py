"""Server-sent events, read tolerantly: whatever arrives, only whole events come out."""

from __future__ import annotations

from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

MIB = 1024 * 1024
EVENT_BYTES = 16 * MIB
"""Of one event; sixteen times the largest token that anybody has sent."""
ANSWER_BYTES = 256 * MIB
"""Of a whole stream: some 500,000 tokens, each in a chunk of half a kilobyte."""


class Events:
    """Cuts a stream into its events. One object a stream.

    Lines may end in LF, CRLF or CR, as the standard has it, and be split anywhere. An event that
    the stream's end cuts off is dropped, as the standard asks. What is held is one event at most,
    and each byte is looked at once, however small the pieces are in which it comes.
    """

    __slots__ = ("_after_cr", "_answer_bytes", "_event_bytes", "_total", "held")

    def __init__(self, event_bytes: int = EVENT_BYTES, answer_bytes: int = ANSWER_BYTES) -> None:
        self._event_bytes, self._answer_bytes = event_bytes, answer_bytes
        self.held = bytearray()
        """The beginning of an event."""
        self._total = 0
        self._after_cr = False
        """The last byte was a CR: an LF that follows belongs to it."""

    def feed(self, data: bytes) -> list[bytes]:
        """The events that end in `data`: their lines, each ended by LF but for the last.

        Raises:
            AttemptError: `malformed`, where an event or all of them together exceed their limit.
        """
        self._total += len(data)
        if self._total > self._answer_bytes:
            raise _too_large("the answer", self._answer_bytes)
        if self._after_cr or b"\r" in data:
            data = self._unified(data)
        held = self.held
        if not held and data.endswith(b"\n\n"):
            return data[:-2].split(b"\n\n")
        looked_at = max(len(held) - 1, 0)
        held += data
        end = held.rfind(b"\n\n", looked_at)
        if end < 0:
            self._bounded()
            return []
        found = bytes(held[:end]).split(b"\n\n")
        del held[: end + 2]
        self._bounded()
        return found

    def _unified(self, data: bytes) -> bytes:
        """`data` with every line ended by LF."""
        if not data:
            return data
        follows, self._after_cr = self._after_cr, data.endswith(b"\r")
        if follows:
            data = data.removeprefix(b"\n")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _bounded(self) -> None:
        if len(self.held) > self._event_bytes:
            raise _too_large("an event", self._event_bytes)


def data_of(event: bytes) -> bytes | None:
    """The event's data; `None` where it has none."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    found = [n[5:].removeprefix(b" ") for n in event.split(b"\n") if n.startswith(b"data:")]
    return b"\n".join(found) if found else None


def _too_large(what: str, limit: int) -> AttemptError:
    return AttemptError(Outcome.MALFORMED, f"{what} is larger than {limit // MIB} MiB")
