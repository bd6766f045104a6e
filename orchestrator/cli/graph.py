"""`mesh graph`: look at declared graphs."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

app = typer.Typer(no_args_is_help=True, help="Look at declared graphs.", rich_markup_mode=None)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The graph's name.")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Draw a graph as Mermaid."""
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    drawing = mesh.mermaid(name)
    if as_json:
        from orchestrator.cli._show import print_json

        declared = mesh.project.graphs[name].model_dump(mode="json", by_alias=True)
        print_json({"name": name, "mermaid": drawing, "graph": declared})
    else:
        print(drawing)


@app.command(name="list")
def list_graphs(project: Project = HERE, as_json: AsJson = False) -> None:
    """List the graphs with what they are for."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    graphs = Mesh.load(project).project.graphs
    if as_json:
        print_json({name: graph.description for name, graph in graphs.items()})
        return
    screen = Screen()
    table = screen.table(("graph", {"no_wrap": True}), "inputs", ("what it is for", {}))
    for name, graph in graphs.items():
        taken = ", ".join(f"{key}: {kind}" for key, kind in graph.input.items())
        table.add_row(name, screen.text(taken, "quiet"), screen.text(graph.description))
    screen.show(table)
