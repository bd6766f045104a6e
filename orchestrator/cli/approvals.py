"""`mesh approvals`: calls of tools that wait for a person, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, By, ProgressShown, Project

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.graph.approving import Approval
    from orchestrator.mesh import Mesh

app = typer.Typer(
    no_args_is_help=True,
    help="List calls of tools that wait for a person; approve, reject or change them.",
    rich_markup_mode=None,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="An approval's id, or its beginning.")]
Because = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="On record, and told to the model.")
]
GoOn = Annotated[bool, typer.Option("--go-on", help="Take the run up at once.")]
_TONES: Mapping[str, Tone] = {
    "waiting": "warn",
    "approved": "good",
    "used": "good",
    "rejected": "bad",
    "expired": "bad",
}


@app.command(name="list")
def list_approvals(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were answered or have expired.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List what waits for an approval, newest first; arguments are shown by `show`."""
    from orchestrator.cli._operations import when
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(project)
    found = mesh.approvals.list(None if everything else "waiting", limit)
    if as_json:
        print_json({"approvals": [in_list(one) for one in found]})
        return
    screen = Screen()
    if not found:
        screen.print("Nothing waits for an approval.")
        return
    table = screen.table(
        ("approval", {"no_wrap": True}),
        ("asked", {"no_wrap": True}),
        ("state", {"no_wrap": True}),
        "tool",
        "node",
        ("until", {"no_wrap": True}),
    )
    for one in found:
        act = one.wanted.act
        until = when(one.expires_at) if one.state in ("waiting", "approved") else ""
        table.add_row(
            one.id[:12],
            screen.text(when(one.asked_at), "quiet"),
            screen.text(one.state, _TONES[one.state]),
            f"{act.tool} ({one.wanted.level})",
            act.node,
            screen.text(until, "quiet"),
        )
    screen.show(table, indent=0)
    screen.prose("To see one with its arguments: mesh approvals show ID", 0, "quiet")


