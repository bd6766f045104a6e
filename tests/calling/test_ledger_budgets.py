"""Budgets by caller, feature and model; soft ones; and those of whom nothing is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.ledger import MemoryLedger, SqliteLedger
from orchestrator.errors import OverBudgetError
from orchestrator.money import Usage
from orchestrator.project.policy_schema import Budget, BudgetMatch
from orchestrator.project.protocols import Standing
from orchestrator.testing.stores import charge, used
from orchestrator.types import Caller, Charge

from .fake_clock import FakeClock

Ledger = MemoryLedger | SqliteLedger
Make = Callable[..., Ledger]
TEN = 0.000010
"""Dollars: ten micro-dollars."""
FREE_USERS = Budget(per="user", match=BudgetMatch(user_tier="free"), usd=TEN, window="day")
SEARCH = Budget(per="feature", match=BudgetMatch(feature="search"), usd=TEN, window="month")
USED = Usage(input=1, output=1)


@pytest.fixture(params=["memory", "sqlite"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Ledger] = []

    def make(*budgets: Budget) -> Ledger:
        clock = FakeClock()
        if request.param == "memory":
            made.append(MemoryLedger(budgets, clock))
        else:
            made.append(SqliteLedger(tmp_path / f"{len(made)}.sqlite", budgets, clock))
        return made[-1]

    yield make
    for ledger in made:
        await ledger.close()


def of(model: str = "m", run: str = "run", tags: tuple[str, ...] = (), **said: str) -> Charge:
    return replace(charge(run, f"{model}/d"), caller=Caller(**said), tags=tags)


async def fits(ledger: Ledger, who: Charge, micro_usd: int | None) -> bool:
    """Whether so much can be reserved; it is given back at once."""
    try:
        await ledger.release(await ledger.reserve(who, micro_usd))
    except OverBudgetError:
        return False
    return True


async def spend(ledger: Ledger, who: Charge, micro_usd: int) -> None:
    await ledger.settle(await ledger.reserve(who, micro_usd), used(micro_usd, USED))


@pytest.mark.parametrize(
    ("per", "mine", "yours"),
    [
        ("workspace", {"workspace": "a"}, {"workspace": "b"}),
        ("user", {"user": "a"}, {"user": "b"}),
        ("user_tier", {"tier": "a"}, {"tier": "b"}),
        ("key", {"key": "a"}, {"key": "b"}),
        ("feature", {"feature": "a"}, {"feature": "b"}),
        ("model", {"model": "a"}, {"model": "b"}),
        ("run", {"run": "a"}, {"run": "b"}),
    ],
)
async def test_each_has_a_budget_of_its_own(
    make: Make, per: str, mine: dict[str, Any], yours: dict[str, Any]
) -> None:
    ledger = make(Budget.model_validate({"per": per, "usd": TEN, "window": "day"}))
    await spend(ledger, of(**mine), 8)
    assert not await fits(ledger, of(**mine), 3)
    assert await fits(ledger, of(**mine), 2)
    assert await fits(ledger, of(**yours), 10)


async def test_a_project_is_everybody_together(make: Make) -> None:
    ledger = make(Budget(per="project", usd=TEN, window="day"))
    await spend(ledger, of(user="a", workspace="x", feature="f"), 8)
    assert not await fits(ledger, of(user="b", workspace="y"), 3)


async def test_users_of_a_tier_have_so_much_each(make: Make) -> None:
    ledger = make(FREE_USERS)
    await spend(ledger, of(user="ana", tier="free"), 8)
    assert not await fits(ledger, of(user="ana", tier="free"), 3)
    assert await fits(ledger, of(user="bob", tier="free"), 10)
    assert await fits(ledger, of(user="cy", tier="paid"), 1000)


async def test_who_does_not_say_what_a_budget_asks_for_is_bound_by_it(make: Make) -> None:
    ledger = make(FREE_USERS, SEARCH)
    assert not await fits(ledger, of(user="ana", tier="", feature="chat"), 11)
    assert not await fits(ledger, of(user="ana", tier="paid", feature=""), 11)
    assert await fits(ledger, of(user="ana", tier="paid", feature="chat"), 11)


async def test_those_who_name_no_user_share_one_budget(make: Make) -> None:
    ledger = make(Budget(per="user", usd=TEN, window="day"))
    await spend(ledger, of(run="one"), 8)
    with pytest.raises(OverBudgetError, match="per user and day, for those who name no user would"):
        await ledger.reserve(of(run="another"), 3)
    assert await fits(ledger, of(user="ana"), 10)


async def test_a_refusal_says_who_has_spent_what(make: Make) -> None:
    ledger = make(FREE_USERS)
    await spend(ledger, of(user="ana", tier="free"), 8)
    with pytest.raises(OverBudgetError) as refused:
        await ledger.reserve(of(user="ana", tier="free"), 3)
    assert str(refused.value) == (
        "the budget of 0.00001 USD per user and day, for 'ana' would be passed: 0.000008 USD are "
        "spent or reserved, this call may cost 0.000003 USD"
    )


async def test_a_list_means_any_of_its_values_and_tags_one_of_them(make: Make) -> None:
    named = Budget(per="project", match=BudgetMatch(model=("a", "b")), usd=TEN, window="day")
    tagged = Budget(per="project", match=BudgetMatch(tags=("x", "y")), usd=TEN, window="day")
    ledger = make(named)
    await spend(ledger, of("a"), 8)
    assert not await fits(ledger, of("b"), 3)
    assert await fits(ledger, of("c"), 1000)
    ledger = make(tagged)
    await spend(ledger, of(tags=("x", "z")), 8)
    assert not await fits(ledger, of(tags=("y",)), 3)
    assert await fits(ledger, of(tags=("z",)), 1000)
    assert await fits(ledger, of(), 1000)


async def test_an_unknown_price_is_refused_where_a_budget_holds_and_nowhere_else(
    make: Make,
) -> None:
    ledger = make(FREE_USERS)
    assert not await fits(ledger, of(user="ana", tier="free"), None)
    assert not await fits(ledger, of(), None)
    assert await fits(ledger, of(user="ana", tier="paid"), None)


# ── how a caller stands ──────────────────────────────────────────────────────────────────


async def stands(ledger: Ledger, **said: str) -> Standing:
    return await ledger.standing("run", Caller(**said), ())


async def test_what_is_left_is_the_least_of_all_budgets(make: Make) -> None:
    ledger = make(Budget(per="project", usd=2 * TEN, window="day"), FREE_USERS)
    assert await stands(ledger, user="ana", tier="paid") == Standing(
        left_micro_usd=20, budget="project.day"
    )
    await spend(ledger, of(user="ana", tier="free"), 4)
    assert await stands(ledger, user="ana", tier="free") == Standing(
        left_micro_usd=6, budget="user.day(user_tier=free)"
    )
    assert (await stands(ledger, user="bob", tier="free")).left_micro_usd == 10
    assert (await stands(ledger, user="cy", tier="paid")).left_micro_usd == 16


async def test_what_is_reserved_is_not_left(make: Make) -> None:
    ledger = make(Budget(per="project", usd=TEN, window="day"))
    lease = await ledger.reserve(of(), 7)
    assert (await stands(ledger)).left_micro_usd == 3
    await ledger.settle(lease, used(25, USED))  # cost more than was thought
    assert (await stands(ledger)).left_micro_usd == 0


async def test_a_soft_budget_refuses_nothing_and_says_when_it_is_used_up(make: Make) -> None:
    ledger = make(Budget(per="user", usd=TEN, window="day", soft=True))
    await spend(ledger, of(user="ana"), 9)
    assert await stands(ledger, user="ana") == Standing()
    await spend(ledger, of(user="ana"), 30)
    assert await stands(ledger, user="ana") == Standing(soft=("user.day",))
    assert await stands(ledger, user="bob") == Standing()


async def test_a_budget_may_be_soft_first_and_hard_later(make: Make) -> None:
    ledger = make(Budget(per="user", usd=TEN, window="day", soft=0.000004))
    await spend(ledger, of(user="ana"), 4)
    expected = Standing(left_micro_usd=6, budget="user.day", soft=("user.day",))
    assert await stands(ledger, user="ana") == expected
    assert not await fits(ledger, of(user="ana"), 7)


async def test_budgets_of_models_say_nothing_before_a_model_is_chosen(make: Make) -> None:
    ledger = make(Budget(per="model", usd=TEN, window="day"))
    await spend(ledger, of("a"), 10)
    assert await stands(ledger) == Standing()
    assert not await fits(ledger, of("a"), 1)


async def test_without_a_budget_nobody_looks_at_the_disk(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.sqlite")
    assert await ledger.standing("run", Caller(user="ana"), ()) == Standing()
    assert not list(tmp_path.iterdir())
    await ledger.close()


async def test_a_file_that_cannot_be_read_stops_only_those_who_pay(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ledger = SqliteLedger(
        tmp_path / "file" / "l.sqlite", (Budget(per="project", usd=1, window="day"),)
    )
    assert await ledger.standing("run", Caller(), ()) == Standing()
    await ledger.settle(await ledger.reserve(of(), 0), used(0, USED))
    await ledger.close()
    assert "could not be written (1): the ledger" in (ledger.problem or "")
