"""`mesh learn`: what was learned of models and why, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.cli._show import Screen
    from orchestrator.evaluation.routing.values import Recorded
    from orchestrator.learning.account import Line
    from orchestrator.learning.predictor import LearnedPredictor
    from orchestrator.mesh import Mesh

NONE = "none"
app = typer.Typer(
    help="Show what was learned of models; learn from records, export, go back.",
    rich_markup_mode=None,
    invoke_without_command=True,
)
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Or the beginning of it.")]


@app.callback()
def show(context: typer.Context, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show what is expected of each model at each task, what was declared, and what was seen."""
    if context.invoked_subcommand:
        return
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.learning.account import account
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    mesh = Mesh.load(project)
    predictor = _learned(mesh)
    lines = account(predictor, mesh.fleet().deployments) if predictor else []
    version = predictor.version if predictor else None
    told = len(predictor.text.models) if predictor and predictor.text else 0
    if as_json:
        rows = [{**plain(line), "moved": line.moved} for line in lines]
        print_json({"version": version, "models_by_text": told, "lines": rows})
        return
    screen = Screen()
    if predictor is None:
        screen.prose("Nothing was learned yet: what the fleet declares counts alone.")
        screen.prose("`mesh learn from DIR` learns from recorded outcomes.", 0, "quiet")
        return
    _table(screen, lines)
    text = f"Texts move what is expected too, as learned of {told} models." if told else ""
    screen.prose(" ".join(filter(None, (f"{version}.", text))), 2, "quiet")


@app.command(name="from")
def from_records(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Recorded outcomes, as `mesh eval routing` reads.")
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
    """Learn from recorded outcomes, keep it, and use it from now on."""
    from orchestrator.cli._counting import counting
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.evaluation.routing.teaching import teach
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    with counting() as on_progress:
        recorded = chosen_set(folder, name)
        deployments = mesh.fleet().deployments
        called = names_of(names or (), recorded.models)
        predictor, reader = teach(recorded, called, deployments, mesh.embedder, on_progress)
        version = mesh.learned_states.keep(predictor, reader)
    if as_json:
        print_json({"version": version, "queries": len(recorded.queries)})
        return
    screen = Screen()
    screen.print(f"{version}: learned from {len(recorded.queries):,} queries of {recorded.name}.")
    screen.prose("`mesh learn` shows it; a running service takes it up with `mesh reload`.")


@app.command()
def versions(project: Project = HERE, as_json: AsJson = False) -> None:
    """List every state that was kept, the newest first."""
    from orchestrator.cli._operations import when
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    kept = Mesh.load(project).learned_states.all()
    if as_json:
        print_json({"versions": plain(kept)})
        return
    screen = Screen()
    if not kept:
        screen.print("Nothing was learned yet.")
        return
    table = screen.table("version", "kept", ("KiB", {"justify": "right"}), "")
    for one in kept:
        mark = screen.text("used" if one.used else "", "good")
        size = f"{one.size / 1024:,.0f}"
        table.add_row(one.version, screen.text(when(one.at), "quiet"), size, mark)
    screen.show(table, indent=0)


@app.command()
def use(version: Version, project: Project = HERE, as_json: AsJson = False) -> None:
    """Go back to a state that was kept, or with `none` to what the fleet declares."""
    from orchestrator.mesh import Mesh

    states = Mesh.load(project).learned_states
    if version == NONE:
        states.forget()
        said = "What the fleet declares counts alone. Everything learned is kept."
        _tell({"version": None}, said, as_json)
        return
    states.use(found := states.find(version))
    said = f"{found} is used from now on; a running service takes it up with `mesh reload`."
    _tell({"version": found}, said, as_json)


@app.command()
def export(
    version: Version,
    out: Annotated[Path, typer.Argument(metavar="OUT.npz")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a state into a file, which `mesh learn take` reads in another project."""
    from orchestrator.errors import UserError
    from orchestrator.mesh import Mesh

    states = Mesh.load(project).learned_states
    content = states.content(found := states.find(version))
    try:
        out.write_bytes(content)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from error
    _tell({"version": found, "file": str(out)}, f"{found} is in {out}.", as_json)


@app.command()
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Take up a state from a file that `mesh learn export` wrote."""
    from orchestrator.errors import UserError
    from orchestrator.learning.reading import Reader
    from orchestrator.learning.state import from_bytes
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    reader = Reader(mesh.embedder).name
    try:
        predictor = from_bytes(file.read_bytes(), reader)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    version = mesh.learned_states.keep(predictor, reader)
    _tell({"version": version}, f"{version} is used from now on.", as_json)


def _tell(data: Mapping[str, str | None], said: str, as_json: bool) -> None:
    from orchestrator.cli._show import Screen, print_json

    if as_json:
        print_json(data)
    else:
        Screen().print(said)


def _learned(mesh: Mesh) -> LearnedPredictor | None:
    from orchestrator.learning.reading import Reader

    states = mesh.learned_states
    used = states.used
    return states.load(used, Reader(mesh.embedder).name) if used else None


def chosen_set(folder: Path, name: str) -> Recorded:
    """The set of a folder that is named, or the only one.

    Raises:
        UserError: there are several and none is named, or not that one.
    """
    from orchestrator.errors import UnknownNameError, UserError
    from orchestrator.evaluation.routing.files import read_folder

    sets = read_folder(folder)
    if name and name not in sets:
        raise UnknownNameError("set", name, list(sets), str(folder))
    if not name and len(sets) > 1:
        raise UserError(f"the folder holds several sets; say which with --set: {', '.join(sets)}")
    return sets[name] if name else next(iter(sets.values()))


def names_of(said: Sequence[str], models: tuple[str, ...]) -> dict[str, str]:
    """Of `RECORDED=MODEL` each: what recorded models are called in the fleet.

    Raises:
        UserError: it is something else, or there is no such recorded model.
    """
    from orchestrator.errors import UnknownNameError, UserError

    found = {}
    for one in said:
        recorded, equals, model = one.partition("=")
        if not equals or not model:
            raise UserError(f"--as {one}: RECORDED=MODEL is asked")
        if recorded not in models:
            raise UnknownNameError("recorded model", recorded, models)
        found[recorded] = model
    return found


def _table(screen: Screen, lines: list[Line]) -> None:
    right = {"justify": "right"}
    table = screen.table(
        "model", "task", ("answers", right), ("seen", right), ("declared", right),
        ("expected", right), ("80 % interval", right), ("moved", right),
    )  # fmt: skip
    last = ""
    for line in lines:
        table.add_row(
            "" if line.model == last else line.model,
            line.task or screen.text("guessed", "quiet"),
            f"{line.n:,.0f}",
            f"{line.seen:.3f}",
            f"{line.declared:.3f}",
            f"{line.expected:.3f}",
            screen.text(f"{line.low:.3f} – {line.high:.3f}", "quiet"),
            f"{line.moved:+.3f}",
        )
        last = line.model
    screen.show(table, indent=0)
