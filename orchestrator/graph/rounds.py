"""One round of drafting and checking: what it brought, whether another may, what all have taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orchestrator.evidence.claims import units
from orchestrator.evidence.values import ClaimCheck, Sentence
from orchestrator.graph.disputes import flat
from orchestrator.graph.judging import Judgement
from orchestrator.roles.values import Checking, Checks, CitationReport, Verdict
from orchestrator.types import AbstainCause, VerdictName


@dataclass(frozen=True, slots=True)
class Last:
    """The round that has just been judged, and the verdict of the one before."""

    before: Verdict | None
    found: Judgement
    checks: Checks
    report: CitationReport
    round: int
    passages: int
    """How many the draft could draw on."""

    @property
    def may_gain(self) -> bool:
        """Whether another revision may bring something.

        The first one may. After that not where all that was rejected now was rejected before, and
        not without new evidence where the revision has verified nothing new either.
        """
        if self.before is None:
            return True
        known = {flat(c.text) for c in self.before.rejected}
        if {flat(c.text) for c in self.found.rejected} <= known:
            return False
        held = {flat(s.text) for s in self.before.draft}
        gained = any(flat(s.text) not in held for s in self.found.kept)
        return gained or self.passages > self.before.passages

    @property
    def out_of_means(self) -> bool:
        """Whether claims were not checked because time or money were up."""
        votes = [v for c in self.found.rejected for v in c.votes if v.status == "unverified"]
        return any(v.kind == "timeout" or "budget" in v.reason for v in votes)

    def verdict(
        self,
        name: VerdictName,
        kept: Sequence[Sentence],
        came: Sequence[Sentence] = (),
        reason: str = "",
        cause: AbstainCause | None = None,
    ) -> Verdict:
        """The verdict of this round, with what earlier ones have rejected and taken."""
        found = self.found
        earlier = self.before.rejected if self.before else ()
        left = () if name == "abstained" else tuple(kept)
        return Verdict(
            verdict=name,
            reason=reason,
            cause=cause,
            draft=left,
            checks=(*found.checks, *self._of_earlier(came)),
            rejected=_each_once((*earlier, *found.rejected)),
            gaps={k: v for k, v in found.gaps.items() if k not in {s.subtask for s in left}},
            round=self.round,
            effort=self.checks.effort,
            passages=self.passages,
            checking=self._checking(left, came),
        )

    def _of_earlier(self, came: Sequence[Sentence]) -> list[ClaimCheck]:
        """What was found of the sentences that came in, when they were checked."""
        texts = {flat(s.text) for s in came}
        return [c for c in (self.before.checks if self.before else ()) if flat(c.text) in texts]

    def _checking(self, left: Sequence[Sentence], came: Sequence[Sentence]) -> Checking:
        """Counted in claims; a sentence with parts counts as its parts."""
        past = self.before.checking if self.before else None
        before = self.before.checks if self.before else ()
        rejected = _each_once(
            (*(self.before.rejected if self.before else ()), *self.found.rejected)
        )
        new = _texts(units(self.found.checks)) - _texts(before)
        stays = {flat(s.text) for s in left}
        kept = [
            c
            for c in units(self.found.checks)
            if c.status == "supported" and self._stands(c, stays)
        ]
        gone = units([c for c in rejected if c.by != "citations"]) or rejected
        costs = (self.checks.cost_micro_usd, self.report.cost_micro_usd)
        spent = (*costs, past.cost_micro_usd if past else 0)
        return Checking(
            effort=self.checks.effort,
            reached=self.checks.reached,
            claims=(past.claims if past else 0) + len(new),
            kept=len(_texts(kept)) + len(came),
            deleted=max(0, len(gone) - len(came)),
            replaced=len(came),
            why=_why(gone[0]) if gone else "",
            revisions=self.round,
            ms=(past.ms if past else 0.0) + self.checks.ms + self.report.ms,
            cost_micro_usd=None if None in spent else sum(c or 0 for c in spent),
        )

    def _stands(self, check: ClaimCheck, stays: Collection[str]) -> bool:
        """Whether the claim's sentence is in the answer, or the claim as a sentence of its own."""
        sentence = check.claim.partition(".")[0]
        own = {s.id: flat(s.text) for s in self.found.kept}
        return flat(check.text) in stays or own.get(sentence, "") in stays


def _texts(checks: Sequence[ClaimCheck]) -> set[str]:
    return {flat(c.text) for c in checks}


def _each_once(checks: Sequence[ClaimCheck]) -> tuple[ClaimCheck, ...]:
    return tuple({flat(c.text): c for c in reversed(checks)}.values())[::-1]


def _why(check: ClaimCheck) -> str:
    return check.reason or check.status
