"""Which earlier part of a request a later one refers to: `the draft`, `the citations`, `it`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PRODUCTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"draft|text|document", ("draft", "chat", "code")),
    (r"citations?|sources|references|quotes", ("draft", "extract", "summarize")),
    (r"summary|overview", ("summarize",)),
    (r"results?|totals?|figures?|numbers?|sum|calculations?|amounts?|cost", ("math",)),
    (r"list|findings|items|facts|points", ("extract",)),
    (r"code|function|script|program", ("code",)),
    (r"translation", ("chat",)),
    (r"answers?|output", ("extract", "summarize", "draft", "chat", "math")),
)
_BACK = re.compile(
    r"\b(?:it|them)\b|\b(?:based on|from|using|with|of) (?:this|that|these|those)\b"
    r"|\b(?:this|that|these|those)\b(?=\s*(?:[,.;]|$|(?:in|into|to|as|for|by)\b))|\bthe above\b"
    r"|\ba (?:summary|conclusion|recap)\s*[.?!]?$",
    re.IGNORECASE,
)
_NEW = re.compile(r"\ban?\s+((?:[a-z-]+\s+){0,3}?[a-z-]+)\b", re.IGNORECASE)
_ALL = re.compile(r"\b(?:everything|all of (?:this|that|it|the above)|all the above)\b", re.I)


def referred(text: str, earlier: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """The ids of the earlier parts whose product `text` refers to, in their order.

    Args:
        earlier: (id, task, text) of the parts before it.
    """
    if not earlier:
        return ()
    if _ALL.search(text):
        return tuple(part_id for part_id, _, _ in earlier)
    found: set[str] = set()
    for words, tasks in _PRODUCTS:
        if re.search(rf"\b(?:the|that|this|these|those|its|your)\s+(?:{words})\b", text, re.I):
            by_task = [part_id for part_id, task, _ in earlier if task in tasks]
            found.update(by_task[-1:])
    for part_id, task, said in earlier:
        if task != "math" and _introduced(said) & _definite(text):
            found.add(part_id)
    if not found and _BACK.search(text) and not _own_antecedent(text):
        found.add(earlier[-1][0])
    return tuple(part_id for part_id, _, _ in earlier if part_id in found)


def _introduced(text: str) -> set[str]:
    """The nouns that a part brings up with `a` or `an`: what it is going to make."""
    return {word.lower() for match in _NEW.finditer(text) for word in match[1].split()[-1:]} | {
        word.lower() for match in _NEW.finditer(text) for word in match[1].split()[:2]
    }


def _definite(text: str) -> set[str]:
    found = re.findall(r"\b(?:the|that|this)\s+([a-z-]+)(?:\s+([a-z-]+))?", text, re.IGNORECASE)
    return {word.lower() for pair in found for word in pair if word}


def _own_antecedent(text: str) -> bool:
    """True where `it` may well mean something in the same part."""
    match = _BACK.search(text)
    return bool(match and re.search(r"\b(?:if|when|whether|that|which)\b", text[: match.start()]))
