"""What all validators share: their type, how they say what is wrong; and length and pattern.

A validator takes the text of an answer and returns its value. It raises `ValueError` with a
message that a model and a person can act on: where, what was found, what is expected; the first
few problems at once. It has no effects and ends in bounded time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import regex

Validator = Callable[[str], Any]

LONGEST = 500_000
"""Characters that a validator which parses looks at; more is refused."""
PATTERN_S = 0.25
"""How long one pattern may look at one text."""
_PROBLEMS = 5
_PROBLEM_CHARS = 300


class BadPatternError(ValueError):
    """A regular expression that is none; `at` counts its characters from 0."""

    def __init__(self, message: str, at: int) -> None:
        self.at = at
        super().__init__(message)


def joined(problems: Iterable[str]) -> str:
    """The first few problems on one line, and how many more there are."""
    found = [shortened(" ".join(problem.split()), _PROBLEM_CHARS) for problem in problems]
    more = len(found) - _PROBLEMS
    return "; ".join(found[:_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")


def shortened(text: str, chars: int) -> str:
    """At most about `chars` of `text`: its beginning and its end, and how much was left out."""
    if len(text) <= chars:
        return text
    half = chars // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]} [… {left_out:,} characters left out …] {text[-half:]}"


def of_length(least: int | None, most: int | None) -> Validator:
    """A text of so many characters, white space around it not counted."""

    def check(text: str) -> str:
        count = len(text.strip())
        if least is not None and count < least:
            raise ValueError(f"it has {count:,} characters; at least {least:,} are asked for")
        if most is not None and count > most:
            raise ValueError(f"it has {count:,} characters; at most {most:,} are allowed")
        return text

    return check


def compiled(pattern: str) -> regex.Pattern[str]:
    """The pattern as the package `regex` reads it, which knows all that `re` does and more.

    Raises:
        BadPatternError: it is none.
    """
    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise BadPatternError(error.msg, error.pos or 0) from error
    except (RecursionError, OverflowError) as error:
        raise BadPatternError("it is nested too deeply or repeats too often", 0) from error


def matching(pattern: str) -> Validator:
    """A text that matches the pattern as a whole, white space around it not counted.

    `regex` gives up after `PATTERN_S`, which `re` cannot; a text that takes longer does not pass.
    """
    form = compiled(pattern)

    def check(text: str) -> str:
        try:
            matched = form.fullmatch(text.strip(), timeout=PATTERN_S)
        except TimeoutError as error:
            raise ValueError(_slow(pattern)) from error
        if matched is None:
            began = shortened(text.strip(), 80)
            raise ValueError(f"{began!r} does not match the pattern {pattern!r} as a whole")
        return text

    return check


def found_in(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere in the text, as JSON Schema's `pattern` asks.

    Raises:
        ValueError: it takes too long to tell.
    """
    try:
        return compiled(pattern).search(text, timeout=PATTERN_S) is not None
    except TimeoutError as error:
        raise ValueError(_slow(pattern)) from error


def _slow(pattern: str) -> str:
    return f"the pattern {pattern!r} takes more than {PATTERN_S:g} s on this text"
