"""The small words that turn a request into another one: not, only, all, before, more than, from."""

from __future__ import annotations

import re
from functools import lru_cache

_AMOUNT = (
    r"(?=(?:[a-z]+ )?(?:[€$£~]|\d|(?:eur|usd|one|two|three|four|five|six|seven|eight|nine|ten)\b))"
)
_OPERATORS: tuple[tuple[str, str], ...] = (
    ("≤", r"\b(?:at most|(?:no|not) (?:more|later|longer|greater|higher) than|up to|a maximum of"
     r"|maximum(?: of)?|max|at the most|within)\b"),
    ("≥", r"\b(?:at least|(?:no|not) (?:less|fewer|earlier|sooner) than|a minimum of"
     r"|minimum(?: of)?|min)\b"),
    (">", rf"\b(?:more than|greater than|longer than|exceeding|in excess of"
     rf"|(?:over|above) {_AMOUNT})"),
    ("<", rf"\b(?:less than|fewer than|shorter than|smaller than|(?:under|below) {_AMOUNT})"),
    ("~", rf"\b(?:about|around|roughly|approximately|nearly|almost) {_AMOUNT}"),
    ("except", r"\b(?:except|besides|unless)\b"),
    ("without", r"\b(?:without|lacks?|lacking|free from)\b|\bnon-"),
    ("instead", r"\b(?:instead|rather than)\b"),
    ("not", r"\b(?:not|no(?! ?\.? ?\d)|never|none|nobody|nothing|neither|nor|fails? to"
     r"|refuses? to|forbidden|prohibited|anymore)\b"),
    ("only", r"\b(?:only|solely|exclusively)\b"),
    ("all", r"\b(?:all|every|always|whole|entire)\b"),
    ("some", r"\b(?:some|sometimes|several|a few|partly|partially)\b"),
    ("most", r"\b(?:most|mostly|usually|majority)\b"),
    ("few", r"\b(?:few|rarely|hardly|seldom|least)\b"),
    ("both", r"\bboth\b"),
    ("either", r"\beither\b"),
    ("more", r"\bmore\b"),
    ("less", r"\b(?:less|fewer)\b"),
    ("too", r"\btoo (?=\w)"),
    ("before", r"\b(?:before|ahead of|earlier than)\b"),
    ("after", r"\b(?:after|afterwards|later than|(?<!the )following)\b"),
    ("until", r"\b(?:until|till)\b"),
    ("since", r"\bsince\b"),
    ("during", r"\bduring\b"),
    ("last", r"\b(?:last|past)\b(?= \w)"),
    ("previous", r"\bprevious\b"),
    ("next", r"\b(?:next|coming|upcoming)\b"),
    ("again", r"\bagain\b"),
    ("or", r"\bor\b"), ("other", r"\b(?:other|another|else|different)\b"),
    ("he", r"\b(?:he|him|his)\b"), ("she", r"\b(?:she|her|hers)\b"),
    ("they", r"\b(?:they|them|their|theirs)\b"),
    ("if", r"\b(?:in case|provided that)\b"),
    ("up", r"\bup\b"), ("down", r"\bdown\b"), ("off", r"\boff\b"), ("out", r"\bout\b"),
    ("back", r"\bback\b"), ("away", r"\baway\b"),
    ("under", r"\b(?:under|below|beneath)\b"), ("over", r"\b(?:over|above)\b"),
    ("against", r"\bagainst\b"),
    ("today", r"\btoday\b"), ("tomorrow", r"\btomorrow\b"), ("yesterday", r"\byesterday\b"),
    ("minus", r"\bminus\b|(?<=\d |[a-z] )-(?= ?\d)"), ("plus", r"\bplus\b|(?<=[\w ])\+"),
    ("times", r"\btimes\b|(?<=\d) ?[*×](?= ?\d)"), ("divided", r"\bdivided by\b|(?<=\d) ?÷"),
)  # fmt: skip
_ANY = re.compile("|".join(f"(?P<o{i}>{p})" for i, (_, p) in enumerate(_OPERATORS)))


@lru_cache(maxsize=4096)
def operators(low: str) -> tuple[tuple[str, int], ...]:
    """Each operator with its place, in order; of two at one place the one that is listed first.

    Args:
        low: as `frames.written_out` leaves it.
    """
    return tuple(
        (_OPERATORS[int((match.lastgroup or "o0")[1:])][0], match.start())
        for match in _ANY.finditer(low)
    )
