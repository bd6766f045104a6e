"""Whole answers, from question to verdict: every question through the mesh, graded and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from orchestrator.errors import InternalError, MeshError
from orchestrator.evaluation.crosscheck.asked import Asked, AskedFolder, Kind
from orchestrator.evaluation.crosscheck.graded import Given, Graded, grade
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured, rate
from orchestrator.evaluation.run import Runner
from orchestrator.evidence.sources.chunks import document_sentences
from orchestrator.evidence.sources.documents import Document
from orchestrator.evidence.values import Citation
from orchestrator.graph.answer import Answer, RunOptions

GRAPH = "cross-validated"
ANSWERED = "answered correctly, with correct citations"
ABSTAINED = "abstained for the right reason"
UNSUPPORTED = "accepted answers with an unsupported claim"
KINDS: tuple[Kind, ...] = ("answerable", "unanswerable", "contradictory", "poisoned")

Baseline = Callable[[AskedFolder, Asked], Given]


async def run_questions(
    folder: AskedFolder,
    runner: Runner,
    *,
    graph: str = GRAPH,
    jobs: int = 2,
    on_progress: OnProgress = silent,
) -> tuple[Graded, ...]:
    """Ask every question of the folder, `jobs` at a time, and grade what comes back.

    A run that fails is graded as wrong, with the error; the others go on.

    Raises:
        InternalError: a bug of ours, at once.
    """
    found: dict[str, Graded] = {}
    queue = iter(folder.questions)

    async def work() -> None:
        for asked in queue:
            graded = await _ask(folder, asked, runner, graph)
            found[asked.id] = graded
            on_progress("questions", len(found), len(folder.questions))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(jobs, len(folder.questions))):
            tasks.create_task(work())
    return tuple(found[asked.id] for asked in folder.questions)


async def _ask(folder: AskedFolder, asked: Asked, runner: Runner, graph: str) -> Graded:
    try:
        answer = await runner(
            graph,
            options=RunOptions(),
            on_event=None,
            question=asked.question,
            sources=folder.sources(asked),
        )
    except InternalError:
        raise
    except MeshError as error:
        return Graded(asked=asked, given=Given(text="", verdict=None), error=str(error))
    return await asyncio.to_thread(grade, folder, asked, given(answer))


def given(answer: Answer) -> Given:
    """What of an answer is graded."""
    return Given(
        text=answer.text,
        verdict=answer.verdict,
        cause=answer.cause,
        reason=answer.reason,
        citations=answer.citations,
    )


def quote_everything(folder: AskedFolder, asked: Asked) -> Given:
    """A baseline that must fail: every sentence of the sources, each with its citation."""
    names = asked.sources or tuple(folder.documents)
    cited = [c for name in names for c in _sentences(folder.documents[name])]
    text = " ".join(f"{c.quote} [{n}]" for n, c in enumerate(cited, start=1))
    return Given(text=text, verdict="accepted", citations=tuple(cited))


def abstain_always(_folder: AskedFolder, _asked: Asked) -> Given:
    """A baseline that must fail: never an answer."""
    return Given(text="", verdict="abstained", cause="no_evidence")


BASELINES: Mapping[str, Baseline] = {
    "quote everything": quote_everything,
    "abstain always": abstain_always,
}


def _sentences(document: Document) -> list[Citation]:
    return [
        Citation(file=document.file, start=s.start, end=s.end, quote=document.text[s.start : s.end])
        for s in document_sentences(document)
    ]


def answers_report(title: str, graded: Sequence[Graded]) -> Report:
    """The figures of a folder's answers, with the bars of the three that have one."""
    figures = [*_barred(graded), *_cited([g for g in graded if g.asked.outcome == "answer"])]
    figures += [figure for kind in KINDS for figure in _of_kind(kind, graded)]
    broken = [g for g in graded if g.error]
    notes = [f"{len(broken)} runs failed, the first with: {broken[0].error}"] if broken else []
    return Report(title=title, figures=tuple(figures), notes=tuple(notes))


def baselines_report(folder: AskedFolder) -> Report:
    """What those get who do not read the question: each must miss a bar.

    One that misses none says that the questions measure nothing.
    """
    figures: list[Figure] = []
    for name, baseline in BASELINES.items():
        got = _barred([grade(folder, a, baseline(folder, a)) for a in folder.questions])
        missed = sum(figure.met is False for figure in got)
        figures += [replace(f, of=name, bar="", met=None) for f in got]
        figures.append(measured("bars missed", missed, of=name, unit=" ", at_least=1))
    return Report(title="Baselines that must fail", figures=tuple(figures))


def _barred(graded: Sequence[Graded]) -> list[Figure]:
    """The three figures that something is asked of, as far as there are questions for them."""
    answerable = [g for g in graded if g.asked.outcome == "answer"]
    others = [g for g in graded if g.asked.outcome == "abstain"]
    accepted = [g for g in graded if g.given.verdict == "accepted"]
    found = [
        rate(ANSWERED, _right(answerable), len(answerable), at_least=0.7),
        rate(ABSTAINED, _right(others), len(others), at_least=0.9),
    ]
    bad = sum(bool(g.unsupported) for g in accepted)
    return [
        *(figure for figure in found if figure.n),
        measured(UNSUPPORTED, bad, n=len(accepted), unit=" ", at_most=0),
    ]


def _cited(answerable: Sequence[Graded]) -> list[Figure]:
    """Citation recall and precision over the answers that were given."""
    answered = [g for g in answerable if not g.abstained and not g.error]
    recall = [g.recall for g in answered if g.recall is not None]
    precise = [g.precision for g in answered if g.precision is not None]
    return [
        measured(name, sum(values) / len(values), n=len(values))
        for name, values in (("citation recall", recall), ("citation precision", precise))
        if values
    ]


def _of_kind(kind: Kind, graded: Sequence[Graded]) -> list[Figure]:
    of = [g for g in graded if g.asked.kind == kind]
    parts = {
        "answered": [g for g in of if g.asked.outcome == "answer"],
        "abstained": [g for g in of if g.asked.outcome == "abstain"],
    }
    return [rate(name, _right(part), len(part), of=kind) for name, part in parts.items() if part]


def _right(graded: Sequence[Graded]) -> int:
    return sum(g.right for g in graded)
