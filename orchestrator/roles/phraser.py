"""The phraser: two spans of a verbatim draft as fluent prose, or as they stand.

A small model only joins what code has selected; what it writes must pass the same gates as any
claim, against the very spans it was given. What does not pass falls to the verbatim phraser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.language.words import words
from orchestrator.evidence.quotes import span_passage
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence
from orchestrator.project.protocols import Embedder
from orchestrator.project.registry import role
from orchestrator.roles.values import Verdict
from orchestrator.roles.work import InvalidOutputError, Work

LONGEST = 240
"""Characters of the two spans that are given to it. In trials with SmolLM2-135M, two spans of up to
200 characters passed the gates in 14 of 20 cases, two of any length in 10 of 24."""
KEPT = 0.75
"""The share of a span's content words that the prose must hold to stand for the span."""
_ECHO = re.compile(
    r"\b(?:here(?:'s| is| are)|rewritten|revised|paragraph|sentences?:|"
    r"i (?:added|made|changed|removed)|as an ai|sure,|in summary|the text|question:|facts?:)"
    r"|[{}<>]|\n\s*\n",
    re.IGNORECASE,
)
_FORCE = re.compile(
    r"\d+(?:[.,:]\d+)*|\b(?:may|might|can|cannot|must|shall|should|need|not|no|never|nobody|none|"
    r"nothing|without|only|unless|except|every|each|all|some|any|or|if|before|after|until|"
    r"at least|at most|up to|more than|less than|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[A-Z“\"(])")


@role("phraser", reads=(Draft, Verdict | None), variables=("facts",))
async def phrase(work: Work) -> Draft:
    """The draft with two of its spans phrased; in a later round, after a rejection, unchanged."""
    draft = work.one(Draft)
    verdict = work.maybe(Verdict)
    spans = () if verdict and verdict.rejected else joinable_spans(draft)
    if not spans:
        return draft
    passages = span_passages(spans)
    reply = await work.call(
        variables={"facts": " ".join(s.text for s in spans)},
        inputs={"question": work.question, "draft": " ".join(s.text for s in spans)},
        check=lambda text: phrased(text, spans, passages, work.embedder),
    )
    return with_prose(draft, spans, reply.value)


def joinable_spans(draft: Draft) -> tuple[Sentence, ...]:
    """The shortest two neighbouring evidence sentences of one subtask and file; empty where none
    are short enough for a small model to join."""
    evidence = [s for s in draft.sentences if s.kind == "evidence" and s.citations]
    pairs = [
        (a, b)
        for a, b in pairwise(evidence)
        if a.subtask == b.subtask and a.citations[0].file == b.citations[0].file
    ]
    shortest = min(pairs, key=_length, default=())
    return shortest if _length(shortest) <= LONGEST else ()


def _length(spans: Sequence[Sentence]) -> int:
    return sum(len(s.text) for s in spans)


def span_passages(spans: Sequence[Sentence]) -> tuple[Passage, ...]:
    """The quoted spans as passages, for the gates."""
    return tuple(span_passage(c) for s in spans for c in s.citations)


def phrased(
    text: str, spans: Sequence[Sentence], passages: Sequence[Passage], embedder: Embedder
) -> tuple[str, ...]:
    """The sentences of the prose, every one of them supported by the spans.

    Raises:
        InvalidOutputError: an echo of the prompt, repetition, no end, too long, or a sentence that
            the gates do not pass, with what they say.
    """
    said = text.strip()
    given = " ".join(s.text for s in spans)
    if said.split() == given.split():
        return tuple(s.text for s in spans)
    if not said:
        raise InvalidOutputError("no prose")
    if len(said) > 1.4 * len(given) + 40:
        raise InvalidOutputError(f"{len(said)} characters for {len(given)} of sources")
    echo = _ECHO.search(said)
    if echo and not _ECHO.search(given):
        raise InvalidOutputError(f"it speaks of its own writing: {echo[0].strip()!r}")
    if not re.search(r"[.!?][\"”’)]*$", said):
        raise InvalidOutputError("the last sentence has no end")
    sentences = tuple(_SENTENCE_END.split(" ".join(said.split())))
    repeated = _repetition(sentences)
    if repeated:
        raise InvalidOutputError(f"it repeats itself: {repeated!r}")
    changed = _force(said) ^ _force(given)
    if changed:
        raise InvalidOutputError(f"it adds or leaves out {', '.join(sorted(changed))}")
    # Whole words and not stems: "has led" is not what "leads" says.
    added = _forms(said) - _forms(given)
    if added:
        raise InvalidOutputError(f"it adds the words {', '.join(sorted(added))}")
    seams = _seams(sentences, spans)
    if len(seams) >= len(spans):
        raise InvalidOutputError(f"it joins what the sources do not: {', '.join(seams)}")
    prose = [Sentence(id=f"f{n}", text=s) for n, s in enumerate(sentences)]
    for claim in split_claims(prose):
        found = check_claim(claim, passages, embedder)
        if found.status != "supported":
            raise InvalidOutputError(f"{found.status}: {found.reason}")
    lost = [s.text for s in spans if _share(s.text, sentences) < KEPT]
    if len(lost) == len(spans):
        raise InvalidOutputError("it leaves out what the sources say")
    return sentences


