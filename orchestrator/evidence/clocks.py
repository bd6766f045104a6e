"""Times of day in running text: `9:30`, `8 p.m.`, `half past nine`, `from ten to four`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.evidence.language.lexicon import NUMBER_VALUES

_HOURS = re.compile(  # `9:0-17:30`, as data has it
    r"(?<![\w:.])(?:[01]?\d|2[0-4]):[0-5]?\d\s?[-–]\s?(?:[01]?\d|2[0-4]):[0-5]?\d(?![\d:])"
)
_HOUR = re.compile(r"(?P<h>\d+):(?P<min>\d+)")
_NO_UNIT = r"(?!\s?(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|percent|km|kg|GB|MB|m\b|[€$£%°]))"
_CLOCK = re.compile(
    r"(?<![\w:.,€$£¥])(?:(?P<h>[01]?\d|2[0-4])[:.h](?P<min>[0-5]\d)(?::[0-5]\d)?(?:\s*(?P<ap>[ap]\.?m\b\.?)"
    rf"|\s*(?P<hrs>hrs\b|h\b))?(?![\d:]|\.\d){_NO_UNIT}"
    r"|(?P<h12>1[0-2]|0?[1-9])\s*(?P<ap12>[ap]\.?m\b\.?)"
    r"|(?P<hour>[01]?\d|2[0-4])\s*(?:o['’]clock|hrs\b|h\b)"
    r"|(?P<word>\b(?:noon|midday|midnight)\b))",
    re.IGNORECASE,
)
_DOT = re.compile(r"\b(?:at|from|to|until|till|by|before|after|between|and|-|–)\s*$", re.IGNORECASE)
_OPEN = re.compile(
    r"\b(?:open(?:s|ed|ing)?|clos(?:e[sd]?|ing)|shuts?|hours|daily|doors?|starts?|begins?|ends?"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekdays?|weekends?)\b",
    re.IGNORECASE,
)
"""Where these stand, numbers such as 8.30-17.00 are times."""

_NAMES = [w for w, v in NUMBER_VALUES.items() if 1 <= v <= 12 and w != "dozen"]
_H = rf"(?:{'|'.join(_NAMES)}|1[0-2]|[1-9])(?![\w.:]*\d)"
_LATE = r"1[3-9](?![\w.:]*\d)|2[0-4](?![\w.:]*\d)"
_MINUTES = r"five|ten|twenty(?:[ -]five)?|(?:5|10|20|25)"
_DAYTIME = (
    r"(?:\s*(?P<half>[ap]\.?m\b\.?)|,?\s+(?:in the (?P<part>morning|afternoon|evening)"
    r"|(?P<night>at night)|(?P<today>tonight|sharp)))"
)
_SPOKEN = re.compile(
    rf"\b(?:(?P<share>half) past |(?P<quarter>(?:a )?quarter) (?P<turn>past|to|after|before) "
    rf"|(?P<past>{_MINUTES})(?: minutes?)? past "
    rf"|(?<=at |by )(?P<to>{_MINUTES})(?: minutes?)? to "
    rf"(?={_H}(?:\W*$|[.,;)]| (?:in|on|and|at)\b)))"
    rf"(?P<of>{_H}|noon|midnight)\b{_DAYTIME}?",
    re.IGNORECASE,
)
_O_CLOCK = re.compile(rf"\b(?P<of>{_H}) o['’]?clock\b{_DAYTIME}?", re.IGNORECASE)
_PART_OF_DAY = re.compile(rf"(?<![\w.:,])(?P<of>{_H}){_DAYTIME}", re.IGNORECASE)
_STOPS = (
    r"(?=\s*(?:$|[.;:)!?]|,(?!\d)|(?:on|every|each|but|when|if|during|sharp|daily|in the|and on"
    r"|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?)\b))"
)
_BARE = re.compile(
    rf"\b(?:at|from|until|till|by|before|after|between|to) (?P<of>{_H}|{_LATE})"
    rf"(?:\s?(?:to|until|till|and|-|–)\s?(?P<till>{_H}|{_LATE}))?{_STOPS}",
    re.IGNORECASE,
)
_NO_TIME = re.compile(
    r"\b(?:child(?:ren)?|aged?|tickets?|prices?|fees?|rates?|costs?|groups?|people|persons|pages?|rooms?"
    r"|steps?|chapters?|floors?|level|platform|version)\b[^.;]*$",
    re.IGNORECASE,
)
"""A number soon after these is an age, a price or a place."""
_HAPPENS = re.compile(
    r"\b(?:open(?:s|ed|ing)?|clos(?:e[sd]?|ing)|shuts?|starts?|started|begins?|began|ends?|ended"
    r"|leaves?|left|departs?|arrives?|arrived|serve[sd]?|meets?|met|rings?|rang|doors|ready|hours"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekdays?|daily|o['’]clock)\b",
    re.IGNORECASE,
)
"""What is said to happen at a time: a bare number after `at` or `from` is one then."""
_TO_CLOCK = re.compile(
    rf"(?<![\w.:,€$£])(?P<of>{_H})(?=\s?(?:-|–|—|to|until|till|and)\s?(?:{_H}|[01]?\d[:.][0-5]\d)"
    r"\s*(?P<half>[ap])\.?m\b)",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"(?<![\w.:,€$£/])(?P<a>[01]?\d|2[0-4])(?:\.(?P<am>[0-5]\d))?\s?[-–—]\s?"
    rf"(?P<b>[01]?\d|2[0-4])(?:\.(?P<bm>[0-5]\d)(?![\d%])|(?![\w:/]|[.,]\d){_STOPS}){_NO_UNIT}",
    re.IGNORECASE,
)

_NEAR = 30  # characters
_EARLY = 5  # o'clock: nothing opens so early
_NOON, _DAY = 720, 1440  # minutes

Span = tuple[int, int]


def clocks(text: str) -> Iterator[tuple[int, Span]]:
    """Times as minutes after midnight, with their places; the surest readings come first.

    An hour without a half of the day is taken as it stands: `half past five` is 5:30. Readings may
    overlap.
    """
    yield from _spoken(text)
    yield from _written(text)
    if not _HAPPENS.search(text):
        return
    for match in _BARE.finditer(text):
        if not _NO_TIME.search(text[: match.start()][-_NEAR:]):
            for name in ("of", "till") if match["till"] else ("of",):
                yield _number(match[name]) * 60, match.span(name)


def _written(text: str) -> Iterator[tuple[int, Span]]:
    for whole in _HOURS.finditer(text):
        for part in _HOUR.finditer(text, *whole.span()):
            yield int(part["h"]) % 24 * 60 + int(part["min"]), part.span()
    for match in _CLOCK.finditer(text):
        if match["word"]:
            yield (0 if match["word"].lower() == "midnight" else _NOON), match.span()
            continue
        hour = match["h"] or match["h12"] or match["hour"]
        half = (match["ap"] or match["ap12"] or "").lower()
        dotted = match["h"] and text[match.end("h")] == "." and not half and not match["hrs"]
        if dotted and not re.match(r"0\d", hour) and not _DOT.search(text[: match.start()][-8:]):
            continue  # 9.30 after "at" is a time, elsewhere it is a number
        yield _on_day(int(hour), half) + int(match["min"] or 0), match.span()
    for match in _TO_CLOCK.finditer(text):
        yield _on_day(_number(match["of"]), match["half"]), match.span("of")
    if not _OPEN.search(text):
        return
    for match in _RANGE.finditer(text):
        timely = match["am"] or match["bm"] or int(match["a"]) > _EARLY
        if timely and not _NO_TIME.search(text[: match.start()][-_NEAR:]):
            for hour, minute in (("a", "am"), ("b", "bm")):
                end = match.end(minute) if match[minute] else match.end(hour)
                minutes = int(match[hour]) % 24 * 60 + int(match[minute] or 0)
                yield minutes, (match.start(hour), end)


def _spoken(text: str) -> Iterator[tuple[int, Span]]:
    for match in _SPOKEN.finditer(text):
        of = match["of"].lower()
        hour = (
            _NOON if of == "noon" else 0 if of == "midnight" else _on_day(_number(of), _half(match))
        )
        minutes = _minutes(match)
        yield (hour + minutes) % _DAY, match.span()
    for pattern in (_O_CLOCK, _PART_OF_DAY):
        for match in pattern.finditer(text):
            yield _on_day(_number(match["of"]), _half(match)), match.span()


def _half(match: re.Match[str]) -> str:
    """`a` or `p`, or nothing where the half of the day is not said."""
    if match["half"]:
        return match["half"][0].lower()
    part = (match["part"] or "").lower()
    if part:
        return "a" if part == "morning" else "p"
    return "p" if match["night"] or (match["today"] or "").lower() == "tonight" else ""


def _on_day(hour: int, half: str) -> int:
    """Minutes after midnight of a full hour, in the half of the day that is said."""
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return hour % 24 * 60


def _minutes(match: re.Match[str]) -> int:
    """Minutes past the hour that is named; negative before it."""
    if match["share"]:
        return 30
    if match["quarter"]:
        return 15 if match["turn"].lower() in ("past", "after") else -15
    words = re.split(r"[ -]", (match["past"] or match["to"]).lower())
    count = sum(int(w) if w.isdigit() else NUMBER_VALUES[w] for w in words)
    return count if match["past"] else -count


def _number(hour: str) -> int:
    return int(hour) if hour.isdigit() else NUMBER_VALUES[hour.lower()]
