"""What a provider does with one request: every fault by its name, and faults drawn by chance.

FAULTS["dies"](Say("The whole answer."))     # the same answer, but its stream dies
Chaos(Say("Fine."), share=0.3, seed=7)       # a script: 30 % of the requests fail somehow
LongTail(Say("Fine."), seed=7)               # a script: some answers take very long
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.calling.server import Call, Fail, Hang, Raw, Reset, words

__all__ = ["FAULTS", "Call", "Chaos", "Fail", "Hang", "LongTail", "Raw", "Reset", "Say", "Step"]


@dataclass(frozen=True, kw_only=True)
class Used:
    """The usage that a provider reports. Parts are parts: `cached` of `input`, and so on."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    audio_input: int = 0
    reasoning: int = 0
    audio_output: int = 0

    def as_json(self) -> dict[str, Any]:
        """As chat completions report it."""
        prompt = {"cached_tokens": self.cached, "audio_tokens": self.audio_input}
        if self.cache_write:
            prompt["cache_creation_tokens"] = self.cache_write
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": prompt,
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": self.audio_output,
            },
        }


@dataclass(frozen=True)
class Say:
    """Answer with a text, word by word, and with tool calls after it, perhaps not to the end."""

    text: str
    calls: tuple[Call, ...] = ()
    """Their pieces count as words."""
    used: Used | None = None
    """Where absent: a token for each word of the messages, and for each word sent."""
    reports: Literal["after", "with_finish", "with_each", "never"] = "after"
    """Where the usage stands: in a chunk of its own after the end, in the last chunk that has a
    choice, in each chunk with text (as it is so far), or nowhere."""
    model: str | None = None
    """What the provider calls itself; `NAME-1` for the deployment NAME where absent."""
    finish: str | None = "stop"
    done: bool = True
    """Whether `[DONE]` is sent."""
    lingers: bool = False
    """The connection stays open after the end."""
    whole: bool = False
    """The answer comes in one piece although a stream was asked for."""
    wait_s: float = 0.0
    """Before the headers."""
    delay_s: float = 0.0
    """Between the headers and the first word."""
    gap_s: float = 0.0
    """Before each word."""
    piece: int = 0
    """Characters in an event; 0: a word."""
    stops_after: int | None = None
    """After so many words it `stops` there."""
    stops: Literal["reset", "close", "silence", "error"] = "close"
    junk_after: int | None = None
    """After so many words comes an event that is no JSON."""
    prefill: Literal["continued", "refused", "ignored"] = "refused"
    """What happens where the last message is the assistant's: the text that the server knows to
    begin so is continued from there, HTTP 400, or the answer starts from its beginning."""

    @property
    def pieces(self) -> list[str]:
        """The texts of the events."""
        if not self.piece:
            return words(self.text)
        return [self.text[n : n + self.piece] for n in range(0, len(self.text), self.piece)]


Step = Say | Fail | Raw | Hang | Reset

PREFILL_REFUSED = Fail(
    400,
    "This model does not support assistant message prefill. The conversation must end with a "
    "user message.",
    type="invalid_request_error",
)
PAGE = "<!doctype html><title>Busy</title><p>Please come back later."


def _part(answer: Say, share: float) -> int:
    return round(len(answer.pieces) * share)


def _dies(how: Literal["reset", "close", "silence", "error"], share: float) -> Fault:
    return lambda say: dataclasses.replace(say, stops_after=_part(say, share), stops=how)


Fault = Callable[[Say], Step]
"""The healthy answer → what happens instead."""

