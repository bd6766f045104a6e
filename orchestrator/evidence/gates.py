"""Deterministic gates: what one sentence says otherwise than a claim that is about the same.

Each gate looks at one aligned sentence and returns a `Finding`, or `None`. A finding says only
that the two differ; whether they speak of the same thing is for `same_subject` to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from orchestrator.evidence.alignment import Alignment
from orchestrator.evidence.language.lexicon import (
    antonyms,
    exclusive,
    negative_prefix,
    synonyms,
    word_set,
)
from orchestrator.evidence.language.reading import Modality, Reading, inner_capitals, spells_out
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.numbers import MOMENTS, Quantity, agrees, comparable, missing
from orchestrator.evidence.passage_index import forms, singulars

GateName = Literal["number", "date", "name", "negation", "modality"]

_COVER = 0.7
_STRICT_COVER = 0.7
_STRICT_BACK = 0.6
_DENIAL_COVER = 0.8
_DENIAL_BACK = 0.4
_TOO_LONG = 60  # content words; no sentence but a list, a table or data
_APART = 0.2
_STRICT_APART = 0.15
_BEFORE_ANSWER = re.compile(
    r"(?:\b(?:is|was|are|were|by|called|named|be|in|at|to|from|into)|:)\W+"
    r"(?:(?:the|a|an|dr|mr|ms|mrs|prof)\W+)*$",
    re.IGNORECASE,
)
_AFTER_ANSWER = re.compile(
    r"\s+(?:(?:is|was|are|were)\s+the|founded|invented|designed|discovered|wrote|built)\b"
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|why|in case|provided|except)\b", re.IGNORECASE)
_NEIGHBOURS = 3
_SHOWN = 140
_BE = word_set("is are was were be been being becomes remains stays not isn't aren't")


@dataclass(frozen=True, slots=True)
class Difference:
    """The words in which a claim and a sentence differ; `reason` is a sentence for a person."""

    claim_says: str
    source_says: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate found; `reason` is a sentence for a person."""

    gate: GateName
    reason: str
    strict: bool
    """Whether the two surely speak of the same thing, so that one of them must be wrong even
    where another sentence says what the claim says."""
    claim_says: str = ""
    source_says: str = ""

    @classmethod
    def of(cls, gate: GateName, found: Difference, *, strict: bool) -> Finding:
        """A finding of that difference."""
        return cls(gate, found.reason, strict, found.claim_says, found.source_says)


def findings(alignment: Alignment) -> list[Finding]:
    """All that the aligned sentence says otherwise; empty where they agree or cannot be compared.

    Where two gates of different kinds speak, the sentence is about something else.
    """
    if _repeats(alignment):
        return []
    named = name_gate(alignment)
    if named:
        return [Finding.of("name", named, strict=_is_definition(alignment))]
    if not same_subject(alignment, strict=False):
        return []
    strict = same_subject(alignment, strict=True)
    found = [(gate, other) for gate, check in GATES if (other := check(alignment))]
    if len({gate for gate, _ in found} - {"modality"}) > 1:
        return []
    strict = strict and not _recurs(alignment)
    return [Finding.of(gate, other, strict=strict) for gate, other in found]


def _recurs(alignment: Alignment) -> bool:
    """Whether the claim speaks of what happens on Mondays: it may happen on Fridays as well."""
    return any(
        q.unit == "weekday" and q.text.endswith("s")
        for q in missing(alignment.claim.quantities, alignment.source.quantities)
    )


def _repeats(alignment: Alignment) -> bool:
    """Whether the claim stands in the sentence word for word, and nothing there denies it."""
    claim, source = alignment.claim, alignment.at.reading
    return len(claim.negations) == len(source.negations) and _plain(claim) in _plain(source)


def _plain(reading: Reading) -> str:
    return " ".join(w.text.lower() for w in reading.words)


def same_subject(alignment: Alignment, *, strict: bool) -> bool:
    """Whether claim and sentence are about the same thing, so that a difference means something.

    Sick leave of 10 days and annual leave of 25 differ in a word on both sides and so say nothing
    about each other; a sentence that only says more than the claim still speaks about it.
    """
    if _rivals(alignment) or len(alignment.source.content) > _TOO_LONG:
        return False
    if strict:
        return (
            alignment.cover >= _STRICT_COVER
            and alignment.back >= _STRICT_BACK
            and alignment.apart <= _STRICT_APART
        )
    return alignment.cover >= _COVER and alignment.apart <= _APART


def _rivals(alignment: Alignment) -> bool:
    """Whether each side has a word that the other replaces: Monday and Sunday, adult and child."""
    return any(
        (c.stem, s.stem) in _replaced()
        or (negative_prefix(c.stem, s.stem) and not _predicates(alignment, c, s))
        for c in alignment.only_claim
        for s in alignment.only_source
    )


@lru_cache(maxsize=1)
def _replaced() -> frozenset[tuple[str, str]]:
    return exclusive() - antonyms()


def number_gate(alignment: Alignment) -> Difference | None:
    """The sentence states another number, of the same unit and for the same thing."""
    return _quantity_gate(alignment, dated=False)


