"""The body of an answer as our events: a stream of chunks, or one piece. Nothing waits here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from orchestrator.call_types import CallEvent
from orchestrator.calling.transports.wire.chat import Chunks
from orchestrator.calling.transports.wire.screen import DONE, Screen, may_call, parsed_json
from orchestrator.calling.transports.wire.sse import EVENT_BYTES, MIB, Events, data_of
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

_LAST = b"data: " + DONE


class Answer(ABC):
    """Takes the body as it comes and says what it means.

    `take` never raises: what came before a failure is told first, then it is the `failure`.
    """

    def __init__(self) -> None:
        self.chunks = Chunks()
        self.ended = False
        """Nothing more is waited for, whatever may come."""
        self.failure: AttemptError | None = None

    def take(self, data: bytes) -> list[CallEvent]:
        """The events of the next bytes; none are left where `data` is empty."""
        try:
            if data:
                self._more(data)
            else:
                self._end()
        except AttemptError as error:
            self.failure = error
        return self.chunks.events()

    def closing(self) -> list[CallEvent]:
        """What is known once it has ended."""
        return self.chunks.closing()

    @abstractmethod
    def _more(self, data: bytes) -> None:
        """Read on."""

    @abstractmethod
    def _end(self) -> None:
        """Nothing more comes, or is waited for."""


class Streamed(Answer):
    """Server-sent events, one chunk in each."""

    def __init__(self) -> None:
        super().__init__()
        self._events, self._screen = Events(), Screen()
        self._seen = 0

    def _more(self, data: bytes) -> None:
        # Of whole events among which no tool is called the screen has nothing to remember.
        usual = not self._events.held and not self._screen.lost and not may_call(data)
        events, chunks = self._events.feed(data), self.chunks
        for place, event in enumerate(events, 1):
            if usual and event.startswith(b"data: {") and chunks.usual(event):
                self._seen += 1
            else:
                self._event(event)
                usual = usual and not self._screen.lost
            if chunks.settled and not self.ended:
                self._end()
            if self.ended:
                self._late(events[place:])
                return

    def _event(self, event: bytes) -> None:
        value = data_of(event)
        if value is None:
            return
        if value.strip() == DONE:
            self._end()
            return
        self._seen += 1
        chunk = self._screen.parse(value)
        if chunk is not None:
            self.chunks.read(chunk)

    def _end(self) -> None:
        self.ended = True
        if not self.chunks.chosen:
            found = f"{self._seen} events without a choice" if self._seen else "no event"
            raise AttemptError(Outcome.MALFORMED, f"the stream held {found}")

    def _late(self, events: Sequence[bytes]) -> None:
        """A usage may come late, or be corrected; what else comes after the end is not read."""
        for event in events:
            value = data_of(event) if event != _LAST else None
            if not value or value.startswith(DONE):
                continue
            with suppress(ValueError, RecursionError):
                chunk = parsed_json(value)
                if isinstance(chunk, dict):
                    self.chunks.use(chunk)


class Whole(Answer):
    """One JSON object, though a stream was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._body = bytearray()

    def _more(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > EVENT_BYTES:
            said = f"the answer is larger than {EVENT_BYTES // MIB} MiB"
            raise AttemptError(Outcome.MALFORMED, said)

    def _end(self) -> None:
        self.ended = True
        try:
            body = parsed_json(bytes(self._body))
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            start = bytes(self._body[:120]).decode("utf-8", "replace")
            raise AttemptError(Outcome.MALFORMED, f"no JSON object: {start!r}")
        self.chunks.read(body, "message")
        if not self.chunks.chosen:
            raise AttemptError(Outcome.MALFORMED, "the answer holds no choice")
