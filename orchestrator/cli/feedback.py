"""`mesh feedback`: say how good an answer was."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project


def feedback(  # noqa: PLR0913 - a parameter is an option
    trace: Annotated[str, typer.Argument(help="A trace's id, or its beginning.")],
    good: Annotated[bool, typer.Option("--good", help="The same as --score 1.")] = False,
    bad: Annotated[bool, typer.Option("--bad", help="The same as --score 0.")] = False,
    score: Annotated[
        float | None, typer.Option("--score", metavar="0…1", help="0 is bad, 1 is good.")
    ] = None,
    hop: Annotated[
        str | None,
        typer.Option("--hop", help="Of one step alone: a node's name, a hop's id or number."),
    ] = None,
    comment: Annotated[str, typer.Option("--comment", help="Why, for those who read it.")] = "",
    source: Annotated[
        str, typer.Option("--source", help="person, downstream, tests or retried.")
    ] = "person",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say how good an answer was; who says it again replaces what he said before."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.learning.feedback import Said, told
    from orchestrator.mesh import Mesh
    from orchestrator.storage.operations import os_user
    from orchestrator.types import as_json as plain

    said = Said(
        trace=trace, score=_score(good, bad, score), hop=hop, comment=comment, source=source
    )
    kept = Mesh.load(project).feedback(said, by=os_user())
    if as_json:
        print_json(plain(kept))
    else:
        Screen().print(f"Kept: {told(kept)}")


def _score(good: bool, bad: bool, score: float | None) -> float:
    from orchestrator.errors import UserError

    given = [value for value, there in ((1.0, good), (0.0, bad)) if there]
    given += [] if score is None else [score]
    if len(given) != 1:
        raise UserError("say one of --good, --bad and --score, for example: --score 0.5")
    return given[0]
