"""The code blocks of pages and docstrings, and what it means that one of them runs."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from unittest import mock

from orchestrator.cli import main
from orchestrator.project.registry import SCRIPT
from orchestrator.project.schema import Settings

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
_FENCE = re.compile(r"(?ms)^(?P<marks>```+|~~~+)(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=marks)$")
_ANYTHING = "…"
_EXPORT = re.compile(r"export (?P<name>\w+)=(?:\$\((?P<command>.+)\)|(?P<value>\S+))")
PORT = Settings().gateway.port
"""On which a service listens that nobody tells otherwise."""


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
    """Carries out what a page tells a reader to type; what it changes holds until its end.

    `cd` and `export` do what they say. `mesh serve … &` starts a service, which listens on a free
    port while the page speaks of the usual one; it ends with the shell. Programs that are run
    beside it are processes of their own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._env: dict[str, str] = {}
        self._service: Service | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._service is not None:
            self._service.close()

    def run(self, command: Command) -> None:
        """Raises `AssertionError` where the command fails or prints something else."""
        if exported := _EXPORT.fullmatch(command.line):
            self._env[exported["name"]] = exported["value"] or self._printed(exported["command"])
            return
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
            case ["python" | ".venv/bin/python", "-m", "pytest", path, *_]:
                assert (ROOT / path).exists(), f"no such tests: {path}"
                return
            case ["curl", *_] if shutil.which("curl") is None:
                return
            case [script, *_] if (ROOT / script).is_file() and script.startswith("scripts/"):
                return
        code, out, err = self._typed(command.line, words)
        assert code == 0, f"{command.line}\n{out}{err}"
        assert out.strip(), f"{command.line} printed nothing"
        assert "Traceback" not in err, err
        if command.shown:
            assert is_shown(command.shown, out), f"{command.line} printed\n{out}"

    def _printed(self, line: str) -> str:
        code, out, err = self._typed(line, shlex.split(line))
        assert code == 0, err
        return out.strip()

    def _typed(self, line: str, words: list[str]) -> tuple[int, str, str]:
        """Exit code, output, messages."""
        match words:
            case ["mesh", "serve", *arguments, "&"]:
                assert self._service is None, "one service a block"
                self._service = Service(arguments, self._folder, os.environ | self._env)
                self._env["MESH_URL"] = self._service.url
                return 0, self._service.printed, ""
            case ["mesh", *arguments]:
                with mock.patch.dict(os.environ, self._env):
                    return mesh(arguments, self._folder)
            case ["python", *arguments] if self._service is not None:
                return self._service.beside([sys.executable, *arguments], self._folder, self._env)
            case ["python", script, *arguments]:
                with mock.patch.dict(os.environ, self._env):
                    return python(script, arguments, self._folder)
            case ["curl" | "sh", *_] if self._service is not None:
                return self._service.beside(words, self._folder, self._env)
        raise AssertionError(f"it is not known how to run: {line}")


class Service:
    """A `mesh serve` that a page starts. Where the page says the usual port, it is another one."""

    def __init__(self, arguments: Sequence[str], folder: Path, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "orchestrator.cli", "serve", *arguments, "--port", "0"]
        with (folder / "serve.log").open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        said = self._said_at_the_start()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", said)
        if found is None:
            self.close()
            raise AssertionError((folder / "serve.log").read_text("utf-8"))
        self.url, self._port = found[0], found[1]
        self.printed = self._as_usual(said)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def beside(
        self, words: Sequence[str], folder: Path, env: dict[str, str]
    ) -> tuple[int, str, str]:
        """Run a program while it serves: exit code, output, messages."""
        for name, value in env.items():
            words = [word.replace(f"${name}", value) for word in words]
        done = subprocess.run(
            [word.replace(f":{PORT}", f":{self._port}") for word in words],
            cwd=folder,
            env=os.environ | env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, self._as_usual(done.stdout), done.stderr

    def close(self) -> None:
        """End it as whoever typed it would."""
        self._process.terminate()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _said_at_the_start(self) -> str:
        """What it prints until it answers; its last line names project and policy."""
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if line.startswith("  project "):
                break
        return said

    def _as_usual(self, text: str) -> str:
        return text.replace(f":{self._port}", f":{PORT}")


def mesh(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """Run the command in this process: exit code, output, messages."""
    return _typed(["mesh", *arguments], folder, main)


def python(script: str, arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """Run a program in this process, with names of its own: exit code, output, messages."""

    def program() -> None:
        beside = [str(Path(script).parent.resolve()), *sys.path]  # as the interpreter has it
        with SCRIPT.copy().active(), mock.patch.object(sys, "path", beside):
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
