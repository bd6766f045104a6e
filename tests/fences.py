"""The code blocks of pages and docstrings, and what it means that one of them runs."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from orchestrator.cli import main
from orchestrator.project.registry import SCRIPT

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
_FENCE = re.compile(r"(?ms)^(?P<marks>```+|~~~+)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=marks)$")
_ANYTHING = "…"


@dataclass(frozen=True)
class Fence:
    """A fenced block, with the line on which its first line stands."""

    page: str
    line: int
    info: str
    body: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def not_run(self) -> str | None:
        """The stated reason of a block that is only looked at: ```python no-run: needs a key."""
        _, found, reason = self.info.partition(" no-run")
        return reason.lstrip(": ") if found else None


def pages() -> list[str]:
    """Every page whose blocks are run."""
    examples = (ROOT / "examples").glob("*/README.md")
    return ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in examples)]


def fences_of(text: str, page: str, first_line: int = 1) -> Iterator[Fence]:
    for found in _FENCE.finditer(text):
        line = first_line + text[: found.start("body")].count("\n")
        yield Fence(page, line, found["info"].strip(), found["body"])


def fences_of_pages() -> list[Fence]:
    return [f for page in pages() for f in fences_of((ROOT / page).read_text("utf-8"), page)]


def docstrings() -> Iterator[tuple[str, int, str]]:
    """Every docstring of the package: file, first line, text without its indentation."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in sorted((ROOT / "orchestrator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = ast.get_docstring(node) if isinstance(node, kinds) else None
            if text and isinstance(node, kinds):
                yield str(path.relative_to(ROOT)), node.body[0].lineno, text


# ── running ──────────────────────────────────────────────────────────────────────────────


def run_python(fence: Fence) -> str:
    """Execute a block as a program of its own, in the current folder. Returns what it printed."""
    code = compile(fence.body, str(fence), "exec")
    printed = io.StringIO()
    # Names that it registers stay with it, as in a process of its own.
    with SCRIPT.copy().active(), contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "__main__"})
    return printed.getvalue()


@dataclass(frozen=True)
class Command:
    """A line of a shell block, and the lines that the page shows below it."""

    line: str
    shown: str


def commands(fence: Fence) -> list[Command]:
    """The commands of a block. In a `console` block they follow a `$`; the rest is shown."""
    found: list[Command] = []
    for line in fence.body.replace("\\\n", "").splitlines():
        if fence.language == "sh" or line.startswith("$ "):
            bare = line.removeprefix("$ ").split("  # ")[0].strip()
            found += [Command(bare, "")] if bare and not bare.startswith("#") else []
        else:
            last = found.pop()
            found.append(Command(last.line, f"{last.shown}{line}\n"))
    return found


class Shell:
    """Carries out what a page tells a reader to type; `cd` holds until the end of a block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, command: Command) -> None:
        """Raises `AssertionError` where the command fails or prints something else."""
        words = shlex.split(command.line)
        match words:
            case ["cd", folder]:
                self._folder = self._folder / folder
                assert self._folder.is_dir(), command.line
                return
            case ["make", target]:
                # Not carried out: what it would do is what the tests, or other blocks, do.
                assert re.search(rf"(?m)^{target}:", MAKEFILE), f"no such target: {target}"
                return
            case ["mesh", *arguments]:
                code, out, err = mesh(arguments, self._folder)
            case ["python" | ".venv/bin/python", "-m", "pytest", path, *_]:
                assert (ROOT / path).exists(), f"no such tests: {path}"
                return
            case ["python", script, *arguments]:
                code, out, err = python(script, arguments, self._folder)
            case [script, *_] if (ROOT / script).is_file() and script.startswith("scripts/"):
                return
            case _:
                raise AssertionError(f"it is not known how to run: {command.line}")
        assert code == 0, f"{command.line}\n{out}{err}"
        assert out.strip(), f"{command.line} printed nothing"
        assert "Traceback" not in err, err
        if command.shown:
            assert is_shown(command.shown, out), f"{command.line} printed\n{out}"


def mesh(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """Run the command in this process: exit code, output, messages."""
    return _typed(["mesh", *arguments], folder, main)


def python(script: str, arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """Run a program in this process, with names of its own: exit code, output, messages."""

    def program() -> None:
        with SCRIPT.copy().active():
            runpy.run_path(script, run_name="__main__")

    return _typed([script, *arguments], folder, program)


def _typed(words: list[str], folder: Path, run: Callable[[], None]) -> tuple[int, str, str]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", words),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as done:
            code = int(done.code or 0)
    return code, out.getvalue(), err.getvalue()


def is_shown(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; `…` stands for anything, a line of it for lines."""
    parts = [re.escape(part) for part in _lines(shown).split(_ANYTHING)]
    return re.fullmatch(".*?".join(parts), _lines(printed), re.DOTALL) is not None


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
