"""Words of a text with their places, light stems, and which words carry content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from orchestrator.evidence.language.lexicon import IRREGULAR, KEPT_WHOLE, NUMBER_WORDS, STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_VOWEL = re.compile(r"[aeiouy]")
_SILENT_E = re.compile(r"[^aeiou][aeiou][^aeiouwxy]")
_ENDINGS_OF_ONE_ROOT = ("er", "or", "ee")


@dataclass(frozen=True, slots=True)
class Word:
    """One word; `start` and `end` are characters into the text that was read."""

    text: str
    stem: str
    start: int
    end: int

    @property
    def is_number(self) -> bool:
        """Whether `numbers.quantities` is the one to understand it."""
        return _is_number(self.text)

    @property
    def is_content(self) -> bool:
        """Whether the word says what the text is about."""
        return _is_content(self.text)


@lru_cache(maxsize=65_536)
def _is_number(text: str) -> bool:
    return text[0].isdigit() or text.lower() in NUMBER_WORDS


@lru_cache(maxsize=65_536)
def _is_content(text: str) -> bool:
    if text.isupper() and 2 <= len(text) <= 5:
        return not _is_number(text)  # IT, US, WHO
    return not _is_number(text) and text.lower().replace("’", "'") not in STOP_WORDS


def words(text: str) -> list[Word]:
    """All words in order. Hyphens and underscores separate; an apostrophe inside does not."""
    return list(_words(text))


@lru_cache(maxsize=16)
def _words(text: str) -> tuple[Word, ...]:
    """Kept for a moment: the parts of one reading ask for the same words."""
    return tuple(Word(m[0], stem(m[0]), *m.span()) for m in _WORD.finditer(text))


def content_words(text: str) -> list[Word]:
    """The words that are neither function words nor numbers."""
    return [word for word in words(text) if word.is_content]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A light stem: the forms of one word mostly share it; it need not be a word itself."""
    low = word.lower().replace("’", "'")
    if low.endswith("'s"):
        low = low[:-2]
    if low in IRREGULAR:
        low = IRREGULAR[low]
    if len(low) <= 3 or not low.isascii() or not low.isalpha() or low in KEPT_WHOLE:
        return low
    return _trim(_strip_derivation(_strip_verb(_strip_plural(low))))


def _strip_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _strip_verb(word: str) -> str:
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root != word and len(root) >= 3 and _VOWEL.search(root) and word not in KEPT_WHOLE:
            if ending == "ed" and root.endswith("i"):
                return root[:-1] + "y"
            # "caring" is of "care": had it been "car", its last letter would be doubled.
            return root + "e" if _SILENT_E.fullmatch(root) else root
    return word


def _strip_derivation(word: str) -> str:
    for ending, least in (("ation", 5), ("ment", 5), ("ness", 4), ("ly", 4)):
        if word.endswith(ending) and len(word) - len(ending) >= least:
            word = word.removesuffix(ending)
            return word[:-1] + "y" if word.endswith("i") else word
    if word.endswith(("tion", "sion")) and len(word) >= 7:
        return word[:-3]
    return word


def _trim(word: str) -> str:
    word = word.rstrip("e") if len(word) > 4 else word
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeo":
        return word[:-1]
    return word


@lru_cache(maxsize=65_536)
def same_root(left: str, right: str) -> bool:
    """Whether two different stems most likely belong to one root (`registr`, `register`)."""
    shared = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        shared += 1
    rest = (left[shared:], right[shared:])
    if shared < 5 or max(len(r) for r in rest) > 3:
        return False
    if "" in rest:
        return not any(r.startswith(_ENDINGS_OF_ONE_ROOT) for r in rest)
    return shared >= 6


def idf(texts: Iterable[Sequence[str]]) -> Mapping[str, float]:
    """Inverse document frequency of each stem, smoothed, at least 0.3 of the largest.

    `log((n + 1) / (df + 0.5))`, Robertson's form without the part that can become negative,
    scaled so that a stem that was never seen weighs 1.
    """
    counts: dict[str, int] = {}
    n = 0
    for text in texts:
        n += 1
        for item in set(text):
            counts[item] = counts.get(item, 0) + 1
    top = log((n + 1) / 0.5)
    return {item: max(0.3, log((n + 1) / (c + 0.5)) / top) for item, c in counts.items()}
