"""What each number and name of some passages stands next to, ready to be compared."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from orchestrator.evidence.agreement import Stated
from orchestrator.evidence.language.reading import read
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.passage_index import PassageIndex
from orchestrator.evidence.relations.absent import Present
from orchestrator.evidence.relations.mentions import Mention, mentions, passive, positions

if TYPE_CHECKING:
    import numpy as np

REACH = 20
"""Words on either side that are looked at."""
NEAR, FAR = 3.0, 12.0
"""Words after which the weight of a neighbour has fallen to 1/e, for the two scales."""
_RUN = 3  # sentences that may carry a claim together
_FEW, _KEPT = 64, 256  # places of a word that are kept, and of how many words
_BETWEEN_SENTENCES = 8.0
_BETWEEN_PASSAGES = 1000.0


@dataclass(frozen=True, slots=True)
class Places:
    """The mentions of one kind. Arrays have one row a mention; `left` and `right` hold columns of
    the words around it, shape (mentions, REACH), `*_near` and `*_far` the words' weights."""

    kind: str
    """`number`, `name`, or for single words the words that are looked for."""
    mentions: tuple[Mention, ...]
    stated: Stated
    """The quantities of the mentions, where they are numbers."""
    by_stem: Mapping[str, Sequence[int]]
    """The mentions that a stem stands in."""
    sentence: tuple[int, ...]
    """For each mention the number of its sentence in the index."""
    left: np.ndarray
    right: np.ndarray
    left_near: np.ndarray
    right_near: np.ndarray
    left_far: np.ndarray
    right_far: np.ndarray
    before: np.ndarray
    """The column of the word directly before; `Field.nothing` where there is none."""
    after: np.ndarray
    unit: np.ndarray
    passive: np.ndarray
    sure: np.ndarray

    def same(self, gap: Mention) -> np.ndarray:
        """Which mentions have the gap's own value or name; shape (mentions,)."""
        import numpy as np

        found = np.zeros(len(self.mentions), dtype=bool)
        for number in self._like(gap):
            found[number] = gap.same(self.mentions[number])
        return found

    def _like(self, gap: Mention) -> Iterable[int]:
        """The mentions that may be the same: near enough numbers, names with a word in common."""
        if gap.quantity is not None:
            return self.stated.like(gap.quantity)
        return {n for stem in gap.stems for n in self.by_stem.get(stem, ())}


