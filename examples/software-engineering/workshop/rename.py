"""Renames a module-level function, class or constant wherever the syntax shows that it is meant.

Only the letters of the name change, at the places that the syntax trees give; comments, docstrings
and format stay. A local variable that happens to have the same name is another thing, and stays.
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from .code_base import CodeBase, absolute, bindings, full_name, is_test
from .scopes import shadowed

Place = tuple[int, int]
"""Line from 1, and column from 0 in characters."""


@dataclass(frozen=True)
class Symbol:
    """A name at the top of a module."""

    module: str
    name: str
    file: str
    line: int

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}"


def symbols(code: CodeBase) -> list[Symbol]:
    """All names that modules define at their top, tests left out."""
    found = []
    for module, file in code.modules.items():
        for node in code.trees[module].body if not is_test(file) else ():
            found += [Symbol(module, name, file, node.lineno) for name in _defined(node)]
    return found


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [target.id for target in targets if isinstance(target, ast.Name)]


def rename(code: CodeBase, symbol: Symbol, new: str, *, strings: bool = False) -> CodeBase:
    """The code base with another name for `symbol`.

    Args:
        strings: also where a whole string literal of the program is the name, as in a table of
            handlers. No syntax says that such a string means the symbol, so it is a second try.

    Raises:
        ValueError: the new name is no name, or stands for something where it would be used.
    """
    if not new.isidentifier() or keyword.iskeyword(new):
        raise ValueError(f"'{new}' cannot be the name of anything in Python")
    holders = _holders(code, symbol)
    changed: dict[str, str] = {}
    for module, file in code.modules.items():
        places = set(_places(code, module, symbol, holders))
        if strings and not is_test(file):
            places |= set(_strings(code.files[file], symbol.name))
        if not places:
            continue
        if line := _taken(code.trees[module], new):
            raise ValueError(f"`{new}` already stands for something in {file}:{line}")
        changed[file] = _edited(code.files[file], places, symbol.name, new)
    return code.changed(changed)


def users(code: CodeBase, symbol: Symbol) -> set[str]:
    """The files that say the symbol's name and mean it."""
    holders = _holders(code, symbol)
    return {
        file
        for module, file in code.modules.items()
        if any(True for _ in _places(code, module, symbol, holders))
    }


def mentions(code: CodeBase, name: str) -> list[str]:
    """Where comments and strings still say the name, as `file:line`."""
    found = []
    kinds = (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", None))
    for file, text in code.files.items():
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in kinds:
                for match in re.finditer(rf"\b{re.escape(name)}\b", token.string):
                    line = token.start[0] + token.string[: match.start()].count("\n")
                    found.append(f"{file}:{line}")
    return list(dict.fromkeys(found))


def _holders(code: CodeBase, symbol: Symbol) -> frozenset[str]:
    """The modules in which the symbol's own name stands for it: its own, and who imports it so."""
    held = {symbol.module}
    grown = True
    while grown:
        grown = False
        for module in code.modules.keys() - held:
            for node in ast.walk(code.trees[module]):
                if isinstance(node, ast.ImportFrom) and absolute(code, module, node) in held:
                    names = [a.name for a in node.names if a.asname in (None, a.name)]
                    if symbol.name in names or "*" in names:
                        held.add(module)
                        grown = True
    return frozenset(held)


def _places(
    code: CodeBase, module: str, symbol: Symbol, holders: frozenset[str]
) -> Iterator[Place]:
    """Where a module says the name and means the symbol."""
    tree, text, old = code.trees[module], code.files[code.modules[module]], symbol.name
    lines, bound = text.split("\n"), bindings(code, module)
    own = module in holders

    def at(line: int, byte: int) -> Place:
        return line, len(lines[line - 1].encode()[:byte].decode())

    def means_it(node: ast.AST) -> bool:
        """Of an import: whether what it brings is the symbol."""
        return isinstance(node, ast.ImportFrom) and absolute(code, module, node) in holders

    foreign = shadowed(tree, old, means_it)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and means_it(node):
            yield from (at(a.lineno, a.col_offset) for a in node.names if a.name == old)
        elif isinstance(node, ast.Attribute) and node.attr == old:
            if full_name(node.value, bound) in holders:
                yield at(node.end_lineno or 0, (node.end_col_offset or 0) - len(old.encode()))
        elif not own:
            continue
        elif isinstance(node, ast.Name) and node.id == old and node not in foreign:
            yield at(node.lineno, node.col_offset)
        elif isinstance(node, ast.Global) and old in node.names:
            yield _word(lines, node.lineno, old)
    for node in tree.body if own else ():
        if old in _defined(node) and not isinstance(node, ast.Assign | ast.AnnAssign):
            yield _word(lines, node.lineno, old)
        if isinstance(node, ast.Assign) and _defined(node) == ["__all__"]:
            yield from (
                (line, column + 1)
                for part in ast.walk(node.value)
                if isinstance(part, ast.Constant) and part.value == old
                for line, column in [at(part.lineno, part.col_offset)]
            )


def _word(lines: list[str], line: int, name: str) -> Place:
    found = re.search(rf"\b{re.escape(name)}\b", lines[line - 1])
    assert found is not None
    return line, found.start()


def _strings(text: str, name: str) -> Iterator[Place]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and token.string[1:-1] == name:
            yield token.start[0], token.start[1] + 1


def _taken(tree: ast.Module, name: str) -> int:
    """The line on which the module says that name; 0 where it does not."""
    for node in ast.walk(tree):
        named = (getattr(node, key, None) for key in ("id", "name", "arg", "asname"))
        if name in named:
            return int(getattr(node, "lineno", 1))
    return 0


def _edited(text: str, places: set[Place], old: str, new: str) -> str:
    lines = text.split("\n")
    for line, column in sorted(places, reverse=True):
        said = lines[line - 1]
        lines[line - 1] = said[:column] + new + said[column + len(old) :]
    return "\n".join(lines)
