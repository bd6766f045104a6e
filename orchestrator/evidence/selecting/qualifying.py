"""Which sentences may answer a question, and are not merely on something like it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.evidence.language.lexicon import (
    antonyms,
    exclusive,
    light_stems,
    synonyms,
    word_set,
)
from orchestrator.evidence.language.reading import Reading, clauses, read
from orchestrator.evidence.language.words import stem
from orchestrator.evidence.passage_index import Located
from orchestrator.evidence.selecting.anchors import Anchor, meets
from orchestrator.evidence.selecting.fitting import answers
from orchestrator.evidence.selecting.mentions import SPOKEN_OF, Mentions
from orchestrator.evidence.selecting.places import Places
from orchestrator.evidence.selecting.question import adjacent, is_verb

if TYPE_CHECKING:
    import numpy as np

ANSWERABLE = 0.6
"""The share of the subject of which an answer speaks, at least."""
_WHOLE = 0.8  # the head of Finance is not the head of IT: a role is meant in whole
_LOST = 0.35  # of what must be mentioned, the share that an answer may leave out
_LOST_NOUNS = 0.2
_LOST_WHETHER = 0.25  # of a question that a mere mention would seem to answer
_FIRMLY = 0.25  # the share that stands in the sentence or above it, at least
_NEAR = 0.599  # what the sentences before speak of
_HOLDS = frozenset(
    map(stem, word_set("hold handle contain accommodate comprise manage feature carry"))
)


class Qualification:
    """The sentences of an index that may answer a question. Indices count in its sentences."""

    def __init__(self, mentions: Mentions) -> None:
        self.mentions = mentions
        self.asked = mentions.asked
        self.sentences = mentions.index.sentences
        self.places = Places(mentions.index)

    @cached_property
    def fits(self) -> np.ndarray:
        """How surely each sentence holds the kind of answer that is asked for, 0..1."""
        import numpy as np

        return np.array([answers(self.asked, s) for s in self.sentences], dtype=np.float32)

    @property
    def threshold(self) -> float:
        """The share of the subject of which an answer speaks, at least."""
        return _WHOLE if self.asked.kind == "name" else ANSWERABLE

    @cached_property
    def qualified(self) -> list[bool]:
        """Whether each sentence may answer the question."""
        cover = self.mentions.weights @ self.mentions.all
        most = _LOST_WHETHER if self.asked.kind == "whether" else _LOST
        every, things = self._unheard
        return [
            bool(self.fits[i] > 0)
            and float(every[i]) <= most
            and float(things[i]) <= _LOST_NOUNS
            and float(cover[i]) >= self.threshold
            and float(self._heard_firmly[i]) >= _FIRMLY
            and self._says_it_itself[i]
            and self._says_what_is_done(i)
            and self._answers_of_it(sentence)
            and self._is_about_it(i)
            for i, sentence in enumerate(self.sentences)
        ]

    def may_contradict(self, i: int) -> bool:
        """Whether the sentence may state another answer, though it names what is meant less fully.

        "The guarantee" may be "the personal guarantee" that was spoken of; "the bank guarantee" is
        not. All else is as for an answer.
        """
        if self.qualified[i]:
            return True
        return (
            bool(self.fits[i] > 0)
            and self._is_about_it(i)
            and self._says_what_is_done(i)
            and self._only_shortens(i)
        )

    def speaks_alike(self, best: int, other: int) -> bool:
        """Whether the other sentence is as much about every word of the subject as the best is."""
        import numpy as np

        of_it = self.mentions.lasting[:, other]
        if self.places.refers[other]:
            of_it = np.maximum(of_it, self.mentions.all[:, other])
        said = self.mentions.all[:, best] >= _NEAR
        lost = [row for row, held in enumerate(of_it) if said[row] and held < SPOKEN_OF]
        brief = self.sentences[other]
        lost = [row for row in lost if not self._is_named_briefly(row, brief)]
        inside = {row for run in self._phrases for row in run}
        return not inside & set(lost) and float(self.mentions.weights[lost].sum()) <= _LOST

    # ── what it is about ─────────────────────────────────────────────────────────────────

    def _is_about_it(self, i: int) -> bool:
        """Whether the sentence is about what the question pins down, and nothing in its place."""
        sentence = self.sentences[i]
        return (
            sentence.kind != "heading"
            and not self.places.tainted[i]
            and not self.places.is_table_head(sentence)
            and not self._names_a_rival(sentence)
            and self.asked.ordinals <= {w.stem for w in sentence.reading.words}
            and all(meets(a, sentence.reading, self.places.around(i)) for a in self.asked.anchors)
        )

    def _names_a_rival(self, sentence: Located) -> bool:
        """Whether it has, in place of a word of the question, one that excludes it: daily, not
        monthly; small, not large."""
        if self.asked.kind == "whether":
            return False
        said = {w.stem for w in (*sentence.reading.words, *sentence.context)}
        own = {w.stem for w in sentence.reading.words}
        apart, near = exclusive() - antonyms(), synonyms()
        return any(
            not any(w.stem == s or (w.stem, s) in near for s in said)
            and any((w.stem, s) in apart for s in own)
            for w in self.asked.subject
            if w not in self.asked.sort and w.stem not in light_stems()
        )

    def _answers_of_it(self, sentence: Located) -> bool:
        """Where the sentence has clauses, whether one on what the question pins down answers it.

        In "Germany bears 40 percent; Italy and Sweden share the rest" no number is Sweden's.
        """
        parts = clauses(sentence.reading.text)
        named = [a for a in self.asked.anchors if a.kind != "moment"]
        if len(parts) == 1 or not named:
            return True
        of_it = [p for p in map(read, parts) if any(_mentions(p, a) for a in named)]
        return not of_it or any(answers(self.asked, replace(sentence, reading=p)) for p in of_it)

    def _says_what_is_done(self, i: int) -> bool:
        """Of who, when and why something is done only a sentence can tell that says it is done."""
        if self.asked.kind not in ("who", "when", "why"):
            return True
        if self.sentences[i].kind == "row":
            return True
        return all(
            float(self.mentions.own[row, i]) >= SPOKEN_OF
            for row, word in enumerate(self.asked.subject)
            if is_verb(self.asked, word) and word.stem not in light_stems()
        )

    @cached_property
    def _says_it_itself(self) -> list[bool]:
        """Whether each sentence itself speaks of what is asked about, and not only its neighbours.

        The first thing that a question names is what it is about; a pronoun may stand for it, and
        so may the title of a document where the sentence names whom the question names.
        """
        import numpy as np

        mentions, subject = self.mentions, self.asked.subject
        rows = np.array([s.kind == "row" for s in self.sentences])
        own = np.where(rows, mentions.firm, mentions.own).max(axis=0, initial=0.0) >= SPOKEN_OF
        modifiers = {row for run in self._phrases for row in run[:-1]}
        cores = [r for r, w in enumerate(self._required) if w > 0 and r not in modifiers]
        if cores:
            own &= (mentions.firm[cores] >= SPOKEN_OF).any(axis=0)
        things = [r for r in cores if not is_verb(self.asked, subject[r])]
        if things and not self.asked.counted:
            first = mentions.firm[things[0]] >= SPOKEN_OF
            by_title = (mentions.of_document[things[0]] > 0) & np.array(self._names_somebody)
            own &= first | np.array(self.places.refers) | by_title
        return [bool(value) for value in own]

    @property
    def _names_somebody(self) -> list[bool]:
        """Which sentences mention themselves whom or what the question names."""
        named = [a for a in self.asked.anchors if a.kind == "name"]
        return [any(_mentions(s.reading, a) for a in named) for s in self.sentences]

    # ── what it leaves out ───────────────────────────────────────────────────────────────

    @cached_property
    def _unheard(self) -> tuple[np.ndarray, np.ndarray]:
        """The share of what must be mentioned that each sentence leaves unmentioned, 0..1: of all
        words, and of those alone that say no deed.

        The words of one phrase ("mean systolic pressure") must stand together: not one in the
        sentence, and the other in the sentence before.
        """
        import numpy as np

        asked = self.asked
        heard = self.mentions.all >= SPOKEN_OF
        firm = self.mentions.lasting >= SPOKEN_OF
        for run in self._phrases:
            torn = firm[run].any(axis=0) & ~firm[run].all(axis=0)
            for i in np.flatnonzero(torn):
                for row in run:
                    if not firm[row, i] and not self._is_named_briefly(row, self.sentences[i]):
                        heard[row, i] = False
        lost = np.where(heard, 0.0, self._required[:, None])
        things = [not is_verb(asked, word) for word in asked.subject]
        return lost.sum(axis=0), lost[np.array(things, dtype=np.bool_)].sum(axis=0)

    @cached_property
    def _heard_firmly(self) -> np.ndarray:
        """The share of what must be mentioned that stands in the sentence or above it, 0..1."""
        import numpy as np

        free = self._required
        if not free.any():
            return np.ones(len(self.sentences), dtype=np.float32)
        firm = np.maximum(self.mentions.firm, self.mentions.done_in_table)
        result: np.ndarray = np.where(firm >= SPOKEN_OF, free[:, None], 0.0).sum(axis=0)
        return result

    @cached_property
    def _required(self) -> np.ndarray:
        """The weights of the words that an answer must mention; together 1, or all 0.

        What the question pins down is required anyway, and what says only what sort of thing is
        asked for may be missing.
        """
        import numpy as np

        asked = self.asked
        pinned = {w for a in asked.anchors for w in a.words}
        loose = [
            w in pinned or w in asked.sort or w.stem in light_stems() or w.stem in _HOLDS
            for w in asked.subject
        ]
        free = self.mentions.weights * ~np.array(loose, dtype=np.bool_)
        shares: np.ndarray = free / (float(free.sum()) or 1.0)
        return shares

    @cached_property
    def _phrases(self) -> list[list[int]]:
        """Runs of nouns and adjectives of the subject that follow each other directly."""
        subject = self.asked.subject
        runs: list[list[int]] = []
        for i, word in enumerate(subject):
            if is_verb(self.asked, word) or word in self.asked.sort:
                continue
            if i and runs and runs[-1][-1] == i - 1 and adjacent(self.asked, i - 1):
                runs[-1].append(i)
            else:
                runs.append([i])
        return [run for run in runs if len(run) > 1]

    def _only_shortens(self, i: int) -> bool:
        """Whether what it leaves out is part of a name that it gives in short, or stands alone."""
        sentence, inside = self.sentences[i], {r for run in self._phrases for r in run}
        lost = [row for row in self._lost(i) if not self._is_named_briefly(row, sentence)]
        return not inside & set(lost) and float(self._required[lost].sum()) <= _LOST

    def _lost(self, i: int) -> list[int]:
        """The rows of the words that an answer must mention and the sentence does not."""
        return [
            row
            for row, weight in enumerate(self._required)
            if weight > 0 and self.mentions.all[row, i] < SPOKEN_OF
        ]

    def _is_named_briefly(self, row: int, sentence: Located) -> bool:
        """Whether the head of the word's phrase stands in the sentence without any such word."""
        run = next((run for run in self._phrases if row in run[:-1]), None)
        if run is None:
            return False
        head = self.asked.subject[run[-1]].stem
        text, found = sentence.reading.text, sentence.reading.words
        return any(
            w.stem == head
            and not (k and found[k - 1].is_content and text[found[k - 1].end : w.start] == " ")
            for k, w in enumerate(found)
        )


def _mentions(reading: Reading, anchor: Anchor) -> bool:
    return anchor.words[-1].stem in {w.stem for w in reading.words}