def date_gate(alignment: Alignment) -> Difference | None:
    """The sentence states another date, year, time of day or day of the week."""
    return _quantity_gate(alignment, dated=True)


def _quantity_gate(alignment: Alignment, *, dated: bool) -> Difference | None:
    claim, source = alignment.claim.quantities, alignment.source.quantities
    wrong = missing(claim, source)
    units = {q.unit for q in wrong}
    if len(units) != 1 or units.isdisjoint(MOMENTS) == dated or _antonyms(alignment):
        return None
    if any(q.is_named_day for q in wrong) and _denies_alone(alignment):
        return None  # what is not so on Fridays is not contradicted by what is so on Mondays
    free = [s for s in source if not any(agrees(q, s) for q in claim)]
    for quantity in wrong:
        for other in free:
            if comparable(quantity, other) and _rule_each_other_out(quantity, other):
                return _differs(alignment, quantity.text.strip(), other.text.strip())
    return None


def _denies_alone(alignment: Alignment) -> bool:
    return bool(alignment.claim.negations) != bool(alignment.source.negations)


def _rule_each_other_out(claim: Quantity, source: Quantity) -> bool:
    """A least and a most value may both be right, unless they are the same value."""
    return {claim.bound, source.bound} != {"min", "max"} or claim.value == source.value


def name_gate(alignment: Alignment) -> Difference | None:
    """The sentence gives another name as the answer to the same question.

    All else must agree, and both names must stand where a sentence says who or what a thing is:
    two people may live in Lisbon, but not two be its mayor.
    """
    claim = [n for n in alignment.claim.names if not _held(n, alignment.source)]
    source = [n for n in alignment.source.names if not _held(n, alignment.claim)]
    if (
        len(claim) != 1
        or len(source) != 1
        or missing(alignment.claim.quantities, alignment.source.quantities)
    ):
        return None
    if set(alignment.only_claim) - set(claim[0]) or not alignment.pairs:
        return None
    if not (_answers(alignment.claim, claim[0]) and _answers(alignment.source, source[0])):
        return None
    others = [w for w in alignment.only_source if w not in source[0]]
    if len(others) > len(alignment.pairs):
        return None
    return _differs(alignment, _shown(claim[0]), _shown(source[0]))


def _is_definition(alignment: Alignment) -> bool:
    """Whether the differing names stand next to `is`, so that only one can be right."""
    return all(
        re.search(r"\b(?:is|was|are|were)\b", r.text) for r in (alignment.claim, alignment.source)
    ) and not any(w for w in alignment.only_source if w.stem not in alignment.source.named)


def missing_names(
    claim: Reading, passages: Sequence[Reading], present: AbstractSet[str] | None = None
) -> list[str]:
    """The claim's names of which no word stands in the passages; an acronym may be spelled out.

    Args:
        present: `singulars` of the passages, where they are known.
    """
    present = singulars(passages) if present is None else present
    absent = []
    for name in claim.names:
        found = any(w.text.lower().removesuffix("'s").removesuffix("’s") in present
                    or w.text.lower().removesuffix("s") in present for w in name)  # fmt: skip
        spelled = len(name) == 1 and any(spells_out(p, name[0].text) for p in passages)
        if not found and not spelled:
            absent.append(_shown(name))
    return absent


def strange_words(
    claim: Reading, passages: Sequence[Reading], present: AbstractSet[str] | None = None
) -> list[str]:
    """The claim's words with a capital inside a sentence that no passage has, capital or not.

    An acronym may be spelled out.

    Args:
        present: `forms` of the passages, where they are known.
    """
    present = forms(passages) if present is None else present
    return [
        w.text
        for w in inner_capitals(claim)
        if not {w.text.lower(), w.stem} & present
        and not any(spells_out(p, w.text) for p in passages)
    ]


def negation_gate(alignment: Alignment) -> Difference | None:
    """One of the two denies what the other says: a negation or an opposite, but not both."""
    claim, source = alignment.claim, alignment.source
    if missing(claim.quantities, source.quantities):
        return None
    if claim.modality == source.modality and claim.modality in ("must not", "need not"):
        return None
    if alignment.cover < _DENIAL_COVER or alignment.back < _DENIAL_BACK or _narrower(alignment):
        return None
    opposites = _antonyms(alignment)
    forward = dict[int, set[int]]()
    for i, j in alignment.pairs:
        forward.setdefault(i, set()).add(j)
    backward = {
        j: {i for i, js in forward.items() if j in js} for js in forward.values() for j in js
    }
    if any(_CONDITION.search(r.text) for r in (claim, source) if r.negations):
        return None  # what is denied under a condition is not denied
    flips = len(opposites)
    flips += _unanswered(claim, source, forward)
    flips += _unanswered(source, claim, backward)
    if flips % 2 == 0:
        return None
    if opposites:
        mine, theirs = opposites[0]
        return _differs(alignment, mine, theirs)
    said = _short(source.text)
    reason = f'{alignment.at.file} says "{said}", the claim says the opposite'
    return Difference(_denied(claim), said, reason)


