"""Prices from litellm's file: exact, without importing litellm, through a cache that may break."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.fleet.prices import load_prices, pico, price_list
from orchestrator.money import Price, PriceStep, Usage

ENTRIES: dict[str, Any] = {
    "sample_spec": {"mode": "one of: chat, …", "max_input_tokens": "words"},
    "small": {
        "mode": "chat",
        "input_cost_per_token": 2.5e-07,
        "output_cost_per_token": 2e-06,
        "cache_read_input_token_cost": 2.5e-08,
        "max_input_tokens": 272000,
        "max_output_tokens": 128000,
        "deprecation_date": "2027-04-01",
    },
    "gemini/stepped": {
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06,
        "input_cost_per_token_above_128k_tokens": 1.5e-06,
        "cache_read_input_token_cost_above_200k_tokens": 2e-07,
        "input_cost_per_token_above_200k_tokens_priority": 9e-06,
        "max_input_tokens": 1000000,
    },
    "all": {
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 2e-06,
        "input_cost_per_token_cache_hit": 1e-07,
        "cache_creation_input_token_cost": 1.25e-06,
        "input_cost_per_audio_token": 3e-06,
        "output_cost_per_audio_token": 4e-06,
        "output_cost_per_reasoning_token": 5e-06,
    },
    "singer": {"mode": "audio_speech", "input_cost_per_token": 1e-06},
    "reader": {"mode": "embedding", "input_cost_per_token": 2e-08, "max_input_tokens": 8191},
    "painter": {
        "mode": "image_generation",
        "input_cost_per_token": 5e-06,
        "output_cost_per_token": 1e-05,
        "output_cost_per_image_token": 3e-05,
        "output_cost_per_image": 0.2,
    },
    "printer": {"mode": "image_generation", "output_cost_per_image": 0.04},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prices-of-litellm.json"
    path.write_text(json.dumps(ENTRIES))
    return path


@pytest.mark.parametrize(
    ("usd", "expected"),
    [(2.5e-07, 250_000), (1.25e-06, 1_250_000), (5e-09, 5_000), (0.0, 0), (0, 0), (None, None)],
)
def test_a_price_is_exact(usd: float | None, expected: int | None) -> None:
    assert pico(usd) == expected


def test_a_price_finer_than_a_pico_dollar_is_rounded_up() -> None:
    assert pico(1.0000000000001e-06) == 1_000_001


def test_names_with_and_without_the_provider(file: Path, tmp_path: Path) -> None:
    prices = load_prices(file, tmp_path / "cache.json")
    found = prices.find("small")
    assert found is not None
    assert found == prices.find("openai/small")
    assert found.price == Price(input=250_000, output=2_000_000, cache_read=25_000)
    assert (found.context, found.max_output) == (272_000, 128_000)
    assert found.retires == "2027-04-01"
    assert prices.find("singer") is None
    assert prices.find("openai/singer") is None
    assert prices.find("sample_spec") is None
    assert prices.find("") is None


def test_longer_prompts_have_prices_of_their_own(file: Path, tmp_path: Path) -> None:
    stepped = load_prices(file, tmp_path / "cache.json").find("gemini/stepped")
    assert stepped is not None
    assert stepped.context == 1_000_000
    assert stepped.price == Price(
        input=1_000_000,
        steps=(
            PriceStep(above=128_000, price=Price(input=1_500_000)),
            PriceStep(above=200_000, price=Price(input=2_000_000, cache_read=200_000)),
        ),
    )


def test_every_kind_of_token_has_its_price(file: Path, tmp_path: Path) -> None:
    found = load_prices(file, tmp_path / "cache.json").find("all")
    assert found is not None
    assert found.price == Price(
        input=1_000_000,
        output=2_000_000,
        cache_read=100_000,
        cache_write=1_250_000,
        audio_input=3_000_000,
        audio_output=4_000_000,
        reasoning=5_000_000,
    )


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        ("reader", Usage(input=1_000_000), 20_000),
        ("painter", Usage(input=10, output=4000, images=1), 120_050),
        ("painter", Usage(input=10, images=1), None),
        ("printer", Usage(input=9, output=6240, images=2), 80_000),
        ("small", Usage(images=1), None),
    ],
)
def test_vectors_and_images_have_prices(
    model: str, usage: Usage, cost: int | None, file: Path, tmp_path: Path
) -> None:
    found = load_prices(file, tmp_path / "cache.json").find(model)
    assert found is not None
    assert found.price.cost(usage) == cost


def test_the_cache_is_used_while_the_file_is_unchanged(file: Path, tmp_path: Path) -> None:
    cached = tmp_path / "deep" / "cache.json"
    assert len(load_prices(file, cached)) == 6
    held = json.loads(cached.read_text())
    held["models"]["small"][3]["input"] = 1e-06
    cached.write_text(json.dumps(held))
    marked = load_prices(file, cached).find("small")
    assert marked is not None
    assert marked.price.input == 1_000_000
    os.utime(file, ns=(1, 1))
    fresh = load_prices(file, cached).find("small")
    assert fresh is not None
    assert fresh.price.input == 250_000


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"key": [], "models": {}}',
        "rows",
    ],
)
def test_a_damaged_cache_is_made_anew(file: Path, tmp_path: Path, damage: bytes | str) -> None:
    cached = tmp_path / "cache.json"
    whole = load_prices(file, cached)
    if isinstance(damage, str):
        held = json.loads(cached.read_text())
        held["models"]["small"] = ["too short"]
        damage = json.dumps(held).encode()
    cached.write_bytes(damage)
    assert load_prices(file, cached).find("small") == whole.find("small")
    assert len(json.loads(cached.read_text())["models"]) == 6


def test_without_a_place_to_cache_it_still_works(file: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    assert load_prices(file, blocked / "cache.json").find("small") is not None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-file", file.name]


def test_a_missing_or_broken_price_file_leaves_prices_unknown(tmp_path: Path) -> None:
    assert len(load_prices(tmp_path / "none.json", tmp_path / "cache.json")) == 0
    broken = tmp_path / "broken.json"
    broken.write_text('{"small": ')
    assert len(load_prices(broken, tmp_path / "cache.json")) == 0


def test_the_installed_file_is_read_without_importing_litellm(tmp_path: Path) -> None:
    code = (
        "import sys; from orchestrator.fleet.prices import price_list; "
        "found = price_list().find('openai/gpt-5-mini'); "
        "assert found and found.price.input and found.context, found; "
        "assert 'litellm' not in sys.modules; print(len(price_list()))"
    )
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(  # a process of its own: others may have imported litellm here
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 1000


def test_a_known_cost() -> None:
    found = price_list().find("anthropic/claude-haiku-4-5")
    assert found is not None
    # 1 dollar a million in, 5 out: 1,000 + 2,000 tokens are 1,000 + 10,000 micro-dollars.
    assert found.price.cost(Usage(input=1000, output=2000)) == 11_000
