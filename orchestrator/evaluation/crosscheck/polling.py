"""Asks single checkers about labelled claims: the gates here, models through the checker's role."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from random import Random

from orchestrator.errors import NoCandidateError, UnknownNameError, UserError
from orchestrator.evaluation.crosscheck.files import ClaimRow, passages_of
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import Claim
from orchestrator.project.protocols import Embedder
from orchestrator.records import Trace
from orchestrator.roles.bounds import Bounds
from orchestrator.roles.checking.asking import Barred, ask, checker_kind
from orchestrator.roles.checking.batches import MOST, Batch, sheet
from orchestrator.roles.checking.canary import make_canary
from orchestrator.roles.hop import HopWork
from orchestrator.roles.services import Request, Services
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Candidate, ClaimStatus, Constraints

AT_ONCE = 4
"""Calls that one checker has to answer side by side."""
GRAPH = "eval checkers"
"""What stands for the graph on the trace of such a poll."""
_DAY_S = 86_400.0


def gates(
    rows: Sequence[ClaimRow], embedder: Embedder, *, on_progress: OnProgress = silent
) -> list[ClaimStatus]:
    """What the deterministic gates say of each claim."""
    found: list[ClaimStatus] = []
    for row in rows:
        claim = Claim(id="c", sentence="c", text=row.claim)
        found.append(check_claim(claim, passages_of(row), embedder).status)
        on_progress("gates", len(found), len(rows))
    return found


def askable(services: Services, deployment: str) -> None:
    """Whether a checker of the fleet can be asked now; told before anything is worked out.

    Raises:
        UserError: no such deployment, or it may not check: with the reason.
    """
    known = services.deployments()
    if deployment not in known:
        raise UnknownNameError("deployment", deployment, tuple(known))
    work = _work(services, deployment)
    if checker_kind(known[deployment]) == "gates":
        raise UserError(f"{deployment} is code, which has a vote already: name models or encoders")
    try:
        work.decide(work.profile("", task=work.agent.task, agent=work.agent))
    except NoCandidateError as error:
        seen = [c for c in error.candidates if isinstance(c, Candidate)]
        why = next((c.reason for c in seen if c.deployment == deployment), str(error))
        raise UserError(f"{deployment} may not check claims here: {why}") from error


async def poll(
    services: Services,
    deployment: str,
    rows: Sequence[ClaimRow],
    *,
    on_progress: OnProgress = silent,
) -> list[ClaimStatus]:
    """What a checker of the fleet says of each claim, asked as a run would ask it.

    Claims on the same passages go together, with a canary among them; every call is on the trace
    and on the ledger.

    Raises:
        UserError: as `askable` does.
    """
    askable(services, deployment)
    return await _traced(_work(services, deployment), deployment, rows, on_progress)


async def _traced(
    work: HopWork, deployment: str, rows: Sequence[ClaimRow], on_progress: OnProgress
) -> list[ClaimStatus]:
    """The poll as a trace of its own."""
    services, run = work.services, work.request
    trace = Trace(id=run.trace_id, graph=GRAPH, status="running", started_at=services.clock.now())
    services.recorder.start(trace)
    try:
        found = await _polled(work, deployment, rows, on_progress)
    except BaseException as error:  # also Ctrl-C: no trace is left open
        services.recorder.finish(dataclasses.replace(trace, status="failed", error=str(error)))
        raise
    services.recorder.finish(dataclasses.replace(trace, status="ok"))
    return found


async def _polled(
    work: HopWork, deployment: str, rows: Sequence[ClaimRow], on_progress: OnProgress
) -> list[ClaimStatus]:
    places, done = asyncio.Semaphore(AT_ONCE), 0
    found: dict[str, ClaimStatus] = {}

    async def one(number: int, batch: Batch) -> None:
        nonlocal done
        async with places:
            chance = Random(f"{work.seed}/{number}")
            texts = [c.text for c in batch.claims]
            canary = make_canary(batch.passages, texts, _contradicts(batch, work.embedder), chance)
            heard = await ask(work, sheet(batch, canary, chance), Barred())
        found.update({claim: vote.status for claim, vote in heard.votes.items()})
        done += len(batch.claims)
        on_progress(deployment, done, len(rows))

    async with asyncio.TaskGroup() as group:
        for number, batch in enumerate(_batches(rows)):
            group.create_task(one(number, batch))
    return [found.get(row.id, "unverified") for row in rows]


def _batches(rows: Sequence[ClaimRow]) -> Iterator[Batch]:
    by_passages: dict[tuple[str, ...], list[ClaimRow]] = {}
    for row in rows:
        by_passages.setdefault(row.passages, []).append(row)
    for own in by_passages.values():
        claims = [Claim(id=row.id, sentence=row.id, text=row.claim) for row in own]
        passages = tuple(passages_of(own[0]))
        for start in range(0, len(claims), MOST):
            yield Batch(tuple(claims[start : start + MOST]), passages)


def _contradicts(batch: Batch, embedder: Embedder) -> Callable[[str], bool]:
    def contradicted(text: str) -> bool:
        claim = Claim(id="c", sentence="c", text=text)
        return check_claim(claim, batch.passages, embedder).status == "contradicted"

    return contradicted


def _work(services: Services, deployment: str) -> HopWork:
    """The checker's role, with that deployment alone to ask."""
    agents = [a for a in services.project.agents.values() if a.role == "checker"]
    if not agents:
        raise UserError("no agent of the project has the role 'checker'")
    deadline = services.clock.monotonic() + _DAY_S
    request = Request(
        trace_id=new_trace_id(),
        question="",
        journal=None,
        deadline=deadline,
        constraints=Constraints(models=(deployment,)),
    )
    return HopWork(
        services=services,
        request=request,
        agent=agents[0],
        node="check",
        round=0,
        inputs={},
        bounds=Bounds(deadline=deadline),
    )
