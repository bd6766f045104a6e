"""Telephone numbers, as phonenumbers knows the plans of the countries."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.guard.detecting.context import Surroundings
from orchestrator.guard.values import Finding

_WORD = re.compile(
    r"(?<![a-z])(?:tel|telf|tlf|t[eé]l|tele(?:ph|f)on\w*|tel[eé]fono|fone|fon|phone\w*|mobile?|m[oó]vil|mob|cell"
    r"|cellulare|celular|handy\w*|portable|gsm|call|ring|dial|text|sms|fax|whatsapp|signal|hotline|kontakt"
    r"|contact|reach|anruf\w*|erreich\w*|appele[rz]?|llam\w+|bel|komórka|numer|rappel\w*|mobiel|numero)"
    r"(?:[ _.-]?(?:number|no|nr|nummer|num))?(?![a-z])[^\d\n]{0,24}\Z"
)
_NUMBER = re.compile(
    r"(?:(?<![\w.,/=+#-])|(?<=\\[nrt])|(?<=[a-z]=)|(?<=,)|(?<=tel:))"
    r"(?:(?P<plus>(?:\+|00)[1-9]\d{0,2}[ ./-]?(?:\(0?\d{0,4}\)[ ./-]?)?"
    r"\d{1,12}(?:[ ./-]\d{2,8}){0,5})"
    r"|(?P<zero>\(0[1-9]\d{0,3}\)[ ./-]?\d{2,8}(?:[ ./-]\d{2,8}){0,4}"
    r"|0[1-9]\d{0,3}[ ./-]\d{2,8}(?:[ ./-]\d{2,8}){0,4})"
    r"|(?P<ten>(?:1[ .-])?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4})"
    r"|(?P<two>\(\d{2}\)[ ]?9?[ ]?\d{4}[ -]\d{4})"
    r"|(?P<any>\d{2,11}(?:[ .-]\d{2,5}){0,5}))"
    r"(?![A-Za-z0-9_])(?![./-]\d)(?(plus)|(?!,\d))"  # a comma ends a cell of a table
)
_START = re.compile(r"[+(]?\d+")
_DATE = re.compile(r"\d{1,2}[./ -]\d{1,2}[./ -](?:\d\d){1,2}\Z|\d{4}[./ -]\d{1,2}[./ -]\d{1,2}\Z")
_WITH_ZERO = (
    "DE",
    "GB",
    "FR",
    "IT",
    "NL",
    "BE",
    "CH",
    "AT",
    "SE",
    "AU",
    "IN",
    "JP",
    "ZA",
    "IE",
    "FI",
)
_TEN = ("US", "CA")
_TWO = ("BR",)
_ANY = ("US", "ES", "PL", "PT", "DK", "NO", "BR", "IN", "CZ", "MX", "IT", "SG", *_WITH_ZERO)
_SHORTEST, _LONGEST = 8, 15


def phones(about: Surroundings, text: str) -> Iterator[Finding]:
    """Numbers that a plan has; without the sign of another country only as people write them."""
    for match in _places(text):
        value, form = match[0], str(match.lastgroup)
        digits = sum(map(str.isdigit, value))
        if not _SHORTEST <= digits <= _LONGEST or _DATE.match(value):
            continue
        start = match.start()
        called = _WORD.search(about.before(start, 40)) or _WORD.search(about.column(start))
        if form == "any" and not called:
            continue
        if not called and (about.is_other_number(start) or about.is_of_account(start)):
            continue
        sure, country = _sure(value, form, called=bool(called))
        if sure:
            yield Finding(start, match.end(), "phone", sure, country)


def _places(text: str) -> Iterator[re.Match[str]]:
    end = 0
    for start in _START.finditer(text):
        match = _NUMBER.match(text, start.start()) if start.start() >= end else None
        if match is not None:
            end = match.end()
            yield match


def _sure(value: str, form: str, *, called: bool) -> tuple[float, str]:
    """How sure it is that it is one, and of which country."""
    if form == "plus":
        international = "+" + value[2:] if value.startswith("00") else value
        return _of(international, ("ZZ",), 0.97, 0.8 if called else 0.6)
    if form == "zero":
        return _of(value, _WITH_ZERO, 0.95 if called else 0.75, 0.7 if called else 0.55)
    if form == "ten":
        return _of(value, _TEN, 0.95 if called else 0.85, 0.8 if called else 0.6)
    if form == "two":
        return _of(value, _TWO, 0.95 if called else 0.8, 0.0)
    return _of(value, _ANY, 0.9, 0.0)


def _of(value: str, regions: tuple[str, ...], valid: float, possible: float) -> tuple[float, str]:
    import phonenumbers  # its tables take a while

    found: tuple[float, str] = (0.0, "")
    for region in regions:
        try:
            number = phonenumbers.parse(re.sub(r"\(0\)", "", value), region)
        except phonenumbers.NumberParseException:
            continue
        country = phonenumbers.region_code_for_country_code(number.country_code or 0)
        if phonenumbers.is_valid_number(number):
            return valid, country
        if possible and not found[0] and phonenumbers.is_possible_number(number):
            found = possible, country
    return found
