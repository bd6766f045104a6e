"""`mesh eval claims`: how well supported claims are told from others, on labelled files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.evaluation.crosscheck.claims import Verdicts
    from orchestrator.evaluation.crosscheck.files import ClaimRow
    from orchestrator.evaluation.crosscheck.measure import Part
    from orchestrator.evaluation.crosscheck.progress import OnProgress
    from orchestrator.evaluation.crosscheck.table import Table
    from orchestrator.evidence.scoring.model import SupportModel

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Labelled claims, .jsonl or .jsonl.gz: id, source, claim, passages, label (1: fully "
        "supported), perhaps question.",
    ),
]
Folds = Annotated[int, typer.Option("--folds", metavar="K", min=2, help="Of cross-validation.")]
Seed = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, help="Of folds, fits and intervals.")
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Keep features there; old ones are never used."),
]


def claims(  # noqa: PLR0913 - a parameter is an option
    files: Files,
    train: Annotated[
        list[Path] | None,
        typer.Option("--train", metavar="FILE", help="Fit on these alone. May be repeated."),
    ] = None,
    leave_one_out: Annotated[
        bool,
        typer.Option("--leave-one-out", help="Measure each file by a model of the other files."),
    ] = False,
    folds: Folds = 5,
    seed: Seed = 0,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", metavar="OUT", help="Write one JSON line a claim."),
    ] = None,
    cache: Cache = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Measure the scorer on labelled claims: accuracy, selection, calibration, with intervals.

    The model in use, whose figures flatter it if it was fitted on these claims; and beside it one
    that is cross-validated: weights and threshold are fitted without the claims, and the passages,
    that they are measured on.
    """
    from orchestrator.cli._counting import counting
    from orchestrator.errors import UserError
    from orchestrator.evaluation.crosscheck import refusals

    if train and leave_one_out:
        raise UserError("--train and --leave-one-out are two ways of fitting; give one of them")
    rows, trained_on = read_files(files), read_files(train or ())
    every = [row for own in rows.values() for row in own]
    if trained_on:
        refusals.refuse_training([row for own in trained_on.values() for row in own], every)
    elif leave_one_out:
        refusals.refuse_left_out(rows)
    else:
        refusals.refuse_folds(every, folds)
    if predictions:
        _writable(predictions)
    with counting() as on_progress:
        work = _Work(project, cache, folds, seed, on_progress)
        judged = work.judged(rows, trained_on, leave_one_out=leave_one_out)
        measured = {how: work.measured(verdicts) for how, verdicts in judged.items()}
        if predictions:
            said = list(judged.values())[-1]
            _write(predictions, said, work.explain(said.table))
    _tell(measured, as_json=as_json)


def read_files(paths: Iterable[Path]) -> dict[str, list[ClaimRow]]:
    """The claims of each file, by the name that it is shown under.

    Raises:
        UserError: a file cannot be read, holds what is no claim, or is given twice.
    """
    from orchestrator.errors import UserError
    from orchestrator.evaluation.crosscheck.files import read_claims

    found: dict[str, list[ClaimRow]] = {}
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise UserError(f"{path} is given twice")
        seen.add(path.resolve())
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        found[str(path) if name in found else name] = read_claims(path)
    return found


class _Work:
    """How the claims are judged and measured: everything that options say once."""

    def __init__(
        self, project: Path, cache: Path | None, folds: int, seed: int, on_progress: OnProgress
    ) -> None:
        from orchestrator.mesh import Mesh

        self._mesh = Mesh.load(project)
        self.embedder = self._mesh.project.settings.embedder
        self._cache, self._folds, self._seed = cache, folds, seed
        self._on_progress = on_progress

    @property
    def model(self) -> SupportModel:
        """The one that runs of the project use."""
        return self._mesh.support_model

    def judged(
        self,
        rows: Mapping[str, Sequence[ClaimRow]],
        trained_on: Mapping[str, Sequence[ClaimRow]],
        *,
        leave_one_out: bool,
    ) -> dict[str, Verdicts]:
        """By how they came about, the last of which is what predictions are written of."""
        from orchestrator.evaluation.crosscheck import claims

        table, seed, tell = self._table(rows), self._seed, self._on_progress
        if trained_on:
            train = self._table(trained_on)
            how = f"fitted on {', '.join(trained_on)}"
            if lost := int(claims.shared(train, table).sum()):
                how += f" without {lost:,} claims on passages that are measured"
            return {how: claims.trained(train, table, seed=seed)}
        if leave_one_out:
            how = "fitted on the other files"
            return {how: claims.left_out(table, seed=seed, on_progress=tell)}
        k = self._folds
        crossed = claims.cross_validated(table, k=k, seed=seed, on_progress=tell)
        return {
            f"the model {self.model.name}": claims.judged(table, self.model),
            f"cross-validated in {k} folds": crossed,
        }

    def measured(self, verdicts: Verdicts) -> list[Part]:
        from orchestrator.evaluation.crosscheck.measure import measure

        return measure(verdicts, seed=self._seed, on_progress=self._on_progress)

    def explain(self, table: Table) -> list[tuple[bool, str]]:
        from orchestrator.evaluation.crosscheck.table import explain

        return explain(table.rows, self.embedder, on_progress=self._on_progress)

    def _table(self, rows: Mapping[str, Sequence[ClaimRow]]) -> Table:
        from orchestrator.evaluation.crosscheck.table import prepare

        return prepare(rows, self.embedder, cache=self._cache, on_progress=self._on_progress)


def _writable(path: Path) -> None:
    """Told before minutes of work, not after them."""
    from orchestrator.errors import UserError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def _write(path: Path, verdicts: Verdicts, reasons: Sequence[tuple[bool, str]]) -> None:
    import json

    from orchestrator.evaluation.crosscheck.claims import predictions

    with path.open("w", encoding="utf-8") as lines:
        for line in predictions(verdicts, reasons):
            print(json.dumps(line), file=lines)


def _tell(measured: Mapping[str, Sequence[Part]], *, as_json: bool) -> None:
    from orchestrator.cli._report_show import tell
    from orchestrator.cli._show import print_json
    from orchestrator.evaluation.crosscheck.measure import as_json as plain
    from orchestrator.evaluation.crosscheck.measure import reports

    if as_json:
        rows: list[dict[str, Any]] = [
            {"how": how, "parts": [plain(part) for part in parts]}
            for how, parts in measured.items()
        ]
        print_json({"measured": rows})
        return
    tell([r for how, parts in measured.items() for r in reports(parts, how)], as_json=False)
