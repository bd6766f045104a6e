"""A panel that is asked one after the other: who is asked next, and whose answer is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from orchestrator.calling.in_turn import given, move, pattern
from orchestrator.calling.next_action import Action, History, Next, Stop, Tried, next_action
from orchestrator.types import Move, Outcome, Tactics
from tests.calling.fake_clock import FakeClock
from tests.calling.samples import deployment
from tests.calling.server import Fail, Say
from tests.calling.test_strategies import Fleet, outcomes

MOVES = {
    "": Move(0, False, 0.0),
    "a": Move(1, False, 0.6),
    "aa": Move(1, True, 0.95),
    "ab": Move(2, False, 0.5),
    "aba": Move(2, True, 0.9),
    "abb": Move(2, True, 0.9),
    "abc": Move(2, True, 0.6),
}
IN_TURN = Tactics(models=3, agree=2, start="in_turn", moves=MOVES)


def test_a_pattern_says_who_said_the_same() -> None:
    assert pattern([None, None]) == ""
    assert pattern(["x", "y", "x"]) == "aba"
    assert pattern([None, "y", "x", "y", None]) == ".aba"


def test_moves_are_followed() -> None:
    able = [True, True, True]
    assert move(MOVES, [None, None, None], able) == MOVES[""]
    assert move(MOVES, ["x", None, None], able) == MOVES["a"]
    assert move(MOVES, ["x", "x", None], able) == MOVES["aa"]


def test_where_they_say_nothing_the_dearest_is_asked_and_then_the_most_counts() -> None:
    assert move(MOVES, [None, "x", None], [False, False, True]) == Move(2, False, 0.0)
    assert move({}, ["x", "y", "x"], [False] * 3) == Move(2, True, 0.0)
    assert move({}, ["x", "y", None], [False] * 3) == Move(1, True, 0.0)  # of equals the last
    assert move({}, [None, None], [False] * 2) is None
    assert given(MOVES, ["x", "x", None]) == 1
    assert given(MOVES, [None, None, None]) is None


CHAIN = tuple(deployment(f"{name}/one") for name in ("a", "b", "c", "spare"))


def decided(*said: tuple[str, str | None]) -> Action:
    """After these have answered with a vote, or failed."""
    tried = tuple(
        Tried(deployment=id, outcome=Outcome.OK if vote else Outcome.EMPTY, at=0.0, vote=vote)
        for id, vote in said
    )
    history = History(chain=CHAIN, tried=tried, deadline=100.0, strategy="panel", tactics=IN_TURN)
    return next_action(history, 0.0)


def test_one_after_the_other_until_the_moves_say_that_it_is_enough() -> None:
    a, b, c, _ = CHAIN
    assert decided() == Next(a)
    assert decided((a.id, "x")) == Next(b)
    assert decided((a.id, "x"), (b.id, "x")) == Stop("ok")
    assert decided((a.id, "x"), (b.id, "y")) == Next(c)
    assert decided((a.id, "x"), (b.id, "y"), (c.id, "z")) == Stop("ok")


def test_who_fails_is_passed_over_and_a_spare_one_answers_where_all_fail() -> None:
    a, b, c, spare = CHAIN
    assert decided((a.id, None)) == Next(c)
    assert decided((a.id, "x"), (b.id, None)) == Next(c)
    assert decided((a.id, None), (c.id, "x")) == Next(b)
    assert decided((a.id, None), (c.id, None), (b.id, None)) == Next(spare)
    assert decided((a.id, None), (c.id, None), (b.id, None), (spare.id, "x")) == Stop("ok")


# ── carried out ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(FakeClock())
        made = Fleet(clock, stack)
        stack.push_async_callback(made.transports.close)
        yield made


async def test_two_that_come_to_the_same_spare_the_third(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("Half of ten is 5. The answer is 5."))
    await fleet.serve("b/one", Say("10/2, so: \\boxed{5.0}"))
    await fleet.serve("c/one", Say("6"))
    reply = await fleet.call(strategy="panel", tactics=IN_TURN)
    assert (reply.deployment, reply.text) == ("b/one", "10/2, so: \\boxed{5.0}")
    assert reply.agreement == 1.0
    assert fleet.asked() == {"a/one": 1, "b/one": 1, "c/one": 0}


async def test_where_they_differ_the_third_has_the_last_word(fleet: Fleet) -> None:
    await fleet.serve("a/one", Say("4"))
    await fleet.serve("b/one", Say("5"))
    await fleet.serve("c/one", Say("6"))
    reply = await fleet.call(strategy="panel", tactics=IN_TURN)
    assert reply.text == "6"
    assert reply.agreement == pytest.approx(1 / 3)
    assert [kind for _, kind, _ in outcomes(reply)] == ["panelist"] * 3


async def test_one_that_is_down_costs_no_answer(fleet: Fleet) -> None:
    await fleet.serve("a/one", Fail(500))
    await fleet.serve("b/one", Say("5"))
    await fleet.serve("c/one", Say("6"))
    reply = await fleet.call(strategy="panel", tactics=IN_TURN)
    assert reply.text == "6"
