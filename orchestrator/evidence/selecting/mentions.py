"""How far each sentence of an index speaks of each word of a question."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE
from orchestrator.evidence.language.lexicon import antonyms, negative_prefix
from orchestrator.evidence.language.paraphrase import paraphrased
from orchestrator.evidence.language.reading import read, spells_out
from orchestrator.evidence.language.similarity import SYNONYM, has_synonym
from orchestrator.evidence.language.spelling import misspelt
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.passage_index import Located, PassageIndex
from orchestrator.evidence.selecting.fitting import measured
from orchestrator.evidence.selecting.places import siblings
from orchestrator.evidence.selecting.question import Question, is_homograph, is_verb

if TYPE_CHECKING:
    import numpy as np

SPOKEN_OF = 0.45
"""From here on a sentence, or what is around it, speaks of a word."""
_HEADING = 0.85
_ABOUT = 0.7
_BEFORE = 0.6
_AFTER = 0.5
_PARAPHRASE = 0.8  # as like as what says the same in other words, or is misspelt
_FAR = 2  # sentences before it that a sentence may still be about
_VERB = 0.5  # a verb says less than a noun what is asked about
_LIGHTER = 0.15  # of a word that says only what sort of thing the answer is (`which firm`)


class Mentions:
    """Arrays of shape (words of the subject, sentences), each in 0..1."""

    def __init__(self, asked: Question, index: PassageIndex) -> None:
        self.asked = asked
        self.index = index

    @cached_property
    def weights(self) -> np.ndarray:
        """Of each word of the subject; together 1."""
        import numpy as np

        weights = self.index.weights(self.asked.subject)
        weights *= np.array([self._share(word) for word in self.asked.subject])
        shares: np.ndarray = weights / (float(weights.sum()) or 1.0)
        return shares

    def _share(self, word: Word) -> float:
        if word in self.asked.sort:
            return _LIGHTER
        return _VERB if word is self.asked.verb or is_verb(self.asked, word) else 1.0

    @cached_property
    def all(self) -> np.ndarray:
        """In the sentence, above it, beside it, or as what the whole document is about."""
        import numpy as np

        known = np.maximum(self.lasting, self._around(self.own))
        result: np.ndarray = np.maximum(known, _ABOUT * self.done_in_table)
        return result

    @cached_property
    def lasting(self) -> np.ndarray:
        """In the sentence, above it, or as what the whole document is about."""
        import numpy as np

        result: np.ndarray = np.maximum(self.firm, _ABOUT * self.of_document)
        return result

    @cached_property
    def done_in_table(self) -> np.ndarray:
        """1 where a word says what is done and the sentence is a row: a table has no verbs."""
        import numpy as np

        rows = np.array([s.kind == "row" for s in self.index.sentences])
        done = np.array([is_verb(self.asked, word) for word in self.asked.subject], dtype=np.bool_)
        result: np.ndarray = np.outer(done, rows).astype(np.float32)
        return result

    @cached_property
    def firm(self) -> np.ndarray:
        """In the sentence, its headings, or the first row of its table."""
        import numpy as np

        context = self._best(self._similar, self.index.context_columns)
        result: np.ndarray = np.maximum(self.own, _HEADING * context)
        return result

    @cached_property
    def own(self) -> np.ndarray:
        """In the sentence itself."""
        import numpy as np

        said = np.maximum(self._similar, self._paraphrases)
        own = self._best(said, self.index.columns) * ~self._homographs()
        result: np.ndarray = np.maximum(own, self._said_otherwise())
        return result

    @cached_property
    def _similar(self) -> np.ndarray:
        import numpy as np

        similar = self.index.vocabulary.similarities(self.asked.subject)
        ids = self.index.vocabulary.ids
        for row, word in enumerate(self.asked.subject):
            if _is_name(word):  # it is meant, and not its like
                similar[row, similar[row] < 0.999] = 0.0
                continue
            if meant := misspelt(word.stem, ids):
                similar[row, ids[meant]] = _PARAPHRASE
        result: np.ndarray = np.where(similar >= ALIKE, similar, 0.0)
        return result

    @cached_property
    def _paraphrases(self) -> np.ndarray:
        """Of the words of the vocabulary that may say a word of the subject in other words.

        Only a sentence speaks in them; a heading of tickets is no heading of all admissions.
        """
        import numpy as np

        ids = self.index.vocabulary.ids
        found = np.zeros((len(self.asked.subject), len(ids)), dtype=np.float32)
        for row, word in enumerate(self.asked.subject):
            if not _is_name(word):
                columns = [ids[said] for said in ids if paraphrased(word.stem, said)]
                found[row, columns] = _PARAPHRASE
        return found

    def _best(self, similar: np.ndarray, columns: Sequence[np.ndarray]) -> np.ndarray:
        import numpy as np

        parts = [similar[:, c].max(axis=1, initial=0.0) for c in columns]
        result: np.ndarray = np.column_stack(parts)
        return result

    def _said_otherwise(self) -> np.ndarray:
        """What no word shows: `temperature` in "below 25 °C", `EU` in "European Union"."""
        import numpy as np

        result = np.zeros((len(self.asked.subject), len(self.index.sentences)), dtype=np.float32)
        for row, word in enumerate(self.asked.subject):
            for column, sentence in enumerate(self.index.sentences):
                if (
                    measured(word.text, sentence.reading)
                    or spells_out(sentence.reading, word.text)
                    or self._denied(word, sentence)
                ):
                    result[row, column] = SYNONYM
        return result

    def _denied(self, word: Word, sentence: Located) -> bool:
        """Whether the sentence says the opposite, which answers the question: `rejected` where it
        is asked whether something was accepted, `unsold` for what was not sold."""
        stems = sentence.reading.stems
        turned = self.asked.kind in ("whether", "clock")  # it is open until it closes
        if turned and any((word.stem, s) in antonyms() for s in stems):
            return True
        return self.asked.negated and any(negative_prefix(word.stem, s) for s in stems)

    def _homographs(self) -> np.ndarray:
        """Where a word of the subject stands only as another part of speech."""
        import numpy as np

        shape = (len(self.asked.subject), len(self.index.sentences))
        result = np.zeros(shape, dtype=np.bool_)
        for row, word in enumerate(self.asked.subject):
            for column, sentence in enumerate(self.index.sentences):
                result[row, column] = is_homograph(self.asked, word, sentence.reading)
        return result

    @cached_property
    def of_document(self) -> np.ndarray:
        """1 where the document as a whole is about the word."""
        import numpy as np

        about = {p.file: {w.stem for w in read(p.about).words} for p in self.index.passages}
        files = [s.file for s in self.index.sentences]
        rows = [[w.stem in about[file] for file in files] for w in self.asked.subject]
        found: np.ndarray = np.array(rows, dtype=np.float32)
        return found.reshape(len(rows), len(files))

    def _around(self, own: np.ndarray) -> np.ndarray:
        """What the sentences beside it in its passage speak of; what came before counts longer."""
        import numpy as np

        result = np.zeros_like(own)
        listed = self.index.sentences
        for i in range(len(listed)):
            for j in range(max(0, i - _FAR), i):
                if listed[j].passage == listed[i].passage and not siblings(listed[j], listed[i]):
                    result[:, i] = np.maximum(result[:, i], _BEFORE * own[:, j])
            after = listed[i + 1] if i + 1 < len(listed) else None
            if after and after.passage == listed[i].passage and not siblings(listed[i], after):
                result[:, i] = np.maximum(result[:, i], _AFTER * own[:, i + 1])
        return result


def _is_name(word: Word) -> bool:
    """Whether a word of the question is a name; an abbreviation of the word lists is none."""
    capital = word.text[0].isupper() and word.start > 0
    return capital and not (word.text.isupper() and has_synonym(word.stem))
