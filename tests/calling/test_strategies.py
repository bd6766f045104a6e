"""Races, hedges, panels, cascades, repairs and broken streams, over real HTTP, on a clock that
jumps.

The fallback's text differs from the primary's, so that gluing two answers together would show.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.call_types import Reply
from orchestrator.calling.attempting import Account
from orchestrator.calling.carry_out import BREAKER_RULE, carry_out
from orchestrator.calling.ledger import MemoryLedger
from orchestrator.calling.transports import Transports
from orchestrator.errors import AttemptError, CallError, IncompleteError
from orchestrator.project.policy_schema import Budget
from orchestrator.project.protocols import Asking, Pass
from orchestrator.project.registry import BUILTINS
from orchestrator.records import Attempt
from orchestrator.routing._rules import availability_rules
from orchestrator.types import Context, Deployment, Outcome, Tactics
from tests.calling.fake_clock import FakeClock
from tests.calling.free_traffic import FreeTraffic
from tests.calling.samples import decision, deployment, request
from tests.calling.server import Fail, Say, StandIn, Step, words

WORDS = [f"primary{n}" for n in range(60)]
PRIMARY = " ".join(WORDS)
OTHER = " ".join(f"fallback{n}" for n in range(60))
CUT = Say(PRIMARY, break_after=40)
HANDED_ON = " ".join(WORDS[:40])

Serves = Step | Callable[[dict[str, Any]], Step]


@dataclass
class Guarded(FreeTraffic):
    """Traffic that refuses what a test says, and counts what goes in and out."""

    closed: dict[str, list[AttemptError]] = field(default_factory=dict)
    p95_s: float | None = None
    hedges: int = 100
    inside: int = 0
    calls: list[tuple[Attempt, ...]] = field(default_factory=list)

    async def enter(self, deployment: Deployment, asking: Asking) -> Pass:
        refusals = self.closed.get(deployment.id)
        if refusals:
            raise refusals.pop(0)
        self.inside += 1
        return await super().enter(deployment, asking)

    def leave(self, entered: Pass, attempt: Attempt) -> None:
        self.inside -= 1

    def hedge_after_s(self, deployment: str) -> float | None:
        return self.p95_s

    def take_hedge(self) -> bool:
        self.hedges -= 1
        return self.hedges >= 0

    def answered(self, attempts: Any, passed_over: Any = ()) -> None:
        self.calls.append(tuple(attempts))


class Fleet:
    """Deployments that are served, and calls over them."""

    def __init__(self, clock: FakeClock, stack: AsyncExitStack) -> None:
        self.clock, self.stack = clock, stack
        self.transports = Transports(BUILTINS, {}, clock)
        self.ledger = MemoryLedger((), clock)
        self.traffic = Guarded()
        self.chain: dict[str, Deployment] = {}
        self.servers: dict[str, StandIn] = {}
        self.heard: list[str] = []

    async def serve(self, name: str, *steps: Serves, **facts: Any) -> StandIn:
        server = StandIn(*steps, sleep=self.clock.sleep, clock=self.clock.monotonic)
        endpoint = await self.stack.enter_async_context(server)
        self.chain[name] = deployment(name, endpoint=endpoint, **facts)
        self.servers[name] = server
        return server

    def allow(self, usd: float) -> None:
        """From now on the workspace may spend so much."""
        self.ledger = MemoryLedger((Budget(per="workspace", usd=usd, window="day"),), self.clock)

    async def call(self, *, live: bool = False, **said: Any) -> Reply:
        given = {k: said.pop(k) for k in ("strategy", "tactics") if k in said}
        asked = said.pop("request", request())
        try:
            return await carry_out(
                decision(*self.chain, **given),
                asked,
                deployments=self.chain,
                transports=self.transports,
                clock=self.clock,
                ledger=self.ledger,
                traffic=self.traffic,
                account=Account("run"),
                deadline=self.clock.monotonic() + 60.0,
                on_text=self.heard.append if live else None,
                **said,
            )
        finally:
            await self.nothing_leaks()

    async def nothing_leaks(self) -> None:
        """Every pass is given back, and what is spent is what the attempts cost."""
        assert self.traffic.inside == 0
        (attempts,) = self.traffic.calls
        costs = [a.cost_micro_usd for a in attempts]
        assert await self.ledger.spent("run") == sum(c for c in costs if c is not None)

    def asked(self) -> dict[str, int]:
        return {name: len(server.seen) for name, server in self.servers.items()}

    async def left(self, name: str) -> bool:
        """Whether the caller went away before the end of that deployment's first answer."""
        await self.servers[name].seen[0].ended.wait()
        return self.servers[name].seen[0].gone

    @property
    def text(self) -> str:
        return "".join(self.heard)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(FakeClock())
        made = Fleet(clock, stack)
        stack.push_async_callback(made.transports.close)
        yield made


