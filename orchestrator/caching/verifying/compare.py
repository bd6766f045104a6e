"""Whether two requests ask for the same: what must agree, and what tells them apart.

Similarity says that two texts are about the same; an answer is good for both only where nothing
that changes an answer differs. So each difference that can be named is a veto, with a reason; what
is left is how much is said in one text alone, which counts against the pair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.caching.verifying.asked import Asked, Thing, asked
from orchestrator.caching.verifying.wording import LIGHT, exchangeable
from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.words import stem
from orchestrator.evidence.numbers import Quantity, agrees

_DIGITS = re.compile(r"\d+")
_DIRECTED = word_set(
    "from than by before after minus against instead divided until since without into between"
)
_JOINS = frozenset({"of", "for", "in", "on", "about", "with", "at", "as", "to", "from"})
_SPANS = frozenset(stem(word) for word in ("period", "time", "duration", "term"))
_ALIKE: tuple[set[str], ...] = (
    {"when", "clock"},
    {"when", "year"},
    {"when", "day"},
    {"what", "amount"},
    {"what", "give"},
    {"what", "list"},
    {"what", "explain"},
    {"what", "calculate"},
    {"give", "write"},
    {"give", "list"},
    {"give", "calculate"},
)
"""Kinds of one answer, worded in another way; they do not chain."""
_SAID = {"price": frozenset(stem(word) for word in ("cost", "price"))}
_LIGHT_STEMS = frozenset(stem(word) for word in LIGHT)
_SCOPED = frozenset(
    {
        "not",
        "only",
        "without",
        "except",
        "all",
        "some",
        "both",
        "instead",
        "before",
        "after",
        "until",
        "since",
        "during",
    }
)


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found of a pair.

    `differs` is the first reason why they ask for different things, empty where none was found;
    `exchanged` counts words that stand for each other, `unmatched` light words that stand in one
    text alone, `moved` pairs of words in another order.
    """

    differs: str
    exchanged: int = 0
    unmatched: int = 0
    moved: int = 0

    @property
    def changes(self) -> int:
        """How much is worded otherwise."""
        return self.exchanged + self.unmatched + self.moved


def compare(left: str, right: str) -> Compared:
    """Whether an answer to one is an answer to the other, as far as words show."""
    if left == right:
        return Compared("")
    if _DIGITS.sub("0", left) == _DIGITS.sub("0", right):  # at no cost: it is what is met most
        return Compared("number: all else is equal")
    a, b = asked(left), asked(right)
    differs = next(_differences(a, b), "")
    if differs:
        return Compared(differs)
    pairs, alone = _aligned(_told(a), _told(b))
    named = a.names | b.names
    told = [t for t in alone if t.stem not in _LIGHT_STEMS or t.stem in named]
    if told or (alone and {t in a.things for t in alone} == {True, False}):
        return Compared(f"word: '{(told or alone)[0].stem}' stands in one alone")
    if a.superlative and (many := [x for x, y in pairs if x.plural != y.plural]):
        return Compared(f"how many: '{many[0].stem}'")
    order, moved = _order(a, b, pairs)
    if order:
        return Compared(order)
    exchanged = sum(x.stem != y.stem for x, y in pairs)
    return Compared("", exchanged, len(alone), moved)


def _differences(a: Asked, b: Asked) -> Iterator[str]:
    if not _same_kind(a, b):
        yield f"kind: {a.frame.kind or 'no question'}, {b.frame.kind or 'no question'}"
    if not _same_modal(a, b):
        yield f"modal: {a.frame.modal or 'none'}, {b.frame.modal or 'none'}"
    if {a.frame.tense, b.frame.tense} == {"past", "now"}:
        yield "tense"
    if (number := _number(a.quantities, b.quantities)) is not None:
        yield f"number: {number.text.strip()}"
    if a.literals != b.literals:
        yield f"literal: {min(a.literals ^ b.literals)}"
    if a.operators != b.operators:
        only = sorted(set(a.operators) ^ set(b.operators)) or sorted(a.operators)
        yield f"operator: {only[0]}"
    if (scope := _scope(a, b)) is not None:
        yield f"scope: {scope[0]} {scope[1]}"


def _same_kind(a: Asked, b: Asked) -> bool:
    kinds = {a.frame.kind, b.frame.kind}
    if len(kinds) == 1 or kinds in _ALIKE:
        return True
    spans = any(t.stem in _SPANS for t in a.things) and any(t.stem in _SPANS for t in b.things)
    return kinds == {"what", "duration"} and spans


