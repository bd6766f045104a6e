"""Dates, times of day and days of the week in running text, each as one integer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from orchestrator.evidence.clocks import clocks
from orchestrator.evidence.language.lexicon import NUMBER_VALUES, ORDINAL_VALUES

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})"
_SPELLED_DAYS = {
    **{word: value for word, value in ORDINAL_VALUES.items() if value <= 20 or word == "thirtieth"},
    **{f"{tens}{sign}{word}": base + ORDINAL_VALUES[word]
       for tens, base in (("twenty", 20), ("thirty", 30)) for sign in "- "
       for word in list(ORDINAL_VALUES)[:9]},
}  # fmt: skip
_SPELLED_DAY = "|".join(sorted(_SPELLED_DAYS, key=len, reverse=True))
_FORMS = tuple(
    re.compile(rf"(?<![\w.])(?:{form})(?![\w%])", re.IGNORECASE)
    for form in (
        r"(?P<year>[12]\d{3})-(?P<m>\d{1,2})-(?P<day>\d{1,2})(?=T|\b)",
        r"(?P<year>[12]\d{3})[/–-]\d{2}(?![\d-])",
        r"(?P<day>\d{1,2})[./](?P<m>\d{1,2})[./](?P<year>[12]\d{3})",
        rf"{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH}),?\s+{_YEAR}",
        rf"(?P<month>{_MONTH})\s+{_DAY},?\s+{_YEAR}",
        rf"(?P<spelled>{_SPELLED_DAY})\s+(?:of\s+)?(?P<month>{_MONTH})(?:,?\s+{_YEAR})?",
        rf"(?P<month>{_MONTH}),?\s+{_YEAR}",
        rf"{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH})",
        rf"(?P<month>{_MONTH})\s+{_DAY}(?!\s*(?:%|days|hours|weeks))",
    )
)
_BARE_YEAR = re.compile(
    r"(?<![\w.,$€£#-])(?P<year>1[5-9]\d{2}|20\d{2})(?![\w%]|[.,]\d|\s?(?:EUR|USD|GBP|euros?|dollars?))"
)
_OLD_YEAR = re.compile(
    r"\b(?:AD|[Tt]he year|[Ii]n the year) (?P<ad>\d{1,4})\b(?![\d,.]\d)"
    r"|\b(?P<bc>\d{1,4})\s?(?P<era>BCE?|B\.C\.|AD|CE|A\.D\.)(?!\w)"
    r"|\b(?:[Ii]n|[Ss]ince|[Uu]ntil|[Aa]round|[Bb]y|circa|c\.) (?P<middle>1[0-4]\d\d)"
    r"(?=\W*$|[,.;:)](?!\d)| (?:and|when|by|he|she|it|they|the|was|a|to|with|as)\b)"
)
"""Years that only what stands beside them shows to be such."""
_SPELLED_YEAR = re.compile(
    r"\b(?P<hundreds>sixteen|seventeen|eighteen|nineteen|twenty)[ -](?P<tens>ten|eleven|twelve"
    r"|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    r"(?:[ -](?P<ones>one|two|three|four|five|six|seven|eight|nine))?\b"
    r"(?=\W*$|[.,;:)]| (?:and|to|when|until|he|she|it|they|the|was|were|by|as|with|who)\b)",
    re.IGNORECASE,
)
_NOT_COUNTED = re.compile(
    r"\s*(?:$|[.,;:)\]!?–—-]|\b(?:and|or|to|by|in|the|a|with|when|for|as|he|she|it|they|was|is|were"
    r"|has|had|at|on|from|until|after|before|who|which|but|under|because|season|edition)\b)",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(
    r"\b(?:in|since|of|by|from|until|till|to|before|after|year|during|and|between|around|circa|early"
    r"|late|mid|for|spring|summer|autumn|winter|the|through)\s*$|[(–—-]\s*$",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_SHORT_DAY = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?"
_TO = r"\s*(?:-|–|—|\bto\b|\buntil\b|\bthrough\b)\s*"
_WEEKDAY = re.compile(
    rf"\b(?i:(?P<first>{_FULL_DAY})(?:{_TO}(?P<last>{_FULL_DAY}))?)\b"
    rf"|\b(?P<from>{_SHORT_DAY})(?:{_TO}(?P<till>{_SHORT_DAY})|(?=[:,]?\s*\d))"
    r"|\b(?i:(?P<group>weekdays?|weekends?))\b"
)
_GROUPS = {"weekday": 0b0011111, "weekend": 0b1100000}
_BARE_MONTH = re.compile(
    r"\b(?:January|February|March|April|June|July|August|September|October|November|December"
    r"|(?<=\b(?:in|of|by|to)\s)May|(?<=\b(?:and|mid)[\s-])May|(?<=\b(?:from|till|each|late)\s)May"
    r"|(?<=\b(?:until|since|every|early)\s)May)\b(?!\s+[A-Z][a-z])"
)
"""A month alone; before another capitalised word it is more often a name (`April Hill`)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as yyyymmdd (0 for a part that is not stated), a time as minutes of the day, or days
    of the week as the sum of 1 for Monday, 2 for Tuesday, 4 for Wednesday, …"""

    value: int
    unit: Literal["date", "clock", "weekday"]
    span: tuple[int, int]


def dates(text: str) -> list[Moment]:
    """All dates, years, times and days of the week, the longest reading first, without overlaps."""
    found: list[Moment] = []
    for moment in (
        *_dates(text),
        *(Moment(m, "clock", span) for m, span in clocks(text)),
        *_years(text),
        *_told_years(text),
        *_names(text),
    ):
        if all(moment.span[1] <= m.span[0] or m.span[1] <= moment.span[0] for m in found):
            found.append(moment)
    return sorted(found, key=lambda m: m.span)


def _dates(text: str) -> Iterator[Moment]:
    for form in _FORMS:
        for match in form.finditer(text):
            value = _strict(match.groupdict())
            if value is not None and not _is_modal(match.groupdict()):
                end = match.end() - text[: match.end()].endswith(".")  # `25 December.`
                yield Moment(value, "date", (match.start(), end))


def _is_modal(parts: dict[str, str | None]) -> bool:
    """`may 5` in lower case is more often a verb than a month."""
    return parts.get("month") == "may"


def _strict(parts: dict[str, str | None]) -> int | None:
    """yyyymmdd where the calendar has such a day; the year 2000 stands in for a missing one."""
    if set(parts) == {"year"}:  # the academic year 2018–19
        return int(parts["year"] or 0) * 10_000
    month, day = parts.get("month") or parts.get("m"), parts.get("day")
    if spelled := parts.get("spelled"):
        day = str(_SPELLED_DAYS[spelled.lower()])
    year = parts.get("year")
    first, second = int(day or 1), _month(month or "")
    if second > 12 and not parts.get("month"):
        first, second = second, first
    try:
        date(int(year or 2000), second, first)
    except ValueError:
        return None
    return int(year or 0) * 10_000 + second * 100 + (first if day else 0)


def _month(text: str) -> int:
    """1 to 12 by number or name."""
    return int(text) if text.isdigit() else _MONTHS.index(text[:3].lower()) + 1


def _years(text: str) -> Iterator[Moment]:
    """A bare number from 1500 to 2099 where the words around it make it a year."""
    for match in _BARE_YEAR.finditer(text):
        before = _YEAR_BEFORE.search(text, max(0, match.start() - 12), match.start())
        if before or (_NOT_COUNTED.match(text, match.end()) and match.start() > 0):
            counted = re.match(r"\s+(?!\w+wards)[a-z]{3,}s\b", text[match.end() :])
            if not counted or _NOT_COUNTED.match(text, match.end()):
                yield Moment(int(match["year"]) * 10_000, "date", match.span())


def _told_years(text: str) -> Iterator[Moment]:
    """Years that only an era or a preposition shows to be such, and years in words."""
    for match in _OLD_YEAR.finditer(text):
        year = int(match["ad"] or match["bc"] or match["middle"])
        sign = -1 if (match["era"] or "").startswith("B") else 1
        yield Moment(sign * year * 10_000, "date", match.span())
    for match in _SPELLED_YEAR.finditer(text):  # nineteen eighty-four
        tail = NUMBER_VALUES[match["tens"].lower()] + NUMBER_VALUES.get(
            (match["ones"] or "zero").lower(), 0
        )
        if match["ones"] is None or tail > 20:
            year = NUMBER_VALUES[match["hundreds"].lower()] * 100 + tail
            yield Moment(year * 10_000, "date", match.span())


def _names(text: str) -> Iterator[Moment]:
    """Days of the week and months that stand alone."""
    for match in _BARE_MONTH.finditer(text):
        yield Moment(_month(match[0]) * 100, "date", match.span())
    for match in _WEEKDAY.finditer(text):
        if match["group"]:
            value = _GROUPS[match["group"].lower().removesuffix("s")]
        else:
            value = _days(match["first"] or match["from"], match["last"] or match["till"])
        yield Moment(value, "weekday", match.span())


def _days(first: str, last: str | None) -> int:
    """The days from the first to the last, also over the end of a week."""
    start = _DAYS.index(first[:3].lower())
    count = (_DAYS.index(last[:3].lower()) - start) % 7 if last else 0
    return sum(1 << (start + i) % 7 for i in range(count + 1))
