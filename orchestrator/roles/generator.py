"""The generator: one draft from the plan, the specialists' results and the passages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.call_types import Reply
from orchestrator.errors import CallError, NoCandidateError, OverBudgetError
from orchestrator.evidence.values import Draft, Passage, Sentence
from orchestrator.project.registry import role
from orchestrator.roles.cited import draft_schema, is_verbatim, read_draft
from orchestrator.roles.clauses import is_question
from orchestrator.roles.enough import lacks
from orchestrator.roles.numbered import numbered
from orchestrator.roles.prompt import fence
from orchestrator.roles.rendering import result_sentences, title
from orchestrator.roles.specialist import results_text
from orchestrator.roles.values import Plan, Result, Subtask, Verdict
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import AbstainCause, Outcome, as_json

NOTHING = "the sources say nothing about it"
_SPENT = frozenset({Outcome.OVER_BUDGET, Outcome.TIMEOUT_SILENT, Outcome.TIMEOUT_FIRST_TOKEN})


@role(
    "generator",
    reads=(Plan | None, Result | None, Passage | None, Verdict | None),
    variables=("question", "subtasks", "results", "passages", "rejected"),
)
async def generate(work: Work) -> Draft:
    """A draft in the order of the plan: cited sentences, and calculations rendered by code.

    Nobody is asked to write what the passages cannot answer. What a verdict rejected in an earlier
    round does not come back; where no model can be paid or waited for any more, the draft says so.
    """
    plan, results = work.maybe(Plan), work.all(Result)
    subtasks = (
        plan.subtasks
        if plan
        else (Subtask(id="request", description=work.question, task="extract"),)
    )
    passages = work.all(Passage)
    verdict = work.maybe(Verdict)
    rejected = frozenset(_rejected(verdict))
    written: tuple[Sentence, ...] = ()
    abstain = ""
    verbatim = True
    prose = [s for s in subtasks if not _calculated(s, results)]
    lacking = _lacking(work, prose, results, passages) if verdict is None else {}
    prose = [s for s in prose if s.id not in lacking]
    if prose and passages:
        try:
            reply = await _write(work, prose, results, passages, verdict)
        except (OverBudgetError, NoCandidateError, CallError) as error:
            if verdict is None:
                raise
            work.note(f"no further revision: {error}")
            cause: AbstainCause = "budget" if _is_spent(error) else "gate_failed"
            return Draft(abstain=str(error), cause=cause, rejected=verdict.rejected)
        draft: Draft = reply.value
        _note_repairs(work, draft)
        abstain = draft.abstain
        own = () if _is_written(reply, prose) else _from_results(prose, results)
        written = _filled(own, draft.sentences, prose)
        verbatim = reply.family is None and all(is_verbatim(s) for s in written)
    seen = verdict.passages if verdict else 0
    fresh = {p.id for p in passages[seen:]} if seen else set()
    sentences = arranged(subtasks, written, results, rejected, fresh)
    if not any(s.kind != "heading" for s in sentences):
        missing = "; ".join(dict.fromkeys(lacking.values()))
        return Draft(
            abstain=abstain or _why(verdict) or missing or _failures(results) or NOTHING,
            # Who looks again and finds nothing speaks of the sources, and not of a draft.
            cause="gate_failed" if verdict and verdict.rejected and not abstain else "no_evidence",
            rejected=verdict.rejected if verdict else (),
        )
    return Draft(sentences=sentences, verbatim=verbatim and any(s.citations for s in sentences))


def _lacking(
    work: Work, subtasks: Sequence[Subtask], results: Sequence[Result], passages: Sequence[Passage]
) -> dict[str, str]:
    """Subtask that the passages cannot serve → what they lack.

    What works on other subtasks, and that for which a specialist has found something, is not
    judged.
    """
    found = {r.subtask for r in results if r.sentences or r.text}
    judged = [s for s in subtasks if not s.needs and s.id not in found]
    alone = len(subtasks) == 1
    missing = {
        s.id: lacks(work, work.question if alone else s.description, passages) for s in judged
    }
    return {id: reason for id, reason in missing.items() if reason}


def _is_spent(error: OverBudgetError | NoCandidateError | CallError) -> bool:
    """Whether money or time are what was missing."""
    if isinstance(error, CallError):
        return any(a.outcome in _SPENT for a in error.attempts)
    if isinstance(error, NoCandidateError):
        return any("budget" in rule or "deadline" in rule for rule in error.relax)
    return True


def _note_repairs(work: Work, draft: Draft) -> None:
    """Put on record which sentences got their citation from code."""
    for sentence in draft.sentences:
        if any(c.afterwards for c in sentence.citations):
            work.note(f"cited afterwards, by code: {sentence.text!r:.120}")


async def _write(
    work: Work,
    subtasks: Sequence[Subtask],
    results: Sequence[Result],
    passages: Sequence[Passage],
    verdict: Verdict | None,
) -> Reply:
    ids = [s.id for s in subtasks]
    rejected = _rejected(verdict)
    shown = numbered(passages)

    def check(text: str) -> Draft:
        draft = read_draft(text, passages, embedder=work.embedder)
        for sentence in draft.sentences:
            if sentence.subtask and sentence.subtask not in ids:
                raise InvalidOutputError(
                    f"a sentence is for the unknown subtask '{sentence.subtask}'"
                )
        return draft

    said = "\n".join(f"- {text}: {why}" for text, why in rejected.items()) or "(nothing)"
    return await work.call(
        variables={
            "question": fence("request", work.question),
            "subtasks": "\n".join(f"- {s.id} ({s.task}): {s.description}" for s in subtasks),
            "results": results_text(results),
            "passages": shown.text,
            "rejected": fence("rejected", said),
        },
        inputs={
            "question": subtasks[0].description if len(subtasks) == 1 else work.question,
            "passages": as_json(passages),
            "results": as_json(results),
            "rejected": list(rejected),
        },
        check=check,
        schema=draft_schema(passages, ids, tuple(shown.spans)),
    )


def _is_written(reply: Reply, subtasks: Sequence[Subtask]) -> bool:
    """Whether the reply takes the place of what the specialists found.

    A model has read their results. A deterministic writer has not: it serves where they found
    nothing, and for a plain question, which it answers in fewer sentences than a list of finds.
    """
    if reply.family is not None:
        return True
    return len(subtasks) == 1 and is_question(subtasks[0].description)


def _calculated(subtask: Subtask, results: Sequence[Result]) -> bool:
    """Whether the subtask is a calculation, done or failed, that no model shall write about."""
    return subtask.task == "math" or any(r.calculation for r in results if r.subtask == subtask.id)


def _rejected(verdict: Verdict | None) -> dict[str, str]:
    """Rejected claim → reason, and the whole sentences that hold one."""
    if verdict is None:
        return {}
    return {check.text: check.reason for check in verdict.rejected}


def _from_results(subtasks: Sequence[Subtask], results: Sequence[Result]) -> tuple[Sentence, ...]:
    """The specialists' own cited sentences."""
    ids = {s.id for s in subtasks}
    return tuple(s for r in results if r.subtask in ids for s in r.sentences)


