"""Passages taken apart once for many claims: units of a sentence each, words, vectors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from orchestrator.evidence.language.vectors import WordVectors, vectors_of
from orchestrator.evidence.language.words import stem
from orchestrator.evidence.passage_index import PassageIndex
from orchestrator.evidence.scoring.records import Flag, Leaf, flags, leaves
from orchestrator.evidence.scoring.words import DIGITS, is_content, number, rarity, tokens
from orchestrator.evidence.values import Passage

if TYPE_CHECKING:
    import numpy as np

NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|\w+n['’]t|lacks?|fails?|unable|false)\b",
    re.IGNORECASE,
)
_END = re.compile(
    r"(?<=[.!?])[\"'”’)\]]*\s+(?=[A-Z0-9\"'“‘(\[•*-])|\n+|(?<=[a-z)][.!?])(?=[A-Z][a-z])"
)
_CLOCK = re.compile(r"\b(\d{1,2}):(\d{1,2})\b")
_LONGEST, _CUT = 60, 40  # words; what runs on without an end is cut
_LINE = 25  # words of a record that make a unit
_LEAST_WEIGHT = 0.02
_BLOCK = 20_000  # words whose vectors in context are held at a time


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or a few lines of a record: `passage.text[start:end]`."""

    passage: Passage
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


class PassageWords:
    """The words of some passages, ready to be compared with those of claims.

    Arrays of tokens have a place for each word of all units in a row; `bounds[i]` to
    `bounds[i + 1]` are the words of unit `i`. `ids` are columns of the vocabulary.
    """

    def __init__(self, passages: Sequence[Passage], vectors: WordVectors) -> None:
        import numpy as np

        self.vectors = vectors
        self.units: list[Unit] = []
        self.flags: list[Flag] = []
        self.words: list[str] = []
        bounds = [0]
        for passage in passages:
            found = leaves(passage.text)
            self.flags += flags(found)
            for unit, said in _record(passage, found) if found else _prose(passage):
                words = tokens(said)
                if words:
                    self.units.append(unit)
                    self.words += words
                    bounds.append(len(self.words))
        self.bounds = np.array(bounds, dtype=np.intp)
        self.vocabulary = {w: i for i, w in enumerate(dict.fromkeys(self.words))}
        self.ids = np.array([self.vocabulary[w] for w in self.words], dtype=np.intp)
        own = list(self.vocabulary)
        self.rows = vectors.of(own)
        self.rarity = np.array([rarity(w) for w in own], dtype=np.float32)
        self.content = np.array([is_content(w) for w in own], dtype=bool)
        self.by_stem: dict[str, list[int]] = defaultdict(list)
        for word, i in self.vocabulary.items():
            self.by_stem[stem(word)].append(i)

    def __len__(self) -> int:
        return len(self.units)

    @cached_property
    def content_ids(self) -> np.ndarray:
        """The columns of the content words in a row; of all where there is none."""
        found: np.ndarray = self.ids[self.content[self.ids]]
        return found if len(found) else self.ids

    @cached_property
    def pairs(self) -> frozenset[tuple[str, ...]]:
        """Two words that follow each other."""
        return frozenset(pairwise(self.words))

    @cached_property
    def triples(self) -> frozenset[tuple[str, ...]]:
        """Three words that follow each other."""
        return frozenset(zip(self.words, self.words[1:], self.words[2:], strict=False))

    @cached_property
    def window_vectors(self) -> np.ndarray:
        """Unit vectors of each three units that follow each other: rare words weigh more."""
        import numpy as np

        weighted = self.rows * self.rarity[:, None]
        sums = np.array([weighted[self.ids[a:b]].sum(axis=0) for a, b in pairwise(self.bounds)])
        both = sums.copy()
        both[:-1] += sums[1:]
        both[:-2] += sums[2:]
        result: np.ndarray = both / (np.linalg.norm(both, axis=1, keepdims=True) + 1e-9)
        return result

    @cached_property
    def _contexts(self) -> np.ndarray:
        return in_context(self.rows[self.ids], self.rarity[self.ids])

    def context_similarities(self, contexts: np.ndarray) -> np.ndarray:
        """Cosines of words in their context with each word here in its own; shape (n, words)."""
        import numpy as np

        total = len(self.ids)
        if total <= _BLOCK:
            result: np.ndarray = contexts @ self._contexts.T
            return result
        parts = []
        for start in range(0, total, _BLOCK):  # two more on either side: what the context reaches
            low, high = max(0, start - 2), min(total, start + _BLOCK + 2)
            ids = self.ids[low:high]
            block = in_context(self.rows[ids], self.rarity[ids])[start - low :][:_BLOCK]
            parts.append(contexts @ block.T)
        return np.concatenate(parts, axis=1)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Every number as digits; times also on the twelve-hour clock."""
        found = {value for word in self.vocabulary if (value := number(word))}
        for unit in self.units:
            text = unit.text
            found.update(n.replace(",", "") for n in DIGITS.findall(text))
            for hour, minute in _CLOCK.findall(text):
                for h in {int(hour), int(hour) % 12 or 12}:
                    found |= {str(h), f"{h}:{int(minute):02d}"}
        return frozenset(found)

    @cached_property
    def negated(self) -> np.ndarray:
        """For each unit whether it denies something."""
        import numpy as np

        return np.array([NEGATION.search(u.text) is not None for u in self.units], dtype=bool)


def in_context(rows: np.ndarray, rarity: np.ndarray) -> np.ndarray:
    """Each word's vector with those of the two words on either side mixed in; unit vectors."""
    import numpy as np

    weighted = rows * np.maximum(rarity, _LEAST_WEIGHT)[:, None]
    mixed = weighted.copy()
    for away, share in ((1, 0.5), (2, 0.25)):
        mixed[away:] += share * weighted[:-away]
        mixed[:-away] += share * weighted[away:]
    result: np.ndarray = mixed / (np.linalg.norm(mixed, axis=1, keepdims=True) + 1e-9)
    return result


