"""Money and what it is paid for: tokens, prices, micro-dollars.

Money is an integer of micro-dollars (1 USD = 1,000,000); a price is an integer of pico-dollars a
token (1 USD a million tokens = 1,000,000 pico-dollars a token), so that every published price is
exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

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
    images: int = 0
    """Images that were made; no part of the tokens."""
    estimated: bool = False
    """True where the provider reported nothing and the numbers were counted here."""

    def __add__(self, other: Usage) -> Usage:
        """Both together; estimated where one of them is."""
        return Usage(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in _COUNTS},
            estimated=self.estimated or other.estimated,
        )


_COUNTS = tuple(f for f in fields(Usage) if f.name != "estimated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Pico-dollars a token. `None` is unknown, which is not the same as free.

    The cost of a call is the sum over its parts, each tokens times its price:

    | part | tokens | price, and where it is not set |
    | --- | --- | --- |
    | plain input | `input` less the three below | `input` |
    | read from the cache | `cached_input` | `cache_read`, else `input`, which is never less |
    | written to the cache | `cache_write` | `cache_write`; providers charge more than for input |
    | audio input | `audio_input` | `audio_input`; it is dearer than text |
    | plain output | `output` less the two below | `output` |
    | reasoning | `reasoning` | `reasoning`, else `output`, as nearly all providers do |
    | audio output | `audio_output` | `audio_output` |
    | images made | `images` | `per_image`, else they are paid for as output tokens |

    A part with tokens and without a price makes the whole cost unknown. Where the prompt is longer
    than a step's `above`, the step's price counts for all of its tokens. (Sources: the price pages
    of OpenAI, Anthropic, Google and DeepSeek; litellm's `model_prices_and_context_window.json`.)
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    reasoning: int | None = None
    per_image: int | None = None
    """Pico-dollars an image that is made."""
    steps: tuple[PriceStep, ...] = ()
    """For long prompts; the shortest first."""

    def cost(self, usage: Usage) -> int | None:
        """Micro-dollars of `usage`, half rounded up; `None` where a needed price is unknown."""
        price = self
        while price.steps:
            longer = [step.price for step in price.steps if usage.input > step.above]
            if not longer:
                break
            price = longer[-1]
        return price._sum(usage)

    def _sum(self, usage: Usage) -> int | None:
        cached, written, heard = usage.cached_input, usage.cache_write, usage.audio_input
        thought, spoken, images = usage.reasoning, usage.audio_output, usage.images
        beside = cached or written or heard or thought or spoken or images  # few calls have any
        if not beside and self.input is not None and self.output is not None:
            total = usage.input * self.input + usage.output * self.output
            return (total + PICO_PER_MICRO // 2) // PICO_PER_MICRO
        # A token that is both audio and cached is reported twice: never less than none is plain.
        parts = [
            (max(usage.input - cached - written - heard, 0), self.input),
            (max(usage.output - thought - spoken, 0), self.output),
        ]
        if beside:
            parts += [
                (cached, self.input if self.cache_read is None else self.cache_read),
                (written, self.cache_write),
                (heard, self.audio_input),
                (thought, self.output if self.reasoning is None else self.reasoning),
                (spoken, self.audio_output),
                # Who charges for the tokens of an image reports them; where neither is known,
                # nothing is.
                (0 if self.per_image is None and usage.output else images, self.per_image),
            ]
        total = 0
        for tokens, price in parts:
            if tokens:
                if price is None:
                    return None
                total += tokens * price
        return (total + PICO_PER_MICRO // 2) // PICO_PER_MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """What a provider charges for longer prompts."""

    above: int
    """Tokens of input; the price counts from one more."""
    price: Price


FREE = Price(
    input=0, output=0, cache_read=0, cache_write=0, audio_input=0, audio_output=0, per_image=0
)


def usd(micro: int | None) -> float | None:
    """Micro-dollars as dollars; unknown stays unknown."""
    return None if micro is None else micro / MICRO_USD


def total_cost(costs: Sequence[int | None]) -> int | None:
    """The sum of micro-dollars; `None` as soon as one is unknown."""
    return None if any(c is None for c in costs) else sum(c or 0 for c in costs)
