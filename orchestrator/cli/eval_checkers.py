"""`mesh eval checkers`: how independent those are who check claims, and what they are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.evaluation.crosscheck.checkers import Ballots, Independence
    from orchestrator.evaluation.crosscheck.files import ClaimRow
    from orchestrator.evaluation.crosscheck.progress import OnProgress
    from orchestrator.mesh import Mesh
    from orchestrator.types import ClaimStatus

MOST_TRACES = 10_000


def checkers(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Labelled claims; own traffic where absent."),
    ] = None,
    ask: Annotated[
        str,
        typer.Option(
            "--checkers",
            metavar="DEPLOYMENTS",
            help="Also ask these models or encoders of the fleet, with commas. It costs money.",
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option("--since", metavar="WHEN", help="Own traffic: 7d, 12h, or a day."),
    ] = "7d",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="Of folds and intervals.")
    ] = 0,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Measure how independent the checkers are: agreement, kappa, correlation of their errors.

    On labelled files the gates, the scorer and plain word containment are always asked, without a
    model. On own traffic the recorded votes count.
    """
    import asyncio
    import time

    from orchestrator.cli._counting import counting
    from orchestrator.cli._report_show import tell
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli.costs import read_moment
    from orchestrator.errors import UserError
    from orchestrator.evaluation.crosscheck.checkers import measure
    from orchestrator.mesh import Mesh

    named = list(dict.fromkeys(name.strip() for name in ask.split(",") if name.strip()))
    if named and not files:
        raise UserError("--checkers asks about labelled claims: give a FILE")
    mesh = Mesh.load(project)
    if files:
        with counting() as on_progress:
            given = asyncio.run(_labelled(mesh, files, named, seed, on_progress))
        title = f"Checkers on {', '.join(path.name for path in files)}"
    else:
        given = _traffic(mesh, read_moment(since, time.time(), "--since"))
        title = f"Checkers on own traffic since {since}"
    found: Independence = measure(given, seed=seed)
    if as_json:
        print_json(found.as_json(title))
    elif found.checkers:
        tell([found.report(title)], as_json=False)
    else:
        Screen().prose(found.sentence)


def oracle(
    claims: Annotated[
        int, typer.Option("--claims", metavar="N", min=1, help="Of each setting.")
    ] = 400,
    as_json: AsJson = False,
) -> None:
    """Hold the pipeline against checkers of known faults, which it asks over loopback HTTP.

    What it accepts, refuses and leaves open must be what follows from their error rates and their
    correlation. Exit 1: it is not.
    """
    import asyncio

    from orchestrator.cli._counting import counting
    from orchestrator.cli._report_show import tell
    from orchestrator.evaluation.crosscheck.oracle import SETTINGS, held_against
    from orchestrator.evaluation.crosscheck.oracle_service import carried_out
    from orchestrator.mesh import Mesh

    with counting() as on_progress:
        reports = [
            held_against(
                setting,
                asyncio.run(carried_out(setting, claims, Mesh.load, on_progress=on_progress)),
            )
            for setting in SETTINGS
        ]
    tell(reports, as_json=as_json)
    if not all(report.met for report in reports):
        raise typer.Exit(1)


def _traffic(mesh: Mesh, since: float) -> Ballots:
    from orchestrator.evaluation.crosscheck.checkers import from_traffic

    traces = mesh.store.traces(MOST_TRACES, since=since)
    return from_traffic(hop for trace in traces for hop in mesh.store.hops(trace.id))


async def _labelled(
    mesh: Mesh, files: Sequence[Path], named: Sequence[str], seed: int, on_progress: OnProgress
) -> Ballots:
    """The gates, the scorer and containment, and the named checkers, on all rows."""
    from orchestrator.cli.eval_claims import read_files
    from orchestrator.evaluation.crosscheck.baselines import BASELINES
    from orchestrator.evaluation.crosscheck.checkers import ballots
    from orchestrator.evaluation.crosscheck.claims import cross_validated
    from orchestrator.evaluation.crosscheck.polling import askable, gates, poll
    from orchestrator.evaluation.crosscheck.table import prepare

    async with mesh:
        services = mesh.single_calls().services
        for name in named:
            askable(services, name)
        table = prepare(read_files(files), mesh.project.settings.embedder, on_progress=on_progress)
        rows: list[ClaimRow] = list(table.rows)
        # Thresholds come from the other folds, so that nobody is measured on what it was fitted to.
        crossed = cross_validated(table, seed=seed, on_progress=on_progress)
        assert crossed.beside is not None
        said: dict[str, list[ClaimStatus]] = {
            "gates": gates(rows, mesh.embedder, on_progress=on_progress),
            "scorer": [_status(v) for v in crossed.said],
            "containment": [_status(v) for v in crossed.beside[:, BASELINES.index("containment")]],
        }
        for name in named:
            said[name] = await poll(services, name, rows, on_progress=on_progress)
    votes = [{name: found[i] for name, found in said.items()} for i in range(len(rows))]
    return ballots(votes, table.groups.tolist(), table.labels.tolist())


def _status(supported: int) -> ClaimStatus:
    return "supported" if supported else "unsupported"
