"""Opposites and denials: whether a claim says the contrary of what its source says of the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE, ClaimAligner
from orchestrator.evidence.language.lexicon import antonyms, contraries, exclusive, synonyms
from orchestrator.evidence.language.reading import Negation, Reading
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.relations.fit import Gaps
from orchestrator.evidence.relations.mentions import Mention
from orchestrator.evidence.relations.places import Field, Places

if TYPE_CHECKING:
    import numpy as np

_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "mis")
_LEAST = 4
_DENIES = re.compile(
    r"\b(?:un(?!der|i|til)|non-?|impos|inval|illeg|inel|incap|insuf|disa[bglp])\w{3}"
    r"|\b(?:only|prohibit|forbid|ban|free of|lack|fail|refus|den[iy]|avoid|prevent|few"
    r"|little|hardly|rarely|too|stop|instead|rather|unless|except|false|null)\w*",
    re.IGNORECASE,
)
"""Words by which a sentence may deny without a negation; `false` is how data says no."""
_NEAREST = 4
_HALF = 0.5
_NEAR_BY = 40  # characters


@dataclass(frozen=True, slots=True, eq=False)
class Opposite:
    """A word of the claim of which the passages have an opposite. `rival` and `own` are the parts
    of the fits of its opposites and of the word itself, shape (mentions, parts)."""

    word: Word
    places: Places
    """Of the opposites."""
    rival: np.ndarray
    own: np.ndarray

    def margin(self, weights: np.ndarray) -> tuple[float, float, int]:
        """By how much the best opposite fits better, how well the word itself does (0 where no
        passage has it), and which opposite that is."""
        fits = self.rival @ weights
        own = float((self.own @ weights).max()) if len(self.own) else 0.0
        best = int(fits.argmax())
        return float(fits[best]) - own, own, best


def opposites(gaps: Gaps) -> Iterator[Opposite]:
    """The words of a claim that may be in the place of their opposite."""
    field, named = gaps.field, gaps.reading.named
    for i, word in enumerate(gaps.reading.words):
        if word.stem in named or not (contrary := _contrary(word.stem, field)):
            continue
        gap = Mention("word", i, i + 1, word.text, (word.stem,))
        places = field.places_of(contrary)
        held = field.places_of({word.stem, *_alike().get(word.stem, ())})
        yield Opposite(word, places, gaps.fits(gap, places), gaps.fits(gap, held))


def _contrary(stem: str, field: Field) -> set[str]:
    """The stems of the passages that mean the opposite."""
    found = {other for other in _contraries().get(stem, ()) if other in field.stems}
    if len(stem) >= _LEAST:
        found |= {p + stem for p in _PREFIXES if p + stem in field.stems}
        found |= {
            stem[len(p) :]
            for p in _PREFIXES
            if stem.startswith(p) and len(stem) - len(p) >= _LEAST and stem[len(p) :] in field.stems
        }
    return found


def denial(aligner: ClaimAligner) -> tuple[float, str, int] | None:
    """By how much more of the claim stands in a sentence that denies what the claim states (or
    states what it denies) than in one that agrees on that, -1..1; the negating word, empty where
    the claim states; and the sentence's number. `None` where no near sentence is of the other
    polarity."""
    claim, sentences = aligner.claim, aligner.index.sentences
    if not claim.content or not sentences:
        return None
    near = _nearest(aligner)
    if not claim.negations and not any(sentences[n].reading.negations for n, _ in near):
        return None
    against: tuple[float, int] | None = None
    agreeing = 0.0
    for number, cover in near:
        if _same_polarity(claim, sentences[number].reading, aligner):
            agreeing = max(agreeing, cover)
        elif against is None or cover > against[0]:
            against = (cover, number)
    if against is None:
        return None
    word = claim.negations[0].word if claim.negations else ""
    return against[0] - agreeing, word, against[1]


def _nearest(aligner: ClaimAligner) -> list[tuple[int, float]]:
    """The sentences that hold most of the claim's weight, with its share, best first."""
    import numpy as np

    covers = (aligner.weights @ aligner.hits) / float(aligner.weights.sum())
    order = np.argsort(-covers, kind="stable")[:_NEAREST]
    return [(int(n), float(covers[n])) for n in order]


def _same_polarity(claim: Reading, source: Reading, aligner: ClaimAligner) -> bool:
    """Whether what one of the two denies of what both speak of, the other denies too."""
    if claim.negations:
        denied = bool(source.negations) or _denies_near(claim, source, aligner)
        return denied or _opposed(claim, source)
    theirs = [n for n in source.negations if _reached(n, claim, source, aligner)]
    return not theirs or bool(_DENIES.search(claim.text))


def _opposed(claim: Reading, source: Reading) -> bool:
    """Whether a word that the claim denies has its opposite in the sentence."""
    held = {w.stem for w in source.words}
    reached = {claim.content[i].stem for n in claim.negations for i in n.reaches}
    return any(held.intersection(_opposites().get(stem, ())) for stem in reached)


def _denies_near(claim: Reading, source: Reading, aligner: ClaimAligner) -> bool:
    """Whether a word that denies stands near a word of the sentence that the claim denies."""
    rows = sorted({i for n in claim.negations for i in n.reaches})
    words = [w for w in source.content if w.stem in aligner.index.vocabulary.ids]
    if not rows or not words:
        return False
    found = aligner.similarities[rows][:, _columns(words, aligner)].max(axis=0) >= ALIKE
    shared = [w for w, same in zip(words, found, strict=True) if same]
    return any(
        -_NEAR_BY <= match.start() - w.start <= _NEAR_BY
        for match in _DENIES.finditer(source.text)
        for w in shared
    )


def _reached(negation: Negation, claim: Reading, source: Reading, aligner: ClaimAligner) -> bool:
    """Whether at least half of the words that the sentence denies stand in the claim."""
    reached = [source.content[j] for j in sorted(negation.reaches)]
    columns = _columns(reached, aligner)
    if not columns or not claim.content:
        return False
    found = aligner.similarities[:, columns].max(axis=0) >= ALIKE
    return bool(found.mean() >= _HALF)


def _columns(words: Sequence[Word], aligner: ClaimAligner) -> list[int]:
    ids = aligner.index.vocabulary.ids
    return [ids[w.stem] for w in words if w.stem in ids]


@lru_cache(maxsize=1)
def _contraries() -> dict[str, list[str]]:
    return _grouped(antonyms() | exclusive() | contraries())


@lru_cache(maxsize=1)
def _opposites() -> dict[str, list[str]]:
    return _grouped(antonyms())


@lru_cache(maxsize=1)
def _alike() -> dict[str, list[str]]:
    return _grouped(synonyms())


def _grouped(pairs: AbstractSet[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for left, right in sorted(pairs):
        groups.setdefault(left, []).append(right)
    return groups
