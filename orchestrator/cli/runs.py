"""`mesh runs`: the runs that the journal knows, and what can be done with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import (
    HERE,
    AcceptChanges,
    AnswerText,
    AsJson,
    By,
    ProgressShown,
    Project,
)

if TYPE_CHECKING:
    from orchestrator.cli._show import Screen, Tone
    from orchestrator.graph.journal import JournalStore, RunRecord
    from orchestrator.graph.threads import ThreadSummary

app = typer.Typer(
    no_args_is_help=True, help="Look at runs, cancel and resume them.", rich_markup_mode=None
)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="An id or its beginning.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")]
_TONES: Mapping[str, Tone] = {
    "running": "warn",
    "waiting": "warn",
    "interrupted": "bad",
    "ok": "good",
    "failed": "bad",
    "cancelled": "warn",
}


@app.command(name="list")
def list_runs(limit: Limit = 20, project: Project = HERE, as_json: AsJson = False) -> None:
    """List the latest runs with their state: running, waiting, interrupted, ok, …"""
    from orchestrator.cli._show import Screen, print_json

    found = _journals(project).runs(limit)
    if as_json:
        print_json({"runs": [_record_json(record) for record in found]})
        return
    screen = Screen()
    if not found:
        screen.print('There are no runs yet. Try: mesh ask "QUESTION"')
        return
    table = screen.table(
        ("run", {"no_wrap": True}),
        ("when", {"no_wrap": True}),
        ("graph", {"no_wrap": True}),
        ("state", {"no_wrap": True}),
        ("thread", {}),
        "asked",
    )
    for record in found:
        asked = record.question if record.request else "(texts were not to be kept)"
        table.add_row(
            record.id,
            screen.text(_when(record.started_at), "quiet"),
            record.graph,
            screen.text(record.state, _TONES[record.state]),
            record.thread or "",
            screen.text(screen.short(asked or "", 60), "quiet"),
        )
    screen.show(table, indent=0)


@app.command()
def show(run: RunId, project: Project = HERE, as_json: AsJson = False) -> None:
    """Show one run: its state, inputs, recorded steps, and the question that it waits at."""
    from orchestrator.cli._show import Screen, print_json

    journals = _journals(project)
    record = journals.find(run)
    nodes = journals.nodes(record.id)
    if as_json:
        print_json({**_record_json(record), "recorded": nodes})
        return
    screen = Screen()
    screen.print(
        screen.join(
            (record.id, "strong"), f"  {record.graph}  ", (record.state, _TONES[record.state])
        )
    )
    for name, value in record.request.get("inputs", {}).items():
        if value is not None:
            screen.prose(screen.short(f"{name}: {value}", 300), 2)
    screen.prose(f"recorded: {', '.join(nodes) or 'nothing yet'}", 2, "quiet")
    _what_next(screen, record)


@app.command()
def cancel(run: RunId, project: Project = HERE, as_json: AsJson = False) -> None:
    """Stop a run, whichever process carries it out. It can be resumed."""
    import asyncio

    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import RunError
    from orchestrator.mesh import Mesh

    async def whole() -> tuple[str, bool]:
        async with Mesh.load(project) as mesh:
            identifier = mesh.journals.find(run).id
            return identifier, await mesh.cancel(identifier)

    identifier, stopped = asyncio.run(whole())
    if not stopped:
        raise RunError(f"run '{identifier}' was asked to stop and has not done so yet")
    if as_json:
        print_json({"run": identifier, "state": "cancelled"})
    else:
        Screen().print(f"cancelled; to go on: mesh runs resume {identifier}")


@app.command()
def resume(
    run: RunId,
    answer: AnswerText = None,
    by: By = None,
    accept_changes: AcceptChanges = False,
    progress: ProgressShown = "auto",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Take up a run where it stopped; nothing that is recorded runs again."""
    from orchestrator.cli._carry import Wish, carry_out
    from orchestrator.cli._progress import Shown

    carry_out(
        Wish(
            project=project,
            resume=run,
            answer=answer,
            by=by,
            accept_changes=accept_changes,
            shown=Shown(progress),
            as_json=as_json,
        )
    )


@app.command()
def threads(
    name: Annotated[
        str | None, typer.Argument(metavar="[THREAD]", help="Show the turns of this one.")
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List the conversations, or show what was said in one."""
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.errors import UnknownNameError
    from orchestrator.graph.threads import Threads

    known = Threads(_journals(project))
    listed = known.list()
    if name is None:
        if as_json:
            print_json({"threads": [_thread_json(thread) for thread in listed]})
        else:
            _show_threads(Screen(), listed)
        return
    if name not in [thread.name for thread in listed]:
        raise UnknownNameError("thread", name, [thread.name for thread in listed])
    turns = known.turns(name)
    if as_json:
        print_json({"thread": name, "turns": [turn.model_dump(mode="json") for turn in turns]})
        return
    screen = Screen()
    for turn in turns:
        screen.heading(turn.question)
        screen.prose(turn.answer, 2)
    if not turns:
        screen.print("Nothing of what was said in it was to be kept.")


def _show_threads(screen: Screen, listed: list[ThreadSummary]) -> None:
    if not listed:
        screen.print('There are no conversations yet. Try: mesh ask "QUESTION" --thread NAME')
        return
    table = screen.table("thread", "turns", "last", "run")
    for thread in listed:
        hidden = thread.turns - thread.kept
        count = f"{thread.turns}" + (f" ({hidden} without texts)" if hidden else "")
        table.add_row(
            thread.name,
            count,
            screen.text(_when(thread.last_at), "quiet"),
            screen.text(thread.last_run, "quiet"),
        )
    screen.show(table, indent=0)


def _what_next(screen: Screen, record: RunRecord) -> None:
    if record.state == "waiting" and record.waiting:
        asked = record.waiting
        for name, text in asked["shown"].items():
            screen.heading(name)
            screen.prose(text, 2)
        screen.heading(asked["question"])
        example = asked["allowed"][0] if asked["allowed"] else "TEXT"
        if asked.get("approval"):
            known = asked["approval"][:12]
            screen.prose(f"To approve it: mesh approvals approve {known} --go-on", 2, "quiet")
            return
        screen.prose(f"To answer: mesh run --resume {record.id} --answer {example}", 2, "quiet")
    elif record.state in ("interrupted", "failed", "cancelled"):
        screen.prose(f"To go on: mesh runs resume {record.id}", 2, "quiet")


def _record_json(record: RunRecord) -> dict[str, Any]:
    return {
        "run": record.id,
        "graph": record.graph,
        "state": record.state,
        "started_at": record.started_at,
        "thread": record.thread,
        "inputs": record.request.get("inputs"),
        "waiting": dict(record.waiting) or None,
    }


def _thread_json(thread: ThreadSummary) -> dict[str, Any]:
    from orchestrator.types import as_json

    plain: dict[str, Any] = as_json(thread)
    return plain


def _when(at: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


def _journals(project: Path) -> JournalStore:
    from orchestrator.mesh import Mesh

    return Mesh.load(project).journals
