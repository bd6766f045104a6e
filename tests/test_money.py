"""What a usage costs, shape by shape as providers report them; exact to the micro-dollar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.calling.transports.wire.usage import usage_of
from orchestrator.money import FREE, Price, PriceStep, Usage, usd
from orchestrator.types import as_json, from_json

OPENAI = Price(
    input=2_500_000, output=10_000_000, cache_read=1_250_000,
    audio_input=40_000_000, audio_output=80_000_000,
)  # fmt: skip
CLAUDE = Price(input=3_000_000, output=15_000_000, cache_read=300_000, cache_write=3_750_000)
GEMINI = Price(
    input=1_250_000, output=10_000_000, cache_read=125_000,
    steps=(
        PriceStep(
            above=200_000, price=Price(input=2_500_000, output=15_000_000, cache_read=250_000)
        ),
    ),
)  # fmt: skip
DEEPSEEK = Price(input=280_000, output=420_000, cache_read=28_000, cache_write=0)
THINKER = Price(input=1_000_000, output=2_000_000, reasoning=8_000_000)

SHAPES: list[tuple[str, Price, Mapping[str, Any], Decimal]] = [
    (
        "openai, plain",
        OPENAI,
        {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
        1000 * Decimal("2.5") + 200 * Decimal(10),
    ),
    (
        "openai, cached and reasoning, which are parts of input and output",
        OPENAI,
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 256, "audio_tokens": 0},
        },
        86 * Decimal("2.5") + 1920 * Decimal("1.25") + 300 * Decimal(10),
    ),
    (
        "openai, audio in and out",
        OPENAI,
        {
            "prompt_tokens": 300,
            "completion_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 200},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 100},
        },
        100 * Decimal("2.5") + 200 * Decimal(40) + 20 * Decimal(10) + 100 * Decimal(80),
    ),
    (
        "gemini, a long prompt costs more for all of its tokens",
        GEMINI,
        {
            "prompt_tokens": 200_001,
            "completion_tokens": 1000,
            "prompt_tokens_details": {"cached_tokens": 100_000},
        },
        100_001 * Decimal("2.5") + 100_000 * Decimal("0.25") + 1000 * Decimal(15),
    ),
    (
        "anthropic, where the cached parts stand beside the input",
        CLAUDE,
        {
            "input_tokens": 1_000,
            "cache_read_input_tokens": 6_000,
            "cache_creation_input_tokens": 3_000,
            "output_tokens": 500,
        },
        1_000 * Decimal(3) + 6_000 * Decimal("0.3") + 3_000 * Decimal("3.75") + 500 * Decimal(15),
    ),
    (
        "anthropic through litellm, which adds them up and keeps the names",
        CLAUDE,
        {
            "prompt_tokens": 10_000,
            "completion_tokens": 500,
            "total_tokens": 10_500,
            "cache_read_input_tokens": 6_000,
            "cache_creation_input_tokens": 3_000,
            "prompt_tokens_details": {"cached_tokens": 6_000, "cache_creation_tokens": 3_000},
        },
        1_000 * Decimal(3) + 6_000 * Decimal("0.3") + 3_000 * Decimal("3.75") + 500 * Decimal(15),
    ),
    (
        "deepseek",
        DEEPSEEK,
        {
            "prompt_tokens": 1_000,
            "completion_tokens": 100,
            "prompt_cache_hit_tokens": 600,
            "prompt_cache_miss_tokens": 400,
        },
        400 * Decimal("0.28") + 600 * Decimal("0.028") + 100 * Decimal("0.42"),
    ),
    (
        "gemini, one token less",
        GEMINI,
        {"prompt_tokens": 200_000, "completion_tokens": 1000},
        200_000 * Decimal("1.25") + 1000 * Decimal(10),
    ),
]


@pytest.mark.parametrize(
    ("price", "reported", "cost"),
    [shape[1:] for shape in SHAPES],
    ids=[shape[0] for shape in SHAPES],
)
def test_what_a_provider_reports_costs(
    price: Price, reported: Mapping[str, Any], cost: Decimal
) -> None:
    used = usage_of(reported)
    assert used is not None
    assert price.cost(used) == cost.to_integral_value("ROUND_HALF_UP")


@pytest.mark.parametrize(
    ("name", "price", "usage", "cost"),
    [
        (
            "claude: what is written to its cache costs more, what is read from it a tenth",
            CLAUDE,
            Usage(input=10_000, cached_input=6_000, cache_write=3_000, output=500),
            1_000 * 3 + 6_000 * 0.3 + 3_000 * 3.75 + 500 * 15,
        ),
        (
            "thoughts with a price of their own",
            THINKER,
            Usage(input=10, output=100, reasoning=60),
            10 + 40 * 2 + 60 * 8,
        ),
        (
            "a cache without a price of its own costs as input",
            Price(input=1_000_000, output=0),
            Usage(input=10, cached_input=9),
            10,
        ),
        ("nothing", Price(), Usage(), 0),
        ("free", FREE, Usage(input=9, cached_input=3, cache_write=2, audio_input=1, output=5), 0),
    ],
)
def test_a_usage_costs(name: str, price: Price, usage: Usage, cost: float) -> None:
    assert price.cost(usage) == round(cost), name


@pytest.mark.parametrize(
    "usage",
    [
        Usage(input=10, cache_write=5),
        Usage(input=10, audio_input=5),
        Usage(output=10, audio_output=5),
    ],
)
def test_a_part_without_a_price_makes_the_whole_unknown(usage: Usage) -> None:
    assert Price(input=1, output=1, cache_read=1).cost(usage) is None
    assert usd(None) is None


def test_a_long_prompt_whose_price_is_not_stated_is_unknown() -> None:
    price = Price(input=1, output=1, steps=(PriceStep(above=10, price=Price(input=2)),))
    assert price.cost(Usage(input=10, output=1)) is not None
    assert price.cost(Usage(input=11, output=1)) is None


def test_the_highest_step_that_is_passed_counts() -> None:
    steps = [PriceStep(above=n, price=Price(input=n * 1_000_000)) for n in (2, 4)]
    price = Price(input=1_000_000, steps=tuple(steps))
    assert [price.cost(Usage(input=n)) for n in (2, 3, 4, 5)] == [2, 6, 8, 20]


def test_a_token_that_is_audio_and_cached_makes_nothing_cheaper_than_free() -> None:
    price = Price(input=1_000_000, output=0, cache_read=0, audio_input=2_000_000)
    assert price.cost(Usage(input=10, cached_input=8, audio_input=8)) == 16


def test_a_price_survives_being_written_down() -> None:
    assert from_json(Price, as_json(GEMINI)) == GEMINI


PICO = st.integers(0, 10**9)
TOKENS = st.integers(0, 10**6)


@given(PICO, PICO, PICO, TOKENS, TOKENS, TOKENS)
def test_the_cost_is_the_exact_sum(
    reads: int, hits: int, writes: int, plain: int, cached: int, output: int
) -> None:
    price = Price(input=reads, cache_read=hits, output=writes)
    cost = price.cost(Usage(input=plain + cached, cached_input=cached, output=output))
    exact = Decimal(plain * reads + cached * hits + output * writes) / 10**6
    assert cost is not None
    assert abs(cost - exact) <= Decimal("0.5")


def summed(price: Price, usage: Usage) -> int | None:
    """The table of `Price`, word for word."""
    longer = [step.price for step in price.steps if usage.input > step.above]
    if longer:
        return summed(longer[-1], usage)
    plain_input = usage.input - usage.cached_input - usage.cache_write - usage.audio_input
    plain_output = usage.output - usage.reasoning - usage.audio_output
    parts = (
        (max(plain_input, 0), price.input),
        (usage.cached_input, price.input if price.cache_read is None else price.cache_read),
        (usage.cache_write, price.cache_write),
        (usage.audio_input, price.audio_input),
        (max(plain_output, 0), price.output),
        (usage.reasoning, price.output if price.reasoning is None else price.reasoning),
        (usage.audio_output, price.audio_output),
        (0 if price.per_image is None and usage.output else usage.images, price.per_image),
    )
    if any(tokens and pico is None for tokens, pico in parts):
        return None
    exact = Decimal(sum(tokens * (pico or 0) for tokens, pico in parts)) / 10**6
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


FEW = st.sampled_from((0, 0, 1, 7, 1000))
USAGES = st.builds(
    Usage,
    input=TOKENS,
    output=TOKENS,
    cached_input=FEW,
    cache_write=FEW,
    audio_input=FEW,
    reasoning=FEW,
    audio_output=FEW,
    images=FEW,
) | st.builds(Usage, input=TOKENS | FEW, output=TOKENS | FEW)
PRICES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        name.name: st.none() | PICO | st.just(500_000)
        for name in fields(Price)
        if name.name != "steps"
    }
)
STEPS = st.lists(st.tuples(TOKENS, PRICES), max_size=2).map(
    lambda steps: tuple(
        PriceStep(above=above, price=Price(**p)) for above, p in sorted(steps, key=lambda s: s[0])
    )
)


@settings(max_examples=500)
@given(PRICES, STEPS, USAGES)
def test_the_cost_is_the_sum_of_the_parts(
    price: dict[str, Any], steps: tuple[PriceStep, ...], usage: Usage
) -> None:
    found = Price(**price, steps=steps)
    assert found.cost(usage) == summed(found, usage)


@pytest.mark.parametrize(
    ("price", "usage", "cost"),
    [
        (Price(input=0, output=0, per_image=40_000_000_000), Usage(images=2), 80_000),
        (
            Price(input=5_000_000, output=0, per_image=40_000_000_000),
            Usage(input=1000, images=1),
            45_000,
        ),
        (
            Price(input=5_000_000, output=30_000_000),
            Usage(input=10, output=4000, images=1),
            120_050,
        ),
        (Price(input=5_000_000, output=30_000_000), Usage(input=10, images=1), None),
        (FREE, Usage(images=5), 0),
    ],
)
def test_images_are_paid_for_each_or_by_their_tokens(
    price: Price, usage: Usage, cost: int | None
) -> None:
    assert price.cost(usage) == cost
