"""What every transport must do."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from types import MappingProxyType
from typing import Any, cast

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Confidence,
    Finish,
    Product,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Transport
from orchestrator.testing._loop import in_a_loop
from orchestrator.types import Deployment, Outcome

NEVER = (Outcome.OK, Outcome.UNKNOWN, Outcome.OVER_BUDGET, Outcome.SKIPPED_OPEN, Outcome.CANCELLED)
"""Outcomes that are not for a transport to say."""


class TransportConformance:
    """Say how a transport is made, and how each situation is brought about for it.

    A situation is an async context manager that gives a deployment; what it started is stopped at
    its end. `transport` gives a new one each time; a test closes it.
    """

    inputs: Mapping[str, Any] = MappingProxyType({})
    """What deterministic models and encoders read instead of the prompt."""
    answers_in_pieces = True
    """False for what has its whole answer at once."""

    def transport(self) -> Transport:
        """A new transport."""
        raise NotImplementedError

    def answering(self) -> AbstractAsyncContextManager[Deployment]:
        """A deployment that answers `request()`."""
        raise NotImplementedError

    def missing(self) -> AbstractAsyncContextManager[Deployment]:
        """A deployment that is not there: nobody listens, no weights, no such function."""
        raise NotImplementedError

    def broken(self) -> AbstractAsyncContextManager[Deployment]:
        """A deployment that is there and brings no answer: garbage, damaged weights."""
        raise NotImplementedError

    def endless(self) -> AbstractAsyncContextManager[Deployment]:
        """A deployment that is at work until somebody stops it."""
        raise NotImplementedError

    async def working(self) -> None:
        """Returns once `endless` is at work; needed where it answers not in pieces."""
        await asyncio.sleep(0)

    async def stopped(self, transport: Transport) -> None:
        """Returns once `endless` has stopped; does not return otherwise."""
        raise NotImplementedError

    def request(self) -> CallRequest:
        """A request that `answering` answers in a few words."""
        return CallRequest(
            messages=({"role": "user", "content": "Say hello."},), inputs=self.inputs, max_tokens=12
        )

    # ── the requirements ─────────────────────────────────────────────────────────────────

    @in_a_loop
    async def test_text_comes_first_and_then_one_finish(self) -> None:
        """There is text, or what was asked for in its place, and all of it comes before the one
        `Finish`, which names the provider's reason."""
        heard = await self._heard(self.answering())
        assert _answer(heard).strip()
        finishes = [n for n, event in enumerate(heard) if isinstance(event, Finish)]
        assert len(finishes) == 1
        said = (TextDelta, ToolCallDelta, Product)
        last = max(n for n, event in enumerate(heard) if isinstance(event, said))
        assert last < finishes[0]
        assert cast(Finish, heard[finishes[0]]).reason

    @in_a_loop
    async def test_usage_is_reported_once_at_most_and_adds_up(self) -> None:
        """Cached tokens are a part of the input, reasoning ones of the output."""
        heard = await self._heard(self.answering())
        reports = [event for event in heard if isinstance(event, UsageReport)]
        assert len(reports) <= 1
        for report in reports:
            usage = report.usage
            assert not usage.estimated, "what the transport cannot know it must not report"
            assert 0 <= usage.cached_input + usage.cache_write <= usage.input
            assert 0 <= usage.audio_input <= usage.input
            assert 0 <= usage.reasoning <= usage.output
            assert 0 <= usage.audio_output <= usage.output

    @in_a_loop
    async def test_who_answers_is_named_before_the_end(self) -> None:
        """Where the provider says which model answers, that is told even if the rest fails."""
        heard = await self._heard(self.answering())
        kinds = [type(event) for event in heard]
        named = [event for event in heard if isinstance(event, Answering)]
        assert all(event.model or event.fingerprint for event in named)
        assert not named or kinds.index(Answering) < kinds.index(Finish)

    @in_a_loop
    async def test_the_model_may_say_how_sure_it_was(self) -> None:
        """In 0..1, once at most, and asked for or not: a transport that cannot leaves it out."""
        asked = dataclasses.replace(self.request(), logprobs=True)
        heard = await self._heard(self.answering(), asked)
        told = [event.value for event in heard if isinstance(event, Confidence)]
        assert len(told) <= 1
        assert all(0.0 <= value <= 1.0 for value in told)

    @in_a_loop
    async def test_the_request_is_left_as_it_was(self) -> None:
        """The same request goes to the next deployment if this one fails."""
        request = self.request()
        before = copy.deepcopy((request.messages, dict(request.inputs), request.schema))
        await self._heard(self.answering(), request)
        assert (request.messages, dict(request.inputs), request.schema) == before

    @in_a_loop
    async def test_what_is_not_there_is_a_typed_failure(self) -> None:
        """`AttemptError` with an outcome and words for a person, and no end of an answer."""
        await self._fails(self.missing())

    @in_a_loop
    async def test_what_is_no_answer_is_a_typed_failure(self) -> None:
        """As above; whatever the library beneath raises."""
        await self._fails(self.broken())

    @in_a_loop
    async def test_it_works_again_after_a_failure(self) -> None:
        """A failure leaves nothing behind that spoils the next call."""
        transport = self.transport()
        try:
            for situation in (self.broken(), self.missing()):
                async with situation as failing:
                    with suppress(AttemptError):
                        await _events(transport, failing, self.request())
            async with self.answering() as deployment:
                assert _answer(await _events(transport, deployment, self.request()))
        finally:
            await transport.close()

    @in_a_loop
    async def test_several_calls_at_once_all_get_their_answer(self) -> None:
        """One object serves all deployments with its name, concurrently."""
        transport = self.transport()
        try:
            async with self.answering() as deployment:
                calls = (_events(transport, deployment, self.request()) for _ in range(3))
                for heard in await asyncio.gather(*calls):
                    assert _answer(heard)
                    assert sum(isinstance(event, Finish) for event in heard) == 1
        finally:
            await transport.close()

    @in_a_loop
    async def test_a_caller_that_leaves_stops_it(self) -> None:
        """Closing the stream, or cancelling who reads it, ends the work upstream."""
        transport = self.transport()
        try:
            async with self.endless() as deployment:
                reader = asyncio.create_task(self._first_text(transport, deployment))
                if self.answers_in_pieces:
                    await reader
                else:
                    await self.working()
                    reader.cancel()
                    await asyncio.wait({reader})
                    assert reader.cancelled()
                await self.stopped(transport)
        finally:
            await transport.close()

    @in_a_loop
    async def test_it_can_be_closed_twice_and_used_again(self) -> None:
        """Closing frees what is held and is no end."""
        transport = self.transport()
        async with self.answering() as deployment:
            assert _answer(await _events(transport, deployment, self.request()))
            await transport.close()
            await transport.close()
            assert _answer(await _events(transport, deployment, self.request()))
        await transport.close()

    # ── means ────────────────────────────────────────────────────────────────────────────

    async def _heard(
        self, situation: AbstractAsyncContextManager[Deployment], sent: CallRequest | None = None
    ) -> list[CallEvent]:
        transport = self.transport()
        try:
            async with situation as deployment:
                return await _events(transport, deployment, sent or self.request())
        finally:
            await transport.close()

    async def _fails(self, situation: AbstractAsyncContextManager[Deployment]) -> None:
        transport = self.transport()
        heard: list[CallEvent] = []
        failure: AttemptError | None = None
        try:
            async with situation as deployment:
                async for event in transport.stream(deployment, self.request()):
                    heard.append(event)
        except AttemptError as error:
            failure = error
        finally:
            await transport.close()
        assert failure is not None, f"nothing was raised; heard {heard}"
        assert failure.outcome not in NEVER
        assert str(failure) not in ("", str(failure.outcome)), "the message says nothing"
        assert not any(isinstance(event, Finish) for event in heard)

    async def _first_text(self, transport: Transport, deployment: Deployment) -> None:
        stream = cast(Any, transport.stream(deployment, self.request()))
        async with aclosing(stream) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    return


async def _events(
    transport: Transport, deployment: Deployment, request: CallRequest
) -> list[CallEvent]:
    stream: AsyncIterator[CallEvent] = transport.stream(deployment, request)
    return [event async for event in stream]


def _answer(heard: list[CallEvent]) -> str:
    """The text, or what came in its place."""
    products = [str(event) for event in heard if isinstance(event, Product)]
    return "".join([e.text for e in heard if isinstance(e, TextDelta)] or products)
