"""Passages taken apart into sentences that stand at exact places, ready to be compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from orchestrator.evidence._layout import BlockKind
from orchestrator.evidence.chunks import Span, passage_sentences, readable
from orchestrator.evidence.language.lexicon import general_stems, light_stems
from orchestrator.evidence.language.reading import Reading, read
from orchestrator.evidence.language.similarity import Vocabulary
from orchestrator.evidence.language.words import Word, content_words, idf
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


class PassageIndex:
    """The sentences of some passages in document order, each once, with word weights."""

    def __init__(self, passages: Sequence[Passage], embedder: Embedder) -> None:
        self.passages = tuple(passages)
        self.embedder = embedder
        found: dict[tuple[str, int, int], Located] = {}
        for passage in self.passages:
            for located in _located(passage):
                found.setdefault((located.file, located.start, located.end), located)
        order = {file: i for i, file in enumerate(dict.fromkeys(p.file for p in self.passages))}
        self.sentences = sorted(found.values(), key=lambda s: (order[s.file], s.start, s.end))
        self._idf = idf([(*s.reading.stems, *(w.stem for w in s.context)) for s in self.sentences])

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
        share = min(1.0, len(self.sentences) / _MANY_SENTENCES)
        rarity = 1 - share * (1 - self._idf.get(stem, 1.0))
        if stem in light_stems():
            return rarity * _LIGHT
        return rarity * (_GENERAL if stem in general_stems() else 1.0)

    def weights(self, words: Sequence[Word]) -> np.ndarray:
        """`weight` of each word."""
        import numpy as np

        return np.array([self.weight(w.stem) for w in words], dtype=np.float32)


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
            header = [w for w in reading.words if w.is_content]
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
    return _index(tuple(passages), _Same(embedder))


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """An embedder as a key: embedders of one name give the same vectors."""

    embedder: Embedder

    def __hash__(self) -> int:
        return hash(self.embedder.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.embedder.name == self.embedder.name


@lru_cache(maxsize=16)
def _index(passages: tuple[Passage, ...], same: _Same) -> PassageIndex:
    return PassageIndex(passages, same.embedder)
