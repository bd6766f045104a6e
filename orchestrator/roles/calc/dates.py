"""Dates: how far apart two are, and what date lies so many days, weeks or months away."""

from __future__ import annotations

import re
from datetime import date, timedelta

from orchestrator.evidence.values import Calculation

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = "|".join(f"{m}|{m[:3]}" for m in _MONTHS)
_DATE = re.compile(
    rf"\b(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b"
    rf"|\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\.?,?\s+(?P<year>\d{{4}})\b"
    rf"|\b(?P<month2>{_MONTH})\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year2>\d{{4}})\b",
    re.IGNORECASE,
)
_SLASHED = re.compile(r"\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b")
_SPAN = re.compile(r"(?<![\w.-])(\d{1,6})\s+(business |working )?(day|week|month|year)s?\b", re.I)


def solve(text: str) -> Calculation | None:
    """The date or the number of days that is asked for.

    Returns:
        `None` where the text names no date.

    Raises:
        ValueError: a date that does not exist or may be read in two ways, or an unclear question.
    """
    if _SLASHED.search(text):
        raise ValueError("a date such as 3/4/2026 may be read in two ways; write 2026-04-03")
    dates = [_date(m) for m in _DATE.finditer(text)]
    if not dates:
        return None
    rest = _DATE.sub(" ", text)
    spans = list(_SPAN.finditer(rest))
    if len(dates) == 2 and not spans:
        return _apart(dates[0], dates[1], text)
    if len(dates) == 1 and len(spans) == 1:
        return _away(dates[0], spans[0], rest)
    raise ValueError("two dates, or one date and one span of time, are needed")


def _date(match: re.Match[str]) -> date:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        name = (match["month"] or match["month2"]).lower()
        month = next(i for i, m in enumerate(_MONTHS, start=1) if m.startswith(name))
        day, year = match["day"] or match["day2"], match["year"] or match["year2"]
        return date(int(year), month, int(day))
    except ValueError as error:
        raise ValueError(f"no such date: {match[0]}") from error


def _apart(first: date, second: date, text: str) -> Calculation:
    if re.search(r"\b(?:business|working)\s+days?\b", text, re.IGNORECASE):
        raise ValueError("working days depend on holidays and are not calculated")
    early, late = min(first, second), max(first, second)
    days = (late - early).days
    unit, count = "day", days
    if re.search(r"\bweeks\b", text, re.IGNORECASE):
        weeks, left = divmod(days, 7)
        if left:
            raise ValueError(f"{days} days are not a whole number of weeks")
        unit, count = "week", weeks
    elif re.search(r"\b(?:months|years)\b", text, re.IGNORECASE):
        unit, count = _calendar(early, late, text)
    word = f"{count:,} {unit}{'' if count == 1 else 's'}"
    expression = f"{late.isoformat()} - {early.isoformat()}"
    if unit != "day":
        expression += f" in {unit}s"
    return Calculation(
        expression=expression,
        result=str(count),
        unit=unit,
        shown=word,
        working=f"{late.isoformat()} − {early.isoformat()} = {word}",
    )


def _calendar(early: date, late: date, text: str) -> tuple[str, int]:
    """Whole calendar months or years. Raises `ValueError` where days are left over."""
    from dateutil.relativedelta import relativedelta

    gap = relativedelta(late, early)
    years = bool(re.search(r"\byears\b", text, re.IGNORECASE))
    if gap.days or (years and gap.months):
        raise ValueError(
            f"from {early} to {late} is not a whole number of {'years' if years else 'months'}"
        )
    return ("year", gap.years) if years else ("month", gap.years * 12 + gap.months)


def _away(start: date, span: re.Match[str], text: str) -> Calculation:
    from dateutil.relativedelta import relativedelta

    if span[2]:
        raise ValueError("working days depend on holidays and are not calculated")
    back = bool(
        re.search(r"\b(?:before|earlier|ago|subtract|minus|prior|back)\b|\s-\s", text, re.I)
    )
    ahead = bool(re.search(r"\b(?:after|later|add|plus|from|in|following|hence)\b|\+", text, re.I))
    if back == ahead:
        raise ValueError("whether the span lies before or after the date is not clear")
    count, unit = int(span[1]) * (-1 if back else 1), span[3].lower()
    try:
        match unit:
            case "day":
                end = start + timedelta(days=count)
            case "week":
                end = start + timedelta(weeks=count)
            case "month":
                end = start + relativedelta(months=count)
            case _:
                end = start + relativedelta(years=count)
    except (OverflowError, ValueError) as error:
        raise ValueError("the date lies outside the calendar") from error
    sign = "-" if back else "+"
    expression = f"{start.isoformat()} {sign} {abs(count)} {unit}{'' if abs(count) == 1 else 's'}"
    return Calculation(
        expression=expression,
        result=end.isoformat(),
        unit="date",
        shown=end.isoformat(),
        working=f"{expression.replace(' - ', ' − ')} = {end.isoformat()}",
    )