FAULTS: Mapping[str, Fault] = {
    "rate_limited": lambda _: Fail(429, "Rate limit reached", "rate_limit_exceeded"),
    "rate_limited_2s": lambda _: Fail(
        429, "Rate limit reached", "rate_limit_exceeded", headers={"Retry-After": "2"}
    ),
    "error_500": lambda _: Fail(500, "Internal server error", type="server_error"),
    "error_503": lambda _: Fail(503, "The server is overloaded", type="overloaded_error"),
    "reset": lambda _: Reset(),
    "silent": lambda _: Hang(),
    "slow_first_token": lambda say: dataclasses.replace(say, delay_s=20.0),
    "dies": _dies("reset", 2 / 3),
    "stalls": _dies("silence", 1 / 3),
    "closes": _dies("close", 2 / 3),
    "error_event": _dies("error", 2 / 3),
    "junk_event": lambda say: dataclasses.replace(say, junk_after=_part(say, 1 / 2)),
    "no_done": lambda say: dataclasses.replace(say, done=False),
    "no_done_lingers": lambda say: dataclasses.replace(say, done=False, lingers=True),
    "context_exceeded": lambda _: Fail(
        400,
        "This model's maximum context length is 8000 tokens",
        "context_length_exceeded",
        type="invalid_request_error",
    ),
    "refused": lambda _: Fail(
        400, "The prompt breaks rule 7 of our terms", "content_policy_violation"
    ),
    "prefill_refused": lambda _: PREFILL_REFUSED,
    "html": lambda _: Raw(PAGE, "text/html"),
    "html_as_json": lambda _: Raw(PAGE, "application/json"),
    "html_as_stream": lambda _: Raw(PAGE, "text/event-stream"),
    "no_choices": lambda _: Raw('{"id": "1", "object": "chat.completion", "choices": []}'),
    "no_choices_stream": lambda _: Raw(
        'data: {"id": "1", "choices": []}\n\ndata: [DONE]\n\n', "text/event-stream"
    ),
    "empty": lambda say: dataclasses.replace(say, text=""),
    "blank": lambda say: dataclasses.replace(say, text=" \n"),
    "no_usage": lambda say: dataclasses.replace(say, reports="never"),
    "usage_with_finish": lambda say: dataclasses.replace(say, reports="with_finish"),
    "usage_with_each": lambda say: dataclasses.replace(say, reports="with_each"),
    "whole": lambda say: dataclasses.replace(say, whole=True),
}

ENDINGS_THAT_FAIL = (
    "rate_limited",
    "error_500",
    "error_503",
    "reset",
    "dies",
    "closes",
    "error_event",
    "html",
    "no_choices",
    "empty",
)
"""Faults without an answer that need no waiting: what `Chaos` draws from by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as a script sees it."""

    body: Mapping[str, Any]
    number: int
    """Of this deployment under this script, from 0."""
    since: float
    """Seconds since the first of them, on the server's clock."""


Script = Callable[[Asked], Step]


class Chaos:
    """A script: each request fails with the same chance, in a way that is drawn.

    Request number n has the same fate for the same seed, whatever the order of the others.
    """

    def __init__(
        self,
        answer: Say,
        *,
        share: float = 0.3,
        seed: int = 0,
        faults: Sequence[str] = ENDINGS_THAT_FAIL,
    ) -> None:
        self._answer, self._share, self._seed, self._faults = answer, share, seed, tuple(faults)

    def __call__(self, asked: Asked) -> Step:
        chance = random.Random(f"{self._seed}/{asked.number}")
        if chance.random() >= self._share:
            return self._answer
        return FAULTS[chance.choice(self._faults)](self._answer)


class LongTail:
    """A script: answers whose first word comes late, most a little, some very.

    The time is log-normal: half of them take less than `median_s`, one in a hundred takes more
    than `p99_s`.
    """

    def __init__(
        self, answer: Say, *, median_s: float = 0.1, p99_s: float = 2.0, seed: int = 0
    ) -> None:
        self._answer, self._seed = answer, seed
        self._mean = math.log(median_s)
        self._deviation = math.log(p99_s / median_s) / 2.326  # the normal's 99th percentile

    def __call__(self, asked: Asked) -> Step:
        drawn = random.Random(f"{self._seed}/{asked.number}").gauss(self._mean, self._deviation)
        return dataclasses.replace(self._answer, delay_s=math.exp(drawn))
