"""The numbers and names of a sentence with their places among its words."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from orchestrator.evidence.language.aliases import canonical
from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.reading import Reading
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.numbers import MARKER, MOMENTS, Quantity, agrees, quantities

MentionKind = Literal["number", "name", "word"]

_APART = {
    ",": 1.0, ";": 3.0, ":": 1.0, "(": 2.0, ")": 2.0, "{": 3.0, "}": 3.0, ".": 4.0, "!": 4.0,
    "?": 4.0, "|": 2.0, "\n": 3.0, "•": 4.0, "*": 2.0,
}  # fmt: skip
"""How many words further apart a mark puts two words."""
_BE = word_set("is are was were be been being")
_PARTICIPLE = re.compile(r"(?:ed|en|wn|ght|ilt|elt|ept|ade|old|aid|ung|unk|und|ut)$")
_BY_REACH = 8
_LISTS = word_set("and or the as well nor both")


@dataclass(frozen=True, slots=True)
class Mention:
    """A number or a name; `first` and `end` count the words of what was read."""

    kind: MentionKind
    first: int
    end: int
    text: str
    stems: tuple[str, ...]
    quantity: Quantity | None = None
    sure: bool = True
    """False for a word whose capital letter the start of a sentence may explain."""

    def same(self, other: Mention) -> bool:
        """Whether the two stand for one value or one bearer of a name, as far as words tell."""
        if self.quantity is not None and other.quantity is not None:
            return _same_number(self.quantity, other.quantity)
        mine, theirs = set(self.stems), set(other.stems)
        return self.stems[-1] == other.stems[-1] or mine <= theirs or theirs <= mine


def _same_number(left: Quantity, right: Quantity) -> bool:
    if agrees(left, right):
        return True
    amounts = left.unit not in MOMENTS and right.unit not in MOMENTS
    return amounts and left.value == right.value


def mentions(
    reading: Reading, known: AbstractSet[str], perhaps: AbstractSet[str] = frozenset()
) -> list[Mention]:
    """The numbers and names of a sentence.

    A capitalised word that begins the sentence is a name where its stem is among the `known`, and
    one that is not sure where it is among the `perhaps`. Of an amount only the digits count, not
    the unit, which is what they are bound to.
    """
    found: list[Mention] = []
    taken: set[int] = set()
    starts = [w.start for w in reading.words]
    for quantity in reading.quantities:
        first, end = (bisect_left(starts, edge) for edge in quantity.span)
        inside = list(range(first, end))
        digits = [i for i in inside if reading.words[i].is_number]
        if quantity.unit not in MOMENTS and digits:
            inside = digits
        if inside:
            taken.update(inside)
            found.append(_mention("number", reading, inside[0], inside[-1] + 1, quantity))
    for marker in MARKER.finditer(reading.text):
        taken.update(range(*(bisect_left(starts, edge) for edge in marker.span())))
    for name in reading.names:
        first, end = (bisect_left(starts, name[at].start) for at in (0, -1))
        end += 1
        if taken.isdisjoint(range(first, end)):
            taken.update(range(first, end))
            found.append(_mention("name", reading, first, end))
    for i, word in enumerate(reading.words):
        if i in taken:
            continue
        if word.text[0].isdigit() and (read := quantities(word.text)):
            found.append(_mention("number", reading, i, i + 1, read[0]))
        elif word.text[0].isupper() and word.is_content:
            sure = word.stem in known
            if sure or word.stem in perhaps:
                found.append(_mention("name", reading, i, i + 1, sure=sure))
    return sorted(found, key=lambda m: m.first)


def _mention(
    kind: MentionKind,
    reading: Reading,
    first: int,
    end: int,
    quantity: Quantity | None = None,
    *,
    sure: bool = True,
) -> Mention:
    own = reading.words[first:end]
    text = reading.text[own[0].start : own[-1].end]
    stems = tuple(w.stem for w in own)
    if kind == "name":
        stems = canonical(stems)
    return Mention(kind, first, end, text, stems, quantity, sure)


def listed(reading: Reading, one: Mention, other: Mention, every: Sequence[Mention]) -> bool:
    """Whether only names and `and` stand between the two: the order of a list says nothing."""
    named = {i for m in every if m.kind == "name" for i in range(m.first, m.end)}
    first, last = sorted((one, other), key=lambda m: m.first)
    between = range(first.end, last.first)
    text = reading.text[reading.words[first.end - 1].end : reading.words[last.first].start]
    return not re.search(r"[().;:]", text) and all(
        i in named or reading.words[i].text.lower() in _LISTS for i in between
    )


def positions(text: str, words: Sequence[Word], start: float = 0.0) -> list[float]:
    """Where each word stands, counted in words; marks between two words put them further apart."""
    found, at, last = list[float](), start, 0
    for word in words:
        at += 1.0
        if word.start - last > 1:
            at += sum(_APART.get(c, 0.0) for c in text[last : word.start])
        found.append(at)
        last = word.end
    return found


def passive(words: Sequence[Word], mention: Mention) -> bool:
    """Whether the mention is the agent or the patient of a passive verb with `by`."""
    low = [w.text.lower() for w in words[max(0, mention.first - 6) : mention.first]]
    if "by" in low[-3:]:
        before = low[: len(low) - 1 - low[::-1].index("by")]
        return any(_PARTICIPLE.search(w) for w in before[-3:])
    after = [w.text.lower() for w in words[mention.end : mention.end + _BY_REACH + 6]]
    for i, word in enumerate(after[:4]):
        if word in _BE:
            for j in range(i + 1, min(len(after), i + 4)):
                if _PARTICIPLE.search(after[j]):
                    return "by" in after[j + 1 : j + 1 + _BY_REACH]
    return False
