"""Checks of what stands beside the declared files: misnamed ones, and secrets in Python."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.project._documents import snippet
from orchestrator.project._files import FOLDERS, REFRESHED, SINGLE
from orchestrator.project._problems import SECRET_MESSAGE
from orchestrator.project._values import secrets_in
from orchestrator.project.declared import Declared
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.names import nearest
from orchestrator.project.policy_schema import Policy
from orchestrator.project.schema import Settings

_CLASSES: dict[str, type[Declared]] = {
    "mesh.yaml": Settings,
    "fleet.yaml": Fleet,
    "policy.yaml": Policy,
}
_OF_PYTHON = frozenset(
    f"unknown-{kind}" for kind in ("function", "tool", "condition", "output-model", "check", "role")
)


def misnamed(root: Path) -> list[Problem]:
    """Files and folders of the project that nothing reads, because their names are misspelt.

    A near name alone is no proof, as `graph/` may well be a Python package: a file must hold a
    key that only the meant one has, a folder must hold files of the meant kind, and what is meant
    must be missing.
    """
    problems: list[Problem] = []
    for path in sorted(root.iterdir()):
        if path.name.startswith((".", "_")) or path.name in (*SINGLE, *FOLDERS, REFRESHED):
            continue
        if path.is_dir():
            meant = nearest(path.name, FOLDERS)
            wrong = bool(meant) and not (root / meant).exists() and _holds(path, FOLDERS[meant])
            near, holds = f"{meant}/", f"{path.name}/"
        elif path.suffix in (".yaml", ".yml"):
            meant = nearest(path.stem, [Path(name).stem for name in SINGLE])
            near, holds = f"{meant}.yaml", path.name
            wrong = bool(meant) and not (root / near).exists() and _says(path, near)
            wrong = wrong and path.name != f"{meant}.yml"  # told where the files are looked for
        else:
            continue
        if wrong:
            allowed = ", ".join((*SINGLE, *(f"{folder}/" for folder in FOLDERS)))
            problems.append(
                Problem(
                    file=str(path),
                    message=f"'{holds}' is not read",
                    allowed=allowed,
                    near=near,
                    code="file-not-read",
                    # Without one's own rules the default ones count: that must not go unseen.
                    severity="warning" if path.is_dir() else "error",
                )
            )
    return problems


def _holds(folder: Path, suffix: str) -> bool:
    """A file of that kind: a prompt with its front matter, a graph or a suite."""
    marks = {".md": r"---\s*\n(?:.*\n)*?(?:task|description):", ".yaml": r"(?m)^(?:nodes|cases):"}
    return any(
        re.match(marks[suffix], text) if suffix == ".md" else re.search(marks[suffix], text)
        for text in (_text(path) for path in sorted(folder.glob(f"*{suffix}"))[:20])
    )


def _says(path: Path, meant: str) -> bool:
    keys = "|".join(_CLASSES[meant].model_fields)
    return re.search(rf"(?m)^(?:{keys}):", _text(path)) is not None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")[:20_000]
    except OSError:
        return ""


def with_unlisted(root: Path, problems: list[Problem]) -> list[Problem]:
    """`problems`; where a Python file beside mesh.yaml registers an unknown name, it is named."""
    texts = {path.name: _text(path) for path in sorted(root.glob("*.py"))}

    def told(problem: Problem) -> Problem:
        if problem.code not in _OF_PYTHON:
            return problem
        kind = problem.code.removeprefix("unknown-").replace("-", "_")
        mark = re.compile(rf"@{kind}\(\s*(['\"]){re.escape(problem.found)}\1")
        file = next((name for name, text in texts.items() if mark.search(text)), "")
        hint = f"'{file}' registers it; name that file under python in mesh.yaml"
        return replace(problem, allowed=hint, near="") if file else problem

    return [told(problem) for problem in problems]


def secrets_in_python(file: str, text: str) -> list[Problem]:
    """A secret of a well-known form in a project's Python file."""
    lines = tuple(text.splitlines())
    return [
        Problem(
            file=file,
            line=number,
            column=column,
            message=SECRET_MESSAGE,
            allowed="os.environ[NAME]",
            snippet=snippet(lines, number),
            code="literal-secret",
        )
        for number, line in enumerate(lines, 1)
        for column in secrets_in(line)
    ]
