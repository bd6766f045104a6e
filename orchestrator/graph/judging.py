"""A draft against what its checkers found: what stays, what goes, and what is left as an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.values import STANDING, Citation, Claim, ClaimCheck, Draft, Sentence
from orchestrator.roles.clauses import is_question
from orchestrator.roles.values import Checks, CitationReport

DISAGREE = "the sources disagree"
NOTHING = "nothing supported was found"


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two spans, each proven letter by letter, that contradict each other."""

    sentence: Sentence
    own: Citation
    against: Citation

    def __str__(self) -> str:
        said, other = _flat(self.own.quote), _flat(self.against.quote)
        return f'{self.own.file} says "{said}", {self.against.file} says "{other}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of a draft's sentences."""

    kept: tuple[Sentence, ...]
    checks: tuple[ClaimCheck, ...]
    """The findings on all claims, calculations included."""
    rejected: tuple[ClaimCheck, ...]
    """Claims that are not supported, and sentences whose citations do not carry them."""
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


def quoted(disputes: Sequence[Dispute]) -> str:
    """The first three disputes in words; the same two spans are named once."""
    pairs = {
        frozenset({(c.file, c.start) for c in (d.own, d.against)}): str(d)
        for d in reversed(disputes)
    }
    return f"{DISAGREE}: " + "; ".join([*pairs.values()][::-1][:3])


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
    disputed: list[Dispute] = []
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
            disputed += _disputes(sentence, check, own)
        if not wrong and (good or not bad):
            kept.append(sentence.model_copy(update={"citations": good}))
    undecided = _undecided(draft, kept, [d.sentence for d in disputed], question)
    left = _without_empty_headings([s for s in kept if s.subtask not in undecided])
    gaps = {
        s.subtask: quoted([d for d in disputed if d.sentence.subtask == s.subtask])
        if s.subtask in undecided
        else NOTHING
        for s in draft.sentences
        if s.subtask not in {k.subtask for k in left}
    }
    return Judgement(
        kept=left,
        checks=tuple(findings),
        rejected=tuple(rejected),
        disputed=tuple(disputed),
        undecided=undecided,
        gaps=gaps,
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
    return citation.status in STANDING and citation.supported is True


def _disputes(sentence: Sentence, check: ClaimCheck, own: Sequence[Citation]) -> list[Dispute]:
    """Where the sentence's own quote stands and another span says otherwise."""
    against = check.against
    if check.status != "contradicted" or against is None or _overlaps_any(own, against):
        return []
    standing = [c for c in own if c.status in STANDING]
    return [Dispute(sentence, standing[0], against)] if standing else []


def _overlaps_any(citations: Sequence[Citation], other: Citation) -> bool:
    return any(_overlap(c, other) for c in citations)


def _overlap(a: Citation, b: Citation) -> bool:
    return a.file == b.file and a.start < b.end and b.start < a.end


def _undecided(
    draft: Draft, kept: Sequence[Sentence], disputed: Sequence[Sentence], question: str
) -> frozenset[str]:
    """Subtasks that ask one question to which a disputed sentence is the answer.

    It is the answer where no kept sentence holds more of the question's words. A text of many
    sentences, such as a policy, only loses the disputed one.
    """
    titles = {s.subtask: s.text for s in draft.sentences if s.kind == "heading"}
    found = set()
    for part in {s.subtask for s in disputed}:
        asked = titles.get(part, question)
        own = [s for s in kept if s.subtask == part and s.kind != "heading"]
        if own and not (is_question(asked) and _on(asked, disputed, part) >= _on(asked, own, part)):
            continue
        found.add(part)
    return frozenset(found)


def _on(question: str, sentences: Sequence[Sentence], part: str) -> int:
    """How many of the question's words the best of a subtask's sentences holds."""
    words = _words(question)
    return max((len(words & _words(s.text)) for s in sentences if s.subtask == part), default=0)


def _words(text: str) -> set[str]:
    from orchestrator.evidence.language.words import words

    return {w.stem for w in words(text.replace("-", " ")) if w.is_content}


def _without_empty_headings(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    filled = {s.subtask for s in sentences if s.kind != "heading"}
    return tuple(s for s in sentences if s.kind != "heading" or s.subtask in filled)


def _short(text: str) -> str:
    flat = _flat(text)
    return flat if len(flat) <= 80 else flat[:79].rsplit(" ", 1)[0] + "…"


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
