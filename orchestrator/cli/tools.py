"""`mesh tools`: what may be called, by which rule; calls by hand; MCP tools that have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, DataClass, Project, RiskLevel, Tags

if TYPE_CHECKING:
    from orchestrator.roles.lone_tool import LoneCall

app = typer.Typer(
    no_args_is_help=True,
    help="List, show and call the tools of a project; agree to what MCP servers have changed.",
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A tool, as `mesh tools list` says it.")]


@app.command(name="list")
def list_tools(
    project: Project = HERE,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    as_json: AsJson = False,
) -> None:
    """List every tool with its level, where it comes from, and whether a model may call it.

    MCP servers are asked for theirs.
    """
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli._tools_show import found_tools, show_tools

    found = found_tools(project, _asked("", {}, data_class, risk, tag))
    if as_json:
        print_json(found.as_json())
    else:
        show_tools(Screen(), found)


@app.command()
def show(
    name: Name,
    project: Project = HERE,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    as_json: AsJson = False,
) -> None:
    """Show one tool: what a model is told of it, its limits, and by which rule it may be called."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli._tools_show import found_tools, show_tool

    found = found_tools(project, _asked(name, {}, data_class, risk, tag))
    one = found.get(name)
    if as_json:
        print_json(one.as_json())
    else:
        show_tool(Screen(), one)


@app.command()
def call(
    name: Name,
    arg: Annotated[
        list[str] | None,
        typer.Option(
            "--arg", metavar="KEY=VALUE", help="An argument; repeatable. A value may be JSON."
        ),
    ] = None,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON", help="All arguments as one object.")
    ] = None,
    project: Project = HERE,
    data_class: DataClass = None,
    risk: RiskLevel = None,
    tag: Tags = None,
    as_json: AsJson = False,
) -> None:
    """Call one tool. What needs an approval is shown in full and asked for on the terminal."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli._tools_call import arguments_of, called

    asked = _asked(name, arguments_of(arg or (), args), data_class, risk, tag)
    result = called(project, asked)
    if as_json:
        from orchestrator.types import as_json as plain

        print_json(plain(result))
    else:
        screen = Screen()
        screen.print(screen.text(result.text, "bad" if result.error else ""))
    if result.error is not None:
        raise typer.Exit(3)


@app.command()
def trust(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An MCP server, or one of its tools.")
    ],
    yes: Annotated[
        str | None,
        typer.Option("--yes", metavar="DIGEST", help="Agree to what has this digest, unasked."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what an MCP server has changed of its tools, and agree; they are off until then."""
    from orchestrator.cli._tools_call import trusted

    trusted(project, name, yes, as_json=as_json)


def _asked(
    name: str, arguments: dict[str, Any], data_class: str | None, risk: Any, tags: list[str] | None
) -> LoneCall:
    from orchestrator.roles.lone_tool import LoneCall

    return LoneCall(
        tool=name, arguments=arguments, data_class=data_class, risk=risk, tags=tuple(tags or ())
    )
