"""Where the sentences of an index stand: under what, after what, in which paragraph and table."""

from __future__ import annotations

import re
from functools import cached_property

from orchestrator.evidence.passage_index import Located, PassageIndex
from orchestrator.evidence.selecting.anchors import Surroundings, surroundings
from orchestrator.evidence.selecting.telling import tainted
from orchestrator.evidence.values import Passage

_PRONOUN = re.compile(r"\b(?:it|its|they|them|their|he|him|his|she|her|this|these|those)\b", re.I)
_UNDER_HEAD = re.compile(r"[\s|]*:?-{2,}")
_BEFORE = 3  # sentences


class Places:
    """What is around each sentence. Indices count in `index.sentences`."""

    def __init__(self, index: PassageIndex) -> None:
        self.index = index

    def around(self, i: int) -> Surroundings:
        """What comes before the sentence, what it stands under, what its document is about."""
        listed, sentence = self.index.sentences, self.index.sentences[i]
        passage = self._passages[sentence.passage]
        before = [
            s.reading
            for s in listed[max(0, i - _BEFORE) : i][::-1]
            if s.passage == sentence.passage and not siblings(s, sentence)
        ]
        return surroundings(before, passage.heading, passage.about, self._names[sentence.file])

    @cached_property
    def refers(self) -> list[bool]:
        """Which sentences have a pronoun that may stand for what was spoken of before."""
        return [bool(_PRONOUN.search(s.reading.text)) for s in self.index.sentences]

    @cached_property
    def tainted(self) -> list[bool]:
        """Which sentences tell somebody what to say, or follow one that does in its paragraph."""
        listed = self.index.sentences
        paragraphs: list[list[int]] = []
        for i, sentence in enumerate(listed):
            if i and self._goes_on(listed[i - 1], sentence):
                paragraphs[-1].append(i)
            else:
                paragraphs.append([i])
        return [bad for part in paragraphs for bad in tainted([listed[i].text for i in part])]

    def _goes_on(self, before: Located, sentence: Located) -> bool:
        """Whether both stand in one paragraph."""
        if before.passage != sentence.passage or sentence.kind in ("row", "item"):
            return False
        passage = self._passages[sentence.passage]
        gap = passage.text[before.end - passage.start : sentence.start - passage.start]
        return not re.search(r"\n\s*\n|<", gap)

    def is_table_head(self, sentence: Located) -> bool:
        """Whether the sentence is the first row of a table, which names the columns."""
        if sentence.kind != "row":
            return False
        passage = self._passages[sentence.passage]
        after = passage.text[sentence.end - passage.start :]
        return bool(_UNDER_HEAD.match(after)) or "<th" in sentence.text.lower()

    @cached_property
    def _passages(self) -> dict[str, Passage]:
        return {p.id: p for p in self.index.passages}

    @cached_property
    def _names(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for s in self.index.sentences:
            found[s.file] = found.get(s.file, frozenset()) | s.reading.named
        return found


def siblings(left: Located, right: Located) -> bool:
    """Whether both are rows or both items: each speaks of its own thing."""
    return left.kind == right.kind and left.kind in ("row", "item")
