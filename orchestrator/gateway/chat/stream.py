"""An answer as server-sent events, each as soon as there is something to say.

Nothing is sent before there is something: until then a failure is a plain HTTP error. After that
it is an event, and no `[DONE]` follows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from orchestrator.gateway.chat.openai.answers import (
    DONE,
    KEEP_ALIVE,
    Chunks,
    Headers,
    about,
    broken,
)
from orchestrator.gateway.chat.wanted import Answer, Tell
from orchestrator.gateway.errors import ApiError

KEEP_ALIVE_S = 10.0
"""After so many seconds without an event comes a comment, so that nobody on the way hangs up."""
_HEAD: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
Work = Callable[[Tell], Awaitable[Answer]]


class Stream:
    """One response.

    Args:
        send: ASGI's.
        headers: of the response, besides those of every stream.
        include_usage: the caller asked for the chunk with the usage.
        quiet_s: see `KEEP_ALIVE_S`.
    """

    def __init__(
        self,
        send: Any,
        chunks: Chunks,
        headers: Headers,
        *,
        include_usage: bool,
        quiet_s: float = KEEP_ALIVE_S,
    ) -> None:
        self.chunks = chunks
        self._send, self._headers, self._quiet_s = send, headers, quiet_s
        self._include_usage = include_usage
        self._begun = False
        """The response's head was sent."""
        self._events: list[bytes] = []
        """What is to be sent."""
        self._text: list[str] = []
        """Text of the choice `_speaker` that is to be sent after these, as one chunk."""
        self._speaker = 0
        self._asleep: asyncio.Future[None] | None = None

    async def run(
        self, works: Sequence[Work], as_error: Callable[[Exception], ApiError]
    ) -> tuple[Answer, ...] | None:
        """Answer with a choice for each work; `None` where it ended in an error event.

        Raises:
            Exception: what a work raised before anything was sent.
        """
        voices = [_Voice(self, index) for index in range(len(works))]
        tasks = [
            asyncio.ensure_future(work(voice)) for work, voice in zip(works, voices, strict=True)
        ]
        for task in tasks:
            task.add_done_callback(self._wake)
        try:
            return await self._follow(tasks, voices)
        except Exception as error:
            await _stop(tasks)
            if not self._begun:
                raise
            self.put(broken(as_error(error).value(), self.chunks.trace_id))
            await self._write(more=False)
            return None
        except asyncio.CancelledError:
            await _stop(tasks)
            raise

    async def replay(self, answers: Sequence[Answer]) -> None:
        """What was answered before, at once."""
        for index, answer in enumerate(answers):
            self._close(_Voice(self, index), answer, answers[: index + 1], len(answers))
        await self._end(answers)

    def put(self, event: bytes) -> None:
        """Send an event after all that came before."""
        self._join()
        self._events.append(event)
        self._wake()

    def say(self, index: int, text: str) -> None:
        """Send text. What comes until it is sent goes with it."""
        if index != self._speaker:
            self._join()
            self._speaker = index
        self._text.append(text)
        self._wake()

    async def _follow(
        self, tasks: Sequence[asyncio.Future[Answer]], voices: Sequence[_Voice]
    ) -> tuple[Answer, ...]:
        answers: dict[int, Answer] = {}
        while True:
            for index, task in enumerate(tasks):
                if task.done() and index not in answers:
                    answers[index] = task.result()
                    heard = [answers[i] for i in sorted(answers)]
                    self._close(voices[index], answers[index], heard, len(tasks))
            if len(answers) == len(tasks):
                whole = tuple(answers[index] for index in range(len(tasks)))
                await self._end(whole)
                return whole
            if self._events or self._text:
                await self._write()
            else:
                await self._sleep()

    def _close(self, voice: _Voice, answer: Answer, heard: Sequence[Answer], of: int) -> None:
        """A choice is whole. The last of them says what there is to say of all."""
        self.chunks.answered_by(answer.model)
        last = len(heard) == of and not self._include_usage
        voice.close(answer, about(heard, self.chunks.trace_id) if last else None)

    async def _end(self, answers: Sequence[Answer]) -> None:
        if self._include_usage:
            self.put(self.chunks.usage(answers, about(answers, self.chunks.trace_id)))
        self.put(DONE)
        await self._write(more=False)

    async def _write(self, *, more: bool = True) -> None:
        self._join()
        if not self._begun:
            self._begun = True
            headers = _HEAD + self._headers
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"".join(self._events)
        self._events.clear()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _sleep(self) -> None:
        """Until there is something to send, or a sign of life is due."""
        loop = asyncio.get_running_loop()
        self._asleep = loop.create_future()
        alarm = loop.call_later(self._quiet_s, self._stir) if self._begun else None
        try:
            await self._asleep
        finally:
            self._asleep = None
            if alarm is not None:
                alarm.cancel()

    def _stir(self) -> None:
        if self._asleep is not None and not self._asleep.done():
            self.put(KEEP_ALIVE)

    def _wake(self, _: object = None) -> None:
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)

    def _join(self) -> None:
        if self._text:
            self._events.append(self.chunks.text(self._speaker, "".join(self._text)))
            self._text.clear()


class _Voice:
    """One choice; satisfies `Tell`."""

    def __init__(self, stream: Stream, index: int) -> None:
        self._stream, self._index = stream, index
        self._begun = self._spoke = False

    def text(self, text: str) -> None:
        if not text:
            return
        self._begin()
        self._spoke = True
        self._stream.say(self._index, text)

    def progress(self, progress: Mapping[str, Any]) -> None:
        self._begin()
        self._stream.put(self._stream.chunks.progress(self._index, progress))

    def close(self, answer: Answer, mesh: Mapping[str, Any] | None) -> None:
        """The answer is whole: what was held back of it, its calls, its end."""
        self._begin()
        if answer.text and not self._spoke:
            self._stream.say(self._index, answer.text)
        if answer.tool_calls:
            self._stream.put(self._stream.chunks.calls(self._index, answer))
        self._stream.put(self._stream.chunks.finish(self._index, answer, mesh))

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._stream.put(self._stream.chunks.role(self._index))


async def _stop(tasks: Sequence[asyncio.Future[Answer]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
