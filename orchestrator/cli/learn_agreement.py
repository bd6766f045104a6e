"""`mesh learn agreement`: how the answers of models agree, for routes of strategy `auto`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project


def agreement(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Recorded outcomes with a column 'answer', as `mesh eval routing` reads them.",
        ),
    ],
    name: Annotated[
        str, typer.Option("--set", metavar="NAME", help="Which set, where there are several.")
    ] = "",
    names: Annotated[
        list[str] | None,
        typer.Option("--as", metavar="RECORDED=MODEL", help="A model's name in the fleet."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Learn from recorded answers what it says when they agree, and whom to ask in turn.

    Routes with `strategy: auto` then weigh one call against several cheap ones.
    """
    from orchestrator.cli._counting import counting
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli.learn import chosen_set, names_of
    from orchestrator.errors import UserError
    from orchestrator.evaluation.routing.answers import read_votes
    from orchestrator.evaluation.routing.cascade import agreements_of
    from orchestrator.evaluation.routing.predicting import Learned
    from orchestrator.learning.agreement import keep
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    with counting() as on_progress:
        recorded = chosen_set(folder, name)
        called = names_of(names or (), recorded.models)
        fleet = {d.model for d in mesh.fleet().deployments}
        models = [m for m in recorded.priced if called.get(m, m) in fleet]
        if len(models) < 2:
            raise UserError(
                f"{recorded.name}: two models of the fleet with prices are asked; found "
                f"{', '.join(models) or 'none'}; name them with --as RECORDED=MODEL"
            )
        own = recorded.of_models(models)
        learned = Learned(mesh.embedder, own, on_progress)
        found = agreements_of(own, read_votes(folder, own), learned).called(called)
        path = keep(found, mesh.learned_states.folder)
    if as_json:
        print_json(plain(found))
        return
    screen = Screen()
    if not found.models:
        screen.print(f"{len(own.queries):,} queries say too little of how answers agree.")
        return
    screen.print(f"Learned from {len(own.queries):,} queries; worth asking in turn:")
    for model in found.models:
        screen.print(f"  {model}")
    if found.incomparable:
        screen.prose(f"Answers cannot be compared in {', '.join(found.incomparable)}.")
    screen.prose(f"{path.name} is used by routes with `strategy: auto`.", 0, "quiet")