def with_prose(draft: Draft, spans: Sequence[Sentence], prose: Sequence[str]) -> Draft:
    """The draft with the prose in place of the spans that it holds; the other spans stay.

    Each sentence of the prose carries the citations of the spans that it came from.
    """
    if [s.text for s in spans] == list(prose):
        return draft
    held = [s for s in spans if _share(s.text, prose) >= KEPT]
    written = [
        Sentence(id=f"f{n}", text=text, citations=_origins(text, spans), subtask=spans[0].subtask)
        for n, text in enumerate(prose, start=1)
    ]
    rest: list[Sentence] = []
    for sentence in draft.sentences:
        if sentence.id == spans[0].id:
            rest += written
        if sentence not in held:
            rest.append(sentence)
    return Draft(sentences=tuple(rest), verbatim=False)


def _force(text: str) -> set[str]:
    """What gives a rule its force: its numbers, and words such as may, must, not, only, up to."""
    return {m[0].lower() for m in _FORCE.finditer(text)}


def _seams(prose: Sequence[str], spans: Sequence[Sentence]) -> list[str]:
    """Neighbouring content words of the prose that are neither neighbours in a span, nor with one
    word between them. Joining two spans makes one; more means that facts were mixed."""
    held: set[tuple[str, str]] = set()
    for span in spans:
        stems = _content(span.text)
        held |= set(pairwise(stems)) | set(zip(stems, stems[2:], strict=False))
    return [f"{a} {b}" for text in prose for a, b in pairwise(_content(text)) if (a, b) not in held]


def _origins(text: str, spans: Sequence[Sentence]) -> tuple[Citation, ...]:
    """The citations of the spans that give the sentence words which no better span gives."""
    wanted = _stems(text)
    chosen: list[Sentence] = []
    while True:
        gains = [len(wanted & _stems(s.text)) if s not in chosen else 0 for s in spans]
        best = max(gains)
        if best < (2 if chosen else 1):
            break
        span = spans[gains.index(best)]
        chosen.append(span)
        wanted -= _stems(span.text)
    kept = [s for s in spans if s in chosen] or list(spans[:1])
    return tuple(c for s in kept for c in s.citations)


def _share(text: str, prose: Sequence[str]) -> float:
    """The share of a span's content words that stand in the prose."""
    own = _stems(text)
    held = set().union(*(_stems(p) for p in prose))
    return len(own & held) / len(own) if own else 1.0


def _forms(text: str) -> set[str]:
    """Its content words as they are written, in lower case."""
    return {w.text.lower() for w in words(text) if w.is_content}


def _stems(text: str) -> set[str]:
    return set(_content(text))


def _content(text: str) -> list[str]:
    return [w.stem for w in words(text) if w.is_content or w.text[0].isdigit()]


def _repetition(sentences: Sequence[str]) -> str:
    """A sentence that is said twice, or five words that are; empty where nothing is."""
    low = [s.lower() for s in sentences]
    twice = [s for s in low if low.count(s) > 1]
    if twice:
        return twice[0]
    tokens = " ".join(low).split()
    runs = [" ".join(tokens[i : i + 5]) for i in range(len(tokens) - 4)]
    return next((r for r in runs if runs.count(r) > 1), "")
