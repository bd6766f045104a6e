"""`mesh guard test` and the reviews: what the filters say of a text, and what a person says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, By, Project

if TYPE_CHECKING:
    from orchestrator.guard.injection.find import Where
    from orchestrator.guard.review import Reviews

Id = Annotated[str, typer.Argument(metavar="ID", help="A review's id.")]


def filters_say(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text, or - for stdin.")],
    source: Annotated[
        bool, typer.Option("--source", help="As a source's or a tool's, which may give no orders.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which orders stand in a text, and what the local filter holds to be unsafe in it.

    Nothing is called and nothing is stored.
    """
    import sys

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.guard.injection.find import orders_in
    from orchestrator.guard.unsafe.local import LocalFilter
    from orchestrator.types import as_json as plain

    text = sys.stdin.read() if text == "-" else text
    where: Where = "source" if source else "prompt"
    orders, flags = orders_in(text, where), LocalFilter().flags(text)
    if as_json:
        print_json({"orders": plain(orders), "unsafe": plain(flags)})
        return
    screen = Screen()
    for order in orders:
        screen.print(screen.join(("order  ", "warn"), str(order)))
    for flag in flags:
        screen.print(screen.join(("unsafe ", "bad"), f"{flag}, severity {flag.severity} of 3"))
    if not orders and not flags:
        screen.print("Neither an order that may not be given, nor anything unsafe, was found.")


def reviews(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List texts that a filter has rejected and that wait for a person, oldest first."""
    from orchestrator.cli._operations import when
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.types import as_json as plain

    found = _reviews(project).all(None if everything else "waiting", limit)
    if as_json:
        print_json({"reviews": plain(found)})
        return
    screen = Screen()
    if not found:
        screen.print("Nothing waits for a review.")
        return
    table = screen.table(("review", {"no_wrap": True}), "met", "state", "what", "of", "trace")
    for one in found:
        state = f"{one.state} by {one.by}" if one.by else one.state
        kinds = ", ".join(one.categories)
        row = (one.id, when(one.at), state, one.where, kinds, one.trace_id)
        table.add_row(*map(screen.text, row))
    screen.show(table, indent=0)
    screen.prose("To see what was said: mesh trace TRACE", 0, "quiet")


def allow(id: Id, by: By = None, project: Project = HERE, as_json: AsJson = False) -> None:
    """Let a text pass from now on, when the same workspace asks again."""
    _decide(id, "allowed", by, project, as_json=as_json)


def refuse(id: Id, by: By = None, project: Project = HERE, as_json: AsJson = False) -> None:
    """Refuse a text for good."""
    _decide(id, "refused", by, project, as_json=as_json)


def _reviews(project: Path) -> Reviews:
    from orchestrator.errors import InternalError
    from orchestrator.mesh import Mesh

    kept = Mesh.load(project).single_calls().services.reviews
    if kept is None:
        raise InternalError("the mesh keeps no reviews")
    return kept


def _decide(
    id: str, state: Literal["allowed", "refused"], by: str | None, project: Path, *, as_json: bool
) -> None:
    import time

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.storage.operations import os_user
    from orchestrator.types import as_json as plain

    found = _reviews(project).decide(id, state, by=by or os_user(), at=time.time())
    if as_json:
        print_json(plain(found))
    else:
        Screen().print(f"Review {found.id} of an unsafe {found.where}: {state} by {found.by}.")
