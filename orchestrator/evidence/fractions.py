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
    rf"|(?P<some>{_COUNTS}) (?:in|out of)(?: every)? (?P<of>{_COUNTS}|\d+)"
    r"(?=[ -](?!of\b|stars?\b)[a-z]))\b",
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
    for match in _SPELLED.finditer(text):
        if match["part"]:
            over, under = _number(match["count"]), _number(match["part"])
        elif match["some"]:
            over, under = _number(match["some"]), _number(match["of"])
        else:
            over, under = 1, 2
        if over < under:
            yield Fraction(Decimal(over) / under, match.span())


def _number(word: str) -> int:
    low = word.lower()
    named = {"a": 1, "an": 1, "half": 2, "quarter": 4}
    if low.isdigit():
        return int(low)
    return named.get(low) or NUMBER_VALUES.get(low) or ORDINAL_VALUES[low]
