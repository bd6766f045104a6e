"""How much of a query's words a text holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

from orchestrator.evidence.language.words import words

_K1, _B = 1.2, 0.75


def lexical_scores(query: str, texts: Sequence[str]) -> list[float]:
    """BM25 of each text (Robertson and Zaragoza 2009), divided by its upper bound: 0 to 1.

    Words are compared by their light stems; function words do not count, numbers do.
    """
    terms = set(_terms(query))
    bags = [Counter(_terms(text)) for text in texts]
    if not terms or not bags:
        return [0.0] * len(texts)
    mean = sum(bag.total() for bag in bags) / len(bags) or 1.0
    weight = {}
    for term in terms:
        df = sum(term in bag for bag in bags)
        weight[term] = log(1 + (len(bags) - df + 0.5) / (df + 0.5))
    bound = sum(weight.values()) * (_K1 + 1)
    return [
        sum(weight[t] * _saturated(bag[t], bag.total() / mean) for t in terms) / bound
        for bag in bags
    ]


def _saturated(count: int, length: float) -> float:
    return count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length)) if count else 0.0


def _terms(text: str) -> list[str]:
    return [word.stem for word in words(text) if word.is_content or word.text[0].isdigit()]
