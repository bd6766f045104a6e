"""What other rows lend to a mutation: their names, places, statements and passages."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.files import ClaimRow
from orchestrator.evaluation.crosscheck.spans import names, sentences, shape
from orchestrator.evidence.language.lexicon import word_set

if TYPE_CHECKING:
    import numpy as np

_PLACE = re.compile(
    r"\b(?:in|near) (?P<name>[A-Z][a-z]{2,}(?: [A-Z][a-z]+)?)(?=[.,;]|$| (?:and|was|is|for|on)\b)"
)
_NO_PLACES = word_set(
    """
January February March April May June July August September October November December Passage
Source Sunday Monday Tuesday Wednesday Thursday Friday Saturday Spring Summer Autumn Winter This
These English
"""
)
_FEWEST, _MOST = 4, 20  # words of a statement that is appended
_OVERLAP = 0.3
_TRUE_OF_MANY = 0.85
_NEAR = 20
_VECTOR_TEXT = 4000


class Pool:
    """The rows of a file as a store of what is true elsewhere."""

    def __init__(self, rows: Sequence[ClaimRow]) -> None:
        self._rows = rows

    def name(self, form: tuple[str, int], rng: random.Random) -> str:
        """Any name of that shape; empty where there is none."""
        found = self._names.get(form)
        return rng.choice(found) if found else ""

    def place(self, rng: random.Random) -> str:
        """`in Lisbon`; empty where there is none."""
        return rng.choice(self._places) if self._places else ""

    def statement(self, row: ClaimRow, rng: random.Random) -> str:
        """A supported claim of another document, as the second half of a sentence."""
        for _ in range(20):
            other, text = rng.choice(self._statements or [(row, "")])
            if text and not set(other.passages) & set(row.passages):
                return text
        return ""

    def nearest(self, number: int) -> tuple[str, ...] | None:
        """The passages most like those of this row that do not say the same."""
        import numpy as np

        own = self._documents[self._place[number]]
        order = np.argsort(-self._vectors @ self._vectors[self._place[number]], kind="stable")
        claim = self._rows[number].claim
        for i in order[: _NEAR + 1]:
            other = self._documents[int(i)]
            if not self._overlap(own, other) and not _may_say(other, claim):
                return other
        return None

    def any_other(self, number: int, rng: random.Random) -> tuple[str, ...] | None:
        """The passages of any other document."""
        own = self._documents[self._place[number]]
        for _ in range(20):
            other = rng.choice(self._documents)
            if not self._overlap(own, other) and not _may_say(other, self._rows[number].claim):
                return other
        return None

    def _overlap(self, left: tuple[str, ...], right: tuple[str, ...]) -> bool:
        """Whether the two are one document, or excerpts of one."""
        if left == right:
            return True
        mine, theirs = (
            {s for text in side for s in sentences(text) if len(s) > 30} for side in (left, right)
        )
        return len(mine & theirs) > _OVERLAP * min(len(mine), len(theirs))

    @cached_property
    def _documents(self) -> list[tuple[str, ...]]:
        return list(dict.fromkeys(row.passages for row in self._rows))

    @cached_property
    def _place(self) -> list[int]:
        at = {passages: i for i, passages in enumerate(self._documents)}
        return [at[row.passages] for row in self._rows]

    @cached_property
    def _vectors(self) -> np.ndarray:
        """One unit vector a document, shape (documents, dimensions)."""
        from orchestrator.embedding.load import load_embedder

        return load_embedder("static").embed(
            [" ".join(passages)[:_VECTOR_TEXT] for passages in self._documents]
        )

    @cached_property
    def _names(self) -> dict[tuple[str, int], list[str]]:
        found: dict[tuple[str, int], dict[str, None]] = defaultdict(dict)
        for row in self._rows:
            for name in names(row.claim):
                found[shape(name)][name.text] = None
        return {form: list(those) for form, those in found.items()}

    @cached_property
    def _places(self) -> list[str]:
        every = (m for row in self._rows for m in _PLACE.finditer(row.claim))
        return list(dict.fromkeys(m[0] for m in every if m["name"].split()[0] not in _NO_PLACES))

    @cached_property
    def _statements(self) -> list[tuple[ClaimRow, str]]:
        found = []
        for row in self._rows:
            text = " ".join(row.claim.split()).rstrip(" .")
            plain = re.match(r"[A-Z][\w’' -]+ \w", text) and not re.search(r"[\[\]:*?!•]", text)
            if row.label != 1 or not plain or not _FEWEST <= len(text.split()) <= _MOST:
                continue
            first = text.split()[0]
            proper = any(n.start == 0 for n in names(row.claim)) or not first[1:].islower()
            common = first in _OPENERS
            if proper and not common:
                found.append((row, text))
            elif common:
                found.append((row, text[0].lower() + text[1:]))
        return found


def _may_say(passages: Sequence[str], claim: str) -> bool:
    """Whether nearly every longer word of the claim stands in the passages: what says so little
    may be true of many documents."""
    beginnings = set(_beginnings(" ".join(passages)))
    mine = _beginnings(claim)
    return sum(w in beginnings for w in mine) >= _TRUE_OF_MANY * len(mine)


def _beginnings(text: str) -> list[str]:
    """What words of four letters and more begin with, and numbers."""
    return [w[:5] for w in re.findall(r"\w{4,}|\d+", text.lower())]


_OPENERS = word_set(
    """
The A An Some Many Most
"""
)