def outcomes(reply: Reply) -> list[tuple[str, str, str]]:
    return [(a.deployment, a.kind, str(a.outcome)) for a in reply.attempts]


def goes_on(body: dict[str, Any]) -> Step:
    """Continues an assistant's text with the rest of the primary's; else says its own."""
    last = body["messages"][-1]
    if last["role"] != "assistant":
        return Say(OTHER)
    begun = last["content"]
    return Say(PRIMARY[len(begun) :] if PRIMARY.startswith(begun) else "what?")


# ── streams that break off ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("broken", ["close", "reset", "hang", "error"])
async def test_who_can_go_on_goes_on_and_each_word_comes_once(fleet: Fleet, broken: Any) -> None:
    await fleet.serve("a/one", Say(PRIMARY, break_after=40, broken=broken))
    await fleet.serve("b/one", Say(OTHER))
    await fleet.serve("c/one", goes_on, can=("prefill",))
    reply = await fleet.call(live=True)
    assert reply.text == fleet.text == PRIMARY
    assert (reply.ending, reply.model) == ("continued", "c")
    assert fleet.asked()["b/one"] == 0
    last = fleet.servers["c/one"].seen[-1].body["messages"][-1]
    assert last == {"role": "assistant", "content": HANDED_ON}
    assert reply.attempts[-1].continued
    written = [a.usage.output for a in reply.attempts if a.usage.output]
    assert len(written) >= 2
    assert reply.usage.output == sum(written)
    assert reply.usage.estimated  # nobody told what the part before the break took


async def test_a_stream_that_breaks_twice_is_continued_twice(fleet: Fleet) -> None:
    def once_more(body: dict[str, Any]) -> Step:
        step = goes_on(body)
        assert isinstance(step, Say)
        return Say(step.text, break_after=10)

    await fleet.serve("a/one", CUT)
    await fleet.serve("b/one", once_more, can=("prefill",))
    await fleet.serve("c/one", goes_on, can=("prefill",))
    reply = await fleet.call(live=True)
    assert reply.text == fleet.text == PRIMARY
    assert reply.ending == "continued"


async def test_where_nobody_can_go_on_the_answer_is_incomplete_and_says_so(fleet: Fleet) -> None:
    await fleet.serve("a/one", CUT)
    await fleet.serve("b/one", Say(OTHER))
    with pytest.raises(IncompleteError, match="broke off after") as caught:
        await fleet.call(live=True)
    assert caught.value.text == fleet.text == HANDED_ON
    assert fleet.asked() == {"a/one": 2, "b/one": 0}  # its own model may write the same again


async def test_the_same_model_that_writes_the_same_completes_it(fleet: Fleet) -> None:
    await fleet.serve("a/one", CUT)
    await fleet.serve("a/two", Say(PRIMARY))
    reply = await fleet.call(live=True)
    assert reply.text == fleet.text == PRIMARY
    assert (reply.ending, reply.deployment) == ("restarted", "a/two")


async def test_the_same_model_that_writes_something_else_is_stopped(fleet: Fleet) -> None:
    await fleet.serve("a/one", CUT)
    await fleet.serve("a/two", Say(OTHER, gap_s=0.1))
    with pytest.raises(IncompleteError) as caught:
        await fleet.call(live=True)
    assert caught.value.reason == "diverged"
    assert fleet.text == HANDED_ON
    assert fleet.servers["a/two"].seen[0].words_sent < 5


async def test_a_caller_that_waits_gets_the_fallbacks_whole_text(fleet: Fleet) -> None:
    await fleet.serve("a/one", CUT)
    await fleet.serve("b/one", Say(OTHER))
    reply = await fleet.call()
    assert (reply.text, reply.ending) == (OTHER, "restarted")


async def test_a_refused_prefill_is_not_what_the_caller_is_told(fleet: Fleet) -> None:
    def refuses(body: dict[str, Any]) -> Step:
        if body["messages"][-1]["role"] == "assistant":
            return Fail(400, "This model does not support assistant message prefill.")
        return Say(OTHER)

    await fleet.serve("a/one", CUT)
    await fleet.serve("b/one", refuses, can=("prefill",))
    with pytest.raises(IncompleteError) as caught:
        await fleet.call(live=True)
    assert fleet.text == HANDED_ON
    assert caught.value.reason == "nobody can go on with the text that was handed on"
    assert "prefill" not in str(caught.value)
    # Its own model may write the same again; another model would not.
    assert fleet.asked() == {"a/one": 2, "b/one": 1}


