"""`mesh check`: read the project, and report every mistake at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli._options import HERE, AsJson, Project, declares_nothing

if TYPE_CHECKING:
    from orchestrator.errors import Problem
    from orchestrator.project.schema import Project as Declared


class Format(StrEnum):
    """How problems are printed."""

    text = "text"
    json = "json"
    github = "github"


def check(
    project: Project = HERE,
    as_json: AsJson = False,
    format: Annotated[
        Format, typer.Option("--format", help="github: annotations for a pull request.")
    ] = Format.text,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
) -> None:
    """Check the declared files before anything runs; exit 2 where one has a mistake."""
    from orchestrator.errors import ProjectError
    from orchestrator.mesh import Mesh

    declared: Declared | None = None
    problems: Sequence[Problem]
    try:
        mesh = Mesh.load(project)
        declared, problems = mesh.project, mesh.check()
    except ProjectError as error:
        problems = (*error.problems, *error.warnings)
    failed = any(p.severity == "error" or strict for p in problems)
    if as_json or format is Format.json:
        _print_json(declared, problems, ok=not failed)
    elif format is Format.github:
        for problem in problems:
            print(_annotation(problem))
    else:
        _print_text(declared, problems, failed=failed)
    if failed:
        raise typer.Exit(2)


def _print_json(declared: Declared | None, problems: Sequence[Problem], *, ok: bool) -> None:
    from orchestrator.cli._show import print_json
    from orchestrator.types import as_json as plain

    listed = [plain(problem) for problem in problems]
    for item in listed:
        del item["snippet"]
    result: dict[str, Any] = {"ok": ok, "problems": listed, "checked": None}
    if declared is not None:
        result |= {"checked": counts(declared), "hash": declared.hash}
        result["policy_hash"] = declared.policy_hash
    print_json(result)


def _print_text(declared: Declared | None, problems: Sequence[Problem], *, failed: bool) -> None:
    from orchestrator.cli._show import Screen, colour
    from orchestrator.project.render import render_problems

    if problems:
        print(render_problems(problems, colour=colour(sys.stderr)), file=sys.stderr)
    if declared is None or failed:
        return
    screen = Screen()
    told = ", ".join(
        f"{number} {name[:-1] if number == 1 else name}"
        for name, number in counts(declared).items()
        if number
    )
    screen.print(screen.join((screen.sign("yes"), "good"), f" {told}"))
    screen.prose(f"project {declared.hash}", 2, "quiet")
    if declares_nothing(Path(declared.root)):
        screen.prose("Nothing is declared in this folder: this is the default project.", 2, "warn")


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions; what ends a property or a line is escaped."""

    def escaped(text: str, more: str = "") -> str:
        for character in "%\r\n" + more:
            text = text.replace(character, f"%{ord(character):02X}")
        return text

    place = {"file": problem.file, "line": problem.line, "col": problem.column}
    place["title"] = problem.code
    properties = ",".join(f"{key}={escaped(str(value), ':,')}" for key, value in place.items())
    said = [f"{problem.key}: {problem.message}" if problem.key else problem.message]
    said += [f"found: {problem.found}"] if problem.found else []
    said += [f"did you mean '{problem.near}'?"] if problem.near else []
    said += [f"allowed: {problem.allowed}"] if problem.allowed else []
    text = escaped("\n".join(said))
    return f"::{problem.severity} {properties}::{text}"


def counts(declared: Declared) -> dict[str, Any]:
    """How much of everything the project declares."""
    models = declared.fleet.models.values()
    return {
        "models": len(models),
        "deployments": sum(len(m.deployments) for m in models),
        "routes": len(declared.policy.routes),
        "agents": len(declared.agents),
        "graphs": len(declared.graphs),
        "suites": len(declared.suites),
    }
