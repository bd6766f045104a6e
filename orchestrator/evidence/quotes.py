"""Is the quote really in the file? Letter by letter, then after folding, then elsewhere.

A quote that does not stand gets the reason: it stands in another document, it is put together from
pieces, a word of it was altered, or nothing like it is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orchestrator.evidence.quoting.misquotes import explain
from orchestrator.evidence.quoting.spans import find
from orchestrator.evidence.values import Citation, Passage, QuoteStatus

_LEAST = 12
_SENTENCE_ENDS = ".!?:;\n|"
_NONE: Mapping[str, str] = MappingProxyType({})
_AROUND = 200  # characters are enough to see where a sentence begins and ends
_TOO_SHORT = f"the quote has fewer than {_LEAST} characters and is no whole sentence"
_NEGATING = frozenset({"un", "in", "im", "il", "ir", "non", "dis"})
_LETTERS_BEFORE = re.compile(r"(?<![^\W_])[^\W\d_]{2,3}-?$")
_NUMBER_BEFORE = re.compile(r"\d[\d.,]*$|(?:^|[\s(])[-−]$")
_NUMBER_AFTER = re.compile(r"[.,]?\d[\d.,]*(?<=\d)")


def verify_quote(
    citation: Citation, text: str, others: Mapping[str, str] = _NONE, *, doc_hash: str = ""
) -> Citation:
    """The citation with its status; where it stands, re-anchored: `quote == text[start:end]`.

    `exact`: the quote stands at its place letter by letter. `normalised`: it does after NFKC and
    folding of dashes, quotation marks, white space, and words that the end of a line has cut.
    `moved`: it stands elsewhere in the text; the nearest place is taken.

    What does not stand keeps the place and the words that were claimed. `wrong_document`: it
    stands in one of `others`. `stitched`: it is made of pieces that do not follow each other, or
    leaves out a middle. `altered`: a few words or digits are not those of the text; the reason
    has both. `absent`: none of this, or fewer than 12 characters that are no whole sentence.

    A place that was looked for is none where it cuts a number (`2,500` of `12,500`) or a negation
    (`lawful` of `unlawful`) in two; one that the citation states is taken as it is.

    Args:
        text: the whole text of the cited file; offsets are code points into it.
        others: further files and their texts, in which a quote that does not stand is looked for.
        doc_hash: of the file as it is now; that the citation has another one is told.
    """
    quote, start, end = citation.quote, citation.start, citation.end
    if not quote.strip():
        return _refused(citation, "absent", "the quote is empty")
    if 0 <= start <= end <= len(text) and text[start:end] == quote:
        span = (start, end)
        if not _proves(text, start, end):
            return _refused(citation, "absent", _TOO_SHORT)
    else:
        found, cut = _place(quote, text, start)
        if found is None:
            return _explained(citation, text, others, cut)
        span = found
    return _anchored(citation, text, span, doc_hash)


def _anchored(citation: Citation, text: str, span: tuple[int, int], doc_hash: str) -> Citation:
    begin, stop = span
    quote = text[begin:stop]
    status: QuoteStatus = "exact"
    reasons = []
    if span != (citation.start, citation.end) or quote != citation.quote:
        overlap = min(stop, citation.end) - max(begin, citation.start)
        near = overlap >= 0.8 * (stop - begin) and quote != citation.quote
        status = "normalised" if near else "moved"
        reasons.append(f"the quote was found at characters {begin} to {stop}")
    update: dict[str, object] = {"start": begin, "end": stop, "quote": quote, "status": status}
    if doc_hash and citation.doc_hash != doc_hash:
        if citation.doc_hash:
            reasons.append(f"{citation.file} has changed since it was cited")
        update["doc_hash"] = doc_hash
    return citation.model_copy(update={**update, "reason": "; ".join(reasons)})


def _explained(
    citation: Citation, text: str, others: Mapping[str, str], cut: tuple[int, int] | None
) -> Citation:
    """Where the quote stands instead, or what was done to it."""
    quote, file = citation.quote, citation.file
    if len(quote.strip()) < _LEAST:
        return _refused(citation, "absent", _TOO_SHORT)
    for other, held in others.items():
        if other != file and held != text and _place(quote, held, 0)[0]:
            reason = f"the quote stands in {other}, not in {file}"
            return _refused(citation, "wrong_document", reason)
    if cut:
        return _refused(citation, "altered", _cut_in_two(text, *cut, file))
    found = explain(quote, text, file, citation.start)
    return _refused(citation, found.status, found.reason)


def _refused(citation: Citation, status: QuoteStatus, reason: str) -> Citation:
    update = {"status": status, "reason": reason, "supported": False}
    return citation.model_copy(update=update)


def _place(
    quote: str, text: str, near: int
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The nearest span that reads as the quote, proves something and cuts nothing in two; and the
    nearest that does cut."""
    cut: list[tuple[int, int]] = []

    def accept(start: int, end: int) -> bool:
        if _cut_before(text, start) or _cut_after(text, end):
            cut.append((start, end))
            return False
        return _proves(text, start, end)

    return find(quote, text, near, accept), next(iter(cut), None)


def _proves(text: str, start: int, end: int) -> bool:
    return len(text[start:end].strip()) >= _LEAST or _whole_sentence(text, start, end)


def _whole_sentence(text: str, start: int, end: int) -> bool:
    """Whether nothing but markup lies between the span and the ends of its sentence."""
    before = text[max(0, start - _AROUND) : start].rstrip(" \t*_#>-•\"'“”‘’()")
    after = text[end : end + _AROUND].lstrip(" \t*_\"'”’)")
    closed = text[start:end].rstrip()[-1:] in _SENTENCE_ENDS
    return (not before or before[-1] in _SENTENCE_ENDS) and (
        closed or not after or after[0] in _SENTENCE_ENDS
    )


def _cut_before(text: str, start: int) -> str:
    """What the beginning of the span cuts off: a part of its number, or a negation."""
    before = text[max(0, start - _AROUND) : start]
    if text[start : start + 1].isdigit():
        cut = _NUMBER_BEFORE.search(before)
        return cut[0].strip(" (") if cut else ""
    prefix = _LETTERS_BEFORE.search(before) if text[start : start + 1].isalpha() else None
    return prefix[0] if prefix and prefix[0].rstrip("-").lower() in _NEGATING else ""


def _cut_after(text: str, end: int) -> str:
    """What the end of the span cuts off its number."""
    cut = _NUMBER_AFTER.match(text, end) if text[end - 1 : end].isdigit() else None
    return cut[0] if cut else ""


def _cut_in_two(text: str, start: int, end: int, file: str) -> str:
    before, after = _cut_before(text, start), _cut_after(text, end)
    words = text[start:end].split()
    said = words[0] if before else words[-1]
    true = f"{before}{said}" if before else f"{said}{after}"
    return f"the quote is altered: it says “{said}”, {file} says “{true}”"


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
