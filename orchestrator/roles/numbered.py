"""Passages as numbered sentences, so that who writes can cite by number: `p1.3`.

The quote is then taken by code, letter by letter; nobody copies it and nobody can copy it wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from orchestrator.evidence.sources.chunks import passage_sentences
from orchestrator.evidence.values import Citation, Passage
from orchestrator.roles.prompt import fence

_NUMBER = r"p\d+\.\d+"
_RANGE = rf"({_NUMBER})(?:\s*(?:-|–|\bto\b)\s*(?:p\d+\.)?(\d+))?"
_MARK = re.compile(rf"\s*[\[(]\s*{_RANGE}(?:\s*(?:[,;]|and)\s*{_RANGE})*\s*[\])]")
_CITED = re.compile(rf"\s*\[?\s*{_RANGE}(?:\s*(?:[,;]|and)\s*{_RANGE})*\s*\]?\s*")
_EACH = re.compile(_RANGE)
_MOST = 50
"""Sentences that one range may cite; no passage has more."""
_LEADING = re.compile(rf"^\s*\[{_NUMBER}\]\s*")


@dataclass(frozen=True, slots=True)
class Numbered:
    """Passages as a prompt shows them, and each number with its span of the file."""

    text: str
    spans: Mapping[str, Citation]


def numbered(passages: Sequence[Passage]) -> Numbered:
    """Every sentence of the passages with its number; a heading has none, for it proves nothing."""
    spans: dict[str, Citation] = {}
    blocks = []
    for passage in passages:
        lines, count = [], 0
        for span in passage_sentences(passage):
            quote = passage.text[span.start - passage.start : span.end - passage.start]
            shown = " ".join(quote.split())
            if span.kind != "heading":
                count += 1
                name = f"{passage.id}.{count}"
                shown = f"[{name}] {shown}"
                spans[name] = Citation(
                    file=passage.file,
                    start=span.start,
                    end=span.end,
                    quote=quote,
                    doc_hash=passage.doc_hash,
                    passage=passage.id,
                )
            lines.append(shown)
        under = {"under": passage.heading} if passage.heading else {}
        labels = {"id": passage.id, "file": passage.file, **under}
        blocks.append(fence("passage", "\n".join(lines), **labels))
    return Numbered("\n".join(blocks) or "(no passages)", MappingProxyType(spans))


def numbers_of(said: str) -> tuple[str, ...]:
    """`p1.3` → itself; `[p1.3-p1.5]` → all three; nothing where it is no number at all."""
    return _listed(said) if _CITED.fullmatch(said) else ()


def without_marks(text: str) -> tuple[str, tuple[str, ...]]:
    """A sentence without the numbers in brackets that stand in it, and those numbers."""
    marks = [name for mark in _MARK.finditer(text) for name in _listed(mark[0])]
    return _MARK.sub("", text), tuple(dict.fromkeys(marks))


def unmarked(quote: str) -> str:
    """A quote without the number that was copied with it."""
    return _LEADING.sub("", quote)


def _listed(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for match in _EACH.finditer(text):
        passage, _, first = match[1].partition(".")
        since, until = int(first), int(match[2] or first)
        # What runs backwards, or on and on, names what is not there.
        sound = since <= until < since + _MOST
        found += [f"{passage}.{n}" for n in range(since, until + 1)] if sound else [match[0]]
    return tuple(dict.fromkeys(found))
