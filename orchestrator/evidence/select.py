"""Which sentences answer a question, and whether any does. Code selects, no model is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE
from orchestrator.evidence.language.reading import spells_out
from orchestrator.evidence.language.similarity import SYNONYM, has_synonym
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.passage_index import Located, PassageIndex, index_of, refers_back
from orchestrator.evidence.question import (
    PRICE_STEMS,
    Question,
    answers,
    ask,
    is_homograph,
    is_verb,
    measured,
    states_price,
)
from orchestrator.evidence.values import Citation, Passage
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

ANSWERABLE = 0.6
_TOPICAL = 0.35  # a draft on a topic needs only that the sources speak of it
_WHOLE = 0.8  # the head of Finance is not the head of IT: a role is meant in whole
_HEADING = 0.85
_NEIGHBOUR = 0.5
_COSINE = 0.4
_TYPE = 0.3
_BESIDE = 0.3
_VERB = 0.5  # a verb says less than a noun what is asked about
_OTHER_KIND = 0.6  # of a sentence without the kind of answer that the question's form shows
_NEAR = 0.9  # of the best score; from here on a sentence answers nearly as well
_RELATED = 0.75  # below, a sentence is about something else even if it has a missing word
_GAIN = 0.1  # of the subject that a further sentence must add
_NEAR_TOPIC = 0.4
_SAME = 0.8


@dataclass(frozen=True, slots=True)
class Selection:
    """The sentences that answer, in document order; none where there is no answer."""

    spans: tuple[Citation, ...]
    answerable: float
    """How much of what was asked the best sentence speaks of, 0..1."""
    reason: str
    """Not empty: why nothing was selected."""


def select(
    question: str,
    passages: Sequence[Passage],
    embedder: Embedder,
    *,
    limit: int,
    exclude: frozenset[str] = frozenset(),
) -> Selection:
    """The sentences of the passages that answer a question or belong to a request's topic.

    Each is scored by the share of the question's subject that it speaks of (rare words weigh
    more; its heading counts too), by its likeness as a whole, and by whether it holds what is
    asked for: a number for "how many", a date for "when", a name for "who".

    Args:
        limit: the most sentences that come back.
        exclude: texts of sentences that must not come back.
    """
    index = index_of(passages, embedder)
    asked = ask(question)
    if not index.sentences:
        return Selection((), 0.0, "there are no sources")
    ranking = _Ranking(asked, index)
    free = [i for i in ranking.order if not _is_excluded(index.sentences[i], exclude)]
    if not free:
        return Selection((), 0.0, "nothing is left that was not ruled out")
    value = ranking.answerable(free)
    if value < ranking.threshold:
        return Selection((), value, ranking.missing(free))
    if asked.kind == "name":
        free = [i for i in free if ranking.fits[i]]
    chosen = _chosen(ranking, free, limit)
    spans = [index.sentences[i].citation() for i in sorted(chosen)]
    return Selection(tuple(spans), value, "")


class _Ranking:
    """The sentences of an index by how well they answer."""

    def __init__(self, asked: Question, index: PassageIndex) -> None:
        self.asked = asked
        self.index = index

    @cached_property
    def weights(self) -> np.ndarray:
        import numpy as np

        weights = self.index.weights(self.asked.subject)
        weights *= np.array([_VERB if w is self.asked.verb else 1.0 for w in self.asked.subject])
        shares: np.ndarray = weights / (float(weights.sum()) or 1.0)
        return shares

    @cached_property
    def hits(self) -> np.ndarray:
        """How far each sentence speaks of each word of the subject, shape (words, sentences)."""
        import numpy as np

        similar = self.index.vocabulary.similarities(self.asked.subject)
        for row, word in enumerate(self.asked.subject):
            if _is_name(word):  # it is meant, and not its like
                similar[row, similar[row] < 0.999] = 0.0
        similar = np.where(similar >= ALIKE, similar, 0.0)
        own = self._best(similar, self.index.columns) * ~self._homographs()
        own = np.maximum(own, self._said_otherwise())
        context = self._best(similar, self.index.context_columns)
        known: np.ndarray = np.maximum(own, _HEADING * context)
        result: np.ndarray = np.maximum(known, _NEIGHBOUR * self._beside(own))
        return result

    def _best(self, similar: np.ndarray, columns: Sequence[np.ndarray]) -> np.ndarray:
        import numpy as np

        parts = [similar[:, c].max(axis=1, initial=0.0) for c in columns]
        return np.column_stack(parts)

    def _said_otherwise(self) -> np.ndarray:
        """What no word shows: `temperature` in "below 25 °C", `EU` in "European Union"."""
        import numpy as np

        result = np.zeros((len(self.asked.subject), len(self.index.sentences)), dtype=np.float32)
        for row, word in enumerate(self.asked.subject):
            for column, sentence in enumerate(self.index.sentences):
                if measured(word.text, sentence.reading) or spells_out(sentence.reading, word.text):
                    result[row, column] = SYNONYM
        return result

    def _homographs(self) -> np.ndarray:
        """Where a word of the subject stands only as another part of speech."""
        import numpy as np

        shape = (len(self.asked.subject), len(self.index.sentences))
        result = np.zeros(shape, dtype=np.bool_)
        for row, word in enumerate(self.asked.subject):
            for column, sentence in enumerate(self.index.sentences):
                result[row, column] = is_homograph(self.asked, word, sentence.reading)
        return result

    def _beside(self, own: np.ndarray) -> np.ndarray:
        """What the sentences before and after it in its passage speak of."""
        import numpy as np

        result = np.zeros_like(own)
        listed = self.index.sentences
        for i in range(len(listed) - 1):
            if listed[i].passage == listed[i + 1].passage and listed[i].file == listed[i + 1].file:
                result[:, i + 1] = np.maximum(result[:, i + 1], own[:, i])
                result[:, i] = np.maximum(result[:, i], own[:, i + 1])
        return result

    @cached_property
    def cover(self) -> np.ndarray:
        """Weighted share of the subject in each sentence, 0..1."""
        result: np.ndarray = self.weights @ self.hits
        return result

    @cached_property
    def fits(self) -> np.ndarray:
        """1 where the sentence holds the kind of answer that is asked for, else 0."""
        import numpy as np

        found = [answers(self.asked, s.reading) for s in self.index.sentences]
        return np.array(found, dtype=np.float32)

    @cached_property
    def scores(self) -> np.ndarray:
        aim = self.index.embedder.embed([self.asked.text])[0]
        if not self.asked.subject:
            aim = self.index.sentence_vectors.mean(axis=0)
        cosine = self.index.sentence_vectors @ aim
        result: np.ndarray = (
            self.cover + _COSINE * cosine + _TYPE * self.fits + _BESIDE * self._beside_subject()
        )
        return result

    def _beside_subject(self) -> np.ndarray:
        """The share of the words beside the subject that each sentence holds; 0 for a request."""
        import numpy as np

        stems = {word.stem for word in self.asked.beside}
        if self.asked.imperative or not stems:
            return np.zeros(len(self.index.sentences), dtype=np.float32)
        held = []
        for sentence in self.index.sentences:
            present = {w.stem for w in sentence.reading.words}
            if states_price(sentence.reading):
                present |= PRICE_STEMS
            held.append(len(stems & present) / len(stems))
        return np.array(held, dtype=np.float32)

    @cached_property
    def order(self) -> list[int]:
        return sorted(range(len(self.scores)), key=lambda i: (-float(self.scores[i]), i))

    @property
    def threshold(self) -> float:
        """From which share of the subject on there is an answer."""
        if self.asked.imperative:
            return _TOPICAL
        return _WHOLE if self.asked.kind == "name" else ANSWERABLE

    def answerable(self, among: Sequence[int]) -> float:
        """For a question, how much one sentence covers; for a request, how much all do."""
        if self.asked.imperative and not self.asked.subject:
            return 1.0  # everything is its topic
        if self.asked.imperative:
            together = self.hits[:, list(among)].max(axis=1, initial=0.0)
            return float(together @ self.weights)
        best = max(float(self.cover[i]) for i in among)
        fitting = max((float(self.cover[i]) for i in among if self.fits[i]), default=0.0)
        return fitting if self.asked.kind == "name" else max(fitting, _OTHER_KIND * best)

    def gain(self, i: int, chosen: Collection[int]) -> float:
        """The weighted share of the subject that a sentence adds to the chosen ones."""
        import numpy as np

        known = self.hits[:, list(chosen)].max(axis=1)
        return float(self.weights @ np.maximum(self.hits[:, i] - known, 0.0))

    def missing(self, among: Sequence[int]) -> str:
        """What of the subject the sources do not speak of, as a sentence."""
        subject = self.asked.subject
        together = self.hits[:, list(among)].max(axis=1, initial=0.0)
        lost = [i for i in range(len(subject)) if together[i] < ALIKE]
        if not lost:
            return f"no sentence of the sources answers: {self.asked.text}"
        things = [i for i in lost if not is_verb(self.asked, subject[i])]
        if not things:
            return f"no sentence of the sources answers: {self.asked.text}"
        heaviest = max(things, key=lambda i: float(self.weights[i]))
        first = last = heaviest
        while first > 0 and self._adjacent(first - 1):
            first -= 1
        while last + 1 < len(subject) and self._adjacent(last):
            last += 1
        phrase = self.asked.text[subject[first].start : subject[last].end]
        return f"the sources say nothing about {phrase}"

    def _adjacent(self, i: int) -> bool:
        left, right = self.asked.subject[i], self.asked.subject[i + 1]
        return self.asked.text[left.end : right.start] in (" ", "-")


def _is_name(word: Word) -> bool:
    """Whether a word of the question is a name; an abbreviation of the word lists is none."""
    capital = word.text[0].isupper() and word.start > 0
    return capital and not (word.text.isupper() and has_synonym(word.stem))


def _is_excluded(sentence: Located, exclude: frozenset[str]) -> bool:
    text = " ".join(sentence.reading.text.split())
    return any(text == " ".join(e.split()) or (e and e in text) for e in exclude)


def _chosen(ranking: _Ranking, free: Sequence[int], limit: int) -> set[int]:
    """The best sentences that are not said twice; one that refers back brings the one before.

    A question gets the best one, and a further one that is nearly as good or adds to it.
    """
    asked, sentences = ranking.asked, ranking.index.sentences
    top = ranking.scores[free[0]]
    chosen: set[int] = set()
    for i in free:
        if len(chosen) >= limit or ranking.scores[i] < top * (
            _NEAR_TOPIC if asked.imperative else _RELATED
        ):
            break
        adds = asked.imperative or not chosen or ranking.gain(i, chosen) >= _GAIN
        if not adds and ranking.scores[i] < _NEAR * top:
            continue
        if (asked.subject and ranking.cover[i] <= 0) or any(
            _says_the_same(sentences[i], sentences[j]) for j in chosen
        ):
            continue
        chosen.add(i)
        before = i - 1
        if (
            len(chosen) < limit
            and before in free
            and refers_back(sentences[i].reading.text)
            and sentences[before].passage == sentences[i].passage
        ):
            chosen.add(before)
    return chosen


def _says_the_same(left: Located, right: Located) -> bool:
    """Nearly the same words and the same amounts; two sources that differ are both of interest."""
    a, b = set(left.reading.stems), set(right.reading.stems)
    amounts = [{(q.value, q.unit) for q in s.reading.quantities} for s in (left, right)]
    return amounts[0] == amounts[1] and len(a & b) >= _SAME * max(1, len(a | b))
