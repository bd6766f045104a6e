"""One attempt under its clocks: what silence is, whose it is, and what an attempt has cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from orchestrator.call_types import (
    MESSAGE_TOKENS,
    Answering,
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    UsageReport,
    tokens,
)
from orchestrator.calling.attempt import Heard, Limits, cost, limits_of, listen, record
from orchestrator.errors import AttemptError, InternalError
from orchestrator.money import Price, Usage
from orchestrator.records import Attempt
from orchestrator.types import Deployment, Outcome
from tests.calling.fake_clock import FakeClock
from tests.calling.samples import deployment, request

WHERE = deployment("m/d")
REPORT = UsageReport(usage=Usage(input=7, output=5))
NAMED = Answering(model="m-2026", fingerprint="fp")


class Scripted:
    """A transport that plays events; a number is a pause in seconds, an error is raised."""

    def __init__(self, clock: FakeClock, *script: CallEvent | float | Exception) -> None:
        self._clock, self._script = clock, script
        self.closed = False

    async def stream(self, to: Deployment, sent: CallRequest) -> AsyncGenerator[CallEvent, None]:
        try:
            for step in self._script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, (int, float)):
                    await self._clock.sleep(step)
                else:
                    yield step
        finally:
            self.closed = True

    async def close(self) -> None: ...


@pytest.fixture
async def clock() -> AsyncIterator[FakeClock]:
    async with FakeClock() as clock:
        yield clock


async def attempt(
    clock: FakeClock,
    *script: CallEvent | float | Exception,
    where: Deployment = WHERE,
    deadline: float = 1000.0,
    limits: Limits | None = None,
) -> tuple[Attempt, Heard]:
    transport = Scripted(clock, *script)
    heard = Heard(clock.monotonic(), deadline, limits or Limits())
    error = await listen(transport, where, request(), heard, clock)
    assert transport.closed, "the upstream call still runs"
    line = record(
        where, request(), heard, started_at=clock.now(), now=clock.monotonic(), error=error
    )
    return line, heard


async def test_a_whole_answer_is_ok_with_its_times_and_its_cost(clock: FakeClock) -> None:
    words = (2.0, TextDelta("Hello"), 3.0, TextDelta(" you"))
    script = (Progress("opened"), NAMED, *words, REPORT)
    line, heard = await attempt(clock, *script, Finish("stop"))
    assert heard.text == "Hello you"
    assert (line.outcome, line.error) == (Outcome.OK, None)
    assert (line.first_token_ms, line.ms) == (2000, 5000)
    assert line.cost_micro_usd == 7 + 2 * 5
    assert (line.reported_model, line.fingerprint) == ("m-2026", "fp")
    assert line.finish == "stop"


@pytest.mark.parametrize(
    ("script", "outcome", "after_s"),
    [
        ((60,), Outcome.TIMEOUT_SILENT, 10),
        ((Progress("opened"), 60), Outcome.TIMEOUT_FIRST_TOKEN, 10),
        ((TextDelta(""), 60), Outcome.TIMEOUT_SILENT, 10),
        ((5, TextDelta("Hello"), 60), Outcome.STALLED, 15),
        ((Progress("waiting"), 500, Progress("ready"), 60), Outcome.TIMEOUT_SILENT, 510),
        ((Progress("opened"), 8, Progress("thinking"), 60), Outcome.TIMEOUT_FIRST_TOKEN, 18),
        ((Progress("waiting"), 5000), Outcome.TIMEOUT_SILENT, 1000),
        ((TextDelta("Hello"),), Outcome.CUT, 0),
        ((), Outcome.CUT, 0),
        ((TextDelta("  "), Finish("stop")), Outcome.EMPTY, 0),
        ((TextDelta("Well"), Finish("content_filter")), Outcome.REFUSED, 0),
    ],
)
async def test_what_goes_wrong_has_its_outcome_at_its_time(
    clock: FakeClock, script: tuple[Any, ...], outcome: Outcome, after_s: float
) -> None:
    line, _ = await attempt(clock, *script)
    assert line.outcome is outcome
    assert line.ms == after_s * 1000


async def test_what_never_lets_a_timer_ring_ends_at_the_deadline_too(clock: FakeClock) -> None:
    class Busy(Scripted):
        async def stream(
            self, to: Deployment, sent: CallRequest
        ) -> AsyncGenerator[CallEvent, None]:
            async for event in super().stream(to, sent):
                clock.advance(1.0)
                yield event

    transport, heard = Busy(clock, *[TextDelta("a")] * 100), Heard(0.0, 20.0, Limits())
    error = await listen(transport, WHERE, request(), heard, clock)
    assert error is not None
    assert error.outcome is Outcome.CANCELLED
    assert (clock.monotonic(), heard.text) == (20.0, "a" * 19)


async def test_after_the_end_nothing_spoils_the_answer(clock: FakeClock) -> None:
    line, heard = await attempt(clock, TextDelta("Hello"), Finish("stop"), 60)
    assert line.outcome is Outcome.OK
    assert line.ms == 2000
    broken = AttemptError(Outcome.CUT, "the connection broke")
    line, heard = await attempt(clock, TextDelta("Hello"), Finish("stop"), broken)
    assert (line.outcome, heard.text) == (Outcome.OK, "Hello")


async def test_usage_after_the_end_still_counts(clock: FakeClock) -> None:
    line, _ = await attempt(clock, TextDelta("Hello"), Finish("stop"), 1.5, REPORT)
    assert line.usage == REPORT.usage


async def test_a_typed_failure_keeps_its_message_on_one_line(clock: FakeClock) -> None:
    line, _ = await attempt(clock, AttemptError(Outcome.OVERLOADED, "busy,\n  " + "x" * 900))
    assert line.outcome is Outcome.OVERLOADED
    assert line.error is not None
    assert line.error.startswith("busy, xxx")
    assert len(line.error) == 400


async def test_our_own_bugs_are_not_dressed_as_outcomes(clock: FakeClock) -> None:
    with pytest.raises(InternalError):
        await attempt(clock, InternalError("an invariant does not hold"))


async def test_usage_that_nobody_reports_is_counted_and_marked(clock: FakeClock) -> None:
    line, _ = await attempt(clock, TextDelta("x" * 9), Finish("stop"))
    asked = tokens("Say hello.") + MESSAGE_TOKENS
    assert line.usage == Usage(input=asked, output=3, estimated=True)
    assert line.cost_micro_usd == asked + 2 * 3


async def test_a_failure_before_any_text_has_used_nothing(clock: FakeClock) -> None:
    line, _ = await attempt(clock, AttemptError(Outcome.OVERLOADED))
    assert (line.usage, line.cost_micro_usd) == (Usage(), 0)


async def test_what_was_said_before_a_failure_is_counted(clock: FakeClock) -> None:
    line, _ = await attempt(clock, TextDelta("x" * 8), AttemptError(Outcome.OVERLOADED))
    assert line.usage.output == 2
    assert line.cost_micro_usd == tokens("Say hello.") + MESSAGE_TOKENS + 2 * 2


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("abcde", 2), ("Привет", 5), ("你好吗", 3), ("naïve idea", 4)]
)
def test_other_letters_than_ascii_count_for_more(text: str, count: int) -> None:
    assert tokens(text) == count


def test_an_unknown_price_is_unknown_and_not_free() -> None:
    used = Usage(input=1, output=1)
    assert cost(deployment("m/d", price=None), used) is None
    assert cost(deployment("m/d", price=Price(input=1_000_000)), used) is None
    assert cost(deployment("m/d", price=None), Usage()) == 0


def test_limits_follow_what_the_deployment_declares() -> None:
    assert limits_of(WHERE).first_token_s == 10
    assert limits_of(deployment("m/d", first_token_ms=15_000)).first_token_s == 60
    assert limits_of(deployment("m/d", hosting="self")).first_token_s == 120


async def test_a_hundred_thousand_tokens_take_one_timer(clock: FakeClock) -> None:
    many = [TextDelta("x")] * 100_000
    line, heard = await attempt(clock, *many, Finish("stop"))
    assert line.outcome is Outcome.OK
    assert len(heard.text) == 100_000
    assert clock.slept == []
