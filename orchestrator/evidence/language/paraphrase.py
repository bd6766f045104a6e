"""Which words may say the same thing in a question and in its answer: `lend` and `borrow`.

This is looser than the synonyms of the lexicon, with which claims are checked: a sentence that
speaks of a word's paraphrase may answer, and does not yet support.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path

from orchestrator.evidence.language.lexicon import antonyms, exclusive
from orchestrator.evidence.language.words import stem

_TABLE = Path(__file__).with_name("paraphrases.txt")
_ENDINGS = {
    "anc": 4, "enc": 4, "abl": 4, "ibl": 4, "ment": 4, "nes": 4, "ship": 4, "ity": 4, "ur": 4,
    "ful": 4, "th": 4, "ag": 5, "al": 5, "ery": 5, "iv": 5, "ous": 5, "ion": 5, "y": 5,
}  # fmt: skip
"""Of nouns and adjectives of what a verb says, as stems have them, and how long the rest is at
least; none for who does it (`employer`, `employee`)."""


@lru_cache(maxsize=1)
def _classes() -> dict[str, frozenset[str]]:
    """By stem, the stems of the words that share a class with it."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            stems = {stem(word) for word in line.split()}
            for each in stems:
                found[each] |= stems - {each}
    return {each: frozenset(others) for each, others in found.items()}


def paraphrases(word: str) -> frozenset[str]:
    """The stems that may stand in a stem's place; none where no class holds it."""
    return _classes().get(word, frozenset())


@lru_cache(maxsize=65_536)
def paraphrased(asked: str, said: str) -> bool:
    """Whether a stem may say what another one asks: by class, or as its noun or adjective."""
    if asked == said:
        return True
    if (asked, said) in exclusive() and (asked, said) not in antonyms():
        return False
    return said in paraphrases(asked) or derived(asked, said)


def derived(left: str, right: str) -> bool:
    """Whether one stem is the other with the ending of a noun or an adjective."""
    short, long = sorted((left, right), key=len)
    return any(
        long.endswith(ending)
        and len(short) >= least
        and _bare(long.removesuffix(ending)) == _bare(short)
        for ending, least in _ENDINGS.items()
    )


def _bare(root: str) -> str:
    """A root without what changes before an ending: `arrive`, `arriv-al`; `plan`, `plann-ed`."""
    root = root.rstrip("e")
    return root[:-1] if root.endswith(("y", "i")) or root[-2:-1] == root[-1:] else root
