"""From declarations to deployments: prices, limits, endpoints, names."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import UserError
from orchestrator.fleet.build import build_fleet
from orchestrator.money import FREE, Price, PriceStep
from orchestrator.project.fleet_schema import Fleet
from orchestrator.types import Deployment


def build(
    deployment: dict[str, Any], env: dict[str, str] | None = None, **model: Any
) -> Deployment:
    declared = {
        "id": "one",
        "via": "litellm",
        "model": "openai/gpt-5-mini",
        "hosting": "hosted",
        **deployment,
    }
    fleet = Fleet.model_validate(
        {"models": {"m": {"tier": "small", "deployments": [declared], **model}}}
    )
    (built,) = build_fleet(fleet, env or {})
    return built


def test_a_listed_price_and_limits() -> None:
    built = build({}, family="openai", tasks={"draft": 0.7}, can=["json"])
    assert built.id == "m/one"
    assert (built.provider, built.target, built.family) == ("openai", "openai/gpt-5-mini", "openai")
    assert built.price == Price(input=250_000, output=2_000_000, cache_read=25_000)
    assert (built.context, built.max_output) == (272_000, 128_000)
    assert (built.tasks, built.can) == ({"draft": 0.7}, ("json",))


def test_what_is_not_stated_stays_unknown() -> None:
    built = build({"model": "openai/no-such-model"})
    assert built.price is None
    assert built.context is None
    assert (built.region, built.retention_days, built.trains_on_data) == (None, None, None)
    assert built.certifications == ()


def test_a_declared_price_wins_and_is_exact() -> None:
    built = build({"price": {"input": 0.29, "output": 1.1, "cache_read": 0.029}})
    assert built.price == Price(input=290_000, output=1_100_000, cache_read=29_000)
    stepped = {"input": 1, "output": 2, "cache_write": 1.25, "audio_input": 3, "reasoning": 4}
    longer = [{"above": n, "input": 2, "output": 3} for n in (200_000, 100_000)]
    assert build({"price": {**stepped, "audio_output": 5, "long": longer}}).price == Price(
        input=1_000_000,
        output=2_000_000,
        cache_write=1_250_000,
        audio_input=3_000_000,
        audio_output=5_000_000,
        reasoning=4_000_000,
        steps=tuple(
            PriceStep(above=n, price=Price(input=2_000_000, output=3_000_000))
            for n in (100_000, 200_000)
        ),
    )
    free = build({"price": {"input": 0, "output": 0}})
    assert free.price == Price(input=0, output=0)


def test_a_self_hosted_deployment_is_free_unless_it_says_otherwise() -> None:
    assert build({"hosting": "self"}).price == FREE
    priced = build({"hosting": "self", "price": {"input": 1, "output": 2}})
    assert priced.price == Price(input=1_000_000, output=2_000_000)


def test_the_lesser_context_counts_unless_a_price_is_declared() -> None:
    assert build({}, context=1_000).context == 1_000
    assert build({}, context=1_000_000).context == 272_000
    declared = {"price": {"input": 1, "output": 1}}
    assert build(declared, context=1_000_000).context == 1_000_000


def test_no_family_is_deterministic() -> None:
    built = build({"via": "builtin", "model": None, "function": "sums", "hosting": "self"})
    assert built.deterministic
    assert (built.provider, built.target) == ("builtin", "sums")


@pytest.mark.parametrize(
    ("declared", "env", "endpoint"),
    [
        ("${HERE:-http://127.0.0.1:1/v1}", {}, "http://127.0.0.1:1/v1"),
        ("${HERE:-http://127.0.0.1:1/v1}", {"HERE": "http://h/v1"}, "http://h/v1"),
        ("${HERE}/v1", {}, "${HERE}/v1"),
        ("${HERE}/v1", {"HERE": "127.0.0.1:11434"}, "http://127.0.0.1:11434/v1"),
    ],
)
def test_endpoints(declared: str, env: dict[str, str], endpoint: str) -> None:
    assert build({"endpoint": declared}, env).endpoint == endpoint


def test_a_deployment_must_say_what_is_called() -> None:
    with pytest.raises(UserError, match=r"models\.m\.deployments\.one: nothing to call"):
        build({"model": None})
    assert build({"model": None, "discover": True}).target == ""


def test_ids_are_sorted_and_unique() -> None:
    one = {"id": "b", "via": "openai", "model": "x", "hosting": "self"}
    model = {"tier": "small", "deployments": [one, {**one, "id": "a"}]}
    fleet = Fleet.model_validate({"models": {"z": model, "m": model}})
    assert [d.id for d in build_fleet(fleet, {})] == ["m/a", "m/b", "z/a", "z/b"]
    twice = Fleet.model_validate({"models": {"m": {"tier": "small", "deployments": [one, one]}}})
    with pytest.raises(UserError, match="m/b is used twice"):
        build_fleet(twice, {})
