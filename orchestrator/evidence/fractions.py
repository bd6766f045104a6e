"""Parts of a whole in running text: `half of`, `two-thirds`, `3/4`, `½`, `one in five`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.evidence.language.lexicon import NUMBER_VALUES, ORDINAL_VALUES

_SIGNS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅛": (1, 8), "⅕": (1, 5)}
_COUNTS = "|".join(w for w, v in NUMBER_VALUES.items() if 1 <= v <= 20)
_PARTS = "|".join(w for w, v in ORDINAL_VALUES.items() if 3 <= v <= 20)
_WRITTEN = re.compile(
    rf"(?<![\w/.,-])(?:(?P<whole>\d{{1,3}})[ -]?)?(?:(?P<sign>[{''.join(_SIGNS)}])"
    r"|(?<!\d)(?P<n>[1-9]\d?)/(?P<d>[2-9]|1[026]))(?![\w/]|\.\d)"
)
_SPELLED = re.compile(
    rf"\b(?:(?P<half>half)(?=[ -](?:of|the|an?|its|their|his|her|all)\b)|(?<=by )half\b"
    rf"|(?P<count>an?|{_COUNTS})[ -](?P<part>quarter|half|{_PARTS})(?P<many>s|(?<=hal)ves)?"
    rf"(?=[ -](?:of|the|an?)\b)"
    rf"|(?P<these>one|two|three|four|five|six|seven)[ -](?P<parts>third|quarter|{_PARTS})(?:s\b|"
    r"(?=\W*$|[.,;:)]| (?:more|less|fewer|was|were|is|are|has|have|had|to)\b))"
    rf"|(?P<some>{_COUNTS}|\d{{1,2}}) (?:in|out of)(?: every)? (?P<of>{_COUNTS}|\d{{1,2}}|100)"
    r"(?=[ -](?!of\b|stars?\b|points?\b|(?:day|week|month|year)s?\b)[a-z]|[.,;)](?!\d)|$))(?!\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Fraction:
    """`value` may have a whole part: `2 1/2`."""

    value: Decimal
    span: tuple[int, int]


def fractions(text: str) -> Iterator[Fraction]:
    """All fractions in `text`, written with digits or in words, without those in dates."""
    for match in _WRITTEN.finditer(text):
        over, under = _SIGNS.get(match["sign"] or "", (match["n"], match["d"]))
        if int(over) < int(under):
            value = int(match["whole"] or 0) + Decimal(int(over)) / int(under)
            yield Fraction(value, match.span())
    yield from _mixed(text)
    for match in _SPELLED.finditer(text):
        if match["part"]:
            over, under = _number(match["count"]), _number(match["part"])
        elif match["these"]:
            over, under = _number(match["these"]), _number(match["parts"])
        elif match["some"]:
            over, under = _number(match["some"]), _number(match["of"])
        else:
            over, under = 1, 2
        if over < under:
            yield Fraction(Decimal(over) / under, match.span())


_MIXED = re.compile(
    rf"\b(?P<whole>{_COUNTS}|\d{{1,3}}) and (?:an? (?P<one>half|quarter|third)"
    r"|(?P<three>three)[ -]quarters)\b",
    re.IGNORECASE,
)
"""A whole number and a part: `two and a half years`."""
_SHARES = {"half": 2, "quarter": 4, "third": 3}


def _mixed(text: str) -> Iterator[Fraction]:
    for match in _MIXED.finditer(text):
        part = Decimal(1) / _SHARES[match["one"].lower()] if match["one"] else Decimal(3) / 4
        yield Fraction(_number(match["whole"]) + part, match.span())


def _number(word: str) -> int:
    low = word.lower()
    named = {"a": 1, "an": 1, "half": 2, "quarter": 4}
    if low.isdigit():
        return int(low)
    return named.get(low) or NUMBER_VALUES.get(low) or ORDINAL_VALUES[low]
