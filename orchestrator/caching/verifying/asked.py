"""A request as the verifier sees it: kind, small words, quantities, what stands letter by letter,
and the words that say what it is about, in their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestrator.caching.verifying.frames import Framed, framed
from orchestrator.caching.verifying.operators import operators
from orchestrator.caching.verifying.wording import SAID_IN_PASSING, one_spelling
from orchestrator.evidence.language.lexicon import STOP_WORDS, word_set
from orchestrator.evidence.language.words import Word, stem, words
from orchestrator.evidence.numbers import Quantity, quantities

_LITERAL = re.compile(
    r"""(?P<quoted>"[^"]+"|(?<!\w)'[^']+'(?!\w)|`[^`]+`|«[^»]+»)"""
    r"|(?P<address>https?://\S+|\S+@\S+\.\w+)"
    r"|(?P<code>\b\w*(?:[a-zA-Z]\d|\d[a-zA-Z]|\w[_/\\]\w|[a-z][A-Z])[\w./\\-]*)"
)
_LINKS = word_set(
    """
from to into onto between than by against for with without of in on at about and or after before
until since during versus vs instead through via under over minus divided per as
"""
)
_DETERMINERS = word_set("a an the my our your his her its their this that these those")
_AUXILIARY = re.compile(
    r"^(?:do|does|did|is|are|was|were|can|could|will|would|has|have|had|should|must|may)? ?$"
)
_INNER_CAPITAL = re.compile(r"(?<=[\w,;'\"] )(?<![.!?:] )['\"(]?([A-Z][\w'’]+)")
_CAPITALS = re.compile(r"\b[A-Z]{2,5}\b")
_SYMBOL = re.compile(r"[+*/=<>^×÷#@&|~\\{}\[\]_]+")
_SUPERLATIVE = re.compile(r"\b(?:\w{3,}est|most|least|best|worst|first|last|only)\b")
_PASSIVE = re.compile(
    r"\b(?:is|are|was|were|be|been|being|get|gets|got) (?:\w+ly )?"
    r"(?:\w+(?:ed|en|wn|ne|pt|ght|ld|nt|de|id))\b"
)


@dataclass(frozen=True, slots=True)
class Thing:
    """A word or a quantity that says what the request is about."""

    sort: Literal["word", "number"]
    stem: str
    start: int
    link: str
    """The function word that leads to it (`from` in `from the city`); empty: none."""
    plural: bool
    next_to: bool
    """Nothing but a space or a hyphen stands between it and the thing before."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, taken apart."""

    frame: Framed
    operators: tuple[str, ...]
    scopes: frozenset[tuple[str, str]]
    """What each operator is about: `("not", "delete")`; empty where word order does not show it."""
    quantities: tuple[Quantity, ...]
    literals: frozenset[str]
    """Quoted texts, addresses, codes and identifiers, letter by letter."""
    names: frozenset[str]
    """Stems of the words that are written like a name."""
    things: tuple[Thing, ...]
    passive: bool
    superlative: bool


@lru_cache(maxsize=16_384)
def asked(text: str) -> Asked:
    """Take a request apart."""
    frame = framed(text)
    core = one_spelling(frame.core)
    amounts = quantities(core)
    found = operators(core)
    things = _things(core, amounts)
    return Asked(
        frame=frame,
        operators=tuple(sorted(name for name, _ in found)),
        scopes=frozenset((name, _reach(core, place, things)) for name, place in found),
        quantities=amounts,
        literals=_literals(text),
        names=frozenset(stem(one_spelling(m[1].lower())) for m in _INNER_CAPITAL.finditer(text)),
        things=things,
        passive=bool(_PASSIVE.search(core)),
        superlative=bool(_SUPERLATIVE.search(core)),
    )


def _literals(text: str) -> frozenset[str]:
    found = set()
    for match in _LITERAL.finditer(text):
        if match["code"] and quantities(match[0]):  # 20kg is an amount
            continue
        found.add(match[0].strip("\"'`«».,;:?!"))
    found.update(_SYMBOL.findall(text))
    if not text.isupper():  # US, IT and WHO are no pronouns
        found.update(w for w in _CAPITALS.findall(text) if w.lower() in STOP_WORDS)
    return frozenset(found)


def _things(core: str, amounts: tuple[Quantity, ...]) -> tuple[Thing, ...]:
    """In the order of the text. Numbers stand for themselves; see `Asked.quantities` for values."""
    every = words(core)
    found: list[Thing] = []
    for i, word in enumerate(every):
        inside = next((q for q in amounts if q.span[0] <= word.start < q.span[1]), None)
        if inside is not None:
            if all(not (inside.span[0] <= w.start < word.start) for w in every[:i]):
                found.append(
                    _thing("number", f"{inside.value}{inside.unit}", core, every, i, found)
                )
        elif _says_something(word):
            found.append(_thing("word", word.stem, core, every, i, found))
    return tuple(found)


def _says_something(word: Word) -> bool:
    low = word.text.lower()
    return (word.is_content or word.is_number) and low not in SAID_IN_PASSING


def _thing(
    sort: Literal["word", "number"],
    name: str,
    core: str,
    every: list[Word],
    i: int,
    before: list[Thing],
) -> Thing:
    start = every[i].start
    link = ""
    for word in reversed(every[max(0, i - 3) : i]):
        low = word.text.lower()
        if low in _LINKS:
            link = low
            break
        if low not in _DETERMINERS:
            break
    if link == "and" and re.search(r"\bbetween\b", core[:start]):
        link = "between"
    if sort == "number" and link in ("over", "under", "than"):  # an operator says so
        link = ""
    next_to = bool(before) and i > 0 and every[i - 1].start >= before[-1].start
    next_to = next_to and core[every[i - 1].end : start] in (" ", "-") and not link
    low = every[i].text.lower()
    plural = sort == "word" and low.endswith("s") and not low.endswith(("ss", "us", "is"))
    return Thing(sort, name, start, link, plural, next_to)


def _reach(core: str, place: int, things: tuple[Thing, ...]) -> str:
    """The stem of what follows an operator."""
    if _AUXILIARY.match(core[:place]):  # `doesn't the code work`: it stands before the subject
        return ""
    return next((thing.stem for thing in things if thing.start > place), "")
