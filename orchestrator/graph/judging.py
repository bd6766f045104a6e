"""A draft against what its checkers found: what stays, what goes, and what is left as an answer.

Nothing is written here. A sentence stays as it is, or only those of its parts that were checked and
supported each on its own, or it goes. A finding counts for the very text that it was made of: who
rewrites a sentence after the check has rewritten it into one that nobody has checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.values import (
    STANDING,
    Citation,
    Claim,
    ClaimCheck,
    Draft,
    Passage,
    Sentence,
)
from orchestrator.graph.disputes import Dispute, disputes, flat, quoted, undecided
from orchestrator.roles.values import Checks, CitationReport
from orchestrator.types import EFFORTS

NOTHING = "nothing supported was found"
UNCHECKED = "no verdict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a draft's sentences."""

    kept: tuple[Sentence, ...]
    checks: tuple[ClaimCheck, ...]
    """The findings on all claims, calculations included."""
    rejected: tuple[ClaimCheck, ...]
    """Claims that are not supported, and sentences whose citations do not carry them."""
    lost: tuple[Sentence, ...]
    """Sentences of which nothing stays."""
    disputed: tuple[Dispute, ...]
    undecided: frozenset[str]
    """Subtasks whose question only the disputed sentences answer."""
    gaps: dict[str, str]
    """Subtask of which nothing is left → why."""

    @property
    def answers(self) -> bool:
        return any(s.kind != "heading" for s in self.kept)

    def summary(self) -> str:
        """Why sentences were rejected."""
        why = [f"{_short(c.text)!r}: {c.reason or c.status}" for c in self.rejected[:3]]
        more = len(self.rejected) - len(why)
        return "rejected " + "; ".join(why) + (f"; and {more} more" if more > 0 else "")

    def dispute(self) -> str:
        """The sources that disagree on what was asked, both quoted."""
        return quoted(self._deciding)

    @property
    def spans(self) -> tuple[Citation, ...]:
        """The spans on both sides of these disputes, each once."""
        both = [c for d in self._deciding for c in (d.own, d.against)]
        return tuple({(c.file, c.start, c.end): c for c in both}.values())

    @property
    def _deciding(self) -> list[Dispute]:
        return [d for d in self.disputed if d.sentence.subtask in self.undecided]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known of one sentence."""

    sentence: Sentence
    claims: tuple[Claim, ...]
    """Worth checking; the whole sentence first where it has parts."""
    checks: tuple[ClaimCheck, ...]
    """One for each claim."""
    citations: tuple[Citation, ...]

    @property
    def wrong(self) -> list[ClaimCheck]:
        return [c for c in self.checks if c.status != "supported"]


def judge(
    draft: Draft,
    checks: Checks,
    report: CitationReport,
    question: str,
    passages: Sequence[Passage] = (),
) -> Judgement:
    """What the checker and the citation validator leave of a draft.

    At effort `none` all of it, at `quotes` what cites quotes that stand; from `scorer` on what is
    supported, which no claim is that nobody could verify.

    Args:
        passages: for what is known of the documents' dates.
    """
    by_claim = {c.claim: c for c in checks.checks}
    cited = {(s.id, s.text): s.citations for s in report.sentences}
    claims: dict[str, list[Claim]] = {}
    for claim in split_claims(draft):
        claims.setdefault(claim.sentence, []).append(claim)
    kept: list[Sentence] = []
    lost: list[Sentence] = []
    rejected: list[ClaimCheck] = []
    findings: list[ClaimCheck] = []
    disputed: list[Dispute] = []
    scored = EFFORTS.index(checks.effort) >= EFFORTS.index("scorer")
    for sentence in draft.sentences:
        if sentence.kind in ("heading", "connective") or checks.effort == "none":
            kept.append(sentence)
            continue
        own = cited.get((sentence.id, sentence.text), sentence.citations)
        if not scored and not sentence.calculation:
            quoting = tuple(c for c in own if c.status in STANDING)
            kept += [sentence.model_copy(update={"citations": quoting})] if quoting else []
            bad = [] if quoting else _bad_citations(sentence, own, scored)
            rejected += bad
            lost += [sentence] if bad else []
            continue
        found = _found(sentence, claims.get(sentence.id, []), by_claim, own)
        stays, wrong = _left(found)
        findings += found.checks
        rejected += wrong
        kept += stays
        lost += [] if stays or not wrong else [sentence]
        for check in found.wrong:
            disputed += disputes(sentence, check, own, passages)
    open_parts = undecided(draft, kept, [d.sentence for d in disputed], question)
    left = without_empty_headings([s for s in kept if s.subtask not in open_parts])
    return Judgement(
        kept=left,
        checks=tuple(findings),
        rejected=tuple(rejected),
        lost=tuple(lost),
        disputed=tuple(disputed),
        undecided=open_parts,
        gaps=_gaps(draft, left, disputed, open_parts),
    )


def without_empty_headings(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """The sentences without headings under which nothing stands."""
    filled = {s.subtask for s in sentences if s.kind != "heading"}
    return tuple(s for s in sentences if s.kind != "heading" or s.subtask in filled)


def _found(
    sentence: Sentence,
    claims: Sequence[Claim],
    by_claim: Mapping[str, ClaimCheck],
    own: tuple[Citation, ...],
) -> _Found:
    if sentence.calculation:
        whole = Claim(id=sentence.id, sentence=sentence.id, text=sentence.text)
        return _Found(sentence, (whole,), (_finding(whole, by_claim),), own)
    worth = tuple(c for c in claims if c.checkworthy)
    return _Found(sentence, worth, tuple(_finding(c, by_claim) for c in worth), own)


def _finding(claim: Claim, by_claim: Mapping[str, ClaimCheck]) -> ClaimCheck:
    """What was found of this very text; a claim that nobody has looked at is not verified."""
    held = by_claim.get(claim.id)
    if held is not None and flat(held.text) == flat(claim.text):
        return held
    return ClaimCheck(
        claim=claim.id, text=claim.text, status="unverified", reason=UNCHECKED, kind="no_verdict"
    )


def _left(found: _Found) -> tuple[list[Sentence], list[ClaimCheck]]:
    """What of the sentence stays, and what is held against the rest."""
    sentence, wrong = found.sentence, found.wrong
    good = tuple(c for c in found.citations if _is_good(c))
    bad = _bad_citations(sentence, found.citations)
    if not found.claims and not sentence.citations:
        return [], []  # it states nothing, and nobody misses it
    if not wrong and (good or not bad):
        return [sentence.model_copy(update={"citations": good})], bad
    return _parts(found, good), [*wrong, *bad, *_whole(sentence, wrong)]


def _parts(found: _Found, good: Sequence[Citation]) -> list[Sentence]:
    """The supported parts of a sentence that is not right as a whole, each on its own.

    A part stands on the citations of its author that carry the whole, else on the span that its
    checker found to carry it.
    """
    parts = [
        (claim, check)
        for claim, check in zip(found.claims, found.checks, strict=True)
        if claim.part_of
    ]
    if len(parts) < 2 or not found.wrong:
        return []
    kept = []
    for claim, check in parts:
        held = tuple(good) or _proving(check)
        if check.status == "supported" and held:
            kept.append(
                found.sentence.model_copy(
                    update={"id": claim.id, "text": claim.text, "citations": held}
                )
            )
    return kept


def _proving(check: ClaimCheck) -> tuple[Citation, ...]:
    if check.against is None:
        return ()
    update = {"status": "exact", "supported": True, "afterwards": True, "reason": ""}
    return (check.against.model_copy(update=update),)


def _whole(sentence: Sentence, wrong: Sequence[ClaimCheck]) -> list[ClaimCheck]:
    """The sentence itself, where none of its wrong claims stands in it word for word."""
    if not wrong or any(c.text in sentence.text for c in wrong):
        return []
    return [wrong[0].model_copy(update={"claim": sentence.id, "text": sentence.text})]


def _bad_citations(
    sentence: Sentence, citations: Sequence[Citation], scored: bool = True
) -> list[ClaimCheck]:
    """What is wrong with a sentence's citations, as findings on the sentence."""
    if sentence.kind != "evidence":
        return []
    bad = [c for c in citations if c.status not in STANDING or (scored and not _is_good(c))]
    reasons = [c.reason or "the citation does not carry it" for c in bad]
    if not citations:
        reasons = ["it cites nothing"]
    return [
        ClaimCheck(
            claim=sentence.id,
            text=sentence.text,
            status="unsupported",
            reason=reason,
            kind="quote",
            by="citations",
        )
        for reason in reasons
    ]


def _is_good(citation: Citation) -> bool:
    return citation.status in STANDING and citation.supported is True


def _gaps(
    draft: Draft,
    left: Sequence[Sentence],
    disputed: Sequence[Dispute],
    open_parts: frozenset[str],
) -> dict[str, str]:
    there = {s.subtask for s in left}
    return {
        s.subtask: quoted([d for d in disputed if d.sentence.subtask == s.subtask])
        if s.subtask in open_parts
        else NOTHING
        for s in draft.sentences
        if s.subtask not in there
    }


def _short(text: str) -> str:
    said = flat(text)
    return said if len(said) <= 80 else said[:79].rsplit(" ", 1)[0] + "…"