async def test_what_is_checked_is_handed_on_after_its_verdict(fleet: Fleet) -> None:
    await fleet.serve("a/one", CUT)
    await fleet.serve("b/one", Say(OTHER))
    reply = await fleet.call(live=True, check=str.upper)
    assert fleet.heard == [OTHER]
    assert reply.value == OTHER.upper()


# ── races and hedges ─────────────────────────────────────────────────────────────────────


async def test_the_first_valid_answer_wins_and_the_loser_is_stopped_and_billed(
    fleet: Fleet,
) -> None:
    await fleet.serve("a/one", Say(PRIMARY, gap_s=1.0))
    await fleet.serve("b/one", Say(OTHER, gap_s=0.1))
    reply = await fleet.call(strategy="race", tactics=Tactics(models=2))
    assert reply.text == OTHER
    assert outcomes(reply) == [("a/one", "racer", "cancelled"), ("b/one", "racer", "ok")]
    assert reply.attempts[0].error == "another answer was there first"
    assert reply.attempts[0].usage.estimated
    assert (reply.attempts[0].cost_micro_usd or 0) > 0
    assert await fleet.ledger.spent("run") == sum(a.cost_micro_usd or 0 for a in reply.attempts)
    assert await fleet.left("a/one")


async def test_an_invalid_answer_does_not_win(fleet: Fleet) -> None:
    def check(text: str) -> str:
        if "fallback" not in text:
            raise ValueError("not what was asked for")
        return text

    await fleet.serve("a/one", Say(PRIMARY))
    await fleet.serve("b/one", Say(OTHER, gap_s=0.5))
    reply = await fleet.call(strategy="race", tactics=Tactics(models=2), check=check)
    assert reply.text == OTHER


async def test_a_hedge_starts_after_the_firsts_p95_and_not_before(fleet: Fleet) -> None:
    fleet.traffic.p95_s = 2.0
    hedged: dict[str, Any] = {
        "strategy": "race",
        "tactics": Tactics(models=2, start="after_p95"),
    }
    await fleet.serve("a/one", Say(PRIMARY, delay_s=9.0))
    await fleet.serve("b/one", Say(OTHER))
    reply = await fleet.call(**hedged)
    assert reply.text == OTHER
    assert fleet.servers["b/one"].seen[0].at == pytest.approx(2.0)
    assert ("b/one", "hedge", "ok") in outcomes(reply)


async def test_a_hedge_that_was_refused_is_made_as_soon_as_the_share_allows_it(
    fleet: Fleet,
) -> None:
    fleet.traffic.p95_s, fleet.traffic.hedges = 2.0, 0
    await fleet.serve("a/one", Say(PRIMARY, delay_s=9.0))
    await fleet.serve("b/one", Say(OTHER))
    tactics = Tactics(models=2, start="after_p95")
    call = asyncio.ensure_future(fleet.call(strategy="race", tactics=tactics))
    await fleet.clock.sleep(3.0)
    fleet.traffic.hedges = 1
    assert (await call).text == OTHER
    assert fleet.servers["b/one"].seen[0].at == pytest.approx(2.0 * 1.25**2)


async def test_a_fast_answer_is_not_hedged_and_neither_is_one_beyond_the_share(
    fleet: Fleet,
) -> None:
    fleet.traffic.p95_s, fleet.traffic.hedges = 2.0, 0
    await fleet.serve("a/one", Say(PRIMARY, delay_s=9.0))
    await fleet.serve("b/one", Say(OTHER))
    tactics = Tactics(models=2, start="after_p95")
    reply = await fleet.call(strategy="race", tactics=tactics)
    assert reply.text == PRIMARY
    assert fleet.asked() == {"a/one": 1, "b/one": 0}


async def test_the_caller_hears_one_racer_only(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say(PRIMARY, delay_s=0.5, gap_s=0.01))
    await fleet.serve("b/one", Say(OTHER, delay_s=0.2, gap_s=0.2))
    reply = await fleet.call(live=True, strategy="race", tactics=Tactics(models=2))
    assert reply.text == fleet.text == OTHER
    assert await fleet.left("a/one")


# ── panels and cascades ──────────────────────────────────────────────────────────────────


async def test_a_panel_gives_what_enough_of_it_agree_on(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("Forty."))
    await fleet.serve("b/one", Say("forty"))
    await fleet.serve("c/one", Say("Fifty.", gap_s=5.0, delay_s=5.0))
    reply = await fleet.call(strategy="panel", tactics=Tactics(models=3, agree=2))
    assert (reply.text, reply.agreement) == ("Forty.", 1.0)
    assert [kind for _, kind, _ in outcomes(reply)] == ["panelist"] * 3
    assert await fleet.left("c/one")


