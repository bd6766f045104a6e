"""`mesh eval answers`: whole answers over documents of one's own, from question to verdict."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.evaluation.crosscheck.asked import AskedFolder
    from orchestrator.evaluation.crosscheck.graded import Graded
    from orchestrator.evaluation.crosscheck.progress import OnProgress
    from orchestrator.evaluation.crosscheck.report import Report

DEFAULT = Path("evals/crosscheck")
JOBS = 3


class Only(StrEnum):
    """What `--only` takes."""

    ANSWERABLE = "answerable"
    UNANSWERABLE = "unanswerable"
    CONTRADICTORY = "contradictory"
    POISONED = "poisoned"


class Shown(StrEnum):
    """What `--show` takes."""

    FAILED = "failed"
    ALL = "all"


def answers(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help=f"Each with documents/ and questions.jsonl; {DEFAULT} where absent.",
        ),
    ] = None,
    only: Annotated[
        Only | None, typer.Option("--only", help="Only questions of this kind.")
    ] = None,
    show: Annotated[
        Shown | None, typer.Option("--show", help="Print these questions with their answers.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="As if the environment held no key.")
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", min=1, help="At a time.")
    ] = JOBS,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask every question of a folder and grade the answers. Exit 1: a bar is missed.

    Graded are facts, citations, abstention and its reason. Two baselines are graded as well: who
    quotes everything, and who always abstains, must miss a bar.
    """
    from orchestrator.cli._counting import counting
    from orchestrator.cli._report_show import tell
    from orchestrator.evaluation.crosscheck.asked import read_asked

    asked = [read_asked(f).only(only.value if only else None) for f in folders or [DEFAULT]]
    with counting() as on_progress:
        graded = _graded(asked, project, on_progress, offline=offline, jobs=jobs)
    reports = [r for f, g in zip(asked, graded, strict=True) for r in _reports(f, g)]
    if show and not as_json:
        _show([g for own in graded for g in own if show is Shown.ALL or not g.right])
    tell(reports, as_json=as_json)
    if not all(report.met for report in reports):
        raise typer.Exit(1)


def _graded(
    folders: Sequence[AskedFolder],
    project: Path,
    on_progress: OnProgress,
    *,
    offline: bool,
    jobs: int,
) -> list[tuple[Graded, ...]]:
    import asyncio

    from orchestrator.evaluation.crosscheck.endtoend import run_questions
    from orchestrator.mesh import Mesh

    async def whole() -> list[tuple[Graded, ...]]:
        async with Mesh.load(project, env={} if offline else None) as mesh:
            return [
                await run_questions(folder, mesh.run, jobs=jobs, on_progress=on_progress)
                for folder in folders
            ]

    return asyncio.run(whole())


def _reports(folder: AskedFolder, graded: Sequence[Graded]) -> list[Report]:
    from orchestrator.evaluation.crosscheck.endtoend import answers_report, baselines_report

    title = f"Answers to the questions of {folder.folder.as_posix()}"
    return [answers_report(title, graded), baselines_report(folder)]


def _show(graded: Sequence[Graded]) -> None:
    """Each question with its answer and what is wrong with it."""
    from orchestrator.cli._show import Screen, Tone

    screen = Screen()
    for g in graded:
        tone: Tone = "good" if g.right else "bad"
        sign = screen.sign("yes" if g.right else "no")
        screen.print(screen.join((sign, tone), f" {g.asked.id}  {g.asked.question}"))
        cause = f" ({g.given.cause})" if g.given.cause else ""
        screen.prose(f"{g.given.verdict or 'no answer'}{cause}: {g.given.text or g.error}", 4)
        if g.why:
            screen.prose("; ".join(g.why), 4, "warn")
    screen.print("")
