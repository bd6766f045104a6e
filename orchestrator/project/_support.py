"""Reads the model of support that mesh.yaml names; what it means is known to the layers above."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.project._documents import read_text, snippet
from orchestrator.project.compiled import Entries
from orchestrator.project.names import nearest

_PATH = ("checking", "support")


def read_support(entries: Entries) -> tuple[str, list[Problem]]:
    """The text of the file; empty where none is named or something is wrong with it."""
    settings = entries.settings
    if not settings or not settings.declared or not settings.document:
        return "", []
    named = settings.declared.checking.support
    if named is None:
        return "", []
    path = settings.source.path.parent / named
    if not path.is_file():
        return "", [
            settings.document.problem(
                _PATH,
                "there is no such file",
                found=named,
                allowed="a file that `mesh calibrate` wrote, relative to the project",
                near=_near(path, named),
                code="missing-support",
            )
        ]
    file = str(Path(settings.source.file).parent / named)
    text = read_text(path, file)
    if isinstance(text, Problem):
        return "", [text]
    problem = _broken(file, text)
    return ("", [problem]) if problem else (text, [])


def _near(path: Path, named: str) -> str:
    beside = (other.name for other in path.parent.glob("*.json")) if path.parent.is_dir() else ()
    near = nearest(path.name, beside)
    return str(Path(named).with_name(near)) if near else ""


def _broken(file: str, text: str) -> Problem | None:
    try:
        held = json.loads(text)
    except json.JSONDecodeError as error:
        return Problem(
            file=file,
            line=error.lineno,
            column=error.colno,
            message=f"this is not JSON: {error.msg}",
            snippet=snippet(tuple(text.splitlines()), error.lineno),
            code="broken-support",
        )
    except RecursionError:
        message = "this is not JSON: it is nested too deeply"
        return Problem(file=file, message=message, code="broken-support")
    if isinstance(held, dict):
        return None
    message = "a model of support is a JSON object"
    allowed = "a file that `mesh calibrate` wrote"
    found = type(held).__name__
    return Problem(file=file, message=message, found=found, allowed=allowed, code="broken-support")