class Field:
    """The words of an index in a row, and the places of its numbers and names.

    Columns: those of the index's vocabulary, then one for each other word, then `nothing`.
    """

    def __init__(self, index: PassageIndex) -> None:
        headings = [read(p.heading) for p in index.passages if p.heading]
        self.present = Present([*(s.reading for s in index.sentences), *headings])
        self.known = frozenset(s for x in index.sentences for s in x.reading.named)
        every = [w for x in index.sentences for w in x.reading.words]
        distinct = {w.text: w for w in every}.values()
        lower = {w.stem for w in distinct if w.text[0].islower()}
        upper = {w.stem for w in distinct if w.text[0].isupper() and w.is_content}
        self.perhaps = frozenset(upper - lower - self.known)
        self.columns = dict(index.vocabulary.ids)
        self.units: dict[str, int] = {}
        words: list[Word] = []
        at: list[float] = []
        found: dict[str, list[tuple[Mention, int, bool]]] = {"number": [], "name": []}
        last, passage = 0.0, ""
        for number, sentence in enumerate(index.sentences):
            reading = sentence.reading
            key = f"{sentence.file}:{sentence.passage}"
            start = last + (_BETWEEN_SENTENCES if key == passage else _BETWEEN_PASSAGES)
            base, passage = len(words), key
            for mention in mentions(reading, self.known, self.perhaps):
                turned = mention.kind == "name" and passive(reading.words, mention)
                found[mention.kind].append((_moved(mention, base), number, turned))
            at += positions(reading.text, reading.words, start)
            words += reading.words
            last = at[-1] if at else 0.0
        for word in words:
            self.columns.setdefault(word.stem, len(self.columns))
        self.nothing = len(self.columns)
        self._words = words
        self._by_stem = _grouped((word.stem, i) for i, word in enumerate(words))
        self.stems = self._by_stem.keys()
        self._of_words: dict[tuple[str, ...], Places] = {}
        self._ends = list(accumulate(len(x.reading.words) for x in index.sentences))
        self._stand(words, at)
        self._sentences(index)
        self.numbers = self._places("number", found["number"])
        self.names = self._places("name", found["name"])

    def _stand(self, words: Sequence[Word], at: Sequence[float]) -> None:
        """Keep where each word stands, and which column it has."""
        import numpy as np

        self._at = np.array(at, dtype=np.float32)
        self._columns = np.array([self.columns[w.stem] for w in words], dtype=np.intp)
        telling = np.array([w.is_content or w.is_number for w in words], dtype=bool)
        self._seen = np.where(telling, self._columns, self.nothing)

    def _sentences(self, index: PassageIndex) -> None:
        """Keep the vocabulary's columns of each run of three sentences in a passage; at the end of
        each one that holds nothing, since a sentence may have no words."""
        import numpy as np

        nothing = np.array([len(index.vocabulary.ids)], dtype=np.intp)
        keys = [(s.file, s.passage) for s in index.sentences]
        runs = []
        for i in range(len(keys)):
            others = [j for j in range(i, min(i + _RUN, len(keys))) if keys[j] == keys[i]]
            run = [index.context_columns[i], *(index.columns[j] for j in others)]
            runs.append(np.concatenate([*run, nothing]))
        self._runs = _joined(runs, nothing)

    def covers(self, found: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The weight of the words of a claim that stand in each run of three sentences, or in the
        headings above it; shape (sentences,): a run counts where it begins.

        Args:
            found: how surely each word of the claim is each word of the vocabulary.
            weights: of the claim's words.
        """
        import numpy as np

        columns, begins = self._runs
        padded = np.column_stack([found, np.zeros(len(found), dtype=found.dtype)])
        result: np.ndarray = weights @ np.maximum.reduceat(padded[:, columns], begins, axis=1)
        return result

    def places_of(self, stems: Iterable[str]) -> Places:
        """The places of some words."""
        wanted = tuple(sorted({s for s in stems if s in self._by_stem}))
        known = self._of_words.get(wanted)
        if known is not None:
            return known
        found = []
        for i in sorted(i for s in wanted for i in self._by_stem[s]):
            word = self._words[i]
            mention = Mention("word", i, i + 1, word.text, (word.stem,))
            found.append((mention, self._sentence_of(i), False))
        places = self._places(" ".join(wanted), found)
        if len(found) <= _FEW and len(self._of_words) < _KEPT:
            self._of_words[wanted] = places
        return places

    def _sentence_of(self, word: int) -> int:
        return bisect_right(self._ends, word)

    def of(self, kind: str) -> Places:
        """The places of `number` or `name`."""
        return self.numbers if kind == "number" else self.names

    def _places(self, kind: str, found: Sequence[tuple[Mention, int, bool]]) -> Places:
        import numpy as np

        words, place = len(self._words), self._at
        first = np.array([m.first for m, _, _ in found], dtype=np.intp)
        final = np.array([m.end - 1 for m, _, _ in found], dtype=np.intp)
        steps = np.arange(1, REACH + 1)
        sides = []
        for edge, index in ((first, first[:, None] - steps), (final, final[:, None] + steps)):
            inside = (index >= 0) & (index < words)
            clipped = np.clip(index, 0, max(0, words - 1))
            if not words or not found:
                empty = np.zeros((len(found), REACH), dtype=np.float32)
                sides.append((empty.astype(np.intp), empty, empty, edge))
                continue
            apart = np.abs(place[clipped] - place[edge][:, None])
            near = np.where(inside, np.exp(-apart / NEAR), 0).astype(np.float32)
            far = np.where(inside, np.exp(-apart / FAR), 0).astype(np.float32)
            next_to = np.where(inside[:, 0], self._columns[clipped[:, 0]], self.nothing)
            sides.append((np.where(inside, self._seen[clipped], self.nothing), near, far, next_to))
        left, right = sides
        return Places(
            kind=kind,
            mentions=tuple(m for m, _, _ in found),
            stated=Stated(m.quantity for m, _, _ in found if m.quantity),
            by_stem=_grouped((s, n) for n, (m, _, _) in enumerate(found) for s in set(m.stems)),
            sentence=tuple(n for _, n, _ in found),
            left=left[0],
            right=right[0],
            left_near=left[1],
            right_near=right[1],
            left_far=left[2],
            right_far=right[2],
            before=left[3],
            after=right[3],
            unit=np.array(
                [
                    self.units.setdefault(m.quantity.unit if m.quantity else "", len(self.units))
                    for m, _, _ in found
                ],
                dtype=np.intp,
            ),
            passive=np.array([p for _, _, p in found], dtype=bool),
            sure=np.array([m.sure for m, _, _ in found], dtype=bool),
        )


def _joined(parts: Sequence[np.ndarray], nothing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts one after the other, and where each begins."""
    import numpy as np

    begins = np.cumsum([0, *(len(p) for p in parts)])[:-1]
    return np.concatenate(parts) if parts else nothing, begins


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    groups = defaultdict[str, list[int]](list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


def _moved(mention: Mention, base: int) -> Mention:
    first, end = mention.first + base, mention.end + base
    return Mention(
        mention.kind, first, end, mention.text, mention.stems, mention.quantity, mention.sure
    )


def field_of(index: PassageIndex) -> Field:
    """The field of an index, kept beside it, for claims come many to an index."""
    return index.beside(Field)
