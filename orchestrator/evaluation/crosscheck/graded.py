"""An answer against what its question declares: facts, citations, length, or why there is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from orchestrator.evaluation.crosscheck.asked import Asked, AskedFolder, Place
from orchestrator.evaluation.expectations import quotes_exact
from orchestrator.evidence.numbers import Quantity, agrees, quantities
from orchestrator.evidence.passage_index import refers_back
from orchestrator.evidence.sources.chunks import document_sentences, readable, sentences
from orchestrator.evidence.sources.documents import Document
from orchestrator.evidence.values import Citation
from orchestrator.types import AbstainCause, VerdictName

CITED = 0.5
"""The share of a gold span's characters from which it counts as cited, and the least precision of
correct citations."""
_MARK = re.compile(r"\[(\d+)\]")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_CALCULATED = re.compile(r"\s[=×]\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What an answer says; of the whole answer only what is graded."""

    text: str
    verdict: VerdictName | None
    cause: AbstainCause | None = None
    reason: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """One answer, graded."""

    asked: Asked
    given: Given
    lacking: tuple[str, ...] = ()
    """Facts that the answer should hold and does not."""
    unwanted: tuple[str, ...] = ()
    """Facts that it must not hold and does."""
    sentences: int = 0
    recall: float | None = None
    """The mean share of each gold span's characters that is cited; of an answer, or of both sides
    of a conflict."""
    precision: float | None = None
    """The share of the cited characters that stand in sentences of gold spans, or of those allowed
    besides."""
    cited: bool = False
    """Whether every fact is cited where it stands, and little else is."""
    unsupported: tuple[str, ...] = ()
    """Sentences of an answer that is given which nothing of the declared spans carries."""
    error: str = ""
    """Why there is no answer to grade."""

    @property
    def abstained(self) -> bool:
        return self.given.verdict == "abstained"

    @property
    def right(self) -> bool:
        """Answered correctly with correct citations, or abstained for the right reason."""
        if self.error:
            return False
        if self.asked.outcome == "abstain":
            return self.abstained and self.given.cause == self.asked.cause
        return not self.abstained and not self.why

    @property
    def why(self) -> tuple[str, ...]:
        """What is wrong with it, in words."""
        if self.error:
            return (self.error,)
        if self.asked.outcome == "abstain":
            if not self.abstained:
                return ("answered",)
            wrong = self.given.cause != self.asked.cause
            return (f"cause {self.given.cause}, not {self.asked.cause}",) if wrong else ()
        if self.abstained:
            return (f"abstained: {self.given.reason}",)
        return (
            *(f"lacks {fact}" for fact in self.lacking),
            *(f"holds {fact}" for fact in self.unwanted),
            *([f"{self.sentences} sentences"] if self.sentences > self.asked.longest else []),
            *([] if self.cited else ["citations"]),
        )


def grade(folder: AskedFolder, asked: Asked, given: Given) -> Graded:
    """Grade an answer. The cited files are read anew."""
    gold, also = folder.places(asked.spans), folder.places(asked.also)
    allowed = _whole(folder, (*gold, *also))
    broken = {f.expected for f in quotes_exact(given.citations)}
    recall = _mean(_covered(p, given.citations) for p in gold)
    precision = _precision(given.citations, allowed)
    if given.verdict == "abstained":
        return Graded(
            asked=asked, given=given, recall=recall if asked.cause == "conflict" else None
        )
    text = _MARK.sub("", given.text)
    lacking = tuple(forms[0] for forms in asked.facts if not any(holds(text, f) for f in forms))
    return Graded(
        asked=asked,
        given=given,
        lacking=lacking,
        unwanted=tuple(fact for fact in asked.forbidden if holds(text, fact)),
        sentences=len(_statements(given.text)),
        recall=recall,
        precision=precision,
        cited=not broken
        and (precision or 0.0) >= CITED
        and _well_cited(asked, given.citations, gold, also),
        unsupported=tuple(_unsupported(asked, given, allowed, broken)),
    )


def holds(text: str, fact: str) -> bool:
    """Whether a text states a fact: in these words, or as an amount of that value and unit."""
    if re.search(rf"(?<!\w){re.escape(fold(fact))}(?!\w)", fold(text)):
        return True
    wanted = _amount(fact)
    return wanted is not None and any(
        agrees(wanted, q) and bool(wanted.unit) == bool(q.unit) for q in _read(text)
    )


