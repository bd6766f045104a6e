"""Whether two sentences, each of which answers a question, answer it differently."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.evidence.language.lexicon import ORDINAL_VALUES, synonyms
from orchestrator.evidence.language.reading import Reading
from orchestrator.evidence.numbers import MOMENTS, MONEY, TIME_UNITS, Quantity, agrees, comparable
from orchestrator.evidence.selecting.question import AnswerType, Question

_ALIKE = 0.6
_UNITS: dict[AnswerType, tuple[frozenset[str], ...]] = {
    "money": (MONEY, frozenset({""})),
    "duration": (TIME_UNITS,),
    "clock": (frozenset({"clock"}),),
    "when": (frozenset({"date"}), frozenset({"clock"}), frozenset({"weekday"})),
    "age": (frozenset({"year", "month"}),),
}
"""The units of an answer, the surest first: where there is a date, the weekday says nothing."""
_REACHES = re.compile(
    r"\b(?:go|goes|went|rise|rises|rose|raised?|increases?d?|falls?|fell|drops?|grows?|grew"
    r"|climbs?) "
    r"(?:up |down )?(?:by [\w.,%€$£ ]+ )?(?:from [\w.,%€$£ ]+ )?to\s*[€$£]?$",
    re.IGNORECASE,
)
"""What rises up to 5 is 5, and not at most 5."""
_ANOTHER = re.compile(
    r"\b(?:an?|the) (second|third|fourth|other|new|next|former)\b"
    r"(?! (?:\w+ )?(?:day|week|month|year|time)s?\b)",
    re.IGNORECASE,
)
_ORDINAL_DAY = re.compile(
    rf"\b({'|'.join(ORDINAL_VALUES)})(?: \w+)? (?:day|week|month|year)\b", re.IGNORECASE
)


def disagree(asked: Question, left: Reading, right: Reading) -> bool:
    """Whether the two say the same of the same, but for the answer.

    Most content words of the shorter one stand in the longer one, and of what is asked for
    each holds a value, of one kind, that the other one rules out. What differs in a date besides
    may have changed in between and is no disagreement.
    """
    if _shared(left, right) < _ALIKE or _others(left) != _others(right):
        return False
    if asked.kind in ("who", "name"):
        return _other_names(asked, left, right)
    if asked.kind == "when" and (a := _ordinal_days(left)) and (b := _ordinal_days(right)):
        return not a & b
    if asked.kind != "when" and _other_times(left, right):
        return False
    for units in _UNITS.get(asked.kind, (None,)):
        if x := _values(asked, left, units):
            return _rule_out(x, _values(asked, right, units))
    return False


def _values(asked: Question, reading: Reading, units: frozenset[str] | None) -> list[Quantity]:
    """What of the sentence may be the answer: amounts that the question does not name itself."""
    return [
        replace(q, bound="") if _REACHES.search(reading.text[: q.span[0]]) else q
        for q in reading.quantities
        if (q.unit in units if units is not None else q.unit not in (*MOMENTS, "label"))
        and not any(agrees(own, q) for own in asked.amounts)
        and not any(a.moment and agrees(a.moment, q) for a in asked.anchors)
    ]


def _rule_out(left: Sequence[Quantity], right: Sequence[Quantity]) -> bool:
    """Whether no value of one is among those of the other, though they can be compared.

    A least and an exact value may both be right, but not two exact ones.
    """
    if any(agrees(replace(x, bound=""), replace(y, bound="")) for x in left for y in right):
        return False
    return any(comparable(x, y) and x.bound == y.bound for x in left for y in right)


def _others(reading: Reading) -> set[str]:
    """What marks a thing as another one of its kind: a second car park, the other door."""
    return {m[1].lower() for m in _ANOTHER.finditer(reading.text)}


def _ordinal_days(reading: Reading) -> set[str]:
    return {match[1].lower() for match in _ORDINAL_DAY.finditer(reading.text)}


def _other_times(left: Reading, right: Reading) -> bool:
    """Whether each names a date of its own that the other one does not."""
    a, b = _dates(left), _dates(right)
    return bool(a and b) and not any(agrees(x, y) for x in a for y in b)


def _dates(reading: Reading) -> list[Quantity]:
    return [q for q in reading.quantities if q.unit == "date"]


def _other_names(asked: Question, left: Reading, right: Reading) -> bool:
    known = {w.stem for w in (*asked.subject, *asked.beside)}
    a, b = _names(left, known), _names(right, known)
    return len(a) == len(b) == 1 and not a[0] & b[0]


def _names(reading: Reading, known: set[str]) -> list[set[str]]:
    return [stems for name in reading.names if (stems := {w.stem for w in name} - known)]


def _shared(left: Reading, right: Reading) -> float:
    """The share of the content of the one that has less which stands in the other one too."""
    a, b = set(left.stems) - left.named, set(right.stems) - right.named
    if len(a) > len(b):
        a, b = b, a
    same = synonyms()
    held = [s for s in a if s in b or any((s, other) in same for other in b)]
    return len(held) / len(a) if a else 0.0
