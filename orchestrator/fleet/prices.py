"""Prices, limits and retirement dates from the price file that litellm brings along.

litellm itself is never imported: its folder is found, the JSON file in it is read, and a
compact extract is kept in the user's cache folder so that the next process reads a tenth of it.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from orchestrator.money import Price, PriceStep

PRICE_FILE = "model_prices_and_context_window_backup.json"
_PRICES: Mapping[str, tuple[str, ...]] = {
    "input": ("input_cost_per_token",),
    "output": ("output_cost_per_token",),
    "cache_read": ("cache_read_input_token_cost", "input_cost_per_token_cache_hit"),
    "cache_write": ("cache_creation_input_token_cost",),
    "audio_input": ("input_cost_per_audio_token",),
    "audio_output": ("output_cost_per_audio_token",),
    "reasoning": ("output_cost_per_reasoning_token",),
}
"""Our name of a price → the names in the file; the first that is there counts."""
_FACTS = ("max_input_tokens", "max_output_tokens", "deprecation_date")
_STEP = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
_DATED = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")
_MODES = ("chat", "completion", "embedding", "image_generation", "responses")
_OF_IMAGES: Mapping[str, tuple[str, ...]] = {
    "input": ("input_cost_per_token",),
    "output": ("output_cost_per_image_token", "output_cost_per_token"),
    "cache_read": ("cache_read_input_token_cost",),
    "per_image": ("output_cost_per_image",),
}
"""As `_PRICES`, of what makes images: its output is images, and not the words that it may write."""
_PICO_USD = 10**12

_Row = list[Any]
"""The values of `_FACTS`, the prices by our names, and the prices for longer prompts by tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the price file says about one model."""

    price: Price
    context: int | None
    """Tokens of input that the model takes."""
    max_output: int | None
    retires: str | None
    """ISO date."""


class PriceList:
    """The models of a price file by name."""

    def __init__(self, rows: Mapping[str, _Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def names(self) -> tuple[str, ...]:
        """All models that it knows."""
        return tuple(self._rows)

    @property
    def newest(self) -> date | None:
        """The latest date in the name of a model (`gpt-5-2025-08-07`).

        The file is at least as new. It says nothing itself about its age, and a package that is
        installed loses the date of its release.
        """
        days = (_day(*found) for name in self._rows for found in _DATED.findall(name))
        return max((day for day in days if day is not None), default=None)

    def find(self, model: str) -> Listing | None:
        """The entry of that name, or of the name without its provider (`openai/gpt-5`)."""
        row = self._rows.get(model) or self._rows.get(model.partition("/")[2])
        if row is None:
            return None
        context, max_output, retires, prices, longer = row
        steps = [PriceStep(above=int(above), price=_price(p)) for above, p in longer.items()]
        return Listing(
            price=replace(_price(prices), steps=tuple(sorted(steps, key=lambda s: s.above))),
            context=context if isinstance(context, int) else None,
            max_output=max_output if isinstance(max_output, int) else None,
            retires=retires if isinstance(retires, str) else None,
        )


def _price(usd_per_token: Mapping[str, Any]) -> Price:
    names = (*_PRICES, "per_image")
    found: dict[str, Any] = {name: pico(usd_per_token.get(name)) for name in names}
    return Price(**found)


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def pico(usd_per_token: float | None) -> int | None:
    """Dollars a token as whole pico-dollars; exact, and rounded up where a price is finer."""
    if not isinstance(usd_per_token, (int, float)):
        return None
    exact = Decimal(str(usd_per_token)) * _PICO_USD
    return int(exact.to_integral_value(ROUND_CEILING))


def price_file() -> Path | None:
    """The installed litellm's price file; `None` where litellm is not installed."""
    spec = find_spec("litellm")
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / PRICE_FILE if folders else None


@cache
def price_list() -> PriceList:
    """The installed litellm's prices; empty where litellm is not installed."""
    from platformdirs import user_cache_path

    file = price_file()
    if file is None:
        return PriceList({})
    return load_prices(file, user_cache_path("model-mesh-orchestrator") / "prices.json")


def load_prices(file: Path, cached: Path) -> PriceList:
    """The models of `file`, through the extract in `cached` while the file is unchanged.

    A missing or damaged extract is made anew; one that cannot be written is done without; a
    price file that is missing or damaged gives an empty list, so that prices are unknown.
    """
    try:
        stat = file.stat()
    except OSError:
        return PriceList({})
    key = [str(file), stat.st_mtime_ns, stat.st_size, *_MODES]
    rows = _read_extract(cached, key)
    if rows is None:
        rows = _extract(file)
        _write_extract(cached, {"key": key, "models": rows})
    return PriceList(rows)


def _extract(file: Path) -> dict[str, _Row]:
    try:
        entries = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {
        name: [*(entry.get(fact) for fact in _FACTS), _prices(entry), _longer(entry)]
        for name, entry in entries.items()
        if isinstance(entry, dict) and entry.get("mode") in _MODES
    }


def _prices(entry: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The prices that the entry states; `above` ends their names in the file."""
    mode = entry.get("mode")
    found: dict[str, Any] = {"output": 0.0} if mode == "embedding" else {}  # it writes nothing
    for ours, theirs in (_OF_IMAGES if mode == "image_generation" else _PRICES).items():
        stated = (entry.get(name + above) for name in theirs)
        price = next((value for value in stated if value is not None), None)
        if price is not None:
            found[ours] = price
    if "per_image" in found:  # paid for by the token, whatever that comes to, or else by the image
        found = {"input": 0.0, **found, "output": found.get("output", 0.0)}
        if found["output"]:
            del found["per_image"]
    return found


def _longer(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The prices for longer prompts, by the tokens above which they count."""
    steps = (_STEP.fullmatch(key) for key in entry)
    thousands = [int(step[1]) for step in steps if step]
    return {str(n * 1000): _prices(entry, f"_above_{n}k_tokens") for n in thousands}


def _read_extract(cached: Path, key: list[Any]) -> dict[str, _Row] | None:
    try:
        held = json.loads(cached.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(held, dict) or held.get("key") != key:
        return None
    rows = held.get("models")
    whole = isinstance(rows, dict) and all(_is_row(row) for row in rows.values())
    return rows if whole else None


def _is_row(row: Any) -> bool:
    prices = 2
    return (
        isinstance(row, list)
        and len(row) == len(_FACTS) + prices
        and all(isinstance(part, dict) for part in row[-prices:])
    )


def _write_extract(cached: Path, content: Mapping[str, Any]) -> None:
    """Written beside and moved into place: another process never reads half of it."""
    with contextlib.suppress(OSError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(
            "w", dir=cached.parent, prefix=cached.name, delete=False, encoding="utf-8"
        ) as part:
            try:
                json.dump(content, part, separators=(",", ":"))
                part.close()
                Path(part.name).replace(cached)
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise
