"""`mesh trace`: what was recorded of past and running requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import trace_diff, trace_list, trace_share
from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.records import Hop, Trace
    from orchestrator.tracing.store import TraceStore

app = typer.Typer(no_args_is_help=True, help="Look at recorded requests.", rich_markup_mode=None)
app.command(name="list")(trace_list.list_traces)
app.command()(trace_diff.diff)
app.command()(trace_share.export)
app.command(name="import")(trace_share.import_)

MANY = 200
"""Hops from which a trace is shown folded, and explained where something speaks against one."""
Id = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="An id or its beginning; default: the latest.")
]


@app.command()
def show(id: Id = None, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show one request as a tree: models, outcomes, tokens, cost, time."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.types import as_json as plain

    store = _store(project)
    from orchestrator.cli._trace import find_trace

    trace = find_trace(store, id)
    if as_json:
        print_json({**plain(trace), "hops": [plain(hop) for hop in store.hops(trace.id)]})
        return
    brief = store.brief(trace.id)
    if len(brief) > MANY:
        from orchestrator.cli._folded import show_folded

        show_folded(Screen(), trace, brief)
    else:
        from orchestrator.cli._trace import show_trace

        show_trace(Screen(), trace, store.hops(trace.id))


@app.command()
def why(
    id: Id = None,
    hop: Annotated[
        str | None, typer.Argument(metavar="[HOP]", help="A node's name, a hop's id or number.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what came of a request, which hop went wrong, and why each model was chosen."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.tracing.diagnosis import diagnose
    from orchestrator.tracing.explain import why_hop, why_trace
    from orchestrator.types import as_json as plain

    trace, hops = _read(_store(project), id)
    found = diagnose(trace, hops)
    if hop is not None:
        text = "\n\n".join(why_hop(h) for h in find_hops(hops, hop))
    elif len(hops) <= MANY:
        text = why_trace(trace, hops)
    else:
        suspected = {suspect.hop_id for suspect in found.suspects[:MANY]}
        text = "\n\n".join(why_hop(h) for h in hops if h.id in suspected)
    if as_json:
        print_json({"trace_id": trace.id, **plain(found), "why": text})
        return
    from orchestrator.cli._why import show_diagnosis

    screen = Screen()
    if hop is None:
        show_diagnosis(screen, found, hops)
    screen.prose(text)


def find_hops(hops: list[Hop], wanted: str) -> list[Hop]:
    """The hops of that node (all its rounds), or the one with that number or id.

    Raises:
        UnknownNameError: there is none; names the nodes.
    """
    from orchestrator.errors import UnknownNameError

    if wanted.isdigit() and 1 <= int(wanted) <= len(hops):
        return [hops[int(wanted) - 1]]
    found = [h for h in hops if wanted in (h.node, h.id)]
    found = found or [h for h in hops if h.node.startswith(f"{wanted}/")]
    found = found or [h for h in hops if wanted in (h.agent, h.role)]
    if not found:
        raise UnknownNameError("hop", wanted, sorted({h.node for h in hops}))
    return found


def _store(project: Path) -> TraceStore:
    from orchestrator.mesh import Mesh

    return Mesh.load(project).store


def _read(store: TraceStore, wanted: str | None) -> tuple[Trace, list[Hop]]:
    from orchestrator.cli._trace import find_trace

    trace = find_trace(store, wanted)
    return trace, store.hops(trace.id)
