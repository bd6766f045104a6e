"""`mesh init`: a new project that works as it is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.scaffold.files import Written

PURPOSES = {
    "mesh.yaml": "settings",
    "fleet.yaml": "models and how to reach them",
    "policy.yaml": "what is allowed and preferred",
    "agents/": "one agent a file",
    "graphs/": "one workflow a file",
    "functions.py": "your own Python",
    "evals/": "one suite of cases a file",
    "sources/": "documents to answer from",
    "schemas/": "for your editor",
    "README.md": "where to go on",
    "Makefile": "make test",
    ".gitignore": "keeps .mesh/ out",
}


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Default: here.")] = HERE,
    force: Annotated[
        bool, typer.Option("--force", help="Move files that are in the way to .mesh/replaced/.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a new project: a small one that works at once, offline."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.scaffold.new_project import new_project

    written = new_project(folder, force=force)
    if as_json:
        print_json(
            {
                "root": str(folder),
                "made": list(written.made),
                "kept": list(written.kept),
                "replaced": dict(written.replaced),
                "next": next_commands(folder),
            }
        )
    else:
        show_project(Screen(), folder, written)


def next_commands(root: Path) -> list[str]:
    """What to type next, to copy and paste."""
    from orchestrator.scaffold.new_project import GRAPH, QUESTION

    into = [] if root == HERE else [f"cd {shlex.quote(str(root))}"]
    run = f'mesh run {GRAPH} question="{QUESTION}" sources=sources'
    return [*into, "mesh check", f"mesh eval {GRAPH}", run]


def show_project(screen: Screen, root: Path, written: Written) -> None:
    """What was made, and what to do next."""
    table = screen.table(("made", {"no_wrap": True}), "what it is")
    for place, purpose in PURPOSES.items():
        made = [p for p in written.made if p == place or p.startswith(place)]
        if not made:
            continue
        names = place + ", ".join(p.removeprefix(place) for p in made)
        shown = names if len(names) <= 40 else f"{place} ({len(made)} files)"
        table.add_row(shown, screen.text(purpose, "quiet"))
    if written.made:
        screen.show(table)
    for place, now in written.replaced.items():
        screen.print(f"  {place} was there before; it is now {now}")
    if written.kept:
        screen.print(f"  {len(written.kept)} files were there already and are the same")
    screen.heading("Next")
    for command in next_commands(root):
        screen.print(f"  {command}")
