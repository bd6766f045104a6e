"""What is doubtful about a fleet on a given day, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.fleet.build import build_fleet
from orchestrator.fleet.prices import PriceList, load_prices
from orchestrator.fleet.warn import FleetWarning, fleet_warnings
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.load import load_project
from orchestrator.project.policy_schema import Policy
from tests.calling.fake_clock import FakeClock

TODAY = date(2026, 11, 21)
LISTED = {
    "mode": "chat",
    "input_cost_per_token": 3e-06,
    "output_cost_per_token": 15e-06,
}
ENTRIES: dict[str, Any] = {
    "claude-sonnet-5-5": LISTED,
    "gpt-5-2026-09-30": LISTED,
    "eu.anthropic.claude-sonnet-20261003-v1:0": LISTED,
    "mistral/mistral-large-latest": LISTED,
    "ends": {**LISTED, "deprecation_date": "2026-12-03"},
    "ended": {**LISTED, "deprecation_date": "2026-11-20"},
    "ends-today": {**LISTED, "deprecation_date": "2026-11-21"},
    "ends-later": {**LISTED, "deprecation_date": "2027-01-21"},
    "ends-some-day": {**LISTED, "deprecation_date": "sometime in 2027"},
    "unpriced": {"mode": "chat"},
}
UNLIMITED = Policy()
BUDGETED = Policy.model_validate({"budgets": [{"per": "run", "usd": 1}]})
CAPPED = Policy.model_validate({"routes": [{"name": "cheap", "max_cost_usd": 0.1}]})


@pytest.fixture
def prices(tmp_path: Path) -> PriceList:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(ENTRIES))
    return load_prices(file, tmp_path / "cache.json")


def warned(
    prices: PriceList,
    model: str,
    *,
    policy: Policy = UNLIMITED,
    today: date = TODAY,
    **declared: Any,
) -> list[FleetWarning]:
    deployment = {"id": "direct", "via": "litellm", "model": model, "hosting": "hosted", **declared}
    models = {"m": {"family": "f", "tier": "mid", "deployments": [deployment]}}
    fleet = Fleet.model_validate({"models": models})
    built = build_fleet(fleet, {})
    # build_fleet reads the installed price file; here the one of the test counts.
    listing = prices.find(model) if deployment["hosting"] == "hosted" else None
    if listing:
        price = built[0].price if declared.get("price") else listing.price
        built = (dataclasses.replace(built[0], retires=listing.retires, price=price),)
    return list(fleet_warnings(fleet, built, policy, prices, today))


@pytest.mark.parametrize(
    ("model", "code", "says"),
    [
        ("ended", "retired", "ended was retired on 2026-11-20"),
        ("ends-today", "retires_soon", "ends-today retires today, on 2026-11-21"),
        ("ends", "retires_soon", "ends retires in 12 days, on 2026-12-03"),
    ],
)
def test_a_model_that_retires(prices: PriceList, model: str, code: str, says: str) -> None:
    (warning,) = warned(prices, model)
    assert (warning.code, warning.deployment, warning.message) == (code, "m/direct", says)
    assert "successor" in warning.suggestion


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "ends-later", "ends-some-day"])
def test_a_model_in_its_best_years(prices: PriceList, model: str) -> None:
    assert warned(prices, model, policy=BUDGETED) == []


def test_the_date_is_what_decides(prices: PriceList) -> None:
    assert warned(prices, "ends-later", today=date(2026, 11, 22))[0].code == "retires_soon"


@pytest.mark.parametrize(
    ("model", "near"),
    [
        ("anthropic/claude-sonet-5-5", "anthropic/claude-sonnet-5-5"),
        ("claude-sonnet-55", "claude-sonnet-5-5"),
        ("mistral/mistral-large-lastest", "mistral/mistral-large-latest"),
    ],
)
def test_a_model_that_the_price_file_does_not_know(
    prices: PriceList, model: str, near: str
) -> None:
    (warning,) = warned(prices, model)
    assert warning.code == "model_unknown"
    assert model in warning.message
    assert warning.suggestion == f"did you mean '{near}'?"


def test_a_deployment_that_its_user_named(prices: PriceList) -> None:
    model, price = "azure/our-gpt-5", {"input": 1, "output": 5}
    assert warned(prices, model, price=price) == []
    (warning,) = warned(prices, model, policy=BUDGETED)
    assert warning.code == "price_unknown"
    assert warning.suggestion.startswith("state its price")


def test_a_name_like_no_other_gets_no_absurd_suggestion(prices: PriceList) -> None:
    (warning,) = warned(prices, "zzzz/qqqq")
    assert "did you mean" not in warning.suggestion


@pytest.mark.parametrize(
    ("policy", "limit"),
    [(BUDGETED, "the budget in policy.yaml"), (CAPPED, "the cost limit of the route cheap")],
)
@pytest.mark.parametrize("model", ["unpriced", "anthropic/claude-sonet-5-5"])
def test_an_unknown_price_where_cost_is_limited(
    prices: PriceList, model: str, policy: Policy, limit: str
) -> None:
    (warning,) = warned(prices, model, policy=policy)
    assert warning.code == "price_unknown"
    assert warning.message == f"the price of {model} is unknown, so {limit} bars it"


def test_an_unknown_price_where_cost_is_not_limited(prices: PriceList) -> None:
    assert warned(prices, "unpriced") == []


def test_an_endpoint_of_ones_own_may_hold_any_model(prices: PriceList) -> None:
    own: dict[str, Any] = {"via": "openai", "endpoint": "https://models.example.com/v1"}
    assert (
        warned(prices, "our-model", price={"input": 1, "output": 2}, policy=BUDGETED, **own) == []
    )
    assert warned(prices, "our-model", hosting="self", policy=BUDGETED, **own) == []


@pytest.mark.parametrize(
    ("price", "differs"),
    [
        ({"input": 3, "output": 15}, False),
        ({"input": 3.2, "output": 14}, False),
        ({"input": 3.31, "output": 15}, True),
        ({"input": 3, "output": 13}, True),
        ({"input": 0, "output": 15}, True),
    ],
)
def test_a_declared_price_beside_the_listed_one(
    prices: PriceList, price: dict[str, float], differs: bool
) -> None:
    found = warned(prices, "anthropic/claude-sonnet-5-5", price=price)
    assert [w.code for w in found] == (["price_differs"] if differs else [])


def test_a_difference_is_told_in_dollars(prices: PriceList) -> None:
    (warning,) = warned(prices, "claude-sonnet-5-5", price={"input": 2.5, "output": 15})
    assert warning.message == (
        "fleet.yaml states 2.5 for input, where litellm's price file says 3 "
        "(US dollars a million tokens)"
    )


def test_prices_grow_old_where_somebody_uses_them(prices: PriceList) -> None:
    assert prices.newest == date(2026, 10, 3)
    assert warned(prices, "claude-sonnet-5-5", today=date(2027, 1, 31)) == []
    (warning,) = warned(prices, "claude-sonnet-5-5", today=date(2027, 2, 1))
    assert (warning.code, warning.deployment) == ("prices_old", None)
    assert "no model newer than 2026-10-03, 121 days ago" in warning.message
    stated = {"input": 3, "output": 15}
    assert warned(prices, "claude-sonnet-5-5", price=stated, today=date(2028, 1, 1)) == []


def test_without_a_price_file_nothing_is_compared() -> None:
    assert warned(PriceList({}), "anthropic/anything", price={"input": 3, "output": 15}) == []


def test_the_shipped_fleet_is_well_on_the_day_of_its_price_file(tmp_path: Path) -> None:
    clock = FakeClock(1_795_000_000.0)  # 2026-11-18
    mesh = Mesh(load_project(Path(), env={}), env={}, clock=clock)
    assert mesh.fleet_warnings() == ()
    clock.advance(400 * 86_400)
    assert "prices_old" in {warning.code for warning in mesh.fleet_warnings()}