def fold(text: str) -> str:
    """NFKC, no difference of case, white space, dashes and curly apostrophes."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", text)).replace("’", "'")
    return " ".join(plain.casefold().split())


@lru_cache(maxsize=1024)
def _amount(fact: str) -> Quantity | None:
    """The fact as a quantity, where it is one and nothing else."""
    found = quantities(fact)
    whole = len(found) == 1 and not fact.replace(found[0].text.strip(), "").strip()
    return found[0] if whole else None


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Quantity, ...]:
    return tuple(quantities(readable(text)))


@lru_cache(maxsize=64)
def _statements(text: str) -> tuple[str, ...]:
    """The sentences of an answer with their marks; headings state nothing."""
    found: list[str] = []
    for span in sentences(text):
        said = text[span.start : span.end]
        if span.kind == "heading":
            continue
        if found and not re.search(r"\w", _MARK.sub("", said)):
            found[-1] += f" {said}"  # the marks of the sentence before
        elif found and (mark := re.match(r"(?:\[\d+\]\s*)+", said)):
            found[-1] += f" {mark[0]}"
            found.append(said[mark.end() :])
        else:
            found.append(said)
    return tuple(found)


def _unsupported(
    asked: Asked, given: Given, allowed: Sequence[Place], broken: set[str]
) -> Iterable[str]:
    """Sentences with a forbidden fact, or without a citation that stands in a declared span.

    A calculation has none of its own; it is unsupported where its result is none of the facts.
    """
    for said in _statements(given.text):
        text = _MARK.sub("", said)
        numbers = [int(m[1]) for m in _MARK.finditer(said)]
        own = [given.citations[n - 1] for n in numbers if 0 < n <= len(given.citations)]
        good = any(c.quote not in broken and _overlap(c, p) > 0 for c in own for p in allowed)
        if not own and _CALCULATED.search(text):
            result = text.rpartition("=")[2]
            good = any(holds(result, form) for forms in asked.facts for form in forms)
        if not good or any(holds(text, fact) for fact in asked.forbidden):
            yield text.strip()


def _whole(folder: AskedFolder, places: Sequence[Place]) -> list[Place]:
    """The sentences that these places stand in, for a sentence is the least that is cited; and of
    one that begins with `It`, `They`, … the sentence before, which says what is meant."""
    found = list(places)
    for document in folder.documents.values():
        own = [p for p in places if p.path == document.file]
        spans = document_sentences(document) if own else []
        for before, span in pairwise([spans[0], *spans] if spans else []):
            if any(p.start < span.end and span.start < p.end for p in own):
                text = document.text[span.start : span.end]
                start = before.start if refers_back(text) else span.start
                found.append(_place(document, start, span.end))
    return found


def _place(document: Document, start: int, end: int) -> Place:
    return Place(path=document.file, start=start, end=end, text=document.text[start:end])


def _well_cited(
    asked: Asked, citations: Sequence[Citation], gold: Sequence[Place], also: Sequence[Place]
) -> bool:
    """Whether every gold span is cited, or what is cited of all declared spans holds every fact."""
    if all(_covered(place, citations) >= CITED for place in gold):
        return True
    said = " ".join(p.text for p in (*gold, *also) if _covered(p, citations) >= CITED)
    return all(any(holds(said, form) for form in forms) for forms in asked.facts)


def _covered(place: Place, citations: Sequence[Citation]) -> float:
    """The share of a place's characters that the citations cover."""
    held: set[int] = set()
    for c in citations:
        if c.file == place.path:
            held.update(range(max(c.start, place.start), min(c.end, place.end)))
    return len(held) / (place.end - place.start)


def _precision(citations: Sequence[Citation], allowed: Sequence[Place]) -> float | None:
    cited = {(c.file, i) for c in citations for i in range(c.start, c.end)}
    held = {(p.path, i) for p in allowed for i in range(p.start, p.end)}
    return len(cited & held) / len(cited) if cited else (1.0 if not allowed else None)


def _overlap(citation: Citation, place: Place) -> int:
    if citation.file != place.path:
        return 0
    return max(0, min(citation.end, place.end) - max(citation.start, place.start))


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
