"""Carries a run out for a command: shows progress, asks the person at the terminal, prints."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.cli._progress import Progress, Shown
from orchestrator.cli._show import Screen, print_json, terminal
from orchestrator.cli.gc import tidy
from orchestrator.errors import (
    CancelledRunError,
    ChangedProjectError,
    RunError,
    UserError,
    WaitingError,
)
from orchestrator.graph.answer import Answer, RunOptions

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a command is to carry out."""

    project: Path
    graph: str | None = None
    inputs: Mapping[str, Any] | list[str] = field(default_factory=dict)
    """A list: `key=value` pairs, to be read by the graph's declared types."""
    options: RunOptions = RunOptions()
    thread: str | None = None
    resume: str | None = None
    answer: str | None = None
    by: str | None = None
    accept_changes: bool = False
    shown: Shown = Shown.AUTO
    as_json: bool = False


def carry_out(wish: Wish) -> None:
    """Carry it out to the end, or to a question that nobody here can answer.

    Raises:
        WaitingError, ChangedProjectError: nobody is at a terminal to be asked.
        CancelledRunError: stopped by Ctrl-C or by another process.
    """
    while True:
        try:
            answer, mesh = _once(wish)
            break
        except ChangedProjectError as changed:
            if not _accepts(changed):
                raise
            wish = replace(wish, accept_changes=True)
        except WaitingError as waiting:
            said = _asked(waiting, wish)
            wish = replace(wish, resume=waiting.run, answer=said, accept_changes=False)
    if wish.as_json:
        from orchestrator.cli._json import answer_json

        print_json(answer_json(answer))
    else:
        from orchestrator.cli._answer import show_answer

        show_answer(Screen(), answer)
    if answer.thread_keeps_texts is False:
        print(
            f"mesh: the thread '{answer.thread}' keeps nothing of this turn, as its route says",
            file=sys.stderr,
        )
    tidy(mesh)


def _once(wish: Wish) -> tuple[Answer, Mesh]:
    from orchestrator.mesh import Mesh

    mesh = Mesh.load(wish.project)
    progress = Progress(wish.shown)
    try:
        answer = asyncio.run(_run(mesh, wish, progress))
    except KeyboardInterrupt:
        raise CancelledRunError(f"stopped{_and_now(progress)}") from None
    except CancelledRunError as error:
        raise CancelledRunError(f"{error}{_and_now(progress)}") from None
    except WaitingError:
        raise
    except RunError as error:
        if progress.run:
            error.add_note(f"What was done until then: mesh trace why {progress.run}")
        raise
    if mesh.problem:
        print(f"mesh: the run is well, but {mesh.problem}", file=sys.stderr)
    return answer, mesh


async def _run(mesh: Mesh, wish: Wish, progress: Progress) -> Answer:
    from orchestrator.graph.asking import HumanAnswer

    inputs: Mapping[str, Any] = {}
    if wish.resume is None:
        inputs = _read(mesh, wish)
    answer = None if wish.answer is None else HumanAnswer(text=wish.answer, by=wish.by or "")
    try:
        with progress:
            return await mesh.run(
                wish.graph,
                options=wish.options,
                on_event=progress.tell,
                thread=wish.thread,
                resume=wish.resume,
                answer=answer,
                accept_changes=wish.accept_changes,
                **inputs,
            )
    finally:
        await mesh.close()


def _read(mesh: Mesh, wish: Wish) -> Mapping[str, Any]:
    if isinstance(wish.inputs, Mapping):
        return wish.inputs
    known = mesh.project.graphs.get(wish.graph or "")
    return parse_inputs(wish.inputs, dict(known.input) if known else {})


def parse_inputs(pairs: list[str], declared: dict[str, Any]) -> dict[str, Any]:
    """`key=value` pairs as a graph's inputs; the declared type says how a value is read.

    `paths` may be repeated or separated by commas; `json`, `number` and `turns` are JSON.

    Raises:
        UserError: not `key=value`, or the value cannot be read as its type.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, found, text = pair.partition("=")
        if not found or not key:
            raise UserError(f"'{pair}' is not an input; write key=value, for example question=…")
        kind = str(declared.get(key, "text")).rstrip("?")
        if kind == "paths":
            values.setdefault(key, []).extend(part for part in text.split(",") if part)
        elif key in values:
            raise UserError(f"the input '{key}' is given twice")
        else:
            values[key] = text if kind == "text" else _read_json(key, kind, text)
    return values


def _read_json(key: str, kind: str, text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        raise UserError(f"the input '{key}' must be {kind}; found '{text}'") from None


def _and_now(progress: Progress) -> str:
    if progress.run is None:
        return ""
    return f" ({progress.spent} spent); to go on: mesh runs resume {progress.run}"


def _person_is_there() -> bool:
    return terminal(sys.stdin) and terminal(sys.stderr)


def _accepts(changed: ChangedProjectError) -> bool:
    """Whether the person at the terminal agrees to go on."""
    if not _person_is_there():
        changed.add_note(f"To go on: mesh runs resume {changed.run} --accept-changes")
        return False
    print(str(changed), file=sys.stderr)
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    raise CancelledRunError("not resumed; nothing was changed")


def _asked(waiting: WaitingError, wish: Wish) -> str:
    """What the person at the terminal answers; raises `waiting` again where nobody is there."""
    from orchestrator.graph.asking import checked

    if not _person_is_there():
        _say_how(waiting, wish)
        raise waiting
    screen = Screen(sys.stderr)
    show_question(screen, waiting)
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:  # the terminal was closed
            _say_how(waiting, wish)
            raise waiting
        try:
            return checked(waiting.question, waiting.allowed, line)
        except UserError as error:
            print(error, file=sys.stderr)


def show_question(screen: Screen, waiting: WaitingError) -> None:
    """The question with what it is about."""
    for name, text in waiting.shown.items():
        screen.heading(name)
        screen.prose(text, 2)
    screen.heading(waiting.question)
    if waiting.allowed:
        screen.prose(f"Answer with one of: {', '.join(waiting.allowed)}", 2, "quiet")


def _say_how(waiting: WaitingError, wish: Wish) -> None:
    """Put the question and the command that answers it where somebody will see them."""
    example = waiting.allowed[0] if waiting.allowed else "TEXT"
    where = "" if wish.project == Path() else f" --project {wish.project}"
    command = f"mesh run --resume {waiting.run} --answer {example}{where}"
    if waiting.approval:
        command = f"mesh approvals approve {waiting.approval[:12]} --go-on{where}"
    if wish.as_json:
        print_json(
            {
                "waiting": {
                    "run": waiting.run,
                    "node": waiting.node,
                    "question": waiting.question,
                    "shown": waiting.shown,
                    "allowed": list(waiting.allowed),
                    **({"approval": waiting.approval} if waiting.approval else {}),
                    "command": command,
                }
            }
        )
    else:
        show_question(Screen(), waiting)
    if waiting.approval:
        waiting.add_note(f"To approve it: {command}")
        waiting.add_note(f"To refuse it: {command.replace(' approve ', ' reject ')}")
    else:
        waiting.add_note(f"To answer: {command}")
