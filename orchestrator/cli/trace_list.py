"""`mesh trace list`: recorded requests, by the same filters as the pages of `mesh ui`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.mesh import Mesh
    from orchestrator.tracing.wanted import Wanted

Said = str | None


def list_traces(  # noqa: PLR0913 - a parameter is an option
    text: Annotated[
        Said,
        typer.Option("--text", metavar="TEXT", help="In question, answer or error; or an id."),
    ] = None,
    task: Annotated[Said, typer.Option("--task", metavar="NAME", help="Of a hop.")] = None,
    model: Annotated[
        Said, typer.Option("--model", metavar="NAME", help="That was asked; or MODEL/DEPLOYMENT.")
    ] = None,
    outcome: Annotated[
        Said, typer.Option("--outcome", metavar="WORD", help="Of an attempt: timeout_silent, …")
    ] = None,
    verdict: Annotated[
        Said, typer.Option("--verdict", metavar="WORD", help="accepted, revised, abstained, none.")
    ] = None,
    status: Annotated[
        Said, typer.Option("--status", metavar="WORD", help="ok, failed, running, waiting, …")
    ] = None,
    tag: Annotated[Said, typer.Option("--tag", metavar="TAG", help="It was sent with.")] = None,
    graph: Annotated[Said, typer.Option("--graph", metavar="NAME", help="That was run.")] = None,
    cost_from: Annotated[
        Said, typer.Option("--cost-from", metavar="USD", help="At least so much.")
    ] = None,
    cost_to: Annotated[
        Said, typer.Option("--cost-to", metavar="USD", help="At most so much.")
    ] = None,
    since: Annotated[
        Said, typer.Option("--since", metavar="WHEN", help="24h, 7d ago, or a day: 2026-11-01.")
    ] = None,
    until: Annotated[Said, typer.Option("--until", metavar="WHEN", help="As --since.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List the latest requests, newest first; of several filters all must hold."""
    import time

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh
    from orchestrator.types import as_json as plain

    said = {
        "q": text,
        "task": task,
        "model": model,
        "outcome": outcome,
        "verdict": verdict,
        "status": status,
        "tag": tag,
        "graph": graph,
        "cost_from": cost_from,
        "cost_to": cost_to,
        "since": since,
        "until": until,
    }
    now = time.time()
    wanted = wanted_of({name: value for name, value in said.items() if value is not None}, now)
    mesh = Mesh.load(project)
    found = mesh.store.find(wanted, limit)
    if as_json:
        print_json({"traces": [plain(trace) for trace in found]})
        return
    from orchestrator.cli._trace import show_list

    asked = any(value is not None for value in said.values())
    if found or not asked:
        show_list(Screen(), found, now=now)
    else:
        Screen().prose(f"No trace matches.{_near(said, mesh)}")


def wanted_of(said: Mapping[str, str], now: float) -> Wanted:
    """What is asked for, by the names of `wanted.FIELDS`.

    Raises:
        UserError: with all that is wrong.
    """
    from orchestrator.errors import UserError
    from orchestrator.tracing.wanted import read_wanted

    read = read_wanted(said, now)
    if read.problems:
        options = {name: "text" if name == "q" else name.replace("_", "-") for name in said}
        words = [f"--{options[name]}: {problem}" for name, problem in read.problems.items()]
        raise UserError("; ".join(words))
    return read.wanted


def _near(said: Mapping[str, str | None], mesh: Mesh) -> str:
    """For a name that the project does not know, the one that was most likely meant."""
    from orchestrator.project.names import nearest
    from orchestrator.project.vocabulary import tasks

    project = mesh.project
    known = {"task": tasks(project), "model": project.fleet.models, "graph": project.graphs}
    for name, names in known.items():
        word = said.get(name) or ""
        if word and "/" not in word and word not in names and (near := nearest(word, names)):
            return f" The project knows no {name} '{word}'; did you mean '{near}'?"
    return ""