def _filled(
    own: Sequence[Sentence], drafted: Sequence[Sentence], subtasks: Sequence[Subtask]
) -> tuple[Sentence, ...]:
    """The specialists' sentences, and what was drafted for subtasks that have none of them."""
    served = {s.subtask for s in own}
    open_ids = [s.id for s in subtasks if s.id not in served]
    if not open_ids:
        return tuple(own)
    kept = [s for s in drafted if (s.subtask or open_ids[0]) in open_ids]
    filled = [s.model_copy(update={"subtask": s.subtask or open_ids[0]}) for s in kept]
    return (*own, *filled)


def arranged(
    subtasks: Sequence[Subtask],
    written: Sequence[Sentence],
    results: Sequence[Result],
    rejected: Collection[str],
    fresh: Collection[str] = (),
) -> tuple[Sentence, ...]:
    """All sentences by subtask, a heading above each where there are several, ids `s1`, `s2`, …

    A sentence of a rejected text is left out, unless it cites what nobody had seen when it was
    rejected; and so is one that stands there already.

    Args:
        fresh: ids of passages that are new since then.
    """
    found: list[Sentence] = []
    seen: set[str] = set()
    for subtask in subtasks:
        own = [s for s in written if s.subtask == subtask.id]
        own += [
            sentence
            for result in results
            if result.subtask == subtask.id and not result.sentences
            for sentence in result_sentences(result)
        ]
        kept = []
        for sentence in own:
            mark = f"{subtask.task}:{sentence.text}"
            proven = any(c.passage in fresh for c in sentence.citations)
            if mark not in seen and (proven or not _is_rejected(sentence, rejected)):
                seen.add(mark)
                kept.append(sentence.model_copy(update={"subtask": subtask.id}))
        if kept and len(subtasks) > 1:
            found.append(Sentence(id="h", text=title(subtask), kind="heading", subtask=subtask.id))
        found += kept
    return tuple(s.model_copy(update={"id": f"s{n}"}) for n, s in enumerate(found, start=1))


def _is_rejected(sentence: Sentence, rejected: Collection[str]) -> bool:
    return any(text == sentence.text or (text and text in sentence.text) for text in rejected)


def _why(verdict: Verdict | None) -> str:
    return verdict.reason if verdict else ""


def _failures(results: Sequence[Result]) -> str:
    return "; ".join(dict.fromkeys(r.failed for r in results if r.failed))
