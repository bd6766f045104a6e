"""What nobody should do and somebody does: callers and transports that raise, absurd reports,
characters in halves, calls that end in the same moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.call_types import (
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    ToolCallDelta,
)
from orchestrator.calling.attempting import Account
from orchestrator.calling.carry_out import carry_out
from orchestrator.calling.ledger import MemoryLedger
from orchestrator.calling.transports.wire.chat import Chunks, confidence, logprobs_of
from orchestrator.calling.transports.wire.usage import usage_of
from orchestrator.errors import CallError
from orchestrator.money import Usage
from orchestrator.types import Deployment, Outcome, Tactics
from tests.calling.fake_clock import FakeClock
from tests.calling.samples import decision, deployment, request
from tests.calling.server import Call, Say
from tests.calling.test_strategies import Fleet, Guarded, fleet, outcomes

__all__ = ["fleet"]
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


class Scripted:
    """A transport whose deployments do what a test writes down: events, pauses, exceptions."""

    def __init__(self, clock: FakeClock, **steps: list[Any]) -> None:
        self._clock, self._steps = clock, steps
        self.asked: list[str] = []

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncIterator[CallEvent]:
        self.asked.append(deployment.id)
        yield Progress("opened")
        for step in self._steps[deployment.model]:
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, float):
                await self._clock.sleep(step)
            elif isinstance(step, int):
                for _ in range(step):  # turns of the event loop
                    await asyncio.sleep(0)
            else:
                yield step

    async def close(self) -> None:
        pass


class Only:
    """`Transports` of one kind."""

    def __init__(self, transport: Scripted) -> None:
        self._transport = transport

    def get(self, name: str) -> Scripted:
        return self._transport


async def scripted(
    clock: FakeClock, transport: Scripted, *chain: str, live: list[str] | None = None, **said: Any
) -> Any:
    given = {k: said.pop(k) for k in ("strategy", "tactics") if k in said}
    traffic = said.pop("traffic", Guarded())
    try:
        return await carry_out(
            decision(*chain, **given),
            said.pop("request", request()),
            deployments={id: deployment(id) for id in chain},
            transports=Only(transport),  # type: ignore[arg-type]
            clock=clock,
            ledger=MemoryLedger((), clock),
            traffic=traffic,
            account=Account("run"),
            deadline=clock.monotonic() + said.pop("deadline_s", 60.0),
            on_text=None if live is None else live.append,
            **said,
        )
    finally:
        assert traffic.inside == 0


# ── whoever raises ───────────────────────────────────────────────────────────────────────


class Deaf(list[str]):
    """A listener that raises."""

    def append(self, _text: str) -> None:
        raise KeyError("mine")


async def test_a_listener_that_raises_is_told_and_nothing_is_kept(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("one two three", gap_s=1.0))
    await fleet.serve("b/one", Say("never"))
    fleet.heard = Deaf()
    with pytest.raises(KeyError, match="mine"):
        await fleet.call(live=True)
    assert fleet.asked()["b/one"] == 0
    assert await fleet.left("a/one")


async def test_a_transport_that_cancels_itself_is_no_caller_that_left() -> None:
    """It used to be taken for a cancelled racer and asked again until the deadline."""
    async with FakeClock() as clock:
        gone = Scripted(clock, a=[asyncio.CancelledError()], b=[TextDelta("B"), Finish("stop")])
        reply = await scripted(clock, gone, "a/one", "b/one")
    assert reply.text == "B"
    assert reply.attempts[0].outcome is Outcome.CUT
    assert gone.asked.count("a/one") <= 2


# ── together in one moment ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("turns", range(12))
async def test_who_calls_a_tool_is_too_late_where_another_has_spoken(turns: int) -> None:
    call = ToolCallDelta(index=0, id="c", name="find", arguments="{}")
    says = [TextDelta("B "), 1.0, TextDelta("said"), Finish("stop")]
    async with FakeClock() as clock:
        heard: list[str] = []
        reply = await scripted(
            clock,
            Scripted(clock, a=[call, Finish("tool_calls")], b=[turns, *says]),
            "a/one",
            "b/one",
            live=heard,
            strategy="race",
            tactics=Tactics(models=2, start="together"),
            request=request(tools=(TOOL,)),
        )
    assert "".join(heard) == reply.text
    assert bool(reply.text) != bool(reply.tool_calls)


# ── panels ───────────────────────────────────────────────────────────────────────────────


async def test_a_panel_that_calls_different_tools_does_not_agree(fleet: Fleet) -> None:
    for name, asked in (("a/one", "x"), ("b/one", "y"), ("c/one", "y")):
        await fleet.serve(
            name, Say("", calls=(Call("find", json.dumps({"q": asked})),), finish="tool_calls")
        )
    tactics = Tactics(models=2, agree=2)
    reply = await fleet.call(strategy="panel", tactics=tactics, request=request(tools=(TOOL,)))
    assert json.loads(reply.tool_calls[0].arguments) == {"q": "y"}
    assert reply.agreement == pytest.approx(2 / 3)


async def test_nobody_is_asked_beside_a_refusal(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("no", finish="content_filter"))
    await fleet.serve("b/one", Say("seven", delay_s=2.0))
    await fleet.serve("c/one", Say("seven"))
    reply = await fleet.call(strategy="panel", tactics=Tactics(models=2, agree=2))
    assert fleet.asked()["c/one"] == 0
    assert outcomes(reply)[0][2] == "refused"


# ── what is whole ────────────────────────────────────────────────────────────────────────


async def test_a_tool_call_that_the_limit_of_tokens_cut_off_is_no_call(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("", calls=(Call("find", ""),), finish="length"))
    with pytest.raises(CallError, match="limit of its tokens"):
        await fleet.call(request=request(tools=(TOOL,)))


@pytest.mark.parametrize("reason", ["refusal", "SAFETY", "content_filter"])
async def test_a_refusal_has_many_names(fleet: Fleet, reason: str) -> None:
    await fleet.serve("a/one", Say("I will", finish=reason))
    await fleet.serve("b/one", Say("whole"))
    with pytest.raises(CallError, match="refused"):
        await fleet.call()
    assert fleet.asked()["b/one"] == 0


async def test_a_character_in_two_halves_is_one() -> None:
    async with FakeClock() as clock:
        heard: list[str] = []
        halves = [TextDelta("so \ud83d"), TextDelta("\ude00 it"), TextDelta(" is \ud83d")]
        steps = Scripted(clock, a=[*halves, Finish("stop")])
        reply = await scripted(clock, steps, "a/one", live=heard)
    assert reply.text == "".join(heard) == "so \U0001f600 it is \ud83d"


async def test_who_still_writes_at_the_deadline_has_not_stalled() -> None:
    async with FakeClock() as clock:
        words: list[Any] = [x for n in range(20) for x in (TextDelta(f"w{n} "), 0.5)]
        steps = Scripted(clock, a=[*words, Finish("stop")], b=[Finish("stop")])
        with pytest.raises(CallError) as caught:
            await scripted(clock, steps, "a/one", "b/one", deadline_s=3.0)
    assert [a.outcome for a in caught.value.attempts] == [Outcome.CANCELLED]
    assert "deadline" in str(caught.value)


# ── a busy one that alone can go on ──────────────────────────────────────────────────────


async def test_who_can_go_on_and_is_busy_is_waited_for(fleet: Fleet) -> None:
    from orchestrator.errors import AttemptError

    await fleet.serve("a/one", Say("one two three four", break_after=2))
    await fleet.serve("b/one", Say(" three four"), can=("prefill",))
    fleet.traffic.closed["b/one"] = [AttemptError(Outcome.BUSY, "full", retry_after_s=1.0)]
    reply = await fleet.call(live=True)
    assert reply.text == fleet.text == "one two three four"
    assert reply.ending == "continued"


# ── absurd reports ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", ["1e999", "-5", "NaN", "1" + "0" * 30, "true", '"7"', "null"])
def test_an_absurd_usage_is_no_usage(number: str) -> None:
    body = json.loads(f'{{"usage": {{"prompt_tokens": {number}, "completion_tokens": {number}}}}}')
    used = usage_of(body["usage"])
    assert used is None or used == Usage(input=1, output=1)
    Chunks().read(body)


def test_an_absurd_log_probability_is_no_confidence() -> None:
    given = json.loads('[{"logprob": NaN}, {"logprob": -Infinity}, {"logprob": -1e400}]')
    (sure,) = confidence(logprobs_of({"logprobs": {"content": given}}))
    assert sure.value == 0.0


# ── hedges ───────────────────────────────────────────────────────────────────────────────


class Stingy(Guarded):
    """Grants no hedge, and does not like to be asked often."""

    def take_hedge(self) -> bool:
        self.hedges -= 1
        assert self.hedges > 0, "it was asked without a pause"
        return False


async def test_a_refused_hedge_is_not_asked_for_without_a_pause() -> None:
    async with FakeClock() as clock:
        steps = Scripted(clock, a=[5.0, TextDelta("A"), Finish("stop")], b=[Finish("stop")])
        reply = await scripted(
            clock,
            steps,
            "a/one",
            "b/one",
            strategy="race",
            tactics=Tactics(models=2, start="after_p95"),
            traffic=Stingy(p95_s=0.0),
        )
    assert (reply.text, steps.asked) == ("A", ["a/one"])
