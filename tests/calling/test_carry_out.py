"""A decision carried out: the chain, the leases, the settings, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from orchestrator.call_types import (
    MESSAGE_TOKENS,
    CallEvent,
    CallRequest,
    Reply,
    TextDelta,
    text_of,
)
from orchestrator.calling.adapt import adapt, estimate, output_limit
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.calling.attempting import Account, CallProgress, Ended, Pausing, Started
from orchestrator.calling.carry_out import carry_out
from orchestrator.calling.clock import SystemClock
from orchestrator.calling.ledger import MemoryLedger, SqliteLedger
from orchestrator.calling.transports import Transports
from orchestrator.errors import CallError, InternalError
from orchestrator.money import FREE, Price
from orchestrator.project.policy_schema import Budget
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.types import Decision, Deployment, Outcome, Setting
from tests.calling.free_traffic import FreeTraffic
from tests.calling.samples import decision, deployment, request
from tests.calling.server import Fail, Hang, Say, StandIn, Step

HERE = deployment("words/here", via="builtin", target="words", family=None, price=FREE)


def words(sent: CallRequest) -> str:
    return f"{len(text_of(sent.messages[-1]).split())} words"


def refuses(sent: CallRequest) -> str:
    raise ValueError("there is nothing to count")


def breaks(sent: CallRequest) -> str:
    known: dict[str, str] = {}
    return known["missing"]


async def slow(sent: CallRequest) -> str:
    await asyncio.sleep(0)
    return "slow words"


@pytest.fixture
async def transports() -> AsyncIterator[Transports]:
    registry = Registry(BUILTINS)
    for function in (words, refuses, breaks, slow):
        registry.add("builtin", function.__name__, function)
    made = Transports(registry, {}, SystemClock())
    yield made
    await made.close()


async def call(
    transports: Transports,
    *chain: Deployment,
    ledger: MemoryLedger | SqliteLedger | None = None,
    given: Decision | None = None,
    check: Callable[[str], Any] | None = None,
    tell: Callable[[CallProgress], None] | None = None,
) -> Reply:
    clock = SystemClock()
    return await carry_out(
        given or decision(*(d.id for d in chain)),
        request("one two three"),
        deployments={d.id: d for d in chain},
        transports=transports,
        clock=clock,
        ledger=ledger or MemoryLedger(),
        account=Account("run"),
        traffic=FreeTraffic(),
        deadline=clock.monotonic() + 60,
        check=check,
        on_event=tell,
    )


def builtin(target: str) -> Deployment:
    return deployment(f"{target}/here", via="builtin", target=target, family=None, price=FREE)


async def test_the_reply_carries_text_value_and_who_answered(transports: Transports) -> None:
    reply = await call(transports, HERE, check=lambda text: int(text.split()[0]))
    assert (reply.text, reply.value) == ("3 words", 3)
    assert (reply.deployment, reply.model, reply.family) == ("words/here", "words", None)
    assert (reply.ending, reply.finish_reason) == ("complete", "stop")
    assert [a.cost_micro_usd for a in reply.attempts] == [0]


async def test_without_a_check_the_value_is_the_text(transports: Transports) -> None:
    assert (await call(transports, builtin("slow"))).value == "slow words"


@pytest.mark.parametrize(
    ("target", "outcome", "said"),
    [
        ("refuses", Outcome.INVALID_OUTPUT, "there is nothing to count"),
        ("breaks", Outcome.MALFORMED, "breaks raised KeyError: 'missing'"),
        ("wrods", Outcome.INVALID_REQUEST, "did you mean 'words'"),
    ],
)
async def test_a_function_that_fails_is_followed_by_the_next(
    transports: Transports, target: str, outcome: Outcome, said: str
) -> None:
    reply = await call(transports, builtin(target), HERE)
    assert reply.text == "3 words"
    assert reply.attempts[0].outcome is outcome
    assert said in (reply.attempts[0].error or "")


async def test_when_all_fail_the_error_lists_every_attempt(transports: Transports) -> None:
    with pytest.raises(CallError) as caught:
        await call(transports, builtin("refuses"), builtin("breaks"))
    assert [a.deployment for a in caught.value.attempts] == ["refuses/here", "breaks/here"]
    assert "refuses/here → invalid_output (there is nothing to count)" in str(caught.value)
    assert "breaks/here → malformed" in str(caught.value)


async def test_a_check_that_breaks_is_our_bug_and_not_an_outcome(transports: Transports) -> None:
    with pytest.raises(ZeroDivisionError):
        await call(transports, HERE, check=lambda text: 1 // 0)


async def test_a_decision_that_the_fleet_does_not_know_is_our_bug(transports: Transports) -> None:
    with pytest.raises(InternalError, match="gone/away"):
        await call(transports, HERE, given=decision(HERE.id, "gone/away"))


async def test_who_listens_is_told_of_every_attempt(transports: Transports) -> None:
    told: list[CallProgress] = []
    limited = StandIn(Fail(429, headers={"Retry-After": "0"}), Say("Hello."))
    async with limited as url:
        to = deployment("a/one", endpoint=url)
        reply = await call(transports, to, tell=told.append)
    assert told == [
        Started(to),
        Ended(reply.attempts[0]),
        Pausing(to, 0.0),
        Started(to),
        Ended(reply.attempts[1]),
    ]


# ── money ────────────────────────────────────────────────────────────────────────────────


async def paid(transports: Transports, *steps: Step, ledger: MemoryLedger) -> Reply:
    async with StandIn(*steps) as url:
        return await call(transports, deployment("a/one", endpoint=url), HERE, ledger=ledger)


async def test_what_was_used_is_settled_and_failures_are_released(transports: Transports) -> None:
    ledger = MemoryLedger()
    reply = await paid(transports, Say("Hello."), ledger=ledger)
    assert await ledger.spent("run") == reply.attempts[0].cost_micro_usd == 17
    reply = await paid(transports, Fail(401), ledger=ledger)
    assert [a.outcome for a in reply.attempts] == [Outcome.AUTH, Outcome.OK]
    assert await ledger.spent("run") == 17


async def test_a_budget_sends_the_request_to_what_costs_nothing(transports: Transports) -> None:
    ledger = MemoryLedger((Budget(per="run", usd=0.000001),))
    stand_in = StandIn(Say("Hello."))
    async with stand_in as url:
        reply = await call(transports, deployment("a/one", endpoint=url), HERE, ledger=ledger)
    assert reply.deployment == "words/here"
    assert reply.attempts[0].outcome is Outcome.OVER_BUDGET
    assert "the budget of 0.000001 USD per run would be passed" in (reply.attempts[0].error or "")
    assert stand_in.seen == []


class Stuck:
    """A transport that says two tokens and then waits for ever."""

    def __init__(self, *_: object) -> None:
        self.said, self.stopped = asyncio.Event(), asyncio.Event()

    async def stream(self, to: Deployment, sent: CallRequest) -> AsyncGenerator[CallEvent, None]:
        try:
            yield TextDelta("x" * 8)
            self.said.set()
            await asyncio.Event().wait()
        finally:
            self.stopped.set()

    async def close(self) -> None: ...


async def test_a_cancelled_call_pays_what_was_said_and_stops_upstream(tmp_path: Path) -> None:
    registry, told = Registry(BUILTINS), list[CallProgress]()
    registry.add("transport", "stuck", Stuck)
    transports = Transports(registry, {}, SystemClock())
    ledger = SqliteLedger(tmp_path / "l.sqlite", (Budget(per="run", usd=1),))
    to = deployment("a/one", via="stuck")
    running = asyncio.create_task(call(transports, to, ledger=ledger, tell=told.append))
    stuck = cast(Stuck, transports.get("stuck"))
    await stuck.said.wait()
    assert await ledger.spent("run") > 1000  # reserved
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stuck.stopped.is_set()
    last = told[-1]
    assert isinstance(last, Ended)
    assert last.attempt.outcome is Outcome.CANCELLED
    assert last.attempt.cost_micro_usd == 4 + MESSAGE_TOKENS + 2 * 2
    assert await ledger.spent("run") == 12
    await ledger.close()


async def test_a_call_that_is_cancelled_before_any_text_pays_nothing(
    transports: Transports, tmp_path: Path
) -> None:
    ledger = SqliteLedger(tmp_path / "l.sqlite", (Budget(per="run", usd=1),))
    stand_in = StandIn(Hang())
    async with stand_in as url:
        to = deployment("a/one", endpoint=url)
        running = asyncio.create_task(call(transports, to, ledger=ledger))
        await stand_in.arrived.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(stand_in.seen[0].ended.wait(), 10)
    assert stand_in.seen[0].gone
    assert await ledger.spent("run") == 0
    await ledger.close()


def reserved(to: Deployment, sent: CallRequest) -> int | None:
    return estimate(to, prompt_tokens(sent), output_limit(to, sent))


def test_the_estimate_covers_the_prompt_and_all_the_output() -> None:
    to = deployment("a/one")
    sent = request("x" * 40, max_tokens=100)
    prompt = 10 + MESSAGE_TOKENS
    assert reserved(to, sent) == prompt + 2 * 100
    assert reserved(to, request("x" * 40)) == prompt + 2 * 1024
    assert reserved(deployment("a/one", max_output=50), request("x" * 40)) == prompt + 2 * 50
    assert reserved(HERE, sent) == 0
    assert reserved(deployment("a/one", price=None), sent) is None
    assert reserved(deployment("a/one", price=Price(input=1)), sent) is None


# ── settings ─────────────────────────────────────────────────────────────────────────────


def test_the_decision_says_how_to_call_within_what_the_deployment_can() -> None:
    settings = {
        "temperature": Setting(value=0.2, origin="route:pii"),
        "max_tokens": Setting(value=900, origin="agent:drafter"),
        "reasoning_effort": Setting(value="low", origin="agent:drafter"),
    }
    given = decision("a/one", settings=settings)
    sent = adapt(request(), given, deployment("a/one", max_output=300))
    assert (sent.temperature, sent.max_tokens, sent.reasoning_effort) == (0.2, 300, "low")


def test_the_request_itself_goes_before_the_decision() -> None:
    given = decision("a/one", settings={"temperature": Setting(value=0.2, origin="route:pii")})
    assert adapt(request(temperature=0.0), given, deployment("a/one")).temperature == 0.0
