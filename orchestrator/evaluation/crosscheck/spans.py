"""Where the numbers, dates, names and phrases of a text stand, for putting others in their place.

Written apart from the readings that the checks make of a text, so that a mutation is not made only
where a check is known to look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from orchestrator.evidence.language.lexicon import word_set

NumberKind = Literal[
    "date", "month", "year", "clock", "weekday", "percent", "money", "ordinal", "decimal",
    "integer", "word",
]  # fmt: skip
MOMENT_KINDS: frozenset[NumberKind] = frozenset({"date", "month", "year", "clock", "weekday"})

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec"
)
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
NUMBER_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip
_FORMS: tuple[tuple[NumberKind, str], ...] = (
    ("date", rf"\b(?:{_MONTHS})\.? \d{{1,2}}(?:st|nd|rd|th)?(?:,? [12]\d{{3}})?\b(?![.,]?\d|:)"),
    ("date", rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTHS})(?:,? [12]\d{{3}})?\b"),
    ("date", r"\b[12]\d{3}-\d{2}-\d{2}\b"),
    ("clock", r"\b\d{1,2}:\d{1,2}(?:\s?[ap]\.?m\b\.?)?(?![\d:])|\b\d{1,2}\s?[ap]\.?m\b"),
    ("month", r"\b(?:January|February|April|June|July|August|September|October|November|December)"
              r"(?: [12]\d{3})?\b"),
    ("weekday", rf"\b(?:{_DAYS})\b"),
    ("percent", rf"(?<![\w.,])(?:{_DIGITS})(?=\s?(?:%|per ?cent\b))"),
    ("money", rf"(?<=[$€£])(?:{_DIGITS})(?![\w%]|[.,]\d)"),
    ("ordinal", r"(?<![\w.,])\d+(?:st|nd|rd|th)\b"),
    ("year", r"(?<![\w.,$€£#:/-])(?:1[5-9]\d\d|20\d\d)(?![\w%:/]|[.,]\d|-\d)"),
    ("decimal", r"(?<![\w.,$€£#:/-])\d+\.\d+(?![\w%:/]|[.,]\d)"),
    ("integer", r"(?<![\w.,$€£#:/-])(?:\d{1,3}(?:,\d{3})+|\d+)(?![\w%:/]|[.,]\d)"),
    ("word", rf"(?i:\b(?:{'|'.join(NUMBER_WORDS)})\b)(?![ -](?:{'|'.join(NUMBER_WORDS)})\b)"),
)  # fmt: skip
_KINDS: tuple[tuple[NumberKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(form)) for kind, form in _FORMS
)
_REFERENCE = re.compile(
    r"\[\d+(?:\s*[,;–-]\s*\d+)*\]|\(?\b(?:passage|source)s? \d+(?:(?:,| and|, and) \d+)*\)?"
    r"|^\W*\d{1,2}[.)]\s|\n\W*\d{1,2}[.)]\s",
    re.IGNORECASE,
)
"""Markers of sources and of list items: no statement, so no lie when changed."""
_NAME = re.compile(
    r"\b[A-Z][\w’'&-]*[a-z0-9A-Z](?:(?: (?:of|de|la|van|von|der|di|the)){0,2}"
    r" [A-Z][\w’'&-]*[\w])*"
)
_NO_NAMES = frozenset(f"{_MONTHS}|{_DAYS}".split("|")) | word_set(
    """
I The A An In On At It He She They This That These Those His Her Their Its We You If When While
Although However Additionally Overall Some Many Most For And But Or As By To From After Before
During Since Passage Source Passages Sources No Yes Not There Here What Which Who How Why Where
With Without Also Both Each All Any One Another Other Such So Then Thus Therefore Furthermore
Moreover Finally First Second Third Despite According Mr Mrs Ms Dr PM AM OK TITLE AUTHOR PUBLISHER
DATETIME PUBLISHED
"""
)


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a text: `text[start:start + len(text)]` of what was read."""

    start: int
    text: str
    kind: NumberKind | Literal["name"]

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def numbers(text: str) -> list[Found]:
    """All numbers and dates in order, without overlaps; none in a reference to a source."""
    taken = [m.span() for m in _REFERENCE.finditer(text)]
    found: list[Found] = []
    for kind, form in _KINDS:
        for match in form.finditer(text):
            if all(match.end() <= a or b <= match.start() for a, b in taken):
                taken.append(match.span())
                found.append(Found(match.start(), match[0], kind))
    return sorted(found, key=lambda f: f.start)


def names(text: str) -> list[Found]:
    """Runs of capitalised words. One word that begins a sentence counts where it is an acronym, or
    stands elsewhere in the text inside a sentence as well."""
    taken = [m.span() for m in _REFERENCE.finditer(text)]
    found: list[Found] = []
    unsure: list[Found] = []
    for match in _NAME.finditer(text):
        start, name = match.start(), match[0]
        first = name.split(" ")[0]
        if first in _NO_NAMES:
            start += len(first) + 1
            name = name[len(first) + 1 :].removeprefix("of ").removeprefix("the ")
            start = match.end() - len(name)
        name = re.sub(r"['’]s?$", "", name)
        if not name or name in _NO_NAMES or not name[0].isupper() or len(name) < 2:
            continue
        if any(start < b and a < start + len(name) for a, b in taken):
            continue
        here = Found(start, name, "name")
        begins = not re.search(r"[\w,]\W*$", re.split(r"[.!?:\n*•-]\s|^", text[:start])[-1])
        alone = " " not in name and not name[1:2].isupper()
        (unsure if begins and alone else found).append(here)
    sure = {f.text for f in found}
    return sorted([*found, *(f for f in unsure if f.text in sure)], key=lambda f: f.start)


def shape(found: Found) -> tuple[str, int]:
    """What one date or name must share with another to stand in its place grammatically."""
    if found.kind == "name":
        return ("acronym" if found.text.isupper() else "name", min(2, found.text.count(" ") + 1))
    if found.kind in ("date", "month"):
        return (re.sub(r"[A-Za-z]+", "m", re.sub(r"\d+", "9", found.text)), 0)
    return (found.kind, 0)


def value(found: Found) -> str:
    """The same for the same number or date however it is written: `12`, `12.0` and `twelve`."""
    text = found.text.lower()
    if text in NUMBER_WORDS:
        return str(NUMBER_WORDS[text])
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", plain)
    if re.fullmatch(r"\d+\.\d+", plain):
        return plain.rstrip("0").rstrip(".")
    plain = re.sub(r"\b0+(?=\d)|[ .,:]+", lambda m: "" if m[0].startswith("0") else " ", plain)
    return re.sub(r"\b([a-z]{3})[a-z]*", r"\1", plain).strip()


def sentences(text: str) -> Iterator[str]:
    """Rough sentences, on one line each."""
    for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])|\n+", text):
        line = " ".join(part.split())
        if line:
            yield line


def recased(text: str, like: str) -> str:
    """`text` with the capital letter that `like` begins with, or without."""
    change: Callable[[str], str] = str.upper if like[:1].isupper() else str.lower
    return change(text[:1]) + text[1:] if text[:1].isalpha() else text
