"""`mesh import`: other tools' configurations become declared files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen
    from orchestrator.scaffold.files import Written
    from orchestrator.scaffold.from_litellm.convert import Imported
    from orchestrator.scaffold.from_litellm.report import Note

_ENTRY = re.compile(r"^model_list\[\d+\]\.")
"""The part of a key that the place says as well."""

app = typer.Typer(
    no_args_is_help=True, help="Take over another tool's configuration.", rich_markup_mode=None
)


@app.callback()
def import_() -> None:
    """Take over another tool's configuration."""


@app.command()
def litellm(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="LiteLLM's config.yaml.")],
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write.")
    ] = HERE,
    force: Annotated[
        bool, typer.Option("--force", help="Move files that are in the way to .mesh/replaced/.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make fleet.yaml and policy.yaml of a LiteLLM proxy's configuration."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.scaffold.from_litellm.convert import import_litellm

    imported = import_litellm(config)
    written = imported.write(folder, force=force)
    if as_json:
        print_json(imported_json(imported, folder, written))
    else:
        show_imported(Screen(), imported, folder, written)


def imported_json(imported: Imported, folder: Path, written: Written) -> dict[str, Any]:
    """Everything that was written, and everything that was not."""
    from orchestrator.types import as_json as plain

    return {
        "root": str(folder),
        "made": list(written.made),
        "kept": list(written.kept),
        "replaced": dict(written.replaced),
        "models": [
            {"name": m.name, "called": m.group, "from": list(m.origins), **plain(m.declared)}
            for m in imported.models
        ],
        "not_carried_over": [plain(note) for note in imported.report.of("left")],
        "changed": [plain(note) for note in imported.report.of("changed")],
        "needless": [plain(note) for note in imported.report.of("needless")],
    }


def show_imported(screen: Screen, imported: Imported, folder: Path, written: Written) -> None:
    """The models, what needs a look, and what could not be carried over."""
    _models(screen, imported)
    report = imported.report
    _notes(screen, "Not carried over", report.of("left"))
    _notes(screen, "Changed or guessed", report.of("changed"))
    _notes(screen, "Not needed here", report.of("needless"))
    screen.heading("Written")
    for place in (*written.made, *written.kept):
        before = written.replaced.get(place)
        screen.print(
            f"  {folder / place}" + (f" (the former one is now {before})" if before else "")
        )
    screen.prose("Next: mesh fleet, then mesh schema --write for your editor.", 2, "quiet")


def _notes(screen: Screen, title: str, notes: list[Note]) -> None:
    """What was noted, once for all places of which the same is true."""
    if not notes:
        return
    screen.heading(title)
    alike: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        alike.setdefault((note.why, note.do), []).append(note)
    for (why, do), group in alike.items():
        keys = dict.fromkeys(_ENTRY.sub("", note.key) for note in group)
        places = dict.fromkeys(note.place for note in group)
        screen.print(
            screen.join((f"  {', '.join(keys)}", "strong"), (f"  {', '.join(places)}", "quiet"))
        )
        screen.prose(why, 6)
        if do:
            screen.prose(f"{screen.sign('to')} {do}", 6, "quiet")


def _models(screen: Screen, imported: Imported) -> None:
    names = [model.name for model in imported.models]
    table = screen.table(screen.names("model", names), "family", "tier", "reached by", "from")
    for model in imported.models:
        reached = [
            f"{d['id']} ({d['hosting']}{', ' + d['region'] if d.get('region') else ''})"
            for d in model.declared["deployments"]
        ]
        declared = model.declared
        table.add_row(
            model.name,
            declared["family"],
            declared["tier"],
            ", ".join(reached),
            screen.text(", ".join(model.origins), "quiet"),
        )
    screen.show(table)
