"""A draft against what its checkers found: what stays, what goes, and what is left as an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.values import Citation, Claim, ClaimCheck, Draft, Sentence
from orchestrator.roles.values import Checks, CitationReport

STILL = 0.8
"""The share of the disputed sentence's words of the question that another must hold to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a draft's sentences."""

    kept: tuple[Sentence, ...]
    checks: tuple[ClaimCheck, ...]
    """The findings on all claims, calculations included."""
    rejected: tuple[ClaimCheck, ...]
    """Claims that are not supported, and sentences whose citations do not carry them."""
    disputed: tuple[tuple[Citation, Citation], ...]
    """Pairs of spans, each proven letter by letter, that contradict each other."""
    still_answers: bool
    """Whether what is kept answers the question without the disputed sentences."""
    lost: tuple[str, ...]
    """Headings of subtasks of which nothing is left."""

    @property
    def answers(self) -> bool:
        return any(s.kind != "heading" for s in self.kept)

    def summary(self) -> str:
        """Why sentences were rejected, and for which subtasks nothing is left."""
        why = [f"{_short(c.text)!r}: {c.reason or c.status}" for c in self.rejected[:3]]
        more = len(self.rejected) - len(why)
        said = "; ".join(why) + (f"; and {more} more" if more > 0 else "")
        gone = f"nothing supported was found for: {'; '.join(self.lost)}" if self.lost else ""
        return ". ".join(part for part in (gone, f"rejected {said}" if said else "") if part)

    def dispute(self) -> str:
        """The sources that disagree, both quoted."""
        pairs = {
            frozenset({(c.file, c.start) for c in pair}): (
                f'{pair[0].file} says "{_flat(pair[0].quote)}", '
                f'{pair[1].file} says "{_flat(pair[1].quote)}"'
            )
            for pair in reversed(self.disputed)
        }
        return "the sources disagree: " + "; ".join(list(pairs.values())[::-1][:3])


def judge(draft: Draft, checks: Checks, report: CitationReport, question: str) -> Judgement:
    """What the checker and the citation validator leave of a draft."""
    cited = {s.id: s.citations for s in report.sentences}
    by_claim = {c.claim: c for c in checks.checks}
    claims: dict[str, list[Claim]] = {}
    for claim in split_claims(draft):
        claims.setdefault(claim.sentence, []).append(claim)
    kept: list[Sentence] = []
    rejected: list[ClaimCheck] = []
    findings: list[ClaimCheck] = []
    disputed: list[tuple[Sentence, tuple[Citation, Citation]]] = []
    for sentence in draft.sentences:
        if sentence.kind in ("heading", "connective"):
            kept.append(sentence)
            continue
        own = cited.get(sentence.id, sentence.citations)
        found = _findings(sentence, claims.get(sentence.id, []), by_claim)
        wrong = [c for c in found if c.status != "supported"]
        bad = _bad_citations(sentence, own)
        findings += found
        rejected += wrong + bad + _whole(sentence, wrong)
        good = tuple(c for c in own if _is_good(c))
        for check in wrong:
            disputed += [(sentence, pair) for pair in _disputes(check, own)]
        if not wrong and (good or not bad):
            kept.append(sentence.model_copy(update={"citations": good}))
    cleaned = _without_empty_headings(kept)
    return Judgement(
        kept=cleaned,
        checks=tuple(findings),
        rejected=tuple(rejected),
        disputed=tuple(pair for _, pair in disputed),
        still_answers=_still_answers(cleaned, [s for s, _ in disputed], question),
        lost=tuple(s.text for s in draft.sentences if s.kind == "heading" and s not in cleaned),
    )


def _findings(
    sentence: Sentence, claims: Sequence[Claim], by_claim: Mapping[str, ClaimCheck]
) -> list[ClaimCheck]:
    """One finding for each claim that must be checked; a missing one is unsupported."""
    if sentence.calculation:
        missing = ClaimCheck(
            claim=sentence.id, text=sentence.text, status="unsupported", reason="no verdict"
        )
        return [by_claim.get(sentence.id, missing)]
    return [
        by_claim.get(c.id)
        or ClaimCheck(claim=c.id, text=c.text, status="unsupported", reason="no verdict")
        for c in claims
        if c.checkworthy
    ]


def _whole(sentence: Sentence, wrong: Sequence[ClaimCheck]) -> list[ClaimCheck]:
    """The sentence itself, where none of its wrong claims stands in it word for word."""
    if not wrong or any(c.text in sentence.text for c in wrong):
        return []
    return [wrong[0].model_copy(update={"claim": sentence.id, "text": sentence.text})]


def _bad_citations(sentence: Sentence, citations: Sequence[Citation]) -> list[ClaimCheck]:
    """What is wrong with a sentence's citations, as findings on the sentence."""
    if sentence.kind != "evidence":
        return []
    reasons = [c.reason or "the citation does not carry it" for c in citations if not _is_good(c)]
    if not citations:
        reasons = ["it cites nothing"]
    return [
        ClaimCheck(
            claim=sentence.id,
            text=sentence.text,
            status="unsupported",
            reason=reason,
            by="citations",
        )
        for reason in reasons
    ]


def _is_good(citation: Citation) -> bool:
    return citation.status not in (None, "absent") and citation.supported is True


def _disputes(check: ClaimCheck, own: Sequence[Citation]) -> list[tuple[Citation, Citation]]:
    """Where the sentence's own quote stands and another span says otherwise."""
    against = check.against
    if check.status != "contradicted" or against is None:
        return []
    standing = [c for c in own if c.status not in (None, "absent") and not _overlap(c, against)]
    return [(standing[0], against)] if standing and not _overlaps_any(own, against) else []


def _overlaps_any(citations: Sequence[Citation], other: Citation) -> bool:
    return any(_overlap(c, other) for c in citations)


def _overlap(a: Citation, b: Citation) -> bool:
    return a.file == b.file and a.start < b.end and b.start < a.end


def _still_answers(kept: Sequence[Sentence], disputed: Sequence[Sentence], question: str) -> bool:
    """Whether a kept sentence says as much on the question as the best disputed one did."""
    rest = [s for s in kept if s.kind == "evidence" or s.calculation]
    if not rest:
        return False
    words = _words(question)
    if not disputed or not words:
        return True
    best = max(len(words & _words(s.text)) for s in disputed)
    return max(len(words & _words(s.text)) for s in rest) >= STILL * best


def _words(text: str) -> set[str]:
    from orchestrator.evidence.language.words import words

    return {w.stem for w in words(text) if w.is_content}


def _without_empty_headings(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    filled = {s.subtask for s in sentences if s.kind != "heading"}
    return tuple(s for s in sentences if s.kind != "heading" or s.subtask in filled)


def _short(text: str) -> str:
    flat = _flat(text)
    return flat if len(flat) <= 80 else flat[:79].rsplit(" ", 1)[0] + "…"


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