def modality_gate(alignment: Alignment) -> Difference | None:
    """The claim makes a duty of a permission, or the other way round."""
    pair = (alignment.claim.modality, alignment.source.modality)
    if pair in _MODAL_CONFLICTS:
        return _differs(alignment, pair[0], pair[1])
    return None


def _differs(alignment: Alignment, claim: str, source: str) -> Difference:
    return Difference(
        claim, source, f'{alignment.at.file} says "{source}", the claim says "{claim}"'
    )


def _denied(claim: Reading) -> str:
    """The negating word of a claim; empty where it has none."""
    return claim.negations[0].word if claim.negations else ""


GATES: tuple[tuple[GateName, Callable[[Alignment], Difference | None]], ...] = (
    ("number", number_gate),
    ("date", date_gate),
    ("negation", negation_gate),
    ("modality", modality_gate),
)
_CONFLICTS: tuple[tuple[Modality, Modality], ...] = (
    ("must", "may"),
    ("must", "should"),
    ("must", "need not"),
    ("must", "must not"),
    ("may", "must not"),
    ("should", "must not"),
)
_MODAL_CONFLICTS = frozenset(_CONFLICTS) | {(b, a) for a, b in _CONFLICTS}


def _narrower(alignment: Alignment) -> bool:
    """Whether the sentence speaks of a kind of what the claim speaks of: guide dogs, not dogs."""
    matched = {j for _, j in alignment.pairs}
    content, text = alignment.source.content, alignment.source.text
    return any(
        j not in matched and j + 1 in matched and text[left.end : right.start] == " "
        for j, (left, right) in enumerate(pairwise(content))
    )


def _unanswered(here: Reading, there: Reading, matches: dict[int, set[int]]) -> int:
    """How many negations reach words that the other side states without one.

    A word that stands on its own side both denied and not denied says nothing.
    """
    count = 0
    denied = {i for negation in there.negations for i in negation.reaches}
    for negation in here.negations:
        free = {w.stem for i, w in enumerate(here.content) if i not in negation.reaches}
        reached = [i for i in negation.reaches if here.content[i].stem not in free]
        matched = [i for i in reached if matches.get(i)]
        partners = set().union(*(matches[i] for i in matched))
        if partners and not partners & denied and 2 * len(matched) >= len(reached):
            count += 1
    return count


def _antonyms(alignment: Alignment) -> list[tuple[str, str]]:
    """Pairs of opposite words of which each side has one, said of the same neighbours."""
    claim = {w.stem: w for w in alignment.claim.words}
    source = {w.stem: w for w in alignment.source.words}
    found, used = [], set[str]()
    for mine in claim.values():
        for theirs in source.values():
            if {mine.stem, theirs.stem} & used or not _opposed(alignment, mine, theirs):
                continue
            if mine.stem in source or theirs.stem in claim:
                continue
            if any((mine.stem, s) in synonyms() for s in source) or any(
                (theirs.stem, s) in synonyms() for s in claim
            ):
                continue
            if _share_a_neighbour(alignment, mine, theirs):
                used |= {mine.stem, theirs.stem}
                found.append((mine.text, theirs.text))
    return found


def _opposed(alignment: Alignment, mine: Word, theirs: Word) -> bool:
    return (mine.stem, theirs.stem) in antonyms() or (
        negative_prefix(mine.stem, theirs.stem) and _predicates(alignment, mine, theirs)
    )


def _share_a_neighbour(alignment: Alignment, mine: Word, theirs: Word) -> bool:
    """Whether a content word that stands near one matches a word that stands near the other."""
    near = {i for i, w in _near(alignment.claim, mine)}
    partners = {j for j, w in _near(alignment.source, theirs)}
    return any(i in near and j in partners for i, j in alignment.pairs)


def _near(reading: Reading, word: Word) -> list[tuple[int, Word]]:
    others = [(i, w) for i, w in enumerate(reading.content) if w.start != word.start]
    return sorted(others, key=lambda x: abs(x[1].start - word.start))[:_NEIGHBOURS]


def _predicates(alignment: Alignment, mine: Word, theirs: Word) -> bool:
    """Whether both words say what something is, and not which thing is meant."""
    return _is_predicate(alignment.claim, mine) and _is_predicate(alignment.source, theirs)


def _is_predicate(reading: Reading, word: Word) -> bool:
    before = [w.text.lower() for w in reading.words if w.end <= word.start][-2:]
    return any(w in _BE for w in before)


def _held(name: Sequence[Word], reading: Reading) -> bool:
    """Whether a name, or its last part, stands in the reading."""
    present = {w.stem for w in reading.words}
    return name[-1].stem in present or all(w.stem in present for w in name)


def _answers(reading: Reading, name: Sequence[Word]) -> bool:
    """Whether the name stands after `is`, `by`, `in`, … or before `is the`, `founded`, …"""
    before, after = reading.text[: name[0].start], reading.text[name[-1].end :]
    return bool(_BEFORE_ANSWER.search(before) or _AFTER_ANSWER.match(after))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1].rsplit(" ", 1)[0] + "…"


def _shown(name: Sequence[Word]) -> str:
    return " ".join(w.text for w in name)
