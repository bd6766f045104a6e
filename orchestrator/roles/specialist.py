"""Specialists: one subtask each, by the agent's task; what fails is a result that says so."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import (
    CallError,
    InternalError,
    NoCandidateError,
    OverBudgetError,
    RunError,
)
from orchestrator.evidence.values import Draft, Passage
from orchestrator.project.registry import role
from orchestrator.roles.cited import attributed, draft_schema, read_draft
from orchestrator.roles.enough import lacks
from orchestrator.roles.labels import labels_in, text_in
from orchestrator.roles.mathematics import checked_calculation, expression_schema, only_problem
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence, fenced_passages
from orchestrator.roles.values import Result, Subtask
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import as_json

LONGEST = 20_000
"""Characters of free text that a specialist may write."""


@dataclass(frozen=True, slots=True)
class Job:
    """A subtask with what it may read."""

    id: str
    text: str
    task: str
    needed: tuple[Result, ...]
    passages: tuple[Passage, ...]


@role(
    "specialist",
    reads=(Subtask | None, Result | None, Passage | None),
    variables=("task", "results", "passages"),
    goes_on=True,
)
async def specialize(work: Work) -> Result:
    """The result of one subtask. A failed call is a result that says why; a cancel is not."""
    subtask = work.maybe(Subtask)
    needed = tuple(r for r in work.all(Result) if not r.failed)
    job = Job(
        id=subtask.id if subtask else "request",
        text=subtask.description if subtask else work.question,
        task=work.agent.task,
        needed=needed,
        passages=relevant(work.all(Passage), needed),
    )
    handler = _with_tools if work.agent.tools else _HANDLERS.get(job.task, _text)
    try:
        result = await handler(work, job)
    except (CallError, NoCandidateError, OverBudgetError) as error:
        return _result(work, job, failed=_why(error))
    return result


def _why(error: RunError) -> str:
    """For the caller: what the first deployment that was asked said; the trace has the rest."""
    attempts = error.attempts if isinstance(error, CallError) else ()
    return next((a.error for a in attempts if a.error), str(error))


def relevant(passages: Sequence[Passage], needed: Sequence[Result]) -> tuple[Passage, ...]:
    """The passages that the needed results cite; all of them where these cite none."""
    cited = {c.passage for r in needed for s in r.sentences for c in s.citations}
    kept = tuple(p for p in passages if p.id in cited)
    return kept or tuple(passages)


def results_text(results: Sequence[Result]) -> str:
    """Finished results as data for a prompt; `(none)` where there are none."""
    blocks = [fence("result", spoken(r), of=r.subtask, task=r.task) for r in results]
    return "\n".join(blocks) or "(none)"


def spoken(result: Result) -> str:
    """A result in words."""
    if result.failed:
        return f"failed: {result.failed}"
    if result.calculation:
        return result.calculation.working or result.calculation.shown
    return result.text or " ".join(s.text for s in result.sentences)


def _inputs(job: Job) -> dict[str, Any]:
    return {
        "question": job.text,
        "passages": as_json(job.passages),
        "results": as_json(job.needed),
        "task": job.task,
    }


def _variables(job: Job) -> dict[str, str]:
    return {
        "task": fence("task", job.text),
        "passages": fenced_passages(job.passages),
        "results": results_text(job.needed),
    }


async def _cited(work: Work, job: Job) -> Result:
    """Sentences with citations; without passages there is nothing to cite and so no result."""
    if not job.passages:
        return _result(work, job, failed="there is no passage to draw on")
    missing = "" if job.needed else lacks(work, job.text, job.passages)
    if missing:
        return _result(work, job, failed=missing)
    reply = await work.call(
        variables=_variables(job),
        inputs=_inputs(job),
        check=lambda text: read_draft(text, job.passages, prefix=f"{job.id}-"),
        schema=draft_schema(job.passages),
    )
    draft: Draft = reply.value
    if draft.abstain:
        return _result(work, job, failed=draft.abstain)
    sentences = tuple(s.model_copy(update={"subtask": job.id}) for s in draft.sentences)
    return _result(work, job, text=draft.text, sentences=sentences)


async def _math(work: Work, job: Job) -> Result:
    question = with_results(job.text, job.needed)
    context = only_problem(work.question)
    reply = await work.call(
        variables=_variables(job) | {"task": fence("task", question)},
        inputs={"question": question, "context": context},
        check=lambda text: checked_calculation(text, question, context),
        schema=expression_schema(),
    )
    return _result(work, job, text=reply.value.working, calculation=reply.value)


async def _classify(work: Work, job: Job) -> Result:
    given = "\n".join(spoken(r) for r in job.needed) or text_in(job.text, job.passages)
    inputs = _inputs(job) | {"text": given, "labels": list(labels_in(job.text))}
    reply = await work.call(variables=_variables(job), inputs=inputs, check=_label)
    return _result(work, job, text=reply.value)


def _label(text: str) -> str:
    """The class: a few words, or the `label` of a JSON object."""
    said = str(json_object(text).get("label") or "") if text.lstrip().startswith("{") else text
    label = said.strip().strip(".\"'“”")
    if not label or len(label) > 60 or "\n" in label:
        raise InvalidOutputError(f"not a class: {text.strip()!r:.60}")
    return label


async def _text(work: Work, job: Job) -> Result:
    reply = await work.call(variables=_variables(job), inputs=_inputs(job), check=_some_text)
    sentences = attributed(reply.value, job.passages, f"{job.id}-")
    if not any(s.citations for s in sentences):
        return _result(work, job, text=reply.value)
    owned = tuple(s.model_copy(update={"subtask": job.id}) for s in sentences)
    return _result(work, job, text=reply.value, sentences=owned)


async def _with_tools(work: Work, job: Job) -> Result:
    """An agent that names tools answers in its own words, whatever its task."""
    from orchestrator.roles.hop import HopWork
    from orchestrator.roles.looping.loop import loop

    if not isinstance(work, HopWork):
        raise InternalError("tools are called in a run, and this is none")
    came = await loop(work, _variables(job), job.text, _sources(work))
    if came.bound is not None:
        return _result(work, job, text=came.text, failed=came.why, bound=came.bound)
    if not came.text.strip():
        return _result(work, job, failed="the answer is empty")
    sentences = attributed(came.text, job.passages, f"{job.id}-")
    if not any(s.citations for s in sentences):
        return _result(work, job, text=came.text)
    owned = tuple(s.model_copy(update={"subtask": job.id}) for s in sentences)
    return _result(work, job, text=came.text, sentences=owned)


def _sources(work: Work) -> tuple[str, ...]:
    """The documents among what the node reads."""
    given = work.inputs.get("sources")
    return tuple(map(str, given)) if isinstance(given, (list, tuple)) else ()


def _some_text(text: str) -> str:
    if not text.strip():
        raise InvalidOutputError("the answer is empty")
    if len(text) > LONGEST:
        raise InvalidOutputError(f"{len(text):,} characters are too many")
    return text.strip()


def _result(work: Work, job: Job, **fields: Any) -> Result:
    return Result(subtask=job.id, specialist=work.agent.name, task=job.task, **fields)


def with_results(text: str, needed: Sequence[Result]) -> str:
    """A calculation with `the result`, `it`, … replaced by the amount that is meant.

    Only where exactly one needed result is a calculation; otherwise what is meant is not clear.
    """
    amounts = [r.calculation.shown for r in needed if r.calculation]
    if len(amounts) != 1:
        return text
    nouns = "result|total|sum|cost|amount|figure|number|value"
    meant = rf"\b(?:the|that|this) (?:{nouns})\b|\b(?:it|that)\b"
    return re.sub(meant, lambda _: amounts[0], text, count=1, flags=re.IGNORECASE)


_HANDLERS: Mapping[str, Callable[[Work, Job], Awaitable[Result]]] = {
    "draft": _cited,
    "summarize": _cited,
    "extract": _cited,
    "math": _math,
    "classify": _classify,
}
