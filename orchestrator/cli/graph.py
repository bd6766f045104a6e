"""`mesh graph`: look at declared graphs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.graph.draw import DrawingFormat
else:
    from typing import Literal

    # What the option allows, without the import of all that draws.
    DrawingFormat = Literal["mermaid", "svg", "json"]

_ENDINGS: dict[str, DrawingFormat] = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".md": "mermaid",
    ".txt": "mermaid",
    ".svg": "svg",
    ".json": "json",
}

app = typer.Typer(no_args_is_help=True, help="Look at declared graphs.", rich_markup_mode=None)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The graph's name.")],
    format: Annotated[
        DrawingFormat | None, typer.Option("--format", help="Of a file: by its ending.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Without models and routes.")] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Draw a graph: its steps, the ways of a run, who may serve each step now, and why.

    Prints Mermaid unless told otherwise: `mesh graph show answer -o answer.svg`.
    """
    from orchestrator.mesh import Mesh

    kind = "json" if as_json else format or _ending(output)
    mesh = Mesh.load(project)
    drawing = mesh.draw(name, kind, plain=plain)
    if output is not None:
        _write(output, drawing)
    elif kind == "json":
        import json

        from orchestrator.cli._show import print_json

        declared = mesh.project.graphs[name].model_dump(mode="json", by_alias=True)
        print_json({**json.loads(drawing), "graph": declared})
    else:
        print(drawing, end="")


def _ending(output: Path | None) -> DrawingFormat:
    ending = output.suffix.lower() if output else ""
    if not ending:
        return "mermaid"
    if ending not in _ENDINGS:
        from orchestrator.errors import UserError

        known = ", ".join(_ENDINGS)
        raise UserError(
            f"{output}: a graph is not drawn as '{ending}'; end it in {known}, or say --format"
        )
    return _ENDINGS[ending]


def _write(file: Path, text: str) -> None:
    from orchestrator.errors import UserError

    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}") from error
    print(f"wrote {file}")


@app.command(name="list")
def list_graphs(project: Project = HERE, as_json: AsJson = False) -> None:
    """List the graphs with what they are for."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    graphs = Mesh.load(project).project.graphs
    if as_json:
        rows = [
            {
                "name": name,
                "description": graph.description,
                "input": dict(graph.input),
                "nodes": list(graph.nodes),
                "output": graph.output,
            }
            for name, graph in graphs.items()
        ]
        print_json({"graphs": rows})
        return
    screen = Screen()
    table = screen.table(("graph", {"no_wrap": True}), "inputs", ("what it is for", {}))
    for name, graph in graphs.items():
        taken = ", ".join(f"{key}: {kind}" for key, kind in graph.input.items())
        table.add_row(name, screen.text(taken, "quiet"), screen.text(graph.description))
    screen.show(table)
