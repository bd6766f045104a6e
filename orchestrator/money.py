"""Money and what it is paid for: tokens, prices, micro-dollars.

Money is an integer of micro-dollars (1 USD = 1,000,000); a price is an integer of pico-dollars a
token (1 USD a million tokens = 1,000,000 pico-dollars a token), so that every published price is
exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MICRO_USD = 1_000_000
PICO_PER_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call. `cached_input`, `cache_write` and `audio_input` are parts of `input`;
    `reasoning` and `audio_output` are parts of `output`."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    """Read from the provider's cache."""
    cache_write: int = 0
    """Written to it."""
    audio_input: int = 0
    reasoning: int = 0
    audio_output: int = 0
    estimated: bool = False
    """True where the provider reported nothing and the numbers were counted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Pico-dollars a token. `None` is unknown, which is not the same as free."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None

    def cost(self, usage: Usage) -> int | None:
        """Micro-dollars of `usage`, half rounded up; `None` where a needed price is unknown."""
        cached = self.cache_read if self.cache_read is not None else self.input
        parts = (
            (usage.input - usage.cached_input, self.input),
            (usage.cached_input, cached),
            (usage.output, self.output),
        )
        if any(tokens and price is None for tokens, price in parts):
            return None
        total = sum(tokens * (price or 0) for tokens, price in parts)
        return (total + PICO_PER_MICRO // 2) // PICO_PER_MICRO


FREE = Price(input=0, output=0, cache_read=0)


def usd(micro: int | None) -> float | None:
    """Micro-dollars as dollars; unknown stays unknown."""
    return None if micro is None else micro / MICRO_USD


def total_cost(costs: Sequence[int | None]) -> int | None:
    """The sum of micro-dollars; `None` as soon as one is unknown."""
    return None if any(c is None for c in costs) else sum(c or 0 for c in costs)
