"""`mesh eval`: run suites, show and keep what came of them, compare with an earlier run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._eval_group import SUITES, EvalGroup
from orchestrator.cli._measurements import MEASUREMENTS
from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.evaluation.run import Evaluation
    from orchestrator.evaluation.values import Comparison, EvalRun
    from orchestrator.mesh import Mesh
    from orchestrator.project.schema import Project as Declared


class Also(StrEnum):
    """What `--fail-if` takes."""

    ANY = "any"
    FLAKY = "flaky"
    UNEXPECTED_PASS = "unexpected-pass"


_KINDS: dict[Also, tuple[str, ...]] = {
    Also.ANY: ("failed", "flaky"),
    Also.FLAKY: ("flaky",),
    Also.UNEXPECTED_PASS: ("unexpected pass",),
}
FAILED = 1
BROKE_OFF = 3

app = typer.Typer(
    cls=EvalGroup,
    help="Run suites of evals/, or measure how well claims are checked.",
    rich_markup_mode=None,
)
for _name, _measurement in MEASUREMENTS.items():
    app.command(name=_name)(_measurement)


@app.command(name=SUITES)
def evaluate(  # noqa: PLR0913 - a parameter is an option
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SUITE", help="Suites; all where absent.")
    ] = None,
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="GLOB", help="Only these cases. May be repeated."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="Only cases with one of these tags."),
    ] = None,
    repeat: Annotated[
        int | None, typer.Option("--repeat", metavar="N", min=1, help="Run each case N times.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, help="At a time; default 4.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="RUN", help="Compare with a saved run: its name, a file, or last."
        ),
    ] = None,
    fail_if: Annotated[
        list[Also] | None,
        typer.Option(
            "--fail-if",
            metavar="WHAT",
            help="Also fail for: any (failing case), flaky, unexpected-pass.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Save there instead of in .mesh."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Run suites of evals/. Exit 1: one failed or got worse; 3: a run could not be carried out."""
    from orchestrator.cli._eval_show import EvalProgress
    from orchestrator.errors import CancelledRunError
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    progress = EvalProgress()
    choice: dict[str, Any] = {
        "cases": tuple(case or ()),
        "tags": tuple(tag or ()),
        "repetitions": repeat,
        "jobs": jobs,
        "on_sample": progress.sample,
    }
    evaluations = _evaluations(mesh, list(dict.fromkeys(names or ())), choice)
    places = _places(mesh, evaluations, against, output)
    finished = _carry_out(mesh, evaluations, progress)
    done = [
        _Done.of(run, place, partial=bool(case or tag))
        for run, place in zip([e.result() for e in evaluations], places, strict=True)
        if run.cases
    ]
    reasons = [reason for d in done for reason in d.reasons(fail_if or ())]
    _tell(done, reasons, junit, as_json=as_json)
    if not finished:
        raise CancelledRunError(_stopped(evaluations))
    _leave(reasons, [d.run for d in done])


def _evaluations(mesh: Mesh, names: Sequence[str], choice: dict[str, Any]) -> list[Evaluation]:
    """One for each suite. Where all suites are meant, those without such a case are left out."""
    from orchestrator.errors import UserError
    from orchestrator.evaluation.run import find_suite

    _refuse_unknown(mesh.project, names)
    if names or not mesh.project.suites:
        for name in names or ("",):
            find_suite(mesh.project, name)
        return [mesh.evaluation(name, **choice) for name in names]
    found: list[Evaluation] = []
    refused: list[UserError] = []
    for name in mesh.project.suites:
        try:
            found.append(mesh.evaluation(name, **choice))
        except UserError as error:
            refused.append(error)
    if not found:
        raise refused[0]
    return found