def _same_modal(a: Asked, b: Asked) -> bool:
    modals = {a.frame.modal, b.frame.modal}
    if len(modals) == 1:
        return True
    if modals == {"must", "should"}:
        return a.frame.kind in ("often", "duration", "amount")
    return "must" not in modals and a.frame.kind != "whether"


def _number(left: Sequence[Quantity], right: Sequence[Quantity]) -> Quantity | None:
    """A quantity of one that the other does not state in the same way."""
    rest = list(right)
    for q in left:
        match = next((i for i, other in enumerate(rest) if same_quantity(q, other)), None)
        if match is None:
            return q
        rest.pop(match)
    return rest[0] if rest else None


def same_quantity(left: Quantity, right: Quantity) -> bool:
    """Whether two quantities are one value: converted exactly, never rounded or bounded."""
    if left.bound != right.bound or left.per != right.per:
        return False
    if left.unit == right.unit:
        return left.value == right.value
    return agrees(left, right) and agrees(right, left)


def _scope(a: Asked, b: Asked) -> tuple[str, str] | None:
    """An operator that is about another word in one than in the other."""
    left = [s for s in a.scopes if s[0] in _SCOPED]
    right = [s for s in b.scopes if s[0] in _SCOPED]
    for operator, word in left:
        others = [w for o, w in right if o == operator]
        if others and not any(_match(word, other) for other in others):
            return operator, word
    return None


def _told(request: Asked) -> list[Thing]:
    """The things, without those that the kind of question has said already."""
    said = _SAID.get(request.frame.kind, frozenset())
    return [t for t in request.things if t.stem not in said]


def _match(left: str, right: str) -> bool:
    return not left or not right or left == right or exchangeable(left, right)


def _aligned(
    left: Sequence[Thing], right: Sequence[Thing]
) -> tuple[list[tuple[Thing, Thing]], list[Thing]]:
    """Things of the one with those of the other, equal ones first; and those that stand alone."""
    rest, pairs, open_ = list(right), [], []
    for thing in left:
        match = next((o for o in rest if o.sort == thing.sort and o.stem == thing.stem), None)
        if match is None:
            open_.append(thing)
        else:
            rest.remove(match)
            pairs.append((thing, match))
    alone = []
    for thing in open_:
        match = next(
            (o for o in rest if o.sort == thing.sort == "word" and _match(thing.stem, o.stem)), None
        )
        if match is None:
            alone.append(thing)
        else:
            rest.remove(match)
            pairs.append((thing, match))
    # Quantities were compared by value before: one written otherwise is no difference.
    return pairs, [t for t in (*alone, *rest) if t.sort == "word"]


def _order(a: Asked, b: Asked, pairs: Sequence[tuple[Thing, Thing]]) -> tuple[str, int]:
    """A reason why another order, or another role, changes what is asked; how much was moved."""
    for x, y in pairs:
        if x.link != y.link and (x.link in _DIRECTED or y.link in _DIRECTED):
            return f"role: {x.link or '-'} {x.stem}, {y.link or '-'} {y.stem}", 0
    moved = 0
    pairs = [pair for pair in pairs if pair[0].stem not in _LIGHT_STEMS]
    for i, (x, y) in enumerate(pairs):
        for other_x, other_y in pairs[i + 1 :]:
            if (x.start < other_x.start) == (y.start < other_y.start):
                continue
            moved += 1
            if not _may_move(a, b, (x, y), (other_x, other_y)):
                return f"order: {x.stem}, {other_x.stem}", 0
    return "", moved


def _may_move(a: Asked, b: Asked, one: tuple[Thing, Thing], two: tuple[Thing, Thing]) -> bool:
    """Whether two words may change places: each is led to by the same word in both, or they are one
    expression (`invoice for March`, `March invoice`), or one text says it in the passive."""
    for x, y in (one, two):
        if x.link and x.link == y.link and x.link not in ("and", "or"):
            return True
    names = a.names | b.names
    both = [t for pair in (one, two) for t in pair]
    if all(t.sort == "number" or t.stem in names for t in both):
        return False
    for things, k in ((a.things, 0), (b.things, 1)):
        first, second = sorted((one[k], two[k]), key=lambda t: t.start)
        places = [t.start for t in things]
        near = places.index(second.start) - places.index(first.start) == 1
        if near and second.next_to:
            other = sorted((one[1 - k], two[1 - k]), key=lambda t: t.start)[1]
            return other.link in _JOINS or other.next_to
    return a.passive != b.passive
