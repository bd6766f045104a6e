"""One checker, one batch: asked, watched by a canary, and its answer turned into votes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.call_types import Reply, text_of
from orchestrator.calling.attempting import OUT_OF_TOKENS
from orchestrator.errors import CallError, NoCandidateError, OverBudgetError, RateLimitedError
from orchestrator.evidence.values import CheckerKind, ReasonKind, Vote
from orchestrator.fleet.families import kin
from orchestrator.records import Attempt
from orchestrator.roles.checking.batches import Sheet
from orchestrator.roles.checking.reading import Said, read_verdicts, verdict_schema
from orchestrator.roles.prompt import messages
from orchestrator.roles.work import Work
from orchestrator.types import Deployment, Outcome, TaskProfile

FAILURES = (CallError, NoCandidateError, OverBudgetError, RateLimitedError)
"""What ends a call without an answer; a run that is stopped, or cannot be kept, ends as a whole."""
MOST_REFUSED = 3
"""Models that are refused for their family before nobody else is looked for."""
_LONG = 512
"""Tokens; no context is smaller, so that a smaller count says nothing of a cut."""
_CHARACTERS_A_TOKEN = 8
"""English takes four to five characters a token and no vocabulary takes eight, so that a provider
that counts fewer tokens has not read all of the prompt."""
_TIMEOUTS = frozenset(
    {Outcome.TIMEOUT_SILENT, Outcome.TIMEOUT_FIRST_TOKEN, Outcome.STALLED, Outcome.CANCELLED}
)
_MALFORMED = frozenset({Outcome.INVALID_OUTPUT, Outcome.MALFORMED, Outcome.EMPTY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Who may not check: families and single models."""

    families: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def holds(self, family: str | None) -> bool:
        """Whether a model of that family may not check."""
        return any(kin(family, barred) for barred in self.families)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of asking one checker about one sheet."""

    outcome: Literal["voted", "failed", "refused", "nobody"]
    """`refused`: only models of a barred family were left; `nobody`: the fleet has no checker."""
    deployment: str = ""
    checker: CheckerKind = "gates"
    family: str | None = None
    votes: Mapping[str, Vote] = dataclasses.field(default_factory=dict)
    """By claim; where it `failed` each says why."""
    attempts: tuple[Attempt, ...] = ()


def checker_kind(deployment: Deployment) -> CheckerKind:
    """What sort of checker a deployment is."""
    if deployment.encoder is not None:
        return "entailment"
    return "gates" if deployment.deterministic else "model"


async def ask(work: Work, sheet: Sheet, barred: Barred) -> Heard:
    """Ask whoever routing chooses, but none of the author's family.

    A model that turns out to be of a barred family, by the name under which it answered, does not
    count: another one is asked. What fails fails for these claims alone: they are `unverified`.
    """
    refused: list[Attempt] = []
    for _ in range(MOST_REFUSED):
        profile = profiled(work, sheet, barred)
        wanted = chosen(work, profile)
        if wanted is None or checker_kind(wanted) == "gates":
            break
        heard = await _once(work, sheet, profile, wanted)
        if not barred.holds(heard.family):
            return dataclasses.replace(heard, attempts=(*refused, *heard.attempts))
        work.note(
            f"{heard.deployment} is refused as a checker: it answered as a model of {heard.family}"
        )
        refused += heard.attempts
        model = work.deployment(heard.deployment).model
        barred = dataclasses.replace(barred, models=(*barred.models, model))
    return Heard(outcome="refused" if refused else "nobody", attempts=tuple(refused))


def chosen(work: Work, profile: TaskProfile) -> Deployment | None:
    """Whom routing would ask; `None` where nobody may serve it."""
    try:
        return work.deployment(work.decide(profile).chosen)
    except NoCandidateError:
        return None


def profiled(work: Work, sheet: Sheet, barred: Barred) -> TaskProfile:
    """What routing sees of a sheet."""
    text = "\n".join(text_of(m) for m in messages(work.agent, sheet.variables))
    profile = work.profile(text, task=work.agent.task, agent=work.agent)
    limits = profile.constraints
    families = dict.fromkeys((*limits.not_families, *barred.families))
    models = dict.fromkeys((*limits.not_models, *barred.models))
    limits = dataclasses.replace(limits, not_families=tuple(families), not_models=tuple(models))
    return dataclasses.replace(profile, constraints=limits)


async def called(work: Work, sheet: Sheet, profile: TaskProfile) -> Reply:
    """Who answered, and what it said by id on the sheet. Raises one of `FAILURES`."""
    ids = [c.id for c in sheet.claims]
    return await work.call(
        variables=sheet.variables,
        inputs=sheet.inputs,
        check=lambda text: read_verdicts(text, ids),
        schema=verdict_schema(ids),
        profile=profile,
    )


async def _once(work: Work, sheet: Sheet, profile: TaskProfile, wanted: Deployment) -> Heard:
    try:
        reply = await called(work, sheet, profile)
    except FAILURES as error:
        attempts = error.attempts if isinstance(error, CallError) else ()
        kind, reason = _why(attempts)
        return _failed(sheet, wanted, kind, reason or str(error), attempts)
    answered = work.deployment(reply.deployment)
    if checker_kind(answered) == "gates":
        kind, reason = _why(reply.attempts[:-1])
        reason = reason or "a model was to check it, and none could be called"
        return _failed(sheet, wanted, kind, reason, reply.attempts)
    heard = voted(sheet, reply, checker_kind(answered))
    spoiled = next((v for v in heard.votes.values() if v.kind == "canary"), None)
    if spoiled is not None:
        work.note(f"{reply.deployment} {spoiled.reason}; none of its verdicts there counts")
    return heard


# ── what an answer is worth ──────────────────────────────────────────────────────────────


def voted(sheet: Sheet, reply: Reply, checker: CheckerKind) -> Heard:
    """The votes of an answer. One that cannot be trusted makes each of them `unverified`."""
    said: Mapping[str, Said] = reply.value
    kind, reason = _spoiled(sheet, reply, said)
    votes: dict[str, Vote] = {}
    for id, claim in sheet.asked.items():
        base = Vote(by=reply.deployment, checker=checker, family=reply.family, status="unverified")
        update = (
            {"kind": kind, "reason": reason}
            if kind
            else _vote(said.get(id), model=checker == "model")
        )
        votes[claim] = base.model_copy(update=update)
    return Heard(
        outcome="voted",
        deployment=reply.deployment,
        checker=checker,
        family=reply.family,
        votes=votes,
        attempts=reply.attempts,
    )


def _spoiled(sheet: Sheet, reply: Reply, said: Mapping[str, Said]) -> tuple[ReasonKind | None, str]:
    if reply.finish_reason == "length":
        return "truncated", "its answer was cut at the limit of its tokens"
    if _was_cut(sheet, reply.attempts[-1]):
        return "truncated", "it has not read all of the passages"
    passed = said.get(sheet.canary)
    if passed is not None and passed.status == "supported" and not passed.problem:
        return "canary", f'passed what is known to be false: "{sheet.canary_text}"'
    return None, ""


def _was_cut(sheet: Sheet, attempt: Attempt) -> bool:
    """Whether its provider has left out a part of the prompt and not said so."""
    if attempt.usage.estimated or attempt.usage.input < _LONG:
        return False
    size = sum(map(len, sheet.variables.values()))
    return size > _CHARACTERS_A_TOKEN * attempt.usage.input


def _vote(said: Said | None, *, model: bool) -> dict[str, object]:
    if said is None:
        return {"kind": "no_verdict", "reason": "no verdict"}
    if said.problem:
        return {"kind": "malformed", "reason": said.problem}
    if model and not said.aspects:
        return {"kind": "malformed", "reason": "it gave a verdict and no findings"}
    kind = None if said.status == "supported" else "model"
    return {"status": said.status, "kind": kind, "reason": said.reason}


def _failed(
    sheet: Sheet,
    wanted: Deployment,
    kind: ReasonKind,
    reason: str,
    attempts: Sequence[Attempt],
) -> Heard:
    """No verdict at all: a vote that says so for each claim."""
    tried = attempts[0] if attempts else None
    vote = Vote(
        by=tried.deployment if tried else wanted.id,
        checker=checker_kind(wanted),
        family=tried.family if tried else wanted.family,
        status="unverified",
        kind=kind,
        reason=reason,
    )
    return Heard(
        outcome="failed",
        deployment=vote.by,
        checker=vote.checker,
        votes=dict.fromkeys(sheet.asked.values(), vote),
        attempts=tuple(attempts),
    )


def _why(attempts: Sequence[Attempt]) -> tuple[ReasonKind, str]:
    """Why the attempts brought no verdict, by the last that says something."""
    for attempt in reversed(attempts):
        error = attempt.error or str(attempt.outcome)
        if attempt.outcome is Outcome.CONTEXT_EXCEEDED or error.startswith(OUT_OF_TOKENS):
            return "truncated", error
        if attempt.outcome in _MALFORMED:
            return "malformed", error
        if attempt.outcome in _TIMEOUTS:
            return "timeout", error
    return "no_verdict", next((a.error for a in reversed(attempts) if a.error), "") or ""
