"""`mesh eval routing`: what the predictor is worth on recorded outcomes, beside other routers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.evaluation.crosscheck.progress import OnProgress
    from orchestrator.evaluation.routing.measure import Measured
    from orchestrator.evaluation.routing.plan import Plan
    from orchestrator.evaluation.routing.values import Recorded


Cascade = Annotated[
    bool,
    typer.Option(
        "--cascade", help="Cheap models whose answers agree, else --strong or the dearest."
    ),
]
Online = Annotated[
    bool, typer.Option("--online", help="A cold start: only the given answer is judged.")
]
Mixed = Annotated[
    bool, typer.Option("--day", help="A day of requests of all sets, against always strong.")
]
Predictions = Annotated[
    Path | None,
    typer.Option("--predictions", metavar="OUT.csv", help="Write id,model,predicted,uncertainty."),
]


def routing(  # noqa: PLR0913 - a parameter is an option
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Recorded outcomes: NAME.queries.jsonl and NAME.outcomes.csv, plain or .gz, and "
            "prices.json.",
        ),
    ],
    names: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME", help="Only this set. May be repeated."),
    ] = None,
    weak: Annotated[
        str, typer.Option("--weak", metavar="MODEL", help="Of two models the cheap one.")
    ] = "",
    strong: Annotated[
        str, typer.Option("--strong", metavar="MODEL", help="Of two models the good one.")
    ] = "",
    models: Annotated[
        str,
        typer.Option("--models", metavar="A,B,…", help="Of many; all with a price where absent."),
    ] = "",
    only: Annotated[
        str, typer.Option("--task", metavar="TASK", help="Only queries of this task, or of TASK/….")
    ] = "",
    train: Annotated[
        str, typer.Option("--train", metavar="TASK", help="Learn from the queries of this task.")
    ] = "",
    labels: Annotated[
        int | None,
        typer.Option("--labels", metavar="N", min=20, help="Learn from N queries at most."),
    ] = None,
    folds: Annotated[
        int, typer.Option("--folds", metavar="K", min=2, help="Of cross-validation.")
    ] = 5,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of folds, labels and intervals.")
    ] = 0,
    predictions: Predictions = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="OUT.svg", help="Draw cost and quality; .svg or .png."),
    ] = None,
    cascade: Cascade = False,
    online: Online = False,
    mixed: Mixed = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Measure the predictor as a router: two models by APGR, many models with prices by AIQ.

    Beside it a router that guesses or mixes single models, the mean of each task (which needs to be
    told the task) and the oracle. Every prediction comes from a model that has seen neither the
    query nor its like; the embedder is that of the project.
    """
    from orchestrator.cli._counting import counting
    from orchestrator.cli._eval_routing import cascades, cold_starts, day
    from orchestrator.cli._report_show import tell
    from orchestrator.evaluation.routing.plan import Plan

    asked = tuple(name.strip() for name in models.split(",") if name.strip())
    plan = Plan(
        weak=weak, strong=strong, models=asked, only=only, train=train, labels=labels, k=folds,
        seed=seed,
    )  # fmt: skip
    with counting() as on_progress:
        sets = _chosen(folder, names or ())
        others = [cascades] * cascade + [cold_starts] * online + [day] * mixed
        if others:
            made = [one(folder, sets.values(), plan, project, on_progress) for one in others]
            tell([report for reports in made for report in reports], as_json=as_json)
            return
        _refuse_outputs(predictions, plot, single=len(sets) == 1)
        found = [_measured(recorded, plan, project, on_progress) for recorded in sets.values()]
    _write(found[0], predictions, plot)
    tell([r for one in found for r in (one.report, one.coverage) if r], as_json=as_json)


def _chosen(folder: Path, names: Sequence[str]) -> Mapping[str, Recorded]:
    from orchestrator.errors import UnknownNameError
    from orchestrator.evaluation.routing.files import read_folder

    sets = read_folder(folder)
    for name in names:
        if name not in sets:
            raise UnknownNameError("set", name, list(sets), str(folder))
    return {name: sets[name] for name in names or sets}


def _refuse_outputs(predictions: Path | None, plot: Path | None, *, single: bool) -> None:
    """Told before minutes of work, not after them."""
    from orchestrator.errors import UserError
    from orchestrator.plotting import refuse_format

    if plot:
        refuse_format(plot)
    paths = [path for path in (predictions, plot) if path]
    if paths and not single:
        raise UserError("the folder holds several sets; say which with --set NAME")
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def _measured(recorded: Recorded, plan: Plan, project: Path, on_progress: OnProgress) -> Measured:
    from orchestrator.evaluation.routing.measure import measure
    from orchestrator.evaluation.routing.plan import with_models, with_queries
    from orchestrator.evaluation.routing.predicting import Learned
    from orchestrator.mesh import Mesh

    own = with_queries(with_models(recorded, plan), plan)
    learned = Learned(Mesh.load(project).embedder, own, on_progress, recorded)
    return measure(own, plan, learned.learn, on_progress)


def _write(measured: Measured, predictions: Path | None, plot: Path | None) -> None:
    from orchestrator.evaluation.routing.plot import picture
    from orchestrator.plotting import draw

    if predictions:
        _write_predictions(predictions, measured)
    if plot:
        draw(plot, picture(measured))


def _write_predictions(path: Path, measured: Measured) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("id", "model", "predicted", "uncertainty"))
        for query, model, predicted, uncertainty in measured.predictions:
            lines.writerow((query, model, f"{predicted:.6f}", f"{uncertainty:.6f}"))
