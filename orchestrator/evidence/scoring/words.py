"""Words as the scorer sees them: how rare each is, and its vector."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from math import log

from orchestrator.embedding.static_embedder import FOLDER
from orchestrator.evidence.language.lexicon import NUMBER_VALUES, STOP_WORDS
from orchestrator.evidence.language.words import stem

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")

_COMMONEST, _RAREST = 1000, 30_000  # ranks: letters and signs come before, nothing after
_LEAST = 0.05
_KEPT = 100_000
_ALL_ALONE = frozenset({"one", "hundred", "thousand", "million", "billion"})


def tokens(text: str) -> list[str]:
    """The words of a text in lower case, without a possessive `'s`."""
    return [plain(word) for word in WORD.findall(text)]


def plain(word: str) -> str:
    """One word in lower case, without a possessive `'s`."""
    if word.isalpha():  # as nearly every word
        return word.lower()
    low = word.lower().replace("’", "'")
    return low.removesuffix("'s") or low


def is_content(word: str) -> bool:
    """Whether a word in lower case says what a text is about; numbers do."""
    return word not in STOP_WORDS


def number(word: str) -> str:
    """The digits of a number word, or nothing: `1,889` is `1889`, `two` is `2`."""
    if word[0].isdigit():
        return word.replace(",", "")
    value = NUMBER_VALUES.get(word)
    return "" if value is None or word in _ALL_ALONE else str(value)


@lru_cache(maxsize=_KEPT)
def rarity(word: str) -> float:
    """How rare a word is in general English, 0.05 to 1.

    From its rank in the vocabulary of the static embedder, which is ordered by frequency: a word
    that the vocabulary does not hold as a whole is rare.
    """
    ranks = _ranks()
    rank = ranks.get(word) or ranks.get(word.removesuffix("s")) or ranks.get(stem(word))
    if rank is None:
        return 1.0
    share = (log(max(rank, _COMMONEST)) - log(_COMMONEST)) / (log(_RAREST) - log(_COMMONEST))
    return _LEAST + (1 - _LEAST) * min(share, 1.0)


@lru_cache(maxsize=1)
def _ranks() -> Mapping[str, int]:
    held = json.loads((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))
    ranks: dict[str, int] = held["model"]["vocab"]
    return ranks
