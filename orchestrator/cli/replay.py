"""`mesh replay`: recorded requests gone through again, or carried out anew from one step on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh
    from orchestrator.replay.rerun import Rerun
    from orchestrator.replay.values import Replayed

DIFFERENT = 1
"""The exit code where something is not as it was."""
CANNOT = 3
"""The exit code where nothing could be replayed."""
_MOST = 1000


def replay(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids or their beginnings; default: the latest."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="All since then: 7d, 12h, 2w, 2026-11-01."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="Carry out anew from this step on, live."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="With --from: who answers there.")
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(
            "--prompt",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="With --from: the agent's prompt there.",
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="With --from: another input."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Go through recorded requests again: same output, no call, no cost; exits with 1 if not.

    Models, tools and people are answered from the record; everything else runs as the project is
    now, and every decision is made again. With --from a new request is made, which costs what it
    costs, and is compared with the recorded one.
    """
    from orchestrator.mesh import Mesh

    _check_options(ids, since, start, {"--model": model, "--prompt": prompt, "--input": inputs})
    mesh = Mesh.load(project)
    if start is not None:
        found = asyncio.run(_rerun(mesh, ids, start, model, prompt, inputs or []))
        _show_rerun(found, as_json=as_json)
        return
    many, cannot = asyncio.run(_replay(mesh, ids or [], since))
    if as_json:
        _print_json(many, cannot)
    else:
        _show(many, cannot, alone=since is None and len(ids or ()) < 2)
    if any(not one.same for one in many):
        raise typer.Exit(DIFFERENT)
    if cannot and not many:
        raise typer.Exit(CANNOT)


def _check_options(
    ids: Sequence[str] | None, since: str | None, start: str | None, live: dict[str, Any]
) -> None:
    from orchestrator.errors import UserError

    given = [name for name, value in live.items() if value]
    if given and start is None:
        raise UserError(f"{given[0]} changes a step: name it, with --from STEP")
    if ids and since is not None:
        raise UserError("give ids or --since, not both")
    if start is not None and (since is not None or len(ids or ()) > 1):
        raise UserError("--from takes one request at a time")


# ── replay ───────────────────────────────────────────────────────────────────────────────


async def _replay(
    mesh: Mesh, ids: Sequence[str], since: str | None
) -> tuple[list[Replayed], dict[str, str]]:
    """Those that were replayed, and why the others could not be."""
    from orchestrator.cli._counting import counting
    from orchestrator.errors import RunError

    wanted = _wanted(mesh, ids, since)
    found: list[Replayed] = []
    cannot: dict[str, str] = {}
    try:
        with counting() as tell:
            for number, id in enumerate(wanted, 1):
                tell("requests", number, len(wanted))
                try:
                    found.append(await mesh.replay(id))
                except RunError as error:
                    cannot[id] = str(error)
    finally:
        await mesh.close()
    return found, cannot


def _wanted(mesh: Mesh, ids: Sequence[str], since: str | None) -> list[str]:
    import time

    from orchestrator.cli.costs import read_moment
    from orchestrator.errors import UserError

    if ids:
        return [mesh.store.trace(id).id for id in ids]
    if since is None:
        latest = [trace.id for trace in mesh.store.traces(1)]
        if not latest:
            raise UserError('nothing has been recorded yet; try: mesh ask "QUESTION"')
        return latest
    begun = mesh.store.traces(_MOST, since=read_moment(since, time.time(), "--since"))
    if not begun:
        raise UserError(f"nothing has been recorded since {since}")
    return [trace.id for trace in begun]


def _show(found: Sequence[Replayed], cannot: dict[str, str], *, alone: bool) -> None:
    from orchestrator.cli._replay_show import show_many, show_one
    from orchestrator.cli._show import Screen

    screen = Screen()
    if alone and found:
        show_one(screen, found[0])
    elif alone:
        for why in cannot.values():
            screen.prose(why, 0, "warn")
    else:
        show_many(screen, found, cannot)


def _print_json(found: Sequence[Replayed], cannot: dict[str, str]) -> None:
    from orchestrator.cli._replay_show import replayed_json
    from orchestrator.cli._show import print_json

    rows = [replayed_json(one) for one in found]
    refused = [{"trace_id": id, "why": why} for id, why in cannot.items()]
    print_json({"same": all(one.same for one in found), "replays": rows, "cannot": refused})


# ── from a step on ───────────────────────────────────────────────────────────────────────


async def _rerun(
    mesh: Mesh,
    ids: Sequence[str] | None,
    start: str,
    model: str | None,
    prompt: Path | None,
    inputs: list[str],
) -> Rerun:
    from orchestrator.cli._progress import Progress
    from orchestrator.replay.rerun import Change

    try:
        (wanted,) = _wanted(mesh, ids or [], None)
        change = Change(
            hop=start,
            model=model,
            prompt=None if prompt is None else _prompt(prompt),
            inputs=_inputs(mesh, wanted, inputs),
        )
        with Progress() as progress:
            return await mesh.rerun(wanted, change, on_event=progress.tell)
    finally:
        await mesh.close()


def _prompt(file: Path) -> str:
    """The text of the file; of an agent's own file what stands below its front matter."""
    from orchestrator.errors import UserError

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    if text.startswith("---\n") and "\n---\n" in text[4:]:
        text = text[4:].partition("\n---\n")[2]
    if not text.strip():
        raise UserError(f"{file} holds no prompt")
    return text.strip("\n")


def _inputs(mesh: Mesh, trace: str, pairs: list[str]) -> dict[str, Any]:
    from orchestrator.cli._carry import parse_inputs

    graph = mesh.project.graphs.get(mesh.store.trace(trace).graph)
    return parse_inputs(pairs, dict(graph.input) if graph else {})


def _show_rerun(found: Rerun, *, as_json: bool) -> None:
    from orchestrator.cli._replay_show import rerun_json, show_rerun
    from orchestrator.cli._show import Screen, print_json

    if as_json:
        print_json(rerun_json(found))
    else:
        show_rerun(Screen(), found)
    if found.error:
        raise typer.Exit(CANNOT)
