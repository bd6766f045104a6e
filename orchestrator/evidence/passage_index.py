"""Passages taken apart into sentences that stand at exact places, ready to be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.evidence.agreement import Stated
from orchestrator.evidence.keeping import Beside, Kept
from orchestrator.evidence.language.lexicon import general_stems, light_stems
from orchestrator.evidence.language.reading import Reading, read
from orchestrator.evidence.language.similarity import Vocabulary
from orchestrator.evidence.language.vectors import Same
from orchestrator.evidence.language.words import Word, content_words, idf
from orchestrator.evidence.numbers import Quantity
from orchestrator.evidence.sources._block import BlockKind
from orchestrator.evidence.sources.chunks import Span, passage_sentences, readable
from orchestrator.evidence.values import Citation, Passage
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

_LIGHT = 1 / 3
_GENERAL = 1 / 2
_REFERS_BACK = re.compile(
    r"(?:it|its|they|their|this|these|that|those|he|she|his|her|the same)\b", re.I
)
_MANY_SENTENCES = 30  # from here on the inverse document frequencies count in full


@dataclass(frozen=True, slots=True)
class Located:
    """A sentence of a file: `file[start:end]` is `text`."""

    file: str
    start: int
    end: int
    text: str
    passage: str
    doc_hash: str
    kind: BlockKind
    context: tuple[Word, ...]
    """Content words that it stands under: the heading, a table's first row, and the sentence
    before where it begins with a word that refers back (`It`, `They`)."""
    reading: Reading

    def citation(self, reason: str = "") -> Citation:
        """The sentence as a citation."""
        return Citation(
            file=self.file,
            start=self.start,
            end=self.end,
            quote=self.text,
            doc_hash=self.doc_hash,
            passage=self.passage,
            reason=reason,
        )


class PassageIndex(Beside):
    """The sentences of some passages in document order, each once, with word weights."""

    def __init__(self, passages: Sequence[Passage], embedder: Embedder) -> None:
        super().__init__()
        self.passages = tuple(passages)
        self.embedder = embedder
        found: dict[tuple[str, int, int], Located] = {}
        for passage in self.passages:
            for located in _located(passage):
                found.setdefault((located.file, located.start, located.end), located)
        order = {file: i for i, file in enumerate(dict.fromkeys(p.file for p in self.passages))}
        self.sentences = sorted(found.values(), key=lambda s: (order[s.file], s.start, s.end))
        self._weights: dict[str, float] = {}
        self._idf = idf([(*s.reading.stems, *(w.stem for w in s.context)) for s in self.sentences])

    @cached_property
    def passage_numbers(self) -> np.ndarray:
        """A number for each sentence, the same for all of a passage."""
        import numpy as np

        numbers: dict[tuple[str, str], int] = {}
        keys = [(s.file, s.passage) for s in self.sentences]
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """Of the sentences, and of the headings of the passages."""
        return (*(s.reading for s in self.sentences), *(read(p.heading) for p in self.passages))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All words of the sentences and their headings."""
        every = [w for s in self.sentences for w in s.reading.words if w.is_content]
        return Vocabulary([*every, *(w for s in self.sentences for w in s.context)], self.embedder)

    @cached_property
    def columns(self) -> list[np.ndarray]:
        """For each sentence the columns of its own words in `vocabulary`."""
        return [self._ids([w for w in s.reading.words if w.is_content]) for s in self.sentences]

    @cached_property
    def context_columns(self) -> list[np.ndarray]:
        """For each sentence the columns of its context's words."""
        return [self._ids(s.context) for s in self.sentences]

    @cached_property
    def forms(self) -> frozenset[str]:
        """Every word of the sentences and headings, in lower case and as its stem."""
        return forms(self.readings)

    @cached_property
    def singulars(self) -> frozenset[str]:
        """Every word of the sentences and headings in lower case, with and without a last `s`."""
        return singulars(self.readings)

    @cached_property
    def _stated(self) -> Stated:
        """What the sentences state in numbers and dates, each once."""
        return Stated(distinct(q for s in self.sentences for q in s.reading.quantities))

    def absent(self, quantities: Sequence[Quantity]) -> list[Quantity]:
        """Those that no sentence states."""
        return self._stated.missing(quantities)

    def best_of(self, values: np.ndarray) -> np.ndarray:
        """The largest of the columns of each sentence's own words, shape (rows, sentences).

        Args:
            values: not negative, shape (rows, vocabulary).
        """
        return _largest(values, *self._own)

    def best_of_context(self, values: np.ndarray) -> np.ndarray:
        """As `best_of`, of the words of each sentence's context."""
        return _largest(values, *self._around)

    @cached_property
    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        return _in_a_row(self.columns, len(self.vocabulary.ids))

    @cached_property
    def _around(self) -> tuple[np.ndarray, np.ndarray]:
        return _in_a_row(self.context_columns, len(self.vocabulary.ids))

    @cached_property
    def sentence_vectors(self) -> np.ndarray:
        """Unit vectors of the sentences, shape (sentences, dimensions)."""
        return self.embedder.embed([s.text for s in self.sentences])

    def _ids(self, found: Sequence[Word]) -> np.ndarray:
        import numpy as np

        return np.array(sorted({self.vocabulary.ids[w.stem] for w in found}), dtype=np.intp)

    def weight(self, stem: str) -> float:
        """How much a word says about what a sentence is about, 0..1: rare words more.

        The frequencies fade in with the number of sentences; few say nothing about rarity.
        """
        known = self._weights.get(stem)
        if known is None:
            known = self._weighed(stem)
            if stem in self._idf:  # the words of claims are without end
                self._weights[stem] = known
        return known

    def _weighed(self, stem: str) -> float:
        share = min(1.0, len(self.sentences) / _MANY_SENTENCES)
        rarity = 1 - share * (1 - self._idf.get(stem, 1.0))
        if stem in light_stems():
            return rarity * _LIGHT
        return rarity * (_GENERAL if stem in general_stems() else 1.0)

    def weights(self, words: Sequence[Word]) -> np.ndarray:
        """`weight` of each word."""
        import numpy as np

        return np.array([self.weight(w.stem) for w in words], dtype=np.float32)


