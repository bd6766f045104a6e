"""`mesh eval mutations`: what share of planted changes is caught, kind by kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project
from orchestrator.cli.eval_claims import Files, Seed, read_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.evaluation.crosscheck.files import ClaimRow


def mutations(
    files: Files,
    seed: Seed = 0,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="Mutations of a kind and file.")
    ] = 400,
    show: Annotated[
        int,
        typer.Option("--show", metavar="N", min=0, help="Print N mutations of each kind instead."),
    ] = 0,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="OUT", help="Write all mutations, one JSON line each."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Change supported claims in known ways, and measure what share of the changes is caught.

    Numbers, dates and names from elsewhere or swapped within the passages, exchanged roles,
    negations, opposites, appended clauses, moved citations. Everything is caught without a
    language model, at a stated share of false alarms on the unchanged claims.
    """
    from orchestrator.cli._counting import counting
    from orchestrator.cli._report_show import tell
    from orchestrator.evaluation.crosscheck.planted import plant, reports
    from orchestrator.mesh import Mesh

    rows = read_files(files)
    if write:
        _write(write, rows, seed)
    if show:
        _show(rows, seed, show, as_json=as_json)
        return
    mesh = Mesh.load(project)
    with counting() as on_progress:
        planted = plant(
            rows,
            mesh.project.settings.embedder,
            mesh.support_model,
            seed=seed,
            most=most,
            on_progress=on_progress,
        )
        found = reports(planted, seed=seed)
    tell(found, as_json=as_json)


def _write(path: Path, rows: Mapping[str, Sequence[ClaimRow]], seed: int) -> None:
    import json

    from orchestrator.errors import UserError
    from orchestrator.evaluation.crosscheck.mutations import mutate

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as lines:
            for own in rows.values():
                for mutation in mutate(own, seed=seed):
                    print(json.dumps(mutation.to_json()), file=lines)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def _show(rows: Mapping[str, Sequence[ClaimRow]], seed: int, count: int, *, as_json: bool) -> None:
    """Some of each kind, for a person to judge whether they are good."""
    import random

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.evaluation.crosscheck.mutations import KINDS, Mutation, mutate

    made: dict[str, list[Mutation]] = {kind: [] for kind in KINDS}
    for own in rows.values():
        for mutation in mutate(own, seed=seed):
            made[mutation.kind].append(mutation)
    drawn = {
        kind: random.Random(f"{seed}:{kind}").sample(those, min(count, len(those)))
        for kind, those in made.items()
    }
    if as_json:
        print_json({"mutations": [m.to_json() for those in drawn.values() for m in those]})
        return
    screen = Screen()
    for kind, those in drawn.items():
        screen.heading(f"{kind}: {len(made[kind]):,}")
        for mutation in those:
            screen.prose(mutation.row.claim, 2, "quiet")
            text = mutation.claim if mutation.edits else "(beside other passages)"
            screen.prose(f"{screen.sign('to')} {text}", 2)
