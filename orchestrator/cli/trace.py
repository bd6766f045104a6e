"""`mesh trace`: what was recorded of past and running requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.records import Hop, Trace
    from orchestrator.tracing.store import TraceStore

app = typer.Typer(no_args_is_help=True, help="Look at recorded requests.", rich_markup_mode=None)

Id = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="An id or its beginning; default: the latest.")
]


@app.command(name="list")
def list_traces(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List the latest requests, newest first."""
    import time

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.types import as_json as plain

    found = _store(project).traces(limit)
    if as_json:
        print_json({"traces": [plain(trace) for trace in found]})
    else:
        from orchestrator.cli._trace import show_list

        show_list(Screen(), found, now=time.time())


@app.command()
def show(id: Id = None, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show one request as a tree: models, outcomes, tokens, cost, time."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.types import as_json as plain

    trace, hops = _read(_store(project), id)
    if as_json:
        print_json({**plain(trace), "hops": [plain(hop) for hop in hops]})
    else:
        from orchestrator.cli._trace import show_trace

        show_trace(Screen(), trace, hops)


@app.command()
def why(
    id: Id = None,
    hop: Annotated[
        str | None, typer.Argument(metavar="[HOP]", help="A node's name, a hop's id or number.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say in plain words why each model was chosen and why the others were not."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.tracing.explain import why_hop, why_trace

    trace, hops = _read(_store(project), id)
    if hop is None:
        text = why_trace(trace, hops)
    else:
        text = "\n\n".join(why_hop(h) for h in find_hops(hops, hop))
    if as_json:
        print_json({"trace_id": trace.id, "why": text})
    else:
        Screen().prose(text)


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
    from orchestrator.errors import UserError

    if wanted is None:
        latest = store.traces(1)
        if not latest:
            raise UserError('nothing has been recorded yet; try: mesh ask "QUESTION"')
        return latest[0], store.hops(latest[0].id)
    trace = store.trace(wanted)
    return trace, store.hops(trace.id)