def _refuse_unknown(project: Declared, names: Sequence[str]) -> None:
    """A name may be near that of a suite or of a measurement, which comes first if meant."""
    from orchestrator.errors import UnknownNameError, UserError
    from orchestrator.project.names import nearest

    for name in names:
        if name in project.suites:
            continue
        if name in MEASUREMENTS:
            raise UserError(f"'{name}' is no suite here but a measurement: mesh eval {name} …")
        known = (*project.suites, *MEASUREMENTS)
        if nearest(name, known) in MEASUREMENTS:
            raise UnknownNameError("suite or measurement", name, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a run is to be kept, and the one that it is compared with."""

    folder: Path
    file: Path | None
    before: tuple[str, EvalRun] | None


def _places(
    mesh: Mesh, evaluations: Sequence[Evaluation], against: str | None, file: Path | None
) -> list[_Place]:
    """One for each evaluation; what is wrong with it is told before anything runs."""
    import sys

    from orchestrator.errors import UserError
    from orchestrator.evaluation.saved import find

    if file and len(evaluations) > 1:
        raise UserError(f"--output takes one run, and there are {len(evaluations)} suites")
    folder = mesh.storage / "evals"
    places: list[_Place] = []
    for evaluation in evaluations:
        suite = evaluation.suite.name
        before = find(against, suite, folder) if against else None
        if against and not before:
            print(f"mesh: no run of {suite} was saved yet; nothing to compare", file=sys.stderr)
        places.append(_Place(folder=folder, file=file, before=before))
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """A run, and what it was compared with."""

    run: EvalRun
    comparison: Comparison | None
    place: _Place

    @classmethod
    def of(cls, run: EvalRun, place: _Place, *, partial: bool) -> _Done:
        from orchestrator.evaluation.compare import compare

        comparison = None
        if place.before:
            name, before = place.before
            comparison = compare(before, run, name, partial=partial)
        return cls(run=run, comparison=comparison, place=place)

    def keep(self) -> Path:
        """Save the run; says where. Raises `StorageError`."""
        from orchestrator.evaluation.saved import save, write

        if self.place.file is None:
            return save(self.run, self.place.folder)
        write(self.run, self.place.file)
        return self.place.file

    def reasons(self, also: Sequence[Also]) -> list[str]:
        """Why this run is a failure; none where it is not."""
        run, found = self.run, []
        if not run.met:
            rate = f"{run.pass_rate:.0%}" if run.pass_rate is not None else "nothing"
            found.append(f"{run.suite}: {rate} passed, {run.pass_at_least:.0%} is required")
        if self.comparison and self.comparison.regressions:
            worse = ", ".join(self.comparison.regressions)
            found.append(f"{run.suite}: worse than {self.comparison.against}: {worse}")
        for word in also:
            names = [case.name for case in run.cases if case.status in _KINDS[word]]
            if names:
                found.append(f"{run.suite}: {' or '.join(_KINDS[word])}: {', '.join(names)}")
        return found


def _carry_out(mesh: Mesh, evaluations: Sequence[Evaluation], progress: Any) -> bool:
    """Run them one after the other; False where Ctrl-C ended it."""
    import asyncio

    async def whole() -> None:
        try:
            for evaluation in evaluations:
                with progress.of(evaluation):
                    await evaluation.run()
        finally:
            await mesh.close()

    try:
        asyncio.run(whole())
    except KeyboardInterrupt:
        return False
    return True


def _tell(
    done: Sequence[_Done], reasons: Sequence[str], junit: Path | None, *, as_json: bool
) -> None:
    """Show the runs, then save them: a full disk must not swallow what was found."""
    from orchestrator.cli._eval_show import runs_json, show_runs
    from orchestrator.cli._show import print_json

    if not as_json:
        show_runs([(d.run, d.comparison) for d in done])
    files = [d.keep() for d in done]
    if junit:
        _write_junit(junit, [d.run for d in done])
    if as_json:
        told = [(d.run, d.comparison, file) for d, file in zip(done, files, strict=True)]
        print_json(runs_json(told, reasons))
        return
    for file in files:
        print(f"saved as {file}")


def _write_junit(path: Path, runs: Sequence[EvalRun]) -> None:
    from orchestrator.errors import UserError
    from orchestrator.evaluation.junit import junit

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(junit(runs), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def _stopped(evaluations: Sequence[Evaluation]) -> str:
    planned = sum(evaluation.planned for evaluation in evaluations)
    done = sum(len(c.samples) for e in evaluations for c in e.result().cases)
    return f"stopped after {done} of {planned} runs"


def _leave(reasons: Sequence[str], runs: Sequence[EvalRun]) -> None:
    """Say why, and exit: a failure outweighs a run that could not be carried out."""
    import sys

    for reason in reasons:
        print(f"mesh: {reason}", file=sys.stderr)
    if reasons:
        raise typer.Exit(FAILED)
    broken = [case.name for run in runs for case in run.cases if case.status == "error"]
    if broken:
        print(f"mesh: could not be carried out: {', '.join(broken)}", file=sys.stderr)
        raise typer.Exit(BROKE_OFF)