def singulars(readings: Iterable[Reading]) -> frozenset[str]:
    """Every word in lower case, with and without a last `s`."""
    low = {text.lower() for text in {w.text for r in readings for w in r.words}}
    return frozenset(low | {w.removesuffix("s") for w in low})


def forms(readings: Iterable[Reading]) -> frozenset[str]:
    """Every word, in lower case and as its stem."""
    stems = {w.text: w.stem for r in readings for w in r.words}
    return frozenset({*stems.values(), *(text.lower() for text in stems)})


def distinct(every: Iterable[Quantity]) -> tuple[Quantity, ...]:
    """Each value once; how it was written matters in dates alone (`1/2` may be either)."""
    found: dict[tuple[object, ...], Quantity] = {}
    for q in every:
        written = q.text if q.unit == "date" else ""
        found.setdefault((q.value, q.unit, q.per, q.bound, bool(q.of), written), q)
    return tuple(found.values())


def _in_a_row(columns: Sequence[np.ndarray], nothing: int) -> tuple[np.ndarray, np.ndarray]:
    """All columns, each sentence's closed by `nothing`, and where each sentence begins."""
    import numpy as np

    ends = np.array([nothing], dtype=np.intp)
    parts = [np.concatenate([own, ends]) for own in columns]
    begins = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    return (np.concatenate(parts) if parts else ends), begins


def _largest(values: np.ndarray, columns: np.ndarray, begins: np.ndarray) -> np.ndarray:
    import numpy as np

    padded = np.zeros((values.shape[0], values.shape[1] + 1), dtype=values.dtype)
    padded[:, :-1] = values
    result: np.ndarray = np.maximum.reduceat(padded.take(columns, axis=1), begins, axis=1)
    return result


def _located(passage: Passage) -> Iterator[Located]:
    """The sentences of a passage that say something; a heading is the context of what follows."""
    heading = content_words(passage.heading)
    last: Span | None = None
    header: list[Word] = []
    previous: Reading | None = None
    for span in passage_sentences(passage):
        text = passage.text[span.start - passage.start : span.end - passage.start]
        reading = read(readable(text, passage.file))
        if span.kind == "heading":
            heading, previous = [w for w in reading.words if w.is_content], None
            continue
        if span.kind == "row" and (last is None or last.kind != "row"):
            cut = last is None and " | " in passage.heading.rsplit(" › ", 1)[-1]
            header = [] if cut else [w for w in reading.words if w.is_content]
        context = [*heading, *(header if span.kind == "row" else [])]
        if previous is not None and refers_back(reading.text):
            context += previous.content
        last, previous = span, reading
        if reading.content or reading.quantities:
            yield Located(
                file=passage.file,
                start=span.start,
                end=span.end,
                text=text,
                passage=passage.id,
                doc_hash=passage.doc_hash,
                kind=span.kind,
                context=tuple(context),
                reading=reading,
            )


def refers_back(text: str) -> bool:
    """Whether a sentence begins with a word that only the sentence before explains."""
    return _REFERS_BACK.match(text) is not None


def index_of(passages: Sequence[Passage], embedder: Embedder) -> PassageIndex:
    """The index of these passages; the last few are kept, for claims come many to a retrieval."""
    return _INDEXES((tuple(passages), Same(embedder)))


_INDEXES: Kept[tuple[tuple[Passage, ...], Same], PassageIndex] = Kept(
    lambda key: PassageIndex(key[0], key[1].embedder),
    size=lambda key: sum(len(passage.text) for passage in key[0]),
    room=1_000_000,  # about 250 MB with all that is made of the indexes
)
