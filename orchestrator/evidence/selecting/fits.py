"""Whether a span can answer a question at all: it holds a value of the kind that is asked for.

What is vetoed surely does not answer; what is not vetoed need not answer either. Whether a span
speaks of what the question is about is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.evidence.language.lexicon import synonyms, word_set
from orchestrator.evidence.language.reading import Reading, read
from orchestrator.evidence.language.vectors import vectors_of
from orchestrator.evidence.language.words import Word, same_root, stem, words
from orchestrator.evidence.numbers import MOMENTS, MONEY, TIME_UNITS, Quantity, agrees
from orchestrator.evidence.selecting import expressions as said
from orchestrator.evidence.selecting.question import Question
from orchestrator.evidence.selecting.wanted import NAMED, Wanted, WantedKind
from orchestrator.project.protocols import Embedder


@dataclass(frozen=True, slots=True)
class Fit:
    """What a span holds of what is asked for.

    `kind` is the kind of value that the question asks for, empty where it asks for none. `value`
    is the one that the span states, as far as that is a number or a moment. `vetoed` where the
    span surely holds none of that kind; `why` says it in a few words.
    """

    kind: WantedKind
    value: Quantity | None = None
    vetoed: bool = False
    why: str = ""


def fits(
    question: Question, span: str, context: str = "", *, embedder: Embedder | None = None
) -> Fit:
    """Read the value that a question asks for out of a span, or veto the span.

    A veto never rests on words that differ, only on the kind of value: no amount of money where a
    price is asked for, no expression of time for "when", numbers of rooms alone for lifts.

    Args:
        span: the sentence or sentences that may answer.
        context: what the span stands under or behind: a heading, the first row of its table. It
            may say what the numbers of the span are.
        embedder: tells whether what is counted could be what is asked for in other words (staff
            for people). Without it, or with another than the static one, whose cosines are
            known, no span is vetoed for what it counts.
    """
    want = question.wanted
    check = _CHECKS.get(want.kind)
    if check is None or question.imperative:
        return Fit(want.kind)
    return check(_Case(question, read(span), context, embedder))


class _Case:
    """A span beside a question."""

    def __init__(
        self, question: Question, span: Reading, context: str, embedder: Embedder | None
    ) -> None:
        self.question, self.span, self.context, self.embedder = question, span, context, embedder
        self.wanted: Wanted = question.wanted
        self.asked = {w.stem for w in words(question.text)}
        self.meant = self.asked | {b for a, b in synonyms() if a in self.asked}
        self.numbers = tuple(q for q in span.quantities if self._is_fresh(q))

    def _is_fresh(self, found: Quantity) -> bool:
        """Whether the question does not name it itself, and it is not the number of a clause."""
        if found.span[0] == 0 and _CLAUSE_NUMBER.match(self.span.text):
            return False
        own = (*self.question.amounts, *(a.moment for a in self.question.anchors if a.moment))
        return not any(
            agrees(q, found) and q.of == found.of and _is_no_finer(found, q) for q in own
        )

    def says(self, pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(self.span.text))

    @property
    def amounts(self) -> list[Quantity]:
        """Numbers that are neither moments nor labels."""
        return [q for q in self.numbers if q.unit not in (*MOMENTS, "ordinal", "label")]

    def is_name(self, found: Quantity) -> bool:
        """Whether a bare number belongs to a name: Kestrel 300."""
        if found.unit or found.of:
            return False
        before = re.search(r"(\S+) $", self.span.text[: found.span[0]])
        return before is not None and any(
            name[-1].text == before[1] and name[-1].end == found.span[0] - 1
            for name in self.span.names
        )

    def of_units(self, units: frozenset[str]) -> list[Quantity]:
        return [q for q in self.amounts if q.unit in units]

    @property
    def bare(self) -> list[Quantity]:
        """Numbers that count nothing and have no unit, as in a table."""
        return [q for q in self.amounts if not q.unit and not q.of]

    @property
    def names_another(self) -> bool:
        """Whether it has a capitalised word that the question has not."""
        return any(
            w.text.lower() != w.text and w.stem not in self.asked and w.is_content
            for w in self.span.words
        )

    @property
    def years(self) -> list[Quantity]:
        """Numbers that can be years, as in "the 1895 performance"."""
        return [
            q
            for q in self.numbers
            if not q.unit
            and re.fullmatch(r"[12]\d{3}|[3-9]\d\d", q.text)
            and (len(q.text) == 4 or said.IN_YEAR.search(self.span.text[: q.span[0]]))
        ]

    def accept(self, found: Sequence[Quantity] = ()) -> Fit:
        return Fit(self.wanted.kind, self._best(found))

    def veto(self, why: str) -> Fit:
        return Fit(self.wanted.kind, vetoed=True, why=why)

    def _best(self, found: Sequence[Quantity]) -> Quantity | None:
        """Of several values the one that stands with the most words of the question."""
        named = [q for q in found if q.unit in self.wanted.named]
        return max(named or found, key=self._nearness, default=None)

    def _nearness(self, found: Quantity) -> float:
        """How near it stands to each word of the question; a word that stands often counts once."""
        near: dict[str, float] = {}
        for word in self.span.words:
            if word.stem in self.meant and word.is_content:
                share = 1 / (_AT_ONCE + _apart(found.span, word, self.span))
                near[word.stem] = max(near.get(word.stem, 0.0), share)
        return sum(near.values())


def _is_no_finer(found: Quantity, own: Quantity) -> bool:
    """Whether a date says no more than the question does: 2016, and not 2 May 2016."""
    return found.unit != "date" or found.value == own.value


def _apart(span: tuple[int, int], word: Word, sentence: Reading) -> int:
    """How many words are between a word and a value; the end of a clause counts as several."""
    left, right = (span[1], word.start) if word.start >= span[1] else (word.end, span[0])
    between = sentence.text[left:right] if left < right else ""
    return len(between.split()) + _CLAUSE_END * len(_CLAUSE.findall(between))


# ── numbers ──────────────────────────────────────────────────────────────────────────────


def _money(case: _Case) -> Fit:
    found = case.of_units(MONEY) or case.of_units(frozenset({"percent"}))
    if found:
        return case.accept(found)
    in_pay = [q for q in case.amounts if q.of & PAY]
    if in_pay or case.bare or case.says(said.FREE):
        return case.accept(in_pay or case.bare)
    return case.veto("no amount of money")


def _measure(case: _Case) -> Fit:
    if found := case.of_units(case.wanted.units):
        if _of_another(case, found, said.ATTRIBUTES):
            return case.veto("the measure of something else")
        return case.accept(found)
    loose = [q for q in case.amounts if not q.unit and not _is_plural(q, case.span)]
    if loose or case.says(said.RANKED):
        return case.accept(loose)
    return case.veto("no such measure")


def _number(case: _Case) -> Fit:
    if found := case.of_units(case.wanted.units):
        return case.accept(found)
    numbered = any(q.unit in ("label", "ordinal") for q in case.numbers)
    if case.amounts or numbered or case.says(said.SOME):
        return case.accept(case.amounts)
    return case.veto("no number")


def _share(case: _Case) -> Fit:
    if found := case.of_units(frozenset({"percent"})):
        return case.accept(found)
    if case.amounts or case.says(said.SOME) or case.says(said.PARTS):
        return case.accept(case.amounts)
    return case.veto("no share")


def _count(case: _Case) -> Fit:
    found = [q for q in case.amounts if q.unit in ("", "percent") and not case.is_name(q)]
    if not found:
        noun = re.escape(case.wanted.noun.split()[-1][:4]) if case.wanted.noun else ""
        lone = noun and re.search(rf"\ban? (?:[\w-]+ ){{0,3}}{noun}", case.span.text, re.I)
        if lone or case.says(said.SOME) or case.says(said.ORDINAL):
            return case.accept()
        return case.veto("no number that counts")
    nouns = frozenset(w.stem for w in words(case.wanted.noun))
    counted = [q for q in found if nouns and _same_noun(q.of, nouns)]
    if not counted and nouns and not case.says(said.SOME) and _count_others(case, found):
        return case.veto("counts something else")
    return case.accept(counted or found)


def _duration(case: _Case) -> Fit:
    if found := case.of_units(TIME_UNITS):
        return case.accept(found)
    if case.numbers or case.says(said.LASTING):
        return case.accept(case.bare)
    return case.veto("no duration")


def _rate(case: _Case) -> Fit:
    if case.says(said.OFTEN) or case.numbers:
        return case.accept(case.of_units(TIME_UNITS) or case.amounts)
    return case.veto("nothing that says how often")


def _age(case: _Case) -> Fit:
    stated = case.numbers or case.says(said.AGED)
    if not stated or not (case.bare or case.says(said.AGED) or said.AGED.search(case.context)):
        return case.veto("no age")
    return case.accept(case.of_units(frozenset({"year", "month", "week", "day"})) or case.bare)


# ── moments, names, sorts ────────────────────────────────────────────────────────────────


def _date(case: _Case) -> Fit:
    if found := [q for q in case.numbers if q.unit in MOMENTS] or case.years:
        return _at_that_end(case, found)
    if case.of_units(TIME_UNITS) or case.says(said.TIMELY):
        return case.accept(case.of_units(TIME_UNITS))
    return case.veto("no expression of time")


def _year(case: _Case) -> Fit:
    found = [q for q in case.numbers if q.unit in ("date", "decade")] or case.years
    if found or case.says(said.YEARLY):
        return case.accept(found)
    return case.veto("no year")


def _clock(case: _Case) -> Fit:
    if found := [q for q in case.numbers if q.unit == "clock"]:
        return _at_that_end(case, found)
    if case.bare or case.says(said.DAYTIME):
        return case.accept()
    return case.veto("no time of day")


def _at_that_end(case: _Case, found: Sequence[Quantity]) -> Fit:
    """A single moment of the opposite event answers nothing: `opens at 8` for when it closes."""
    if not _ENDS_AT.search(case.span.text) and _of_another(case, found, said.EVENTS):
        return case.veto("the time of something else")
    return case.accept(found)


def _of_another(
    case: _Case, found: Sequence[Quantity], groups: Sequence[Sequence[frozenset[str]]]
) -> bool:
    """Whether a single value, or range, is that of another member of a group that is told apart."""
    if len(found) > 2 or (len(found) == 2 and not _is_range(case.span.text, *found)):
        return False
    stated = _lower(case.span.text) | _lower(case.context)
    asked = _lower(case.question.text)
    for group in groups:
        mine = [member for member in group if asked & member]
        if len(mine) == 1 and not stated & mine[0]:
            return any(stated & member for member in group)
    return False


def _lower(text: str) -> set[str]:
    return {w.text.lower() for w in words(text)}


def _is_range(text: str, left: Quantity, right: Quantity) -> bool:
    return bool(re.fullmatch(r"\s*(?:to|and|or|-|–|—)\s*", text[left.span[1] : right.span[0]]))


def _who(case: _Case) -> Fit:
    if case.names_another or case.says(said.PERSON):
        return case.accept()
    return case.veto("names nobody")


def _where(case: _Case) -> Fit:
    if case.says(said.PLACED) or case.span.names:
        return case.accept()
    return case.veto("no place")


def _sort(case: _Case) -> Fit:
    noun = case.wanted.noun
    if noun in NAMED and not case.names_another:
        return case.veto("names no other")
    for nouns, pattern, why in said.SORTED:
        if noun in nouns and not case.says(pattern):
            return case.veto(why)
    return case.accept()


_CHECKS: dict[str, Callable[[_Case], Fit]] = {
    "money": _money, "measure": _measure, "number": _number, "share": _share, "count": _count,
    "duration": _duration, "rate": _rate, "age": _age, "date": _date, "year": _year,
    "clock": _clock, "who": _who, "where": _where, "sort": _sort,
}  # fmt: skip


# ── nouns ────────────────────────────────────────────────────────────────────────────────


def _same_noun(left: frozenset[str], right: frozenset[str]) -> bool:
    same = synonyms()
    return any(a == b or (a, b) in same or same_root(a, b) for a in left for b in right)


def _count_others(case: _Case, found: Sequence[Quantity]) -> bool:
    """Whether each number surely counts something else than what is asked for.

    It counts a noun in the plural that is nothing like the one that is asked for; of people, works
    or pieces much else may be one.
    """
    if (
        case.embedder is None
        or not vectors_of(case.embedder).is_static
        or any(not _is_plural(q, case.span) or q.of & _PARTITIVE for q in found)
    ):
        return False
    asked = words(case.wanted.noun)[-1]
    places = [w.start for w in case.span.words if w.stem == asked.stem]
    if any(0 <= place - q.span[1] < _REACH for q in found for place in places):
        return False  # 12 firefighters and paramedics
    counted = [w.text.lower() for q in found for w in case.span.words if _is_of(w, q)]
    vectors = case.embedder.embed([asked.text, *counted])
    alike = float((vectors[1:] @ vectors[0]).max(initial=-1.0))
    if asked.text in _GENERAL:
        return alike < _UNLIKE_GENERAL
    return alike < (_UNLIKE_BESIDE if places else _UNLIKE)


def _is_of(word: Word, found: Quantity) -> bool:
    """Whether it is one of the words that a number counts."""
    return word.stem in found.of and found.span[1] <= word.start < found.span[1] + _REACH


def _is_plural(found: Quantity, span: Reading) -> bool:
    """Whether it counts things, and is no measure in a unit that is not known."""
    return any(
        _is_of(w, found) and re.search(r"[^s]s$", w.text) and w.text[-2:] != "us"
        for w in span.words
    )


_UNLIKE, _UNLIKE_BESIDE, _UNLIKE_GENERAL = 0.1, 0.25, 0.03
"""Below these cosines of the static embedder two nouns are not one thing in other words: by
themselves, where the span has the noun that is asked for elsewhere, and for `people`."""
_REACH = 60  # characters in which a number counts words
_GENERAL = word_set(
    """
people persons individuals men women yorkers times units pieces works items things members visitors
guests users participants events cases objects parts
"""
)
PAY = frozenset(map(stem, word_set("rent salary wage fee price fare premium instalment payment")))
"""In so many of these a sum may be told: a deposit of three monthly rents."""
_PARTITIVE = frozenset(map(stem, word_set("number total series share group type kind row percent")))
_CLAUSE_NUMBER = re.compile(r"\d+(?:\.\d+)*[.)]?\s+[A-Z]")
_AT_ONCE = 2  # words
_CLAUSE_END = 4  # words
_CLAUSE = re.compile(r"[,;:(]|\b(?:and|but|while|whereas)\b")
_ENDS_AT = re.compile(r"\b(?:from|until|till|to|between|through|since)\b|[-–—]", re.IGNORECASE)