def words_of(index: PassageIndex) -> PassageWords:
    """The words of the passages of an index, kept beside it."""
    return index.beside(_words_of)


def _words_of(index: PassageIndex) -> PassageWords:
    return PassageWords(index.passages, vectors_of(index.embedder))


def _prose(passage: Passage) -> Iterator[tuple[Unit, str]]:
    for start, end in _sentences(passage.text, 0, len(passage.text)):
        yield Unit(passage, start, end), passage.text[start:end]


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for cut in _END.finditer(text, start, end):
        yield from _short(text, begin, cut.start())
        begin = cut.end()
    yield from _short(text, begin, end)


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without white space around it; a long one in pieces."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end = start + len(piece.strip())
    if start >= end:
        return
    if piece.count(" ") < _LONGEST:
        yield start, end
        return
    found = [m.span() for m in re.finditer(r"\S+", text[start:end])]
    for i in range(0, len(found), _CUT):
        part = found[i : i + _CUT]
        yield start + part[0][0], start + part[-1][1]


def _record(passage: Passage, found: Sequence[Leaf]) -> Iterator[tuple[Unit, str]]:
    """Lines of a record packed together; a value that is prose, by its sentences."""
    lines: list[Leaf] = []
    for leaf in found:
        if leaf.is_prose:
            if lines:
                yield _packed(passage, lines)
                lines = []
            for start, end in _sentences(passage.text, leaf.start, leaf.end):
                yield Unit(passage, start, end), passage.text[start:end].replace("\\n", "  ")
            continue
        lines.append(leaf)
        if sum(len(line.text.split()) for line in lines) >= _LINE:
            yield _packed(passage, lines)
            lines = []
    if lines:
        yield _packed(passage, lines)


def _packed(passage: Passage, lines: Sequence[Leaf]) -> tuple[Unit, str]:
    unit = Unit(passage, lines[0].start, lines[-1].end)
    return unit, " . ".join(line.text for line in lines)
