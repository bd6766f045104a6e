"""The fault catalogue over the openai transport: a scripted provider, a clock that jumps.

Each test looks from both sides: at what the caller got, and at which requests the provider saw
and when. The numbers in the names are the catalogue's.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator.call_types import Reply
from orchestrator.calling.attempting import Account
from orchestrator.calling.carry_out import carry_out
from orchestrator.calling.ledger import MemoryLedger
from orchestrator.calling.transports import Transports
from orchestrator.errors import CallError
from orchestrator.project.registry import BUILTINS
from orchestrator.types import Deployment, Outcome
from tests.calling.fake_clock import FakeClock
from tests.calling.free_traffic import FreeTraffic
from tests.calling.samples import decision, deployment, request
from tests.calling.server import Fail, Hang, Raw, Reset, Say, StandIn, Step, Tokens

HEALTHY = " ".join(f"healthy{n}" for n in range(60))
FALLBACK = " ".join(f"fallback{n}" for n in range(60))


@dataclass
class Bench:
    """A primary and a fallback that do as they are told, and the clock over both."""

    clock: FakeClock
    stack: AsyncExitStack
    transports: Transports
    ledger: MemoryLedger
    primary: StandIn
    fallback: StandIn

    async def run(
        self,
        *steps: Step,
        fallback: Step | None = None,
        check: Callable[[str], Any] | None = None,
        contexts: tuple[int, int] = (1000, 1000),
        deadline: float = 30.0,
    ) -> Reply:
        """Call the primary, which takes these steps, with the fallback behind it."""
        spare = fallback or Say(FALLBACK, model="fallback-1")
        self.primary, self.fallback = (
            StandIn(*given, sleep=self.clock.sleep, clock=self.clock.monotonic)
            for given in (steps, (spare,))
        )
        chain: dict[str, Deployment] = {}
        for name, server, context in zip(
            ("a/primary", "b/fallback"), (self.primary, self.fallback), contexts, strict=True
        ):
            endpoint = await self.stack.enter_async_context(server)
            chain[name] = deployment(name, endpoint=endpoint, context=context)
        return await carry_out(
            decision(*chain),
            request(),
            deployments=chain,
            transports=self.transports,
            clock=self.clock,
            ledger=self.ledger,
            account=Account("run"),
            traffic=FreeTraffic(),
            check=check,
            deadline=self.clock.monotonic() + deadline,
        )

    def calls(self) -> tuple[int, int]:
        return len(self.primary.seen), len(self.fallback.seen)

    def gaps(self) -> list[float]:
        """Seconds between the requests that reached the primary."""
        times = [s.at for s in self.primary.seen]
        return [b - a for a, b in itertools.pairwise(times)]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(FakeClock())
        transports = Transports(BUILTINS, {}, clock)
        stack.push_async_callback(transports.close)
        nobody = StandIn(Hang())
        yield Bench(clock, stack, transports, MemoryLedger((), clock), nobody, nobody)


def outcomes(reply: Reply) -> list[Outcome]:
    return [a.outcome for a in reply.attempts]


def assert_fell_back(bench: Bench, reply: Reply, *failed: Outcome) -> None:
    assert reply.text == FALLBACK
    assert reply.model == "b"
    assert outcomes(reply) == [*failed, Outcome.OK]
    assert bench.calls() == (len(failed), 1)


async def test_01_retry_after_is_waited_for(bench: Bench) -> None:
    reply = await bench.run(Fail(429, headers={"Retry-After": "2"}), Say(HEALTHY))
    assert reply.text == HEALTHY
    assert outcomes(reply) == [Outcome.RATE_LIMITED, Outcome.OK]
    assert bench.gaps() == [pytest.approx(2.0)]


async def test_02_a_rate_limit_for_ever_backs_off_and_falls_back(bench: Bench) -> None:
    reply = await bench.run(Fail(429))
    assert_fell_back(bench, reply, *[Outcome.RATE_LIMITED] * 3)
    first, second = bench.gaps()
    assert 0.25 <= first <= 0.75
    assert 0.5 <= second <= 1.5
    assert first != 0.5  # there is jitter


async def test_03_one_500_is_retried_on_the_same_deployment(bench: Bench) -> None:
    reply = await bench.run(Fail(500), Say(HEALTHY))
    assert reply.text == HEALTHY
    assert reply.ending == "complete"
    assert bench.calls() == (2, 0)


async def test_04_503_for_ever_falls_back(bench: Bench) -> None:
    assert_fell_back(bench, await bench.run(Fail(503)), *[Outcome.OVERLOADED] * 2)


async def test_05_a_reset_before_any_byte_is_retried(bench: Bench) -> None:
    reply = await bench.run(Reset(), Say(HEALTHY))
    assert reply.text == HEALTHY
    assert outcomes(reply) == [Outcome.UNREACHABLE, Outcome.OK]


async def test_06_silence_is_waited_for_once(bench: Bench) -> None:
    assert_fell_back(bench, await bench.run(Hang()), Outcome.TIMEOUT_SILENT)
    await bench.primary.seen[0].ended.wait()
    assert bench.primary.seen[0].gone


async def test_07_a_slow_first_token_falls_back_within_15_s(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, delay_s=20))
    assert_fell_back(bench, reply, Outcome.TIMEOUT_FIRST_TOKEN)
    assert bench.clock.monotonic() <= 15


@pytest.mark.parametrize(
    ("broken", "outcome"),
    [
        ("reset", Outcome.CUT),  # 8
        ("close", Outcome.CUT),  # 17: the clean end without a finish reason
        ("error", Outcome.OVERLOADED),  # 21
    ],
)
async def test_08_17_21_a_stream_that_dies_is_never_a_success(
    bench: Bench, broken: Any, outcome: Outcome
) -> None:
    reply = await bench.run(Say(HEALTHY, break_after=40, broken=broken))
    assert_fell_back(bench, reply, outcome, outcome)
    assert reply.ending == "restarted"


async def test_08_the_retry_starts_from_the_beginning(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, break_after=40, broken="reset"), Say(HEALTHY))
    assert reply.text == HEALTHY
    assert reply.ending == "restarted"
    assert bench.calls() == (2, 0)


async def test_09_a_stream_that_stalls_falls_back_and_is_dropped(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, break_after=20, broken="hang"))
    assert_fell_back(bench, reply, Outcome.STALLED)
    await bench.primary.seen[0].ended.wait()
    assert bench.primary.seen[0].gone


async def test_a_slow_but_steady_stream_is_no_stall(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, gap_s=9), deadline=900)
    assert reply.text == HEALTHY
    assert bench.clock.monotonic() >= 9 * 60


async def test_10_one_broken_event_is_passed_over(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, junk_after=5))
    assert reply.text == HEALTHY
    assert outcomes(reply) == [Outcome.OK]


@pytest.mark.parametrize("lingers", [False, True])
async def test_11_a_missing_done_changes_nothing(bench: Bench, lingers: bool) -> None:
    reply = await bench.run(Say(HEALTHY, done=False, lingers=lingers))
    assert reply.text == HEALTHY
    assert reply.attempts[0].usage.output == 5
    assert bench.clock.monotonic() <= 0.1


async def test_11_without_usage_the_end_is_taken_soon(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, usage=None, done=False, lingers=True))
    assert reply.text == HEALTHY
    assert reply.attempts[0].usage.estimated
    assert bench.clock.monotonic() <= 3


async def test_12_too_long_a_prompt_goes_to_a_larger_context(bench: Bench) -> None:
    too_long = Fail(400, "maximum context length is 1000 tokens", "context_length_exceeded")
    reply = await bench.run(too_long, contexts=(1000, 9000))
    assert_fell_back(bench, reply, Outcome.CONTEXT_EXCEEDED)


async def test_12_too_long_a_prompt_is_never_sent_to_as_small_a_context(bench: Bench) -> None:
    too_long = Fail(400, "maximum context length is 1000 tokens", "context_length_exceeded")
    with pytest.raises(CallError, match="maximum context length is 1000 tokens"):
        await bench.run(too_long)
    assert bench.calls() == (1, 0)


async def test_13_a_refusal_reaches_the_caller_and_is_not_routed_around(bench: Bench) -> None:
    with pytest.raises(CallError, match="we do not write that") as caught:
        await bench.run(Fail(400, "we do not write that", "content_policy_violation"))
    assert [a.outcome for a in caught.value.attempts] == [Outcome.REFUSED]
    assert bench.calls() == (1, 0)


async def test_13_a_filter_that_ends_the_stream_is_a_refusal(bench: Bench) -> None:
    with pytest.raises(CallError, match="content filter"):
        await bench.run(Say("Well, first", finish="content_filter"))
    assert bench.calls() == (1, 0)


async def test_16_the_caller_sees_who_answered(bench: Bench) -> None:
    spare = Say(FALLBACK, model="fallback-1", usage=Tokens(input=11, output=13))
    reply = await bench.run(Fail(503), fallback=spare)
    last = reply.attempts[-1]
    assert (reply.deployment, last.reported_model) == ("b/fallback", "fallback-1")
    assert (last.usage.input, last.usage.output) == (11, 13)
    assert [a.cost_micro_usd for a in reply.attempts] == [0, 0, 11 + 2 * 13]
    assert await bench.ledger.spent("run") == 37


@pytest.mark.parametrize(
    "body",
    [
        Raw("<!doctype html><title>busy</title>", "text/html"),  # 18
        Raw("<!doctype html><title>busy</title>", "application/json"),
        Raw("<!doctype html><title>busy</title>", "text/event-stream"),
        Raw('{"choices": []}'),  # 19
        Raw('data: {"choices": []}\n\ndata: [DONE]\n\n', "text/event-stream"),
        Raw(""),
    ],
    ids=["html", "html-as-json", "html-as-stream", "no-choices", "no-choices-stream", "nothing"],
)
async def test_18_19_what_is_no_answer_falls_back(bench: Bench, body: Raw) -> None:
    assert_fell_back(bench, await bench.run(body), Outcome.MALFORMED)


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_20_an_empty_text_falls_back(bench: Bench, text: str) -> None:
    assert_fell_back(bench, await bench.run(Say(text)), Outcome.EMPTY)


async def test_23_output_that_breaks_the_schema_goes_to_the_next_model(bench: Bench) -> None:
    def check(text: str) -> int:
        if not text.startswith("fallback"):
            raise ValueError("the field 'colour' is missing")
        return len(text)

    reply = await bench.run(Say(HEALTHY), check=check)
    assert_fell_back(bench, reply, Outcome.INVALID_OUTPUT, Outcome.INVALID_OUTPUT)
    assert [a.kind for a in reply.attempts] == ["first", "repair", "fallback"]
    assert reply.value == len(FALLBACK)
    assert reply.attempts[0].error == "the field 'colour' is missing"
    assert reply.attempts[0].cost_micro_usd == 17  # it was answered, so it is paid


# ── cost (24) and time ───────────────────────────────────────────────────────────────────


async def test_24_usage_beside_a_choice_counts_with_cached_tokens(bench: Bench) -> None:
    used = Tokens(input=100, output=40, cached=60, reasoning=25)
    reply = await bench.run(Say(HEALTHY, usage=used, usage_with_finish=True))
    usage = reply.attempts[0].usage
    assert (usage.cached_input, usage.reasoning, usage.estimated) == (60, 25, False)
    assert reply.attempts[0].cost_micro_usd == 100 + 2 * 40


async def test_24_missing_usage_is_counted_here_and_says_so(bench: Bench) -> None:
    reply = await bench.run(Say(HEALTHY, usage=None))
    attempt = reply.attempts[0]
    assert attempt.usage.estimated
    assert attempt.usage.output == -(-len(HEALTHY) // 4)
    assert attempt.cost_micro_usd == attempt.usage.input + 2 * attempt.usage.output


async def test_the_deadline_holds_for_the_whole_chain(bench: Bench) -> None:
    with pytest.raises(CallError, match="deadline"):
        await bench.run(Hang(), fallback=Hang(), deadline=12)
    assert bench.clock.monotonic() == pytest.approx(12)
    assert bench.calls() == (1, 1)
