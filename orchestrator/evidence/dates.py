"""Dates, times of day and days of the week in running text, each as one integer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12]\d{3})"
_FORMS = tuple(
    re.compile(rf"(?<![\w.])(?:{form})(?![\w%])", re.IGNORECASE)
    for form in (
        r"(?P<year>[12]\d{3})-(?P<m>\d{1,2})-(?P<day>\d{1,2})(?=T|\b)",
        r"(?P<year>[12]\d{3})[/–-]\d{2}(?![\d-])",
        r"(?P<day>\d{1,2})[./](?P<m>\d{1,2})[./](?P<year>[12]\d{3})",
        rf"{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH}),?\s+{_YEAR}",
        rf"(?P<month>{_MONTH})\s+{_DAY},?\s+{_YEAR}",
        rf"(?P<month>{_MONTH}),?\s+{_YEAR}",
        rf"{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH})",
        rf"(?P<month>{_MONTH})\s+{_DAY}(?!\s*(?:%|days|hours|weeks))",
    )
)
_BARE_YEAR = re.compile(
    r"(?<![\w.,$€£#-])(?P<year>1[5-9]\d{2}|20\d{2})(?![\w%]|[.,]\d|\s?(?:EUR|USD|GBP|euros?|dollars?))"
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
_HOURS = re.compile(  # `9:0-17:30`, as data has it
    r"(?<![\w:.])(?:[01]?\d|2[0-4]):[0-5]?\d\s?[-–]\s?(?:[01]?\d|2[0-4]):[0-5]?\d(?![\d:])"
)
_HOUR = re.compile(r"(?P<h>\d+):(?P<min>\d+)")
_CLOCK = re.compile(
    r"(?<![\w:.,])(?:(?P<h>[01]?\d|2[0-4])[:.h](?P<min>[0-5]\d)(?::[0-5]\d)?(?:\s*(?P<ap>[ap]\.?m\b\.?))?"
    r"(?![\d:%]|\.\d|\s?(?:EUR|USD|GBP|euros?|dollars?|percent|km|kg|GB|MB|m\b))"
    r"|(?P<h12>1[0-2]|0?[1-9])\s*(?P<ap12>[ap]\.?m\b\.?)"
    r"|(?P<hour>[01]?\d|2[0-4])\s*(?:o['’]clock|hrs\b|h\b)"
    r"|(?P<word>\b(?:noon|midday|midnight)\b))",
    re.IGNORECASE,
)
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
_CLOCK_DOT = re.compile(r"\b(?:at|from|to|until|till|by|before|after|between|and|-|–)\s*$", re.I)


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
    for moment in (*_dates(text), *_clocks(text), *_years(text), *_names(text)):
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
            counted = re.match(r"\s+[a-z]{3,}s\b", text[match.end() :])
            if not counted or _NOT_COUNTED.match(text, match.end()):
                yield Moment(int(match["year"]) * 10_000, "date", match.span())


def _clocks(text: str) -> Iterator[Moment]:
    for whole in _HOURS.finditer(text):
        for part in _HOUR.finditer(text, *whole.span()):
            minutes = int(part["h"]) % 24 * 60 + int(part["min"])
            yield Moment(minutes, "clock", part.span())
    for match in _CLOCK.finditer(text):
        if match["word"]:
            yield Moment(0 if match["word"].lower() == "midnight" else 720, "clock", match.span())
            continue
        hour = int(match["h"] or match["h12"] or match["hour"])
        half = (match["ap"] or match["ap12"] or "").lower()
        dotted = match["h"] and text[match.end("h")] == "." and not half
        if dotted and not _CLOCK_DOT.search(text, max(0, match.start() - 8), match.start()):
            continue  # 9.30 after "at" is a time, elsewhere it is a number
        if half:
            hour = hour % 12 + (12 if half.startswith("p") else 0)
        yield Moment(hour % 24 * 60 + int(match["min"] or 0), "clock", match.span())


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
