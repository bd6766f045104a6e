"""`mesh eval quotes`: whether spoilt quotes are refused, and good ones never."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli._options import AsJson

MISSED = 1


def quotes(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Texts to quote from: labelled claims (their passages), sources, folders of "
            "them; the sources of a new project where absent.",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="Of each kind of corruption.")
    ] = 600,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0)] = 0,
    at_least: Annotated[
        float | None,
        typer.Option(
            "--at-least",
            metavar="SHARE",
            min=0,
            max=1,
            help="Exit 1 where fewer of the bad quotes are caught, or a good one is not.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Spoil quotes from real texts, or write them otherwise, and see what the quote gate says."""
    from orchestrator.cli._counting import counting
    from orchestrator.cli._report_show import tell
    from orchestrator.errors import UserError
    from orchestrator.evaluation.crosscheck.quotes import measure, quotes_report, texts_of

    texts = texts_of(files or [_shipped()])
    with counting() as on_progress:
        checked = measure(texts, most=most, seed=seed, on_progress=on_progress)
    if not checked:
        named = ", ".join(map(str, files or ()))
        raise UserError(f"{named}: no sentence of 40 to 400 characters stands there to be quoted")
    report = quotes_report(checked, at_least=at_least)
    tell([report], as_json=as_json)
    if not report.met:
        raise typer.Exit(MISSED)


def _shipped() -> Path:
    """The sources of the project that `mesh init` makes."""
    import orchestrator.scaffold

    return Path(orchestrator.scaffold.__file__).parent / "template" / "sources"
