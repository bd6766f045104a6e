"""The sentences of an index by how well they answer a question."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE
from orchestrator.evidence.language.words import stem
from orchestrator.evidence.passage_index import PassageIndex
from orchestrator.evidence.selecting.fitting import PRICE_STEMS, states_price
from orchestrator.evidence.selecting.mentions import Mentions
from orchestrator.evidence.selecting.qualifying import ANSWERABLE, Qualification
from orchestrator.evidence.selecting.question import Question, adjacent, is_verb

if TYPE_CHECKING:
    import numpy as np

_TOPICAL = 0.35  # a draft on a topic needs only that the sources speak of it
_COSINE = 0.4
_ITSELF = 0.2  # what a sentence says itself counts more than what it stands under
_TYPE = 0.5
_DOES = 0.15
_BESIDE = 0.3
_OTHER_KIND = 0.6  # of a sentence without the kind of answer that the question's form shows
_ONES_OWN = frozenset(map(stem, ("private", "personal")))


class Ranking:
    """The sentences of an index by how well they answer. Indices count in `index.sentences`."""

    def __init__(self, asked: Question, index: PassageIndex) -> None:
        self.asked = asked
        self.index = index
        self.mentions = Mentions(asked, index)
        self.qualification = Qualification(self.mentions)

    @cached_property
    def cover(self) -> np.ndarray:
        """Weighted share of the subject in each sentence, 0..1."""
        result: np.ndarray = self.mentions.weights @ self.mentions.all
        return result

    @cached_property
    def scores(self) -> np.ndarray:
        """Best is highest; comparable within this ranking alone."""
        aim = self.index.embedder.embed([self.asked.text])[0]
        if not self.asked.subject:
            aim = self.index.sentence_vectors.mean(axis=0)
        cosine = self.index.sentence_vectors @ aim
        result: np.ndarray = (
            self.cover
            + _ITSELF * (self.mentions.weights @ self.mentions.own)
            + _COSINE * cosine
            + _TYPE * self.qualification.fits
            + _BESIDE * self._beside_subject()
            + _DOES * self._does()
        )
        return result

    def _does(self) -> np.ndarray:
        """How far each sentence itself says what the question says that somebody does."""
        import numpy as np

        for row, word in enumerate(self.asked.subject):
            if word is self.asked.verb:
                verb: np.ndarray = self.mentions.own[row]
                return verb
        return np.zeros(len(self.index.sentences), dtype=np.float32)

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
            if present & _ONES_OWN:
                present.add("own")
            held.append(len(stems & present) / len(stems))
        return np.array(held, dtype=np.float32)

    @cached_property
    def order(self) -> list[int]:
        """All sentences, best first; for a question those first that may answer it."""
        listed = range(len(self.scores))
        if self.asked.imperative:
            return sorted(listed, key=lambda i: (-float(self.scores[i]), i))
        return sorted(listed, key=lambda i: (not self.qualifies(i), -float(self.scores[i]), i))

    def qualifies(self, i: int) -> bool:
        """Whether the sentence may answer the question, and not merely one like it."""
        return self.qualification.qualified[i]

    @property
    def threshold(self) -> float:
        """From which share of the subject on there is an answer."""
        return _TOPICAL if self.asked.imperative else self.qualification.threshold

    def answerable(self, among: Sequence[int]) -> float:
        """For a question, how much one sentence covers; for a request, how much all do."""
        if self.asked.imperative and not self.asked.subject:
            return 1.0  # everything is its topic
        if self.asked.imperative:
            together = self.mentions.all[:, list(among)].max(axis=1, initial=0.0)
            return float(together @ self.mentions.weights)
        fitting = max((float(self.cover[i]) for i in among if self.qualifies(i)), default=0.0)
        best = max(float(self.cover[i]) for i in among)
        return fitting or min(_OTHER_KIND * best, ANSWERABLE - 0.01)

    def gain(self, i: int, chosen: Collection[int]) -> float:
        """The weighted share of the subject that a sentence adds to the chosen ones."""
        import numpy as np

        known = self.mentions.all[:, list(chosen)].max(axis=1)
        return float(self.mentions.weights @ np.maximum(self.mentions.all[:, i] - known, 0.0))

    def missing(self, among: Iterable[int]) -> str:
        """What of the subject the sources do not speak of, as a sentence."""
        subject = self.asked.subject
        together = self.mentions.all[:, list(among)].max(axis=1, initial=0.0)
        lost = [i for i in range(len(subject)) if together[i] < ALIKE]
        things = [i for i in lost if not is_verb(self.asked, subject[i])]
        if not things:
            return f"no sentence of the sources answers: {self.asked.text}"
        heaviest = max(things, key=lambda i: float(self.mentions.weights[i]))
        first = last = heaviest
        while first > 0 and adjacent(self.asked, first - 1):
            first -= 1
        while last + 1 < len(subject) and adjacent(self.asked, last):
            last += 1
        phrase = self.asked.text[subject[first].start : subject[last].end]
        return f"the sources say nothing about {phrase}"