@app.command()
def show(id: Id, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show one in full: the tool, its arguments, the task, the double check, what was said."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    found = Mesh.load(project).approvals.get(id)
    if as_json:
        print_json(in_full(found))
    else:
        _show(Screen(), found, project)


@app.command()
def approve(
    id: Id,
    because: Because = "",
    by: By = None,
    go_on: GoOn = False,
    progress: ProgressShown = "auto",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Approve exactly this call; it is carried out once, when its run goes on."""
    _decide(project, id, by, approve=True, because=because)
    _after(project, id, go_on, progress, as_json)


@app.command()
def reject(
    id: Id,
    because: Because = "",
    by: By = None,
    go_on: GoOn = False,
    progress: ProgressShown = "auto",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Refuse the call; the model is told why, and goes on without it."""
    _decide(project, id, by, approve=False, because=because)
    _after(project, id, go_on, progress, as_json)


@app.command()
def edit(
    id: Id,
    arguments: Annotated[
        str,
        typer.Option("--arguments", metavar="JSON", help="All of them: an object, or - for stdin."),
    ],
    because: Because = "",
    by: By = None,
    go_on: GoOn = False,
    progress: ProgressShown = "auto",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Approve the call with other arguments; with the model's own it never runs."""
    given = _arguments(arguments)
    _decide(project, id, by, approve=True, because=because, arguments=given)
    _after(project, id, go_on, progress, as_json)


def _arguments(text: str) -> dict[str, Any]:
    import json
    import sys

    from orchestrator.errors import UserError

    if text == "-":
        text = sys.stdin.read()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UserError(f"--arguments is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError("--arguments must be a JSON object, with all that the tool takes")
    return found


def _decide(project: Path, id: str, by: str | None, **said: Any) -> None:
    """Say it, and see to it that the audit log has it before anything goes on."""
    import asyncio

    from orchestrator.graph.approving import Decision
    from orchestrator.mesh import Mesh
    from orchestrator.storage.operations import os_user

    async def whole() -> None:
        async with Mesh.load(project) as mesh:
            if said.get("arguments") is not None:
                await _refuse_unfit(mesh, mesh.approvals.get(id), said["arguments"])
            mesh.approvals.decide(id, Decision(by=by or os_user(), **said))

    asyncio.run(whole())


async def _refuse_unfit(mesh: Mesh, found: Approval, arguments: Mapping[str, Any]) -> None:
    """Arguments that the tool does not take are refused here, where somebody can mend them."""
    from orchestrator.errors import UserError
    from orchestrator.tooling.calling import checked_arguments
    from orchestrator.tooling.values import ToolFailure

    tool = await mesh.tools.get(found.wanted.act.tool)
    wrong = checked_arguments(tool.spec, arguments)
    if isinstance(wrong, ToolFailure):
        raise UserError(wrong.message)


def _after(project: Path, id: str, go_on: bool, progress: Any, as_json: bool) -> None:
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh

    found = Mesh.load(project).approvals.get(id)
    run = found.wanted.act.run
    if go_on:
        from orchestrator.cli._carry import Wish, carry_out
        from orchestrator.cli._progress import Shown

        shown = Shown(progress)
        carry_out(Wish(project=project, resume=run, shown=shown, as_json=as_json))
        return
    if as_json:
        print_json(in_full(found))
        return
    screen = Screen()
    screen.print(screen.join((_said(found), _TONES[found.state]), f": {found.wanted.act.tool}"))
    if found.state != "used":
        screen.prose(f"To go on: mesh runs resume {run}{_where(project)}", 2, "quiet")


def _said(found: Approval) -> str:
    if found.ruling is not None and found.ruling.edited:
        return f"{found.state} with other arguments"
    return found.state


def _show(screen: Screen, found: Approval, project: Path) -> None:
    from orchestrator.cli._operations import when

    act, where = found.wanted.act, _where(project)
    screen.print(
        screen.join((found.id, "strong"), "  ", (_said(found), _TONES[found.state]), f"  {act.run}")
    )
    screen.prose(f"asked {when(found.asked_at)}; until {when(found.expires_at)}", 2, "quiet")
    for name, text in found.shown.items():
        screen.heading(name)
        screen.prose(text, 2)
    ruling = found.ruling
    if ruling is not None:
        import json

        screen.heading("what was said")
        why = f": {ruling.because}" if ruling.because else ""
        screen.prose(f"{ruling.said} by {ruling.by or 'nobody'} at {when(ruling.at)}{why}", 2)
        if ruling.edited:
            screen.prose(json.dumps(ruling.arguments, ensure_ascii=False, indent=2), 2)
    if found.state == "waiting":
        screen.print("")
        for verb, more in (("approve", ""), ("reject", " --because TEXT")):
            screen.prose(f"mesh approvals {verb} {found.id[:12]}{more}{where}", 2, "quiet")


def in_list(one: Approval) -> dict[str, Any]:
    """One as lists show it: without arguments."""
    act = one.wanted.act
    return {
        "approval": one.id,
        "state": one.state,
        "tool": act.tool,
        "level": one.wanted.level,
        "node": act.node,
        "run": act.run,
        "asked_at": one.asked_at,
        "expires_at": one.expires_at,
    }


def in_full(one: Approval) -> dict[str, Any]:
    """All of it, for programs."""
    from orchestrator.types import as_json as plain

    found: dict[str, Any] = {
        **in_list(one),
        "question": one.question,
        "arguments": plain(one.wanted.act.arguments),
        "description": one.wanted.description,
        "task": one.wanted.task,
        "why": one.wanted.why,
        "rule": one.wanted.rule,
        "again": one.wanted.act.again,
        "double_check": plain(one.wanted.check),
        "ruling": plain(one.ruling),
        "used_at": one.used_at,
    }
    return found


def _where(project: Path) -> str:
    return "" if project == Path() else f" --project {project}"
