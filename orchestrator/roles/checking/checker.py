"""The checker role: says of each claim whether the passages support it, blind to who wrote it.

The gates and the scorer come first and always. As much as the run's effort asks for, and as the
fleet has, checkers of other kinds and families follow, each on its own; `merged` makes one finding
of what all of them found.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.selecting.rivals import contested, rivals
from orchestrator.evidence.support import BY, check_claim
from orchestrator.evidence.values import Citation, Claim, ClaimCheck, Draft, Passage, Vote
from orchestrator.money import total_cost
from orchestrator.project.registry import role
from orchestrator.roles.checking.asking import (
    FAILURES,
    Barred,
    Heard,
    ask,
    called,
    checker_kind,
    chosen,
    profiled,
    voted,
)
from orchestrator.roles.checking.batches import Batch, Sheet, batched, sheet
from orchestrator.roles.checking.calculation import CALCULATOR, recomputed
from orchestrator.roles.checking.canary import make_canary
from orchestrator.roles.checking.merging import merged
from orchestrator.roles.values import Checks
from orchestrator.roles.work import Work
from orchestrator.types import Effort

VOTES = "votes"
"""The step under which a trace keeps the votes: `check/votes`."""
CHECKERS: Mapping[Effort, int] = {"model": 1, "two": 2, "human": 2}
"""How many checkers an effort asks for."""


@role("checker", reads=(Draft, Passage | None), variables=("claims", "passages"))
async def check(work: Work) -> Checks:
    """One finding a claim, each with the votes that it rests on.

    Nobody but code overrules code: what the gates contradict stays contradicted. A checker that
    fails, that passes a false claim, or that contradicts another leaves a claim `unverified`.
    """
    began = time.perf_counter()
    draft, passages = work.one(Draft), work.all(Passage)
    if draft.abstain:
        return Checks(independence="deterministic", by=BY, effort=work.effort)
    claims = [c for c in split_claims(draft) if c.checkworthy]
    sums = [s for s in draft.sentences if s.calculation]
    if work.effort in ("none", "quotes"):
        work.note(f"no claim is checked: the effort is '{work.effort}'")
        open_ = [(c.id, c.text) for c in claims] + [(s.id, s.text) for s in sums]
        unasked = [ClaimCheck(claim=id, text=text, status="unverified") for id, text in open_]
        found = tuple(merged(one, (), work.effort) for one in unasked)
        return Checks(checks=found, effort=work.effort, reached=work.effort)
    computed = [recomputed(s, s.calculation) for s in sums if s.calculation]
    panel = _Panel(work, tuple(passages))
    await panel.check(claims)
    done = panel.result(claims, computed, (time.perf_counter() - began) * 1000)
    if panel.heard:
        work.put(VOTES, votes_json(done))
    return done


def votes_json(checks: Checks) -> str:
    """Who said what of which claim, what it cost and how long it took; no text of anybody's."""
    claims = [
        {
            "claim": c.claim,
            "status": c.status,
            "kind": c.kind,
            "votes": [v.model_dump(mode="json", exclude={"reason"}) for v in c.votes],
        }
        for c in checks.checks
    ]
    about = checks.model_dump(mode="json", exclude={"checks"})
    return json.dumps({**about, "checks": claims}, ensure_ascii=False)


