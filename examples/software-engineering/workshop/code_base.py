"""A folder of Python as a value: its files, its modules, and which of them needs which."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator import UserError, function, tool
from orchestrator.evidence.tools import Toolbox
from orchestrator.project.names import nearest
from orchestrator.types import as_json, from_json

MOST_BYTES = 2_000_000
LEFT_OUT = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})


@dataclass(frozen=True)
class CodeBase:
    """The Python files of a folder, by path inside it. Its modules are named as Python does."""

    folder: str
    files: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path) -> CodeBase:
        """The Python files of a folder; hidden folders and caches are left out.

        Raises:
            UserError: it is no folder, holds no Python, too much of it, or what is no Python.
        """
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "does not exist"
            beside = [p.name for p in folder.parent.glob("*/")] if folder.parent.is_dir() else []
            near = nearest(folder.name, beside)
            hint = f"did you mean {folder.parent / near}?" if near else "name a folder"
            raise UserError(f"code: {folder} {what}; {hint}")
        files: dict[str, str] = {}
        for path in sorted(p for p in folder.rglob("*.py") if p.is_file()):
            place = path.relative_to(folder)
            if any(part in LEFT_OUT or part.startswith(".") for part in place.parts):
                continue
            try:
                text = path.read_bytes().decode("utf-8")
                ast.parse(text)
            except (SyntaxError, ValueError) as error:
                raise UserError(f"{path} cannot be read as Python: {error}") from None
            files[place.as_posix()] = text
        if not files:
            raise UserError(f"code: there is no Python file in {folder}")
        size = sum(map(len, files.values()))
        if size > MOST_BYTES:
            raise UserError(f"code: {folder} holds {size:,} characters; at most {MOST_BYTES:,}")
        return cls(folder.as_posix(), files)

    @cached_property
    def modules(self) -> dict[str, str]:
        """Module → file. The tests are modules too."""
        return {_module(file): file for file in self.files}

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """Module → its syntax tree."""
        return {name: ast.parse(self.files[file]) for name, file in self.modules.items()}

    def changed(self, files: Mapping[str, str]) -> CodeBase:
        """The same folder with other texts."""
        return CodeBase(self.folder, {**self.files, **files})


def is_test(file: str) -> bool:
    """Whether the file belongs to the tests and not to the program."""
    path = PurePosixPath(file)
    return "tests" in path.parts or path.name.startswith(("test_", "conftest"))


def _module(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@tool("read_code")
async def read_code(toolbox: Toolbox, *, code: Sequence[str]) -> dict[str, Any]:
    """The code base as JSON. Raises `UserError` for several folders, and as `CodeBase.read`."""
    if len(code) != 1:
        raise UserError(f"code is one folder; found {len(code)}: {', '.join(code)}")
    found = await asyncio.to_thread(CodeBase.read, Path(code[0]))
    toolbox.note(f"{len(found.files)} files")
    return {"folder": found.folder, "files": dict(found.files)}


# ── who needs whom ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Module:
    """One row of the dependency map."""

    name: str
    file: str
    lines: int
    imports: tuple[str, ...]
    """Modules of the same code base, also those that a function imports while it runs."""
    later: tuple[str, ...]
    """Those of `imports` that only functions import."""
    calls: tuple[str, ...]
    """Functions and classes of other modules that it calls, by full name."""


@dataclass(frozen=True)
class DependencyMap:
    """The modules in dependency order, so that each stands after those that it needs."""

    modules: tuple[Module, ...]
    cycles: tuple[tuple[str, ...], ...]
    """Modules that need each other, in a circle."""


@function("map_dependencies")
def map_dependencies(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The dependency map of `code-base`, read off its syntax trees."""
    mapped: dict[str, Any] = as_json(dependency_map(from_json(CodeBase, inputs["code-base"])))
    return mapped


def dependency_map(code: CodeBase) -> DependencyMap:
    """Who imports and calls whom. Modules of a circle stand side by side, by name."""
    import networkx as nx

    found = {name: _row(code, name) for name in code.modules}
    drawn: nx.DiGraph[str] = nx.DiGraph()
    drawn.add_nodes_from(found)
    drawn.add_edges_from((name, other) for name, row in found.items() for other in row.imports)
    groups = nx.condensation(drawn)
    members = groups.nodes(data="members")
    ranked = nx.lexicographical_topological_sort(
        groups.reverse(), key=lambda group: min(members[group])
    )
    order = [name for group in ranked for name in sorted(members[group])]
    cycles = [_from_first(cycle) for cycle in nx.simple_cycles(drawn, length_bound=8)]
    return DependencyMap(tuple(found[name] for name in order), tuple(sorted(cycles)))


def _from_first(cycle: Sequence[str]) -> tuple[str, ...]:
    at = cycle.index(min(cycle))
    return (*cycle[at:], *cycle[:at])


def _row(code: CodeBase, name: str) -> Module:
    bound = bindings(code, name)
    at_once = {module for node, module in _imported(code, name) if _at_import(code, name, node)}
    imports = {module for _, module in _imported(code, name)} - {name}
    calls = {
        called
        for node in ast.walk(code.trees[name])
        if isinstance(node, ast.Call) and (called := full_name(node.func, bound))
        if called.rpartition(".")[0] in imports
    }
    file = code.modules[name]
    return Module(
        name=name,
        file=file,
        lines=code.files[file].count("\n"),
        imports=tuple(sorted(imports)),
        later=tuple(sorted(imports - at_once)),
        calls=tuple(sorted(calls)),
    )


def bindings(code: CodeBase, name: str) -> dict[str, str]:
    """What the names that a module imports stand for: `{"b": "shop.billing"}`."""
    found: dict[str, str] = {}
    for node in ast.walk(code.trees[name]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.asname or alias.name.partition(".")[0]
                found[whole] = alias.name if alias.asname else whole
        elif isinstance(node, ast.ImportFrom):
            source = absolute(code, name, node)
            for alias in node.names:
                found[alias.asname or alias.name] = f"{source}.{alias.name}"
    return found


def absolute(code: CodeBase, name: str, node: ast.ImportFrom) -> str:
    """The module that `from … import` in module `name` reads, without leading dots."""
    if not node.level:
        return node.module or ""
    package = name if code.modules[name].endswith("__init__.py") else name.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return ".".join(part for part in (package, node.module or "") if part)


def full_name(node: ast.expr, bound: Mapping[str, str]) -> str:
    """What a dotted expression stands for (`b.charge` → `shop.billing.charge`), else nothing."""
    if isinstance(node, ast.Name):
        return bound.get(node.id, "")
    if isinstance(node, ast.Attribute) and (left := full_name(node.value, bound)):
        return f"{left}.{node.attr}"
    return ""


def _imported(code: CodeBase, name: str) -> Iterator[tuple[ast.stmt, str]]:
    """The import statements of a module with the modules of this code base that they name."""
    for node in ast.walk(code.trees[name]):
        if isinstance(node, ast.Import):
            yield from ((node, a.name) for a in node.names if a.name in code.modules)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(code, name, node)
            inner = [f"{source}.{alias.name}" for alias in node.names]
            inner = [module for module in inner if module in code.modules]
            yield from ((node, module) for module in inner)
            if len(inner) < len(node.names) and source in code.modules:
                yield node, source


def _at_import(code: CodeBase, name: str, node: ast.stmt) -> bool:
    return any(node is statement for statement in code.trees[name].body)
