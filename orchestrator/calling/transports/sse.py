"""Server-sent events, read tolerantly: whatever arrives, only whole `data` values come out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator


async def data_values(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """The `data` of each event, in order; comments and other fields are passed over.

    Lines may end in LF or CRLF and be split anywhere. An event that the stream's end cuts off
    is dropped, as the standard asks.
    """
    data: list[str] = []
    async for line in _lines(chunks):
        if not line:
            if data:
                yield "\n".join(data)
                data = []
        elif line.startswith(b"data:"):
            value = line[5:].removeprefix(b" ")
            data.append(value.decode("utf-8", "replace"))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    pending: list[bytes] = []
    async for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        pending.append(first)
        for piece in rest:
            yield b"".join(pending).removesuffix(b"\r")
            pending = [piece]