@dataclass(slots=True)
class _Panel:
    """Everybody who checks the claims of one draft."""

    work: Work
    passages: tuple[Passage, ...]
    gates: dict[str, ClaimCheck] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    """What the checkers said, batch by batch."""
    canaries: set[str] = field(default_factory=set)
    rivals: tuple[Citation, ...] = ()
    """Two sentences of the sources that answer the question differently, where there are."""
    by: str = BY
    effort: Effort = "model"

    async def check(self, claims: Sequence[Claim]) -> None:
        """The gates on all claims, and then as many checkers as the effort asks for."""
        self.rivals = rivals(self.work.question, self.passages, self.work.embedder)
        if self.rivals:
            await self.work.meets("contradiction", "two sources answer the question differently")
        self.effort = self.work.effort  # what it rises to beside this step is for later ones
        self.gates = {c.id: self._gated(c) for c in claims}
        wanted = CHECKERS.get(self.effort, 0)
        if not claims or not self.passages or not wanted:
            return
        batches = batched(claims, self.passages)
        barred = self._barred
        plain = sheet(batches[0], "", Random(self.work.seed))
        first = chosen(self.work, profiled(self.work, plain, barred))
        if first is not None and checker_kind(first) == "gates":
            await self._ask_code(claims)
        elif first is not None:
            # All sheets before the first call: replies come in any order, and the canaries of a
            # replay must be those of the run.
            sheets = [[self._sheet(n, b, t) for t in range(wanted)] for n, b in enumerate(batches)]
            # Side by side: a source does not wait for another one.
            every = await asyncio.gather(*(self._batch(own, barred) for own in sheets))
            self.heard = [heard for batch in every for heard in batch]

    def result(self, claims: Sequence[Claim], computed: Sequence[ClaimCheck], ms: float) -> Checks:
        """Everything that was found, on all claims and calculations."""
        effort, reached = self.effort, self._reached()
        if claims and CHECKERS.get(effort, 0) > CHECKERS.get(reached, 0):
            self.work.note(f"checked as '{reached}' and not as '{effort}': no such checker is left")
        found = [merged(self.gates[c.id], self._votes(c.id), effort) for c in claims]
        by = dict.fromkeys(h.deployment for h in self.heard if h.deployment)
        attempts = [a for h in self.heard for a in h.attempts]
        return Checks(
            checks=(*found, *computed),
            independence=self._independence(),
            by=", ".join(by) or (self.by if claims else CALCULATOR),
            effort=effort,
            reached=reached,
            cost_micro_usd=total_cost([a.cost_micro_usd for a in attempts]),
            ms=round(ms, 3),
        )

    # ── asking ───────────────────────────────────────────────────────────────────────────

    async def _batch(self, sheets: Sequence[Sheet], barred: Barred) -> list[Heard]:
        """One batch before its checkers, each of another family than those before it."""
        heard: list[Heard] = []
        for own in sheets:
            last = await ask(self.work, own, barred)
            heard.append(last)
            if last.outcome in ("nobody", "refused"):
                break
            deployment = self.work.deployment(last.deployment)
            families = (family,) if (family := last.family or deployment.family) else ()
            barred = Barred(
                families=(*barred.families, *families), models=(*barred.models, deployment.model)
            )
        return heard

    async def _ask_code(self, claims: Sequence[Claim]) -> None:
        """The best that the fleet has is code: on the trace like any model, and not watched.

        Where it is the gates themselves, their answer is known, and no second vote.
        """
        whole = sheet(Batch(tuple(claims), self.passages), "", Random(self.work.seed))
        try:
            reply = await called(self.work, whole, profiled(self.work, whole, self._barred))
        except FAILURES as error:
            self.work.note(f"only the gates have checked: {error}")
            return
        answered = self.work.deployment(reply.deployment)
        if answered.deterministic and answered.target == BY:
            self.by = reply.deployment
        else:
            self.heard.append(voted(whole, reply, checker_kind(answered)))

    def _sheet(self, number: int, batch: Batch, turn: int) -> Sheet:
        chance = Random(f"{self.work.seed}/{number}/{turn}")
        others = {*(c.text for c in batch.claims), *self.canaries}
        canary = make_canary(batch.passages, others, self._contradicted, chance)
        if canary:
            self.canaries.add(canary)
        elif batch.passages:
            self.work.note("no false claim could be made of a source: its checker is not watched")
        return sheet(batch, canary, chance)

    # ── what is known ────────────────────────────────────────────────────────────────────

    @property
    def _barred(self) -> Barred:
        """The author's families, and those that the request itself rules out."""
        agent, own = self.work.agent, self.work.family_excluded
        ruled_out = self.work.profile("", task=agent.task, agent=agent).constraints.not_families
        return Barred(families=tuple(dict.fromkeys((*((own,) if own else ()), *ruled_out))))

    def _gated(self, claim: Claim) -> ClaimCheck:
        disputed = contested(claim, self.rivals)
        if disputed is not None:
            return disputed
        return check_claim(claim, self.passages, self.work.embedder, self.work.support_model)

    def _contradicted(self, text: str) -> bool:
        claim = Claim(id="c", sentence="c", text=text)
        return check_claim(claim, self.passages, self.work.embedder).status == "contradicted"

    def _votes(self, claim: str) -> tuple[Vote, ...]:
        votes = (h.votes.get(claim) for h in self.heard)
        return (*code_votes(self.work, self.gates[claim]), *(vote for vote in votes if vote))

    def _reached(self) -> Effort:
        """As much as every batch had."""
        batches: dict[frozenset[str], int] = {}
        for heard in self.heard:
            if heard.votes:
                claims = frozenset(heard.votes)
                batches[claims] = batches.get(claims, 0) + 1
        covered = {claim for claims in batches for claim in claims}
        least = min(batches.values(), default=0) if covered >= self.gates.keys() else 0
        return "scorer" if not least else "model" if least == 1 else "two"

    def _independence(self) -> str:
        """`other-family` where each model that voted is known to be of another one; else `none`."""
        if any(h.outcome in ("refused", "failed") for h in self.heard):
            return "none"
        models = [h for h in self.heard if h.family is not None]
        if not models:
            return "deterministic"
        known = self.work.family_excluded is not None
        return "other-family" if known else "none"


def code_votes(work: Work, gate: ClaimCheck) -> Iterable[Vote]:
    """What the gates found, and the scorer where it ran, as votes."""
    yield Vote(by=BY, checker="gates", status=gate.status, kind=gate.kind, reason=gate.reason)
    if gate.probability is not None:
        model = work.support_model
        held = gate.probability >= model.threshold()
        yield Vote(
            by=f"{model.name}@{model.hash}",
            checker="scorer",
            status="supported" if held else "unsupported",
            kind=None if held else "little_support",
            probability=gate.probability,
        )
