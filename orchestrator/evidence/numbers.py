"""Numbers, money, durations, dates and times as values with units, and how they compare.

Two quantities are *comparable* where they measure the same thing in the same unit; only then can
they differ. Equality also holds across exact conversions (14 days, two weeks).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import Literal

from orchestrator.evidence.dates import dates
from orchestrator.evidence.fractions import Fraction, fractions
from orchestrator.evidence.language.lexicon import NUMBER_VALUES, ORDINAL_VALUES, SCALES
from orchestrator.evidence.language.words import Word, words

Bound = Literal["", "min", "max", "approx"]

_CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "usd": "USD",
    "us$": "USD", "dollar": "USD", "dollars": "USD", "£": "GBP", "gbp": "GBP", "pound": "GBP",
    "pounds": "GBP", "¥": "JPY", "jpy": "JPY", "yen": "JPY", "chf": "CHF", "franc": "CHF",
    "francs": "CHF", "₹": "INR", "inr": "INR", "rupees": "INR", "sek": "SEK", "nok": "NOK",
    "dkk": "DKK", "pln": "PLN", "czk": "CZK", "cny": "CNY", "cad": "CAD", "aud": "AUD",
}  # fmt: skip
_UNITS: dict[str, tuple[str, int | Decimal]] = {
    "%": ("percent", 1), "percent": ("percent", 1), "per cent": ("percent", 1),
    "percentage points": ("percent", 1), "percentage": ("percent", 1),
    "second": ("second", 1), "sec": ("second", 1), "minute": ("minute", 1), "min": ("minute", 1),
    "hour": ("hour", 1), "hr": ("hour", 1), "day": ("day", 1), "week": ("week", 1),
    "month": ("month", 1), "year": ("year", 1), "yr": ("year", 1), "decade": ("year", 10),
    "fortnight": ("week", 2), "ms": ("second", Decimal("0.001")),
    "millisecond": ("second", Decimal("0.001")),
    "mg": ("gram", Decimal("0.001")), "milligram": ("gram", Decimal("0.001")),
    "mcg": ("gram", Decimal("0.000001")), "µg": ("gram", Decimal("0.000001")),
    "microgram": ("gram", Decimal("0.000001")), "g": ("gram", 1), "gram": ("gram", 1),
    "kg": ("gram", 1000), "kilogram": ("gram", 1000), "kilo": ("gram", 1000),
    "tonne": ("gram", 1_000_000),
    "ml": ("litre", Decimal("0.001")), "millilitre": ("litre", Decimal("0.001")),
    "milliliter": ("litre", Decimal("0.001")), "l": ("litre", 1), "litre": ("litre", 1),
    "liter": ("litre", 1), "mm": ("metre", Decimal("0.001")),
    "millimetre": ("metre", Decimal("0.001")), "cm": ("metre", Decimal("0.01")),
    "centimetre": ("metre", Decimal("0.01")), "centimeter": ("metre", Decimal("0.01")),
    "m": ("metre", 1), "metre": ("metre", 1), "meter": ("metre", 1), "km": ("metre", 1000),
    "kilometre": ("metre", 1000), "kilometer": ("metre", 1000), "mile": ("mile", 1),
    "foot": ("foot", 1), "feet": ("foot", 1), "ft": ("foot", 1), "inch": ("inch", 1),
    "kb": ("byte", 1000), "mb": ("byte", 10**6), "gb": ("byte", 10**9), "tb": ("byte", 10**12),
    "kilobyte": ("byte", 1000), "megabyte": ("byte", 10**6), "gigabyte": ("byte", 10**9),
    "terabyte": ("byte", 10**12), "byte": ("byte", 1), "°c": ("celsius", 1),
    "degrees celsius": ("celsius", 1), "degree celsius": ("celsius", 1),
    "degrees c": ("celsius", 1), "degree c": ("celsius", 1), "°f": ("fahrenheit", 1),
    "degrees fahrenheit": ("fahrenheit", 1),
    "degree fahrenheit": ("fahrenheit", 1), "degrees f": ("fahrenheit", 1),
    "degree f": ("fahrenheit", 1), "°": ("degree", 1),
    "degree": ("degree", 1), "hz": ("hertz", 1), "mhz": ("hertz", 10**6), "ghz": ("hertz", 10**9),
    "kw": ("watt", 1000), "w": ("watt", 1), "watt": ("watt", 1), "kwh": ("kwh", 1),
    "volt": ("volt", 1), "point": ("point", 1),
}  # fmt: skip
_CONVERSIONS: dict[str, tuple[str, int]] = {
    "second": ("time", 1), "minute": ("time", 60), "hour": ("time", 3600), "day": ("time", 86_400),
    "week": ("time", 604_800), "month": ("calendar", 1), "year": ("calendar", 12),
}  # fmt: skip
MONEY = frozenset(_CURRENCIES.values())
_DEGREES = frozenset({"celsius", "fahrenheit", "degree"})
TIME_UNITS = frozenset(_CONVERSIONS)
MOMENTS = ("date", "clock", "weekday", "decade")
"""Units of what is a point in time and no amount."""
_MULTIPLIERS = {"k": 1000, "m": 10**6, "bn": 10**9, "million": 10**6, "billion": 10**9,
                "thousand": 1000, "hundred": 100, "trillion": 10**12, "mn": 10**6}  # fmt: skip

_SYMBOL = r"US\$|[€$£¥₹]"
_CODE = "|".join(sorted({c for c in _CURRENCIES if c.isalpha()}, key=len, reverse=True))
_DIGITS = r"\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?"
_NUMBER = re.compile(
    rf"(?<![\w.])(?:(?P<before>{_SYMBOL}|\b(?:{_CODE})\b)\s?)?(?P<sign>[-−](?=\d))?"
    rf"(?P<digits>{_DIGITS})(?:(?P<ordinal>st|nd|rd|th)\b)?(?!\d|\.\d)"
    rf"(?:\s?(?P<scale>million|billion|trillion|thousand|hundred|bn|mn|k|m)\b)?",
    re.IGNORECASE,
)
_UNIT_NAMES = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_AFTER = re.compile(
    rf"[\s\u00a0-]{{0,2}}(?:(?:calendar|working|business|consecutive|full|whole|paid)[\s-])?"
    rf"(?P<unit>{_SYMBOL}|(?:{_CODE})\b|(?:{_UNIT_NAMES})(?:s?(?![\w%])|(?<=%)))",
    re.IGNORECASE,
)
_PER = re.compile(
    r"[\s,]*(?:(?:of\s+\w+\s+)?(?:per|an?|each|every|/)\s*(?P<noun>second|minute|hour|day|night|week|"
    r"month|quarter|year|person|employee|user|km|kilometre|litre|kg|visit|night|head)s?\b"
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
    r"|above|exceed(?:s|ing)?|not below)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_MAXIMUM = re.compile(
    r"\b(?:at most|no(?:t)? (?:more|later|longer|greater|higher) than|maximum(?: of)?|up to"
    r"|less than|fewer than|under|below|within|not exceed(?:ing)?|limited to"
    r"|capped at)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|nearly|almost|some|circa)|~)\s*$", re.I
)
MARKER = re.compile(
    r"\[\d+(?:\s*[,;–-]\s*\d+)*\]|\(?\b(?:passage|source)s? \d+\)?|^\s*\d{1,2}[.)](?=\s+[A-Z])",
    re.IGNORECASE,
)
"""References to a source, and the number of a list's item, are no statement."""
_RANGE = re.compile(r"\s*(?:-|–|—|to|and|or)\s*", re.IGNORECASE)
_DECADE = re.compile(r"(?:[12]\d)?\d0['’]?s\b")
_NOT_WATT = re.compile(r"\s?W\s[A-Z]")  # `31 W Carrillo St`
_OF_MANY = re.compile(r"\s+an?\s+(dozen|hundred|thousand|million|billion)\b", re.IGNORECASE)
_OF_ONE = re.compile(r"\s+an?(?=\s)", re.IGNORECASE)
_LABEL = re.compile(
    r"\b(?:section|chapter|page|figure|table|article|step|version|v|no|room|floor|level|appendix|"
    r"item|clause|part|rule|line|annex|note|python|node)\.?\s*$|[#§v]\s*$",
    re.IGNORECASE,
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
        month = self.unit == "date" and self.value < 10_000 and self.value % 100 == 0
        return month or self.unit == "weekday"


def quantities(text: str) -> tuple[Quantity, ...]:
    """Everything in `text` that is a number, in order, without overlaps."""
    text = MARKER.sub(lambda m: " " * len(m[0]), text)
    taken: list[Quantity] = [
        Quantity(Decimal(d.value), d.unit, d.span, text[d.span[0] : d.span[1]]) for d in dates(text)
    ]
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
        _CONVERSIONS.get(claim.unit, (claim.unit, 1))[0]
        != _CONVERSIONS.get(source.unit, (source.unit, 1))[0]
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
    if claim.unit in _DEGREES and source.unit in _DEGREES:
        return _same_temperature(claim, source)
    if _ages(claim, source) or _ages(source, claim):
        return claim.value == source.value
    if claim.per and source.per and claim.per != source.per:
        return False
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


def _same_temperature(claim: Quantity, source: Quantity) -> bool:
    """Equal on one scale, or where a scale is not stated; to half a degree where both are."""
    if claim.unit == source.unit or "degree" in (claim.unit, source.unit):
        return claim.value == source.value
    celsius, fahrenheit = (claim, source) if claim.unit == "celsius" else (source, claim)
    return abs(celsius.value * 9 / 5 + 32 - fahrenheit.value) <= 1


def _converted(quantity: Quantity) -> tuple[str, Decimal] | None:
    family, factor = _CONVERSIONS.get(quantity.unit, (quantity.unit, 1))
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
        return claim.value == source.value
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
        value = Decimal(re.sub(r"[,\u00a0\u202f' ]", "", match["digits"]))
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
            found.append(_with_unit(text, value, match.start(), end, match["before"]))
    return found


def _is_unit_metre(scale: str, currency: str | None, text: str, end: int) -> bool:
    """`5 m` is a length and `€5m` an amount."""
    return scale.lower() == "m" and not currency and not re.match(rf"\s?(?:{_CODE})\b", text[end:])


def _with_unit(text: str, value: Decimal, start: int, end: int, currency: str | None) -> Quantity:
    unit, of = "", frozenset[str]()
    after = None if _NOT_WATT.match(text, end) else _AFTER.match(text, end)
    if currency:
        unit = _CURRENCIES[currency.lower()]
    elif after is not None:
        name = re.sub(r"\s+", " ", after["unit"].lower())
        end = after.end()
        if name in _CURRENCIES:
            unit = _CURRENCIES[name]
        else:
            unit, factor = _UNITS.get(name) or _UNITS[name.removesuffix("s")]
            value *= factor
    elif label := _LABEL.search(text, max(0, start - 14), start):
        unit, of = "label", frozenset({label[0].strip(" .").lower()})
    else:
        of = _counted(text, end)
    per = _PER.match(text, end)
    rate = ""
    if per is not None and unit not in ("", "label"):
        rate = (per["noun"] or _ADVERBS[per["adverb"].lower()]).lower()
        end = per.end()
    elif before := list(_PER_BEFORE.finditer(text, max(0, start - 40), start)):
        rate = _ADVERBS[before[-1][1].lower()] if unit in MONEY else ""
    return Quantity(value, unit, (start, end), text[start:end], rate, _bound(text, start), of)


def _counted(text: str, end: int) -> frozenset[str]:
    """The stems of the words that follow directly, up to the first that carries no content."""
    clause = re.split(r"[,;:.()!?\n]", text[end : end + 60])[0]
    counted = list(takewhile(lambda w: w.is_content, words(clause)[:4]))
    return frozenset(w.stem for w in counted if len(w.text) > 1)


def _bound(text: str, start: int) -> Bound:
    before = text[max(0, start - 40) : start]
    if _MAXIMUM.search(before):
        return "max"
    if _MINIMUM.search(before):
        return "min"
    return "approx" if _ABOUT.search(before) else ""


def _fraction(text: str, part: Fraction) -> Quantity:
    """A fraction of what follows (`half an hour`), or a share, which is loosely meant."""
    start, end = part.span
    if many := _OF_MANY.match(text, end):
        return _with_unit(
            text, part.value * NUMBER_VALUES[many[1].lower()], start, many.end(), None
        )
    article = _OF_ONE.match(text, end)
    found = _with_unit(text, part.value, start, article.end() if article else end, None)
    if found.unit or not text[start:end][-1].isalpha():
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
