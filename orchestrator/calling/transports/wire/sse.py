"""Server-sent events, read tolerantly: whatever arrives, only whole events come out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

MIB = 1024 * 1024
EVENT_BYTES = 16 * MIB
"""Of one event; sixteen times the largest token that anybody has sent."""
ANSWER_BYTES = 256 * MIB
"""Of a whole stream: some 500,000 tokens, each in a chunk of half a kilobyte."""


async def data_values(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """The `data` of each event, in order; comments and other fields are passed over."""
    async with aclosing(events(chunks)) as found:
        async for lines in found:
            value = data_of(lines)
            if value is not None:
                yield value


async def events(
    chunks: AsyncIterator[bytes], event_bytes: int = EVENT_BYTES, answer_bytes: int = ANSWER_BYTES
) -> AsyncGenerator[list[bytes], None]:
    """The lines of each event, without their ends.

    Lines may end in LF or CRLF and be split anywhere. An event that the stream's end cuts off
    is dropped, as the standard asks.

    Raises:
        AttemptError: `malformed`, where an event or all of them together exceed their limit.
    """
    event: list[bytes] = []
    size = 0
    async for line in _lines(chunks, event_bytes, answer_bytes):
        if line:
            event.append(line)
            size += len(line)
            _within(size, event_bytes, "an event")
        elif event:
            yield event
            event, size = [], 0


def data_of(event: list[bytes]) -> str | None:
    """The event's data; `None` where it has none."""
    found = [line[5:].removeprefix(b" ") for line in event if line.startswith(b"data:")]
    return b"\n".join(found).decode("utf-8", "replace") if found else None


async def _lines(
    chunks: AsyncIterator[bytes], line_bytes: int, all_bytes: int
) -> AsyncGenerator[bytes, None]:
    pending: list[bytes] = []
    size = total = 0
    async for chunk in chunks:
        total += len(chunk)
        _within(total, all_bytes, "the answer")
        first, *rest = chunk.split(b"\n")
        pending.append(first)
        size += len(first)
        for piece in rest:
            yield b"".join(pending).removesuffix(b"\r")
            pending, size = [piece], len(piece)
        _within(size, line_bytes, "an event")


def _within(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise AttemptError(Outcome.MALFORMED, f"{what} is larger than {limit // MIB} MiB")