async def test_a_panel_without_agreement_asks_one_more_and_says_how_many_agree(
    fleet: Fleet,
) -> None:
    for name, text in (("a", "one"), ("b", "two"), ("c", "three"), ("d", "two"), ("e", "five")):
        await fleet.serve(f"{name}/one", Say(text))
    reply = await fleet.call(strategy="panel", tactics=Tactics(models=3, agree=2))
    assert (reply.text, reply.model, reply.agreement) == ("two", "b", 0.5)
    assert fleet.asked()["e/one"] == 0


async def test_nothing_of_a_panel_is_handed_on_before_it_agrees(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say(PRIMARY))
    await fleet.serve("b/one", Say(OTHER))
    await fleet.serve("c/one", Say(OTHER))
    reply = await fleet.call(live=True, strategy="panel", tactics=Tactics(models=3, agree=2))
    assert fleet.heard == [reply.text] == [OTHER]


async def test_a_cascade_goes_on_where_the_cheap_answer_is_invalid(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("none"))
    await fleet.serve("b/one", Say("41"))
    reply = await fleet.call(strategy="cascade", tactics=Tactics(), check=int)
    assert reply.value == 41
    assert outcomes(reply) == [
        ("a/one", "first", "invalid_output"),
        ("a/one", "repair", "invalid_output"),
        ("b/one", "fallback", "ok"),
    ]


# ── repairs ──────────────────────────────────────────────────────────────────────────────


async def test_an_invalid_output_is_repaired_by_its_model(fleet: Fleet) -> None:
    server = await fleet.serve("a/one", Say("forty-one"), Say("41"))
    reply = await fleet.call(check=int)
    assert (reply.value, reply.ending) == (41, "complete")
    assert outcomes(reply) == [("a/one", "first", "invalid_output"), ("a/one", "repair", "ok")]
    answer, problem = server.seen[1].body["messages"][-2:]
    assert answer == {"role": "assistant", "content": "forty-one"}
    assert "invalid literal for int()" in problem["content"]


# ── gates ────────────────────────────────────────────────────────────────────────────────


async def test_an_open_breaker_sends_the_call_on_without_a_request(fleet: Fleet) -> None:
    fleet.traffic.closed = {"a/one": [AttemptError(Outcome.SKIPPED_OPEN, "open", retry_after_s=9)]}
    await fleet.serve("a/one", Say(PRIMARY))
    await fleet.serve("b/one", Say(OTHER))
    reply = await fleet.call()
    assert outcomes(reply) == [("a/one", "first", "skipped_open"), ("b/one", "fallback", "ok")]
    assert reply.attempts[0].retry_after_s == 9
    assert fleet.asked() == {"a/one": 0, "b/one": 1}


async def test_where_all_are_open_the_first_to_close_is_waited_for(fleet: Fleet) -> None:
    def until(seconds: float) -> list[AttemptError]:
        return [AttemptError(Outcome.SKIPPED_OPEN, "open", retry_after_s=seconds)]

    fleet.traffic.closed = {"a/one": until(30), "b/one": until(20)}
    await fleet.serve("a/one", Say(PRIMARY))
    await fleet.serve("b/one", Say(OTHER))
    reply = await fleet.call()
    assert reply.text == OTHER
    assert fleet.servers["b/one"].seen[0].at == pytest.approx(20)


async def test_where_none_closes_in_time_the_call_fails_at_once(fleet: Fleet) -> None:
    fleet.traffic.closed = {
        "a/one": [AttemptError(Outcome.SKIPPED_OPEN, "open for 90 s", retry_after_s=90)]
    }
    await fleet.serve("a/one", Say(PRIMARY))
    with pytest.raises(CallError, match=r"a/one → skipped_open \(open for 90 s\)"):
        await fleet.call()
    assert fleet.clock.monotonic() < 1


async def test_a_cancelled_race_stops_and_settles_everything(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say(PRIMARY, gap_s=1.0))
    await fleet.serve("b/one", Say(OTHER, gap_s=1.0))
    task = asyncio.ensure_future(fleet.call(strategy="race", tactics=Tactics(models=2)))
    await fleet.clock.sleep(4.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (attempts,) = fleet.traffic.calls
    assert {a.outcome for a in attempts} == {Outcome.CANCELLED}
    assert {a.error for a in attempts} == {"the caller stopped the call"}
    assert await fleet.ledger.spent("run") == sum(a.cost_micro_usd or 0 for a in attempts) > 0


def test_the_rule_that_leaves_an_open_breaker_out_is_called_so() -> None:
    assert BREAKER_RULE in {rule.name for rule in availability_rules(Context())}


def test_the_words_are_what_the_stand_in_sends() -> None:
    assert "".join(words(PRIMARY)[:40]) == HANDED_ON
