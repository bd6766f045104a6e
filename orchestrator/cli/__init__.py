"""The `mesh` command. `main` is its entry; each command imports what it needs when it runs."""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit: 0 well, 2 the user's mistake, 3 a failed run,
    4 a run that waits for a person's answer, 5 a text that the policy refuses, 130 Ctrl-C.

    A traceback is printed only where the environment says `MESH_DEBUG=1`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started it: `mesh … >&-`
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that cannot show a character gets a `?`, not an exception.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    sys.exit(_code())


def _code() -> int:
    try:
        from orchestrator.cli._app import build

        build()(prog_name="mesh")
        code = 0
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:  # before a command had begun
        code = 130
    except Exception as error:  # whatever it is, a user sees no traceback
        if os.environ.get("MESH_DEBUG") == "1":
            raise
        code = _report(error)
    return _flushed(code)


def _report(error: Exception) -> int:
    """Say on standard error what went wrong; returns the exit code."""
    from orchestrator.cli._show import colour, safe
    from orchestrator.errors import InternalError, MeshError, ProjectError, StorageError

    coloured = colour(sys.stderr)
    red, off = ("\x1b[31m", "\x1b[0m") if coloured else ("", "")
    if isinstance(error, ProjectError):
        from orchestrator.project.render import render_problems

        print(render_problems(error.problems, colour=coloured), file=sys.stderr)
        return error.exit_code
    if isinstance(error, MeshError) and not isinstance(error, InternalError):
        print(f"{red}mesh: {safe(str(error))}{off}", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(note, file=sys.stderr)
        return error.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        what = error.filename or "the output"
        print(f"{red}mesh: {what} cannot be written: the disk is full{off}", file=sys.stderr)
        return StorageError.exit_code
    text = f"internal error: {type(error).__name__}: {error}"
    print(f"{red}mesh: {safe(text)}{off}", file=sys.stderr)
    print("This is a bug. MESH_DEBUG=1 shows where; please report it.", file=sys.stderr)
    return InternalError.exit_code


def _flushed(code: int) -> int:
    """`code`, after everything was written; quiet where the reader has gone (`mesh … | head`)."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:  # it is redirected to a file, and the disk is full
        _drop_output()
        return code or _report(error)
    return code


def _drop_output() -> None:
    """Nothing more can be written, also not at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
