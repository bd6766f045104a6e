"""`mesh audit verify`, `report`, `heads`, `export`, `key`: the record that an auditor asks for."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.guard.auditing.heads import SentHead
    from orchestrator.guard.auditing.verify import Verified
    from orchestrator.mesh import Mesh

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="30d, 12h, 2w ago, or a day: 2026-11-01."),
]
Heads = Annotated[
    Path | None,
    typer.Option(
        "--heads",
        metavar="FILE",
        help="The heads that went elsewhere, a line each; default: audit.anchor.file.",
    ),
]
Log = Annotated[
    Path | None,
    typer.Option("--log", metavar="DIR", help="A copy of the log in the place of the project's."),
]


def verify(
    heads_file: Heads = None,
    log: Log = None,
    public_key: Annotated[
        str | None,
        typer.Option("--public-key", metavar="KEY", help="Heads must be signed with its other."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Look through the whole log, and hold it against the heads that went elsewhere.

    Ends with 1 where anything was changed, removed, moved or cut off, and says where.
    """
    from orchestrator.cli._audit_show import show_verified, verified_json
    from orchestrator.cli._operations import with_status
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    found = with_status("reading the log", lambda: _verified(mesh, heads_file, log, public_key))
    if as_json:
        print_json(verified_json(found))
    else:
        show_verified(Screen(), found)
    if not found.holds:
        raise typer.Exit(1)


def heads(
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show the head of each file of the log, and how far heads were sent elsewhere."""
    from orchestrator.cli._audit_show import heads_json, show_heads
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    found = _verified(mesh, None, None, None)
    sent = _sent(mesh, None)
    if as_json:
        print_json(heads_json(found, sent))
    else:
        show_heads(Screen(), found, sent)


def report(
    since: Since = None,
    format: Annotated[
        Literal["table", "md", "json", "csv"],
        typer.Option("--format", help="table, for a terminal; md, json or csv for a file."),
    ] = "table",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Print what an auditor asks for: rules, who saw what, exceptions, approvals, changes, gaps."""
    from orchestrator.cli._audit_show import show_report, standing
    from orchestrator.cli._operations import with_status
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli.costs import read_moment
    from orchestrator.guard.auditing import rendering
    from orchestrator.guard.auditing.report import report as made_of
    from orchestrator.guard.auditing.segments import entries
    from orchestrator.mesh import Mesh

    mesh, now = Mesh.load(project), time.time()
    start = None if since is None else read_moment(since, time.time(), "--since")
    found = with_status("reading the log", lambda: _verified(mesh, None, None, None))
    folder = mesh.audit_folder
    told = with_status("reading the log", lambda: made_of(entries(folder), since=start, until=now))
    name = Path(mesh.project.root).resolve().name
    if as_json or format == "json":
        print_json({"project": name, "holds": found.holds, **rendering.as_json(told)})
    elif format == "md":
        sys.stdout.write(rendering.as_markdown(told, name, standing(found)))
    elif format == "csv":
        sys.stdout.write(rendering.as_csv(told))
    else:
        show_report(Screen(), told, found)


def export(
    since: Since = None,
    project: Project = HERE,
) -> None:
    """Print the log itself, a JSON object a line, for another system. Hashes and all."""
    import dataclasses
    import json

    from orchestrator.cli.costs import read_moment
    from orchestrator.guard.auditing.segments import entries
    from orchestrator.mesh import Mesh

    start = None if since is None else read_moment(since, time.time(), "--since")
    for entry in entries(Mesh.load(project).audit_folder):
        if start is None or entry.at >= start:
            sys.stdout.write(json.dumps(dataclasses.asdict(entry), separators=(",", ":")) + "\n")


def key(as_json: AsJson = False) -> None:
    """Make a key that heads are signed with. It is shown here, and kept nowhere."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.guard.auditing.heads import new_key

    private, public = new_key()
    if as_json:
        print_json({"private": private, "public": public})
        return
    screen = Screen()
    screen.print(f"private  {private}", f"public   {public}", "")
    screen.prose(
        "Put the private one into an environment variable that audit.anchor.key names, and the "
        "public one into audit.anchor.public_key. Who verifies needs the public one alone."
    )


def _verified(mesh: Mesh, heads: Path | None, log: Path | None, public: str | None) -> Verified:
    from orchestrator.guard.auditing.heads import public_key
    from orchestrator.guard.auditing.verify import verify as look_through

    anchor = mesh.project.settings.audit.anchor
    stated = public or (anchor.public_key if anchor else None)
    key = None if stated is None else public_key(stated)
    return look_through(log or mesh.audit_folder, _sent(mesh, heads), key)


def _sent(mesh: Mesh, heads: Path | None) -> list[SentHead]:
    from orchestrator.errors import UserError
    from orchestrator.guard.auditing.heads import read_heads

    anchor, root = mesh.project.settings.audit.anchor, Path(mesh.project.root)
    path = heads
    if path is None and anchor is not None and anchor.file is not None:
        path = root / Path(anchor.file).expanduser()
        if not path.exists() and not mesh.audit_folder.exists():
            return []
    if path is None:
        return []
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise UserError(f"the heads in {path} cannot be read: {error.strerror}") from None
    return list(read_heads(lines, mesh.audit_name))
