"""`mesh schema`: JSON Schema for the declared files, so that editors help with writing them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

STALE = 1
"""The exit code where `--check` finds something."""


def schema(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="mesh, fleet, policy, agent, …")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write schemas/, and the line in each file.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 where a schema is stale or a line is missing.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Print the JSON Schema of a kind of file, or keep those of a project up to date."""
    from orchestrator.errors import UserError

    if (kind is not None) + write + check > 1:
        raise UserError("say one of KIND, --write and --check")
    if write:
        _write(project, as_json=as_json)
    elif check:
        _check(project, as_json=as_json)
    elif kind is not None:
        _print(kind)
    else:
        _list(as_json=as_json)


def _print(name: str) -> None:
    from orchestrator.cli._show import print_json
    from orchestrator.errors import UnknownNameError
    from orchestrator.project.json_schema import KINDS, schema_of

    if name not in KINDS:
        raise UnknownNameError("kind of file", name, tuple(KINDS))
    print_json(schema_of(KINDS[name]))


def _list(*, as_json: bool) -> None:
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.project.json_schema import KINDS, schema_of

    if as_json:
        print_json({name: schema_of(kind) for name, kind in KINDS.items()})
        return
    screen = Screen()
    table = screen.table(("kind", {"no_wrap": True}), "files", "schema", "what it is for")
    for kind in KINDS.values():
        table.add_row(kind.name, kind.place, kind.schema_file, screen.text(kind.title))
    screen.show(table)
    screen.print("")
    screen.prose("mesh schema KIND prints one; mesh schema --write writes all.", 2, "quiet")


def _write(project: Path, *, as_json: bool) -> None:
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.project.editor import bring_up_to_date
    from orchestrator.types import as_json as plain

    written = bring_up_to_date(project)
    if as_json:
        print_json(plain(written))
        return
    screen = Screen()
    for place in written.schemas:
        screen.print(screen.join((screen.sign("yes"), "good"), f" {place}"))
    for place in written.lines:
        screen.print(screen.join((screen.sign("yes"), "good"), f" {place}: the line was put in"))
    if not written.schemas and not written.lines:
        screen.print("everything is up to date")


def _check(project: Path, *, as_json: bool) -> None:
    import sys

    from orchestrator.cli._show import Screen, colour, print_json
    from orchestrator.project.editor import stale
    from orchestrator.project.render import render_problems
    from orchestrator.types import as_json as plain

    problems = stale(project)
    if as_json:
        print_json({"ok": not problems, "problems": [plain(p) for p in problems]})
    elif problems:
        print(render_problems(problems, colour=colour(sys.stderr)), file=sys.stderr)
        print("mesh schema --write mends it", file=sys.stderr)
    else:
        screen = Screen()
        screen.print(screen.join((screen.sign("yes"), "good"), " the schemas are up to date"))
    if problems:
        raise typer.Exit(STALE)
