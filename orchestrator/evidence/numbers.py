"""Numbers, money, durations, dates and times as values with units, and how they compare.

Two quantities are *comparable* where they measure the same thing in the same unit; only then can
they differ. Equality also holds across exact conversions (14 days, two weeks).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import takewhile
from typing import Literal

from orchestrator.evidence.dates import dates
from orchestrator.evidence.fractions import Fraction, fractions
from orchestrator.evidence.language.lexicon import NUMBER_VALUES, ORDINAL_VALUES, SCALES
from orchestrator.evidence.language.words import Word, words
from orchestrator.evidence.units import (
    COINS,
    CONVERSIONS,
    CURRENCIES,
    DEGREES,
    EXACT,
    MONEY,
    TIME_UNITS,
    UNITS,
)

__all__ = [
    "MARKER", "MOMENTS", "MONEY", "TIME_UNITS", "Bound", "Quantity", "agrees", "comparable",
    "missing", "quantities",
]  # fmt: skip

Bound = Literal["", "min", "max", "approx"]

MOMENTS = ("date", "clock", "weekday", "decade")
"""Units of what is a point in time and no amount."""
_MULTIPLIERS = {"k": 1000, "m": 10**6, "bn": 10**9, "million": 10**6, "billion": 10**9,
                "thousand": 1000, "hundred": 100, "trillion": 10**12, "mn": 10**6}  # fmt: skip

_SYMBOL = r"US\$|[€$£¥₹¢]"
_MONEY_NAMES = sorted({c for c in (*CURRENCIES, *COINS) if c.isalpha()}, key=len, reverse=True)
_CODE = "|".join(_MONEY_NAMES)
_CODE_BEFORE = "|".join(c for c in _MONEY_NAMES if len(c) == 3 or c == "kr")
_UNIT_NAMES = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_MEASURED = rf"\s?(?:{_SYMBOL}|(?:{_CODE}|million|billion|(?:{_UNIT_NAMES})s?)(?![\w%])|%)"
_DIGITS = (  # 1.200.000, 1.200,50; 1,200.50, 1 200; 3,5 kg; 3.5
    r"\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d{1,3}(?:\.\d{3}){2,}(?![.\d])"
    r"|\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.\d+)?(?!\d)"
    rf"|\d+,\d{{1,2}}(?={_MEASURED})|(?(before)\d+,\d{{2}}(?![\d,])|(?!))|\d+(?:\.\d+)?"
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?P<before>{_SYMBOL}|\b(?:{_CODE_BEFORE})\b)\s?)?"
    rf"(?P<sign>[-−](?=\d)|\bminus\s(?=\d))?"
    rf"(?P<digits>{_DIGITS})(?:(?P<ordinal>st|nd|rd|th)\b)?(?!\d|\.\d)"
    rf"(?:\s?(?P<scale>million|billion|trillion|thousand|hundred|bn|mn|k|m)\b)?",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"[\s\u00a0-]{{0,2}}(?:(?:calendar|working|business|consecutive|full|whole|paid)[\s-])?"
    rf"(?P<unit>{_SYMBOL}|(?:{_CODE})(?![\w²³])|(?-i:{'|'.join(EXACT)})(?![\w/²³])"
    rf"|bar(?![\w])|(?!bars\b)(?:{_UNIT_NAMES})(?:(?:(?<=inch)e)?s?(?![\w%²³])|(?<=%)))",
    re.IGNORECASE,
)
_PER = re.compile(
    r"[\s,]*(?:(?:of\s+\w+\s+)?(?:(?:per\s|/\s?)(?:an?\s)?(?P<any>[a-z]{2,}?)s?\b"
    r"|(?:an?|each|every)\s+(?P<noun>second|minute|hour|day|night|week|month|quarter|year|person"
    r"|employee|user|km|kilometre|litre|liter|kg|kilo|visit|head|child|adult|guest|ticket|copy|page"
    r"|piece|item|car|room|plate|bottle|mile|metre|square metre)s?\b)|\s*(?P<annum>p\.\s?a\.)"
    r"|(?P<adverb>hourly|daily|weekly|monthly|quarterly|yearly|annually)\b)",
    re.IGNORECASE,
)
_PER_BEFORE = re.compile(
    r"\b(hourly|daily|weekly|monthly|quarterly|yearly|annual)\b", re.IGNORECASE
)
_ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month",
            "quarterly": "quarter", "yearly": "year", "annually": "year",
            "annual": "year"}  # fmt: skip
_MINIMUM = re.compile(
    r"\b(?:at least|no(?:t)? (?:less|fewer|earlier|sooner) than|minimum(?: of)?|more than|over|from"
    r"|above|exceed(?:s|ing)?|not below|min\.?)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_MAXIMUM = re.compile(
    r"\b(?:at most|no(?:t)? (?:more|later|longer|greater|higher) than|maximum(?: of)?|up to"
    r"|less than|fewer than|under|below|within|not exceed(?:ing)?|limited to"
    r"|capped at|max\.?|at the most)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_BOUND_AFTER = re.compile(
    r" ?(?:(?P<least>\+(?!\d)|(?:(?:or|and) (?:more|above|over|older|upwards?)"
    r"|(?:at|as a) (?:least|minimum))\b)|(?:(?:or|and) (?:less|fewer|below|under|younger)"
    r"|at (?:the )?(?:most|latest)|as a maximum)\b)",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|nearly|almost|some|circa)|~)\s*$", re.I
)
_HALF_UNSAID = re.compile(
    r"^(?!.*(?:[ap]\.?m\b|morning|afternoon|evening|night|noon|midday|\d[:.h]\d))", re.IGNORECASE
)
"""A time of which no half of the day is said: `half past five` may be 5:30 and 17:30."""
MARKER = re.compile(
    r"\[\d+(?:\s*[,;–-]\s*\d+)*\]|\(?\b(?:passage|source)s? \d+\)?|^\s*\d{1,2}[.)](?=\s+[A-Z])",
    re.IGNORECASE,
)
"""References to a source, and the number of a list's item, are no statement."""
_RANGE = re.compile(r"\s*(?:-|–|—|to|and|or)\s*", re.IGNORECASE)
_POINT_PARTS_THOUSANDS = frozenset({"EUR", "CHF", "DKK", "PLN", "CZK", "crown"})
_DECADE = re.compile(r"(?:[12]\d)?\d0['’]?s\b")
_NOT_WATT = re.compile(r"\s?W\s[A-Z]")  # `31 W Carrillo St`
_OF_MANY = re.compile(
    r"\s+(?:of\s+)?an?\s+(dozen|hundred|thousand|million|billion)\b", re.IGNORECASE
)
_OF_ONE = re.compile(r"\s+(?:of\s+)?an?(?=\s)", re.IGNORECASE)
_AND_PART = re.compile(
    r"\b(?P<n>an?|one|two|three|four|five|six|\d{1,2}) (?P<unit>hour|day|week|month|year|mile)s?"
    r" and an? (?P<part>half|quarter)\b",
    re.IGNORECASE,
)
"""`an hour and a half`"""
_FORTNIGHT = re.compile(
    r"\ba (fortnight|couple of (?:hours|days|weeks|months|years))\b", re.IGNORECASE
)
_LABEL = re.compile(
    r"\b(?:section|chapter|page|figure|table|article|step|version|v|no|room|floor|level|appendix|"
    r"item|clause|part|rule|line|annex|note|python|node|paragraph|platform|gate|flight|ext|extension"
    r"|isbn|issn|postcode|zip code|tel|phone|telephone|fax|mobile|hotline|dial|call)\.?:?\s*$"
    r"|[#§v]\s*$",
    re.IGNORECASE,
)
_DIALLED = re.compile(
    r"(?<![\w.,])(?:\+\d{1,3}[\s-]?(?:\(0\)\s?)?\d[\d\s/()-]{5,14}\d|\(?0\d{2,5}\)?[\s/-]\d[\d\s-]{3,11}\d"
    r"|\d{3}-\d{3}-\d{4}|\d{3}-\d{4}|(?:97[89][- ]?)\d[\d -]{8,12}[\dX])(?![\w.,]?\d)"
)
"""Telephone numbers and ISBNs, which count nothing."""
_PENCE = re.compile(r"(?<![\w.,£$€])(\d{1,2})p(?!\w)")
_MILLIONS_OF = re.compile(
    r"\s(?:people|users|viewers|customers|visitors|copies|subscribers|downloads|inhabitants|residents"
    r"|passengers|members|households|items|records|tonnes|dollars|euros)\b"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit; `span` is start and end in the text that was read.

    `unit` is `EUR`, `percent`, `day`, `gram`, …; `date` (value yyyymmdd, 0 where a part is not
    stated), `clock` (minutes after midnight), `weekday` (a bit for each day from Monday on),
    `decade` (its first year), `ordinal`, `label` (a version, a section), or empty for a bare
    count, which then has the stems of the words that it counts in `of`.
    """

    value: Decimal
    unit: str
    span: tuple[int, int]
    text: str
    per: str = ""
    bound: Bound = ""
    of: frozenset[str] = frozenset()

    @property
    def is_named_day(self) -> bool:
        """Whether it is a day of the week, or a month without day and year."""
        month = self.unit == "date" and 0 < self.value < 10_000 and self.value % 100 == 0
        return month or self.unit == "weekday"


def quantities(text: str) -> tuple[Quantity, ...]:
    """Everything in `text` that is a number, in order, without overlaps."""
    text = MARKER.sub(lambda m: " " * len(m[0]), text)
    taken: list[Quantity] = [
        Quantity(Decimal(d.value), d.unit, d.span, text[d.span[0] : d.span[1]]) for d in dates(text)
    ]
    for match in _DIALLED.finditer(text):
        if not _overlaps(match.span(), taken):
            value = Decimal(re.sub(r"\D", "", match[0]))
            taken.append(Quantity(value, "label", match.span(), match[0], of=frozenset({"phone"})))
    for match in _PENCE.finditer(text):
        value = Decimal(match[1]) * COINS["penny"][1]
        taken.append(Quantity(value, "GBP", match.span(), match[0]))
    taken += [q for q in _loosely(text) if not _overlaps(q.span, taken)]
    for part in fractions(text):
        if not _overlaps(part.span, taken):
            taken.append(_fraction(text, part))
    for found in _digits(text):
        if not _overlaps(found.span, taken):
            taken.append(found)
    spelled = [q for q in _spelled(text) if not _overlaps(q.span, taken)]
    return _share_units(text, sorted([*taken, *spelled], key=lambda q: q.span))


def comparable(claim: Quantity, source: Quantity) -> bool:
    """Whether the two could be said of the same thing: same unit, same rate, same counted noun.

    Units that convert into each other exactly count as the same: months and years.
    """
    if (
        CONVERSIONS.get(claim.unit, (claim.unit, 1))[0]
        != CONVERSIONS.get(source.unit, (source.unit, 1))[0]
    ):
        return False
    if claim.unit == "label":
        return claim.of == source.of
    if claim.per and source.per and claim.per != source.per:
        return claim.value == source.value
    return claim.of == source.of or bool(claim.of & source.of)


def agrees(claim: Quantity, source: Quantity) -> bool:
    """Whether the source states the claim's value, converted, rounded or bounded if need be."""
    if "weekday" in (claim.unit, source.unit):
        return claim.unit == source.unit and not int(claim.value) & ~int(source.value)
    if claim.unit in ("date", "clock", "decade") or source.unit in ("date", "clock", "decade"):
        return _same_moment(claim, source)
    if claim.unit in DEGREES and source.unit in DEGREES:
        return _same_temperature(claim, source)
    if _ages(claim, source) or _ages(source, claim):
        return claim.value == source.value
    if claim.per and source.per and claim.per != source.per:
        return False
    if _is_coin(claim, source) or _is_coin(source, claim):
        return claim.value == 100 * source.value or source.value == 100 * claim.value
    left, right = _converted(claim), _converted(source)
    if left is None or right is None or left[0] != right[0]:
        return False
    if left[1] == right[1]:
        return {claim.bound, source.bound} != {"min", "max"}
    if claim.bound == "approx" or source.bound == "approx":
        return abs(left[1] - right[1]) <= Decimal("0.05") * max(abs(left[1]), abs(right[1]))
    if source.bound:
        return False
    return (claim.bound == "min" and right[1] > left[1]) or (
        claim.bound == "max" and right[1] < left[1]
    )


def missing(claim: Sequence[Quantity], source: Sequence[Quantity]) -> list[Quantity]:
    """The claim's quantities that nothing in the source agrees with.

    Several days of the week in the source count together: weekends are Saturdays and Sundays.
    """
    days = 0
    for stated in source:
        days |= int(stated.value) if stated.unit == "weekday" else 0
    return [
        q
        for q in claim
        if not any(agrees(q, s) for s in source)
        and not (q.unit == "weekday" and not int(q.value) & ~days)
    ]


def _ages(stated: Quantity, bare: Quantity) -> bool:
    """Whether the two may be one age: `48-year-old`, and `Ana Costa, 48,`."""
    return stated.unit == "year" and bare.unit == "" and not bare.of


def _is_coin(coins: Quantity, money: Quantity) -> bool:
    """Whether the two may be one sum: `50 cents`, and `€0.50`."""
    return coins.unit == "cent" and money.unit in ("EUR", "USD", "CAD", "AUD", "NZD")


def _same_temperature(claim: Quantity, source: Quantity) -> bool:
    """Equal on one scale, or where a scale is not stated; to half a degree where both are."""
    if claim.unit == source.unit or "degree" in (claim.unit, source.unit):
        return claim.value == source.value
    celsius, fahrenheit = (claim, source) if claim.unit == "celsius" else (source, claim)
    return abs(celsius.value * 9 / 5 + 32 - fahrenheit.value) <= 1


def _converted(quantity: Quantity) -> tuple[str, Decimal] | None:
    family, factor = CONVERSIONS.get(quantity.unit, (quantity.unit, 1))
    return family, quantity.value * factor


def _same_moment(claim: Quantity, source: Quantity) -> bool:
    """Dates agree where the parts that both state are equal; a bare number may be a year."""
    if "decade" in (claim.unit, source.unit):
        return _decade(source) == claim.value and claim.unit == "decade"
    if claim.unit != source.unit:
        if "clock" in (claim.unit, source.unit):
            return False
        year = source.value // 10_000 if source.unit == "date" else claim.value // 10_000
        bare = claim if source.unit == "date" else source
        return bare.unit == "" and bare.value == year
    if claim.unit == "clock":
        apart = abs(claim.value - source.value)
        return apart == 0 or (
            apart == 720 and any(_HALF_UNSAID.search(q.text) for q in (claim, source))
        )
    parts = [(q.value // 10_000, q.value // 100 % 100, q.value % 100) for q in (claim, source)]
    both = [(a, b) for a, b in zip(*parts, strict=True) if a and b]
    numeric = all(re.fullmatch(r"[\d./-]+", q.text) for q in (claim, source))
    swapped = numeric and parts[0][0] == parts[1][0] and set(parts[0][1:]) == set(parts[1][1:])
    return bool(both) and (all(a == b for a, b in both) or swapped)


def _decade(quantity: Quantity) -> Decimal | None:
    """The first year of the decade that a date lies in, or of the decade itself."""
    if quantity.unit == "date" and quantity.value >= 10_000:
        return quantity.value // 100_000 * 10
    return quantity.value if quantity.unit == "decade" else None


def _overlaps(span: tuple[int, int], others: Sequence[Quantity]) -> bool:
    return any(span[0] < q.span[1] and q.span[0] < span[1] for q in others)


def _digits(text: str) -> list[Quantity]:
    found = []
    for match in _NUMBER.finditer(text):
        value = _value(match["digits"])
        if match["sign"] and not text[: match.start("sign")].rstrip().endswith(tuple("0123456789")):
            value = -value
        end = match.end()
        if match["scale"] and not _is_unit_metre(match["scale"], match["before"], text, end):
            value *= _MULTIPLIERS[match["scale"].lower()]
        elif match["scale"]:
            end = match.start("scale")
        if (decade := _DECADE.match(text, match.start("digits"))) and not match["before"]:
            year = value if value >= 100 else value + 1900
            found.append(Quantity(year, "decade", (match.start(), decade.end()), decade[0]))
        elif match["ordinal"]:
            found.append(Quantity(value, "ordinal", (match.start(), end), match[0]))
        else:
            quantity = _with_unit(text, value, match.start(), end, match["before"])
            found.append(_in_thousands(quantity, match["digits"]))
    return found


def _in_thousands(quantity: Quantity, digits: str) -> Quantity:
    """`1.200 EUR` is twelve hundred: no price has three decimals but that of a litre or a kWh."""
    dotted = quantity.unit in _POINT_PARTS_THOUSANDS and re.fullmatch(
        r"[1-9]\d{0,2}\.\d{3}", digits
    )
    if not dotted or quantity.per in ("litre", "liter", "l", "kwh"):
        return quantity
    return replace(quantity, value=quantity.value * 1000)


def _is_unit_metre(scale: str, currency: str | None, text: str, end: int) -> bool:
    """`5 m` is a length and `€5m` an amount."""
    if scale.lower() != "m" or currency or _MILLIONS_OF.match(text, end):
        return False
    return not re.match(rf"\s?(?:{_CODE})\b", text[end:])


def _with_unit(text: str, value: Decimal, start: int, end: int, currency: str | None) -> Quantity:
    unit, of = "", frozenset[str]()
    after = None if _NOT_WATT.match(text, end) else _AFTER.match(text, end)
    if currency:
        unit = CURRENCIES[currency.lower()]
    elif after is not None:
        name = after["unit"].lower()
        end = after.end()
        if name in CURRENCIES:
            unit = CURRENCIES[name]
        elif name in COINS:
            unit, worth = COINS[name]
            value *= worth
        else:
            unit, factor = _unit(after["unit"])
            value *= factor
    elif label := _LABEL.search(text, max(0, start - 14), start):
        unit, of = "label", frozenset({label[0].strip(" .").lower()})
    else:
        of = _counted(text, end)
    per = _PER.match(text, end)
    rate = ""
    if per is not None and unit not in ("", "label"):
        rate = _rate(per)
        end = per.end()
    elif before := list(_PER_BEFORE.finditer(text, max(0, start - 40), start)):
        rate = _ADVERBS[before[-1][1].lower()] if unit in MONEY else ""
    return Quantity(value, unit, (start, end), text[start:end], rate, _bound(text, start, end), of)


def _rate(match: re.Match[str]) -> str:
    """Per what, in the singular: `night`, `year` for `annually`."""
    if match["annum"]:
        return "year"
    return (match["any"] or match["noun"] or _ADVERBS[match["adverb"].lower()]).lower()


def _unit(written: str) -> tuple[str, int | Decimal]:
    """The unit that is written so, and how many of it."""
    name = re.sub(r"\s+", " ", written.lower())
    singular = (name, name.removesuffix("s"), name.removesuffix("es"))
    known = (UNITS[form] for form in singular if form in UNITS)
    return EXACT.get(written) or next(known, (name, 1))


def _value(digits: str) -> Decimal:
    """The value of digits with separators of either kind: 1,200.50 and 1.200,50."""
    plain = re.sub(r"[\u00a0\u202f' ]", "", digits)
    if re.fullmatch(r"\d+,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}", plain):
        return Decimal(plain.replace(".", "").replace(",", "."))
    return Decimal(plain.replace(",", ""))


def _counted(text: str, end: int) -> frozenset[str]:
    """The stems of the words that follow directly, up to the first that carries no content."""
    clause = re.split(r"[,;:.()!?\n]", text[end : end + 60])[0]
    counted = list(takewhile(lambda w: w.is_content, words(clause)[:4]))
    return frozenset(w.stem for w in counted if len(w.text) > 1)


def _bound(text: str, start: int, end: int) -> Bound:
    before = text[max(0, start - 40) : start]
    if after := _BOUND_AFTER.match(text, end):
        return "min" if after["least"] else "max"
    if _MAXIMUM.search(before):
        return "max"
    if _MINIMUM.search(before):
        return "min"
    return "approx" if _ABOUT.search(before) else ""


def _loosely(text: str) -> Iterator[Quantity]:
    """`an hour and a half`, `a fortnight`, `a couple of days`."""
    for match in _AND_PART.finditer(text):
        low = match["n"].lower()
        whole = Decimal(low) if low.isdigit() else Decimal(NUMBER_VALUES.get(low, 1))
        part = Decimal("0.5") if match["part"].lower() == "half" else Decimal("0.25")
        yield Quantity(whole + part, match["unit"].lower(), match.span(), match[0])
    for match in _FORTNIGHT.finditer(text):
        words_of = match[1].lower().split()
        unit = "week" if len(words_of) == 1 else words_of[-1].removesuffix("s")
        bound: Bound = "" if len(words_of) == 1 else "approx"
        yield Quantity(Decimal(2), unit, match.span(), match[0], bound=bound)


def _fraction(text: str, part: Fraction) -> Quantity:
    """A fraction of what follows (`half an hour`), or a share, which is loosely meant."""
    start, end = part.span
    if many := _OF_MANY.match(text, end):
        return _with_unit(
            text, part.value * NUMBER_VALUES[many[1].lower()], start, many.end(), None
        )
    article = _OF_ONE.match(text, end)
    found = _with_unit(text, part.value, start, article.end() if article else end, None)
    if found.unit or not re.search(r"[a-z]", text[start:end]) or part.value > 1:
        return found
    return Quantity(part.value * 100, "percent", part.span, text[start:end], bound="approx")


def _spelled(text: str) -> list[Quantity]:
    """Number words: `forty-two`, `two weeks`, `third`; a lone `one` counts only with a unit."""
    runs: list[list[Word]] = []
    found: list[Quantity | None] = []
    for word in words(text):
        low = word.text.lower()
        if low in NUMBER_VALUES:
            between = text[runs[-1][-1].end : word.start] if runs else ""
            if re.fullmatch(r"[\s-]+", between) or (
                re.fullmatch(r"\s+and\s+", between) and runs[-1][-1].text.lower() in SCALES
            ):
                runs[-1].append(word)
            else:
                runs.append([word])
        elif low in ORDINAL_VALUES and low != "second":  # "second" is more often a duration
            value = Decimal(ORDINAL_VALUES[low])
            found.append(Quantity(value, "ordinal", (word.start, word.end), word.text))
    found += [_spelled_quantity(text, run) for run in runs]
    return [q for q in found if q is not None]


def _spelled_quantity(text: str, run: Sequence[Word]) -> Quantity | None:
    total = group = 0
    for word in run:
        value = NUMBER_VALUES[word.text.lower()]
        if word.text.lower() in SCALES:
            group = max(group, 1) * value
            if value > 100:
                total, group = total + group, 0
        else:
            group += value
    quantity = _with_unit(text, Decimal(total + group), run[0].start, run[-1].end, None)
    lone = len(run) == 1 and run[0].text.lower() in ("one", "hundred", "thousand", "million")
    return None if lone and not quantity.unit else quantity


def _share_units(text: str, found: Sequence[Quantity]) -> tuple[Quantity, ...]:
    """In `10 to 20 days` the first number has the second one's unit."""
    result = list(found)
    for i in range(len(result) - 2, -1, -1):
        left, right = result[i], result[i + 1]
        between = text[left.span[1] : right.span[0]]
        bare = left.unit == "" and right.unit not in ("", *MOMENTS, "label", "ordinal")
        if bare and _RANGE.fullmatch(between):
            result[i] = Quantity(
                left.value, right.unit, left.span, left.text, right.per, left.bound or "min"
            )
    return tuple(result)
