"""Runs a project's own Python files, so that their decorators fill the project's registry.

Two kinds of them. What several agents and graphs share stands in the files that `python:` of
mesh.yaml lists. What belongs to one agent stands in `agents/NAME.py` beside `agents/NAME.md` and is
found without being listed: its role, which the agent takes where it registers one under the agent's
name, its output model, the checks of its replies.

The files of a folder are a package of their own, so that one may use another: `from .prices import
total`. What is imported so counts as read: it is part of the project's hash.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from orchestrator.errors import Problem, UserError
from orchestrator.project._check_files import secrets_in_python
from orchestrator.project._documents import read_text, snippet
from orchestrator.project._files import Source
from orchestrator.project.compiled import Entries
from orchestrator.project.names import nearest
from orchestrator.project.registry import Registry
from orchestrator.types import digest


def run_python(
    sources: Mapping[str, Source], entries: Entries, registry: Registry
) -> tuple[dict[str, str], list[Problem]]:
    """Run the files that `python:` lists and those beside agents.

    Returns:
        the digest of each file's text by its place, and what went wrong.
    """
    files, problems = _files(sources, entries)
    failures: list[Problem] = []
    digests: dict[str, str] = {}
    packages = {root: _Package(root) for root in {_root(k, path) for k, (path, _) in files.items()}}
    with _fresh(packages.values(), failures):
        for key, (path, file) in files.items():
            text = read_text(path, file)
            if isinstance(text, str):
                problems += secrets_in_python(file, text)
                problem = packages[_root(key, path)].run(key, file, text, registry)
            else:
                problem = text
            if problem:
                failures.append(problem)
            else:
                digests[key] = digest(text)
        for package in packages.values():
            for key, path in package.imported():
                text = read_text(path, str(path))
                if key not in files and isinstance(text, str):
                    problems += secrets_in_python(str(path), text)
                    digests[key] = digest(text)
    return digests, [*problems, *failures]


def digests_of(names: Registry) -> dict[str, str]:
    """The digest of what a program registered itself, by kind and name.

    Of the source of a function or class; of its module and name where there is no source, as for
    what is typed into an interpreter.
    """
    return {f"{kind} {name}": digest(_source(item)) for (kind, name), item in names.own().items()}


def _source(item: Any) -> str:
    try:
        return inspect.getsource(item)
    except (OSError, TypeError):
        called = getattr(item, "__qualname__", type(item).__qualname__)
        return f"{getattr(item, '__module__', '')}.{called}"


def _files(
    sources: Mapping[str, Source], entries: Entries
) -> tuple[dict[str, tuple[Path, str]], list[Problem]]:
    """By place in the project: the path, and how a person would write it."""
    files: dict[str, tuple[Path, str]] = {}
    problems: list[Problem] = []
    for source in sources.values():
        if source.path.suffix == ".py" and source.name in entries.agents:
            files[source.key] = (source.path, source.file)
        elif source.path.suffix == ".py":
            message = f"there is no agent of that name: agents/{source.name}.md is missing"
            near = nearest(source.name, entries.agents)
            allowed = "NAME.py beside NAME.md, or a file that mesh.yaml lists under python"
            problems.append(
                Problem(
                    file=source.file,
                    message=message,
                    allowed=allowed,
                    near=f"{near}.py" if near else "",
                    code="no-such-agent",
                )
            )
    settings = entries.settings
    if settings is None or settings.declared is None or settings.document is None:
        return files, problems
    folder = settings.source.path.parent
    for index, name in enumerate(settings.declared.python):
        wrong = _wrong(folder, name, files)
        if wrong:
            beside = [path.name for path in folder.glob("*.py")]
            problems.append(
                settings.document.problem(
                    ("python", index),
                    wrong,
                    found=name,
                    allowed="Python files of the project's folder, each once",
                    near=nearest(name, set(beside) - files.keys()),
                    code="bad-python-file",
                )
            )
        else:
            files[name] = (folder / name, str(folder / name))
    return files, problems


def _wrong(folder: Path, name: str, files: Mapping[str, object]) -> str:
    """Why an entry of `python:` cannot be used; an empty string where it can."""
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        return "a project's Python stands inside its folder"
    if path.suffix != ".py":
        return "this is not a Python file; its name must end in .py"
    if not path.is_file():
        return "there is no such file"
    if name in files:
        return "this file is loaded already"
    return ""


def _root(key: str, path: Path) -> Path:
    """The folder that `key` starts from."""
    return path.parents[len(Path(key).parts) - 1]


@dataclass(frozen=True)
class _Package:
    """The Python files of one folder, under a name that no other folder shares."""

    root: Path

    @property
    def name(self) -> str:
        return f"mesh_project_{digest(str(self.root.resolve()))}"

    def modules(self) -> dict[str, ModuleType]:
        """What is loaded of it, by full name."""
        own = self.name
        return {
            name: module
            for name, module in sys.modules.copy().items()  # at once: other threads import, too
            if name == own or name.startswith(f"{own}.")
        }

    def forget(self) -> None:
        for name in self.modules():
            del sys.modules[name]

    def imported(self) -> Iterator[tuple[str, Path]]:
        """The files that are loaded: place in the project, path."""
        for module in self.modules().values():
            if getattr(module, "__file__", None):
                place = Path(str(module.__file__)).absolute().relative_to(self.root.absolute())
                yield place.as_posix(), self.root / place

    def run(self, key: str, file: str, text: str, registry: Registry) -> Problem | None:
        """Execute one file while `registry` is active, unless another one has imported it.

        The problem says where it failed. `sys.path` stays as it is.
        """
        name = f"{self.name}.{key.removesuffix('.py').replace('/', '.')}"
        if name in sys.modules:
            return None
        path, lines = self.root / key, tuple(text.splitlines())
        try:
            code = compile(text, str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            line, column = error.lineno or 1, error.offset or 1
            return _problem(file, lines, line, f"Python syntax error: {error.msg}", column)
        except ValueError as error:  # a null byte
            return Problem(file=file, message=f"this is not Python: {error}", code="broken-python")
        module = ModuleType(name)
        module.__file__ = str(path)
        module.__package__ = name.rpartition(".")[0]
        sys.modules[name] = module
        try:
            with registry.active():
                exec(code, module.__dict__)
        except (Exception, SystemExit) as error:  # noqa: BLE001  the user's code may raise anything
            del sys.modules[name]
            frames = traceback.extract_tb(error.__traceback__)
            line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None) or 1
            known = isinstance(error, UserError)
            said = str(error) if known else f"{type(error).__name__}: {error}"
            inner, root = Path(frames[-1].filename).absolute(), self.root.absolute()
            if inner != path.absolute() and inner.is_relative_to(root):
                said += f" ({inner.relative_to(root).as_posix()}:{frames[-1].lineno})"
            return _problem(file, lines, line, f"the file cannot be run: {said}")
        return None


@contextmanager
def _fresh(packages: Collection[_Package], failures: Sequence[Problem]) -> Iterator[None]:
    """Inside the block nothing of the packages is loaded yet, and nothing is written beside them.

    Where there are failures at its end, all is as it was before.
    """
    before = {name: module for package in packages for name, module in package.modules().items()}
    quiet, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    importlib.invalidate_caches()
    for package in packages:
        package.forget()
        whole = ModuleType(package.name)
        whole.__path__ = [str(package.root.absolute())]
        sys.modules[package.name] = whole
    try:
        yield
    finally:
        sys.dont_write_bytecode = quiet
        if failures:
            for package in packages:
                package.forget()
            sys.modules.update(before)


def _problem(
    file: str, lines: tuple[str, ...], line: int, message: str, column: int = 1
) -> Problem:
    return Problem(
        file=file,
        line=line,
        column=column,
        message=message,
        allowed="Python that can be run by itself, before any model is called",
        snippet=snippet(lines, line),
        code="broken-python",
    )
