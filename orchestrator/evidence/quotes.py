"""Is the quote really in the file? Letter by letter, then after folding, then elsewhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.evidence.values import Citation, Passage, QuoteStatus

_LEAST = 12
_FOLDED = {
    **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
    **dict.fromkeys("‘’‚‛′ʼ＇`´", "'"),
    **dict.fromkeys("“”„‟″«»＂", '"'),
}
_DROPPED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_SENTENCE_ENDS = ".!?:;\n|"


@dataclass(frozen=True, slots=True)
class _Folded:
    """Folded text, and for each of its characters where it begins and ends in the original."""

    text: str
    starts: list[int]
    ends: list[int]


def verify_quote(citation: Citation, text: str) -> Citation:
    """The citation with its status, re-anchored so that `quote == text[start:end]`.

    `exact`: the quote stands at its place letter by letter. `normalised`: it does after NFKC and
    folding of dashes, quotation marks and white space. `moved`: it stands elsewhere in the text;
    the nearest place is taken. `absent`: it does not stand in the text, or it has fewer than
    12 characters and is not a whole sentence; the citation is then returned as it came.

    Args:
        text: the whole text of the cited file; offsets are code points into it.
    """
    quote, start, end = citation.quote, citation.start, citation.end
    if not quote.strip():
        return _absent(citation, "the quote is empty")
    at_place = 0 <= start <= end <= len(text) and text[start:end] == quote
    if at_place:
        return _anchored(citation, text, start, end, "exact")
    spans = _exact_places(quote, text) or _folded_places(quote, text)
    if not spans:
        return _absent(citation, f"the quote does not stand in {citation.file}")
    begin, stop = min(spans, key=lambda s: (abs(s[0] - start), s[0]))
    overlap = min(stop, end) - max(begin, start)
    near = overlap >= 0.8 * (stop - begin) and text[begin:stop] != quote
    return _anchored(citation, text, begin, stop, "normalised" if near else "moved")


def _anchored(citation: Citation, text: str, start: int, end: int, status: QuoteStatus) -> Citation:
    quote = text[start:end]
    if len(quote.strip()) < _LEAST and not _whole_sentence(text, start, end):
        return _absent(citation, f"the quote has fewer than {_LEAST} characters")
    reason = "" if status == "exact" else f"the quote was found at characters {start} to {end}"
    return citation.model_copy(
        update={"start": start, "end": end, "quote": quote, "status": status, "reason": reason}
    )


def _absent(citation: Citation, reason: str) -> Citation:
    return citation.model_copy(update={"status": "absent", "reason": reason, "supported": False})


def _whole_sentence(text: str, start: int, end: int) -> bool:
    """Whether nothing but markup lies between the span and the ends of its sentence."""
    before = text[:start].rstrip(" \t*_#>-•\"'“”‘’()")
    after = text[end:].lstrip(" \t*_\"'”’)")
    closed = text[start:end].rstrip()[-1:] in _SENTENCE_ENDS
    return (not before or before[-1] in _SENTENCE_ENDS) and (
        closed or not after or after[0] in _SENTENCE_ENDS
    )


def _exact_places(quote: str, text: str) -> list[tuple[int, int]]:
    return _places(quote, text)


def _places(needle: str, hay: str) -> list[tuple[int, int]]:
    found, at = [], hay.find(needle)
    while at >= 0:
        found.append((at, at + len(needle)))
        at = hay.find(needle, at + 1)
    return found


def _folded_places(quote: str, text: str) -> list[tuple[int, int]]:
    needle = _fold(quote.strip()).text.strip()
    if not needle:
        return []
    hay = _fold(text)
    return [(hay.starts[a], hay.ends[b - 1]) for a, b in _places(needle, hay.text)]


def _fold(text: str) -> _Folded:
    """NFKC by clusters of a base character and its marks, so that every place is kept."""
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    i = 0
    while i < len(text):
        j = i + 1
        while j < len(text) and unicodedata.combining(text[j]):
            j += 1
        for char in unicodedata.normalize("NFKC", text[i:j]):
            folded = " " if char.isspace() else _FOLDED.get(char, char)
            if folded in _DROPPED:
                continue
            if folded == " " and out and out[-1] == " ":
                ends[-1] = j
                continue
            out.append(folded)
            starts.append(i)
            ends.append(j)
        i = j
    return _Folded("".join(out), starts, ends)


def span_passage(citation: Citation, passages: Sequence[Passage] = ()) -> Passage:
    """The quoted span as a passage of its own, under the heading that it stands under."""
    heading = next((p.heading for p in passages if p.id == citation.passage), "")
    return Passage(
        id=f"{citation.file}:{citation.start}",
        file=citation.file,
        start=citation.start,
        end=citation.end,
        text=citation.quote,
        doc_hash=citation.doc_hash,
        heading=heading,
    )
