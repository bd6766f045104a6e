"""How a placeholder is written, and how it is known again in what a model made of it.

`[EMAIL_1]`: square brackets mean nothing in JSON, where they stand in strings, and survive
Markdown; the word tells a model what it stands for; the closing bracket ends the number, so that
`[EMAIL_1]` is no part of `[EMAIL_12]`. Models change the case, put spaces in, escape brackets or
underscores, and write other scripts' brackets; a name without brackets is left alone, since
`ADDRESS_1` is a column of many tables.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

Key = tuple[str, int]
"""A placeholder whatever its spelling: its word in capitals without marks, and its number."""

_INSIDE = r"[A-Za-z0-9 \t\u00a0_*`\\-]"
_LONGEST = 90
_OPEN = r"(?:\\?\[|［|【|%5[bB])"
_SPELT = re.compile(rf"{_OPEN}(?P<said>{_INSIDE}{{2,{_LONGEST}}})(?:\\?\]|］|】|%5[dD])")
_BEGUN = re.compile(rf"(?:{_OPEN}(?P<said>{_INSIDE}{{0,{_LONGEST}}})(?:%5?)?|\\|%5?)\Z")
_WORD = re.compile(r"[A-Za-z0-9]+")
_NUMBERED = re.compile(r"(?P<word>.*[A-Za-z])(?P<number>[1-9]\d{0,5})")
_NUMBER = re.compile(r"[1-9]\d{0,5}")


@dataclass(frozen=True, slots=True)
class Spelt:
    """A place that reads like a placeholder."""

    start: int
    end: int
    key: Key
    percent: bool
    """It stands in an address, where a value is written with percent signs."""


def label_of(kind: str) -> str:
    """The word for a kind of finding: `NATIONAL_ID` for `national-id`."""
    return "_".join(_WORD.findall(kind)).upper() or "VALUE"


def written(label: str, number: int) -> str:
    """The placeholder as models are given it."""
    return f"[{label}_{number}]"


def key_of(label: str, number: int) -> Key:
    """By which it is known again."""
    return "".join(_WORD.findall(label)).upper(), number


def spelt_in(text: str) -> list[Spelt]:
    """All that reads like a placeholder, in order."""
    found = []
    for match in _SPELT.finditer(text):
        key = _read(match["said"])
        if key is not None:
            found.append(Spelt(match.start(), match.end(), key, match[0][0] == "%"))
    return found


def _read(said: str) -> Key | None:
    *before, last = _WORD.findall(said) or [""]
    if before and _NUMBER.fullmatch(last):
        return "".join(before).upper(), int(last)
    together = _NUMBERED.fullmatch(last)
    if together is None:
        return None
    return "".join((*before, together["word"])).upper(), int(together["number"])


def begun_at(text: str, names: Collection[str]) -> int:
    """Where at its end a placeholder may have begun; the length of the text where none has.

    Args:
        names: of those that can come, word and number in one: `EMAIL1`.
    """
    match = _BEGUN.search(text)
    if match is None:
        return len(text)
    said = "".join(_WORD.findall(match["said"] or "")).upper()
    return match.start() if any(name.startswith(said) for name in names) else len(text)
