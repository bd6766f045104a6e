"""A draft as claims: one statement each, split only where each part has a subject and a verb."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.evidence.chunks import readable, sentences
from orchestrator.evidence.language.lexicon import word_set
from orchestrator.evidence.language.words import stem, words
from orchestrator.evidence.values import Claim, Draft, Sentence

_CUT = re.compile(r";\s+|,?\s+(?:and|but|while|whereas)\s+", re.IGNORECASE)
_SUBJECT = re.compile(
    r"(?:the|an?|each|every|all|any|no|most|some|both|our|your|their|its|[A-Z][\w’'-]*"
    r"|[a-z]*(?:s|people|children|men|staff))\b"
)
_CONDITION = re.compile(
    r"(?:if|when|unless|although|though|because|since|while|where|after|before|once|whether|as)\b",
    re.IGNORECASE,
)
_REFERS_BACK = re.compile(
    r"(?:it|they|he|she|this|these|that|those|which|who|so|then|its|their|his|her)\b", re.I
)
_GREETING = re.compile(
    r"(?:hello|hi|dear|thanks?|thank you|sure|certainly|of course|you'?re welcome|best regards"
    r"|i hope|let me know|here (?:is|are)|the following|in (?:summary|conclusion|short)[,:]?$"
    r"|to summari[sz]e[,:]?$|according to the (?:sources|passages|documents)[,:]?$"
    r"|based on the (?:sources|passages|documents)[,:]?$|as follows)",
    re.IGNORECASE,
)
_AUXILIARIES = word_set(
    """
is are was were has have had does do did will would can could may might must shall should cannot
isn't aren't wasn't weren't hasn't haven't doesn't don't didn't won't can't mustn't
"""
)
_VERBS = frozenset(
    stem(verb)
    for verb in word_set(
        """
receives gets pays opens closes costs applies requires includes contains works needs provides
offers starts begins ends lasts covers grants allows permits prohibits forbids supports uses takes
gives keeps holds makes sells buys owns runs leads manages reports approves rejects decides asks
says states employs hires builds founded wrote won lost became remains stays rises falls increases
decreases grows shrinks expires returns sends stores deletes creates writes reads shows explains
produces causes treats prevents reduces improves belongs depends consists lies stands serves
"""
    )
)
_MODIFIERS_BEFORE_VERB = 6


def split_claims(draft: Draft | Sequence[Sentence]) -> tuple[Claim, ...]:
    """The claims of the sentences in order, with the citations of their sentence.

    Headings, connectives, greetings and questions are claims that are not worth checking. A
    sentence with a calculation makes none: it is calculated again instead.
    """
    listed = draft.sentences if isinstance(draft, Draft) else draft
    return tuple(
        claim for sentence in listed if sentence.calculation is None for claim in _claims(sentence)
    )


def _claims(sentence: Sentence) -> Iterator[Claim]:
    evidence = sentence.kind == "evidence"
    spans = sentences(sentence.text) if evidence else []
    parts = [
        (part, evidence and span.kind != "heading" and _is_checkworthy(part))
        for span in spans
        for part in _split(" ".join(readable(sentence.text[span.start : span.end]).split()))
    ]
    for number, (text, checkworthy) in enumerate(parts or [(sentence.text, False)], start=1):
        yield Claim(
            id=f"{sentence.id}.{number}",
            sentence=sentence.id,
            text=text,
            citations=sentence.citations,
            checkworthy=checkworthy,
        )


def _is_checkworthy(text: str) -> bool:
    """Whether the text states something: at least two words of content or a number."""
    if text.endswith("?") or _GREETING.match(text) or text.endswith(":"):
        return False
    found = words(text)
    return any(w.is_number for w in found) or sum(w.is_content for w in found) >= 2


def _split(text: str) -> list[str]:
    """The coordinated main clauses of one sentence, or the sentence as it is."""
    if _CONDITION.match(text):
        return [text]
    parts, start = [], 0
    for cut in _CUT.finditer(text):
        left, right = text[start : cut.start()], text[cut.end() :]
        if text[: cut.start()].count("(") > text[: cut.start()].count(")"):
            continue
        if _CONDITION.search(left) or _REFERS_BACK.match(right) or _CONDITION.match(right):
            continue
        if _is_clause(left) and _is_clause(right):
            parts.append(left.rstrip(" ,;") + ".")
            start = cut.end()
    rest = text[start:]
    return [*parts, rest[:1].upper() + rest[1:] if parts else rest]


def _is_clause(text: str) -> bool:
    """Whether the text begins with a subject that a finite verb follows soon."""
    text = text.split(";")[0]
    found = [w for w in words(text) if text[w.end : w.end + 4] != " of "]
    found = found[: _MODIFIERS_BEFORE_VERB + 1]
    if not _SUBJECT.match(text) or len(found) < 3:
        return False
    return any(
        w.text.lower() in _AUXILIARIES or (w.stem in _VERBS and i > 0)
        for i, w in enumerate(found[1:], start=1)
    )
