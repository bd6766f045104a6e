"""Declared files as text, values and positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.errors import Problem
from orchestrator.project._values import masked
from orchestrator.project._yaml import BREAK, BrokenYamlError, Node, kind_of, parse_yaml, quoted

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file that could be read. `body` is what follows the front matter of an agent."""

    file: str
    lines: tuple[str, ...]
    root: Node
    body: str = ""
    body_line: int = 1
    """The line after the front matter; the body starts there or below."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the text itself and did not keep it from being read."""

    def place(self, path: KeyPath, *, of_key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path` or as near above it as there is one."""
        node = self.root
        place = (node.line, node.column)
        for step in path:
            if step not in node.items:
                return place
            key = node.keys.get(step) if isinstance(step, str) else None
            node = node.items[step]
            chosen = key if of_key and key is not None else node
            place = (chosen.line, chosen.column)
        return place

    def problem(
        self,
        path: KeyPath,
        message: str,
        *,
        of_key: bool = False,
        found: str = "",
        allowed: str = "",
        near: str = "",
        code: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> Problem:
        """A problem at the value of `path`, or at its key."""
        line, column = self.place(path, of_key=of_key)
        return Problem(
            file=self.file,
            line=line,
            column=column,
            key=shown_path(path),
            message=message,
            found=found,
            allowed=allowed,
            near=near,
            snippet=snippet(self.lines, line),
            code=code,
            severity=severity,
        )

    def path_at(self, line: int) -> KeyPath:
        """The path of the last text value that starts in `line`; empty where none does."""
        starts = [(path, self.place(path)) for path, _ in self.texts()]
        here = [(column, path) for path, (row, column) in starts if row == line]
        return max(here)[1] if here else ()

    def texts(self) -> Iterator[tuple[KeyPath, str]]:
        """Every text value with its path."""
        stack: list[tuple[KeyPath, Node]] = [((), self.root)]
        while stack:
            path, node = stack.pop()
            if isinstance(node.data, str):
                yield path, node.data
            stack.extend(((*path, step), item) for step, item in node.items.items())


def shown_path(path: KeyPath) -> str:
    """`models.claude-sonnet.deployments[0].region`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def snippet(lines: tuple[str, ...], line: int) -> str:
    """The source line, with secrets masked."""
    return masked(lines[line - 1]).rstrip() if 0 < line <= len(lines) else ""


def read_text(path: Path, file: str) -> str | Problem:
    """The text of a file in UTF-8, or why there is none."""
    if path.is_dir():
        message = "this is a folder; a file is expected here"
        return Problem(file=file, message=message, code="unreadable-file")
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        return Problem(file=file, message=message, code="unreadable-file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = BREAK.split(content[: error.start].decode("utf-8", "replace"))
        line, column = len(before), len(before[-1]) + 1
        found = f"the byte 0x{content[error.start]:02x}"
        message = "the file is not UTF-8 text; save it as UTF-8"
        return Problem(
            file=file,
            line=line,
            column=column,
            message=message,
            found=found,
            code="unreadable-file",
        )


def read_yaml(path: Path, file: str) -> Document | Problem:
    """A YAML file whose top level is a mapping, or what is wrong with it."""
    text = read_text(path, file)
    return text if isinstance(text, Problem) else _document(file, text, text)


def read_front_matter(path: Path, file: str) -> Document | Problem:
    """A Markdown file that starts with YAML between two lines of `---`."""
    text = read_text(path, file)
    if isinstance(text, Problem):
        return text
    lines = [line.rstrip() for line in BREAK.split(text)]
    if lines[0] != "---":
        message = "the front matter is missing"
        allowed = "a first line of three dashes, then YAML, then again a line of three dashes"
        return Problem(
            file=file,
            message=message,
            found=quoted(lines[0]) if lines[0] else "an empty line",
            allowed=allowed,
            snippet=snippet(tuple(lines), 1),
            code="no-front-matter",
        )
    if "---" not in lines[1:]:
        message = "the front matter is not closed; add a line of three dashes where it ends"
        return Problem(file=file, message=message, snippet="---", code="no-front-matter")
    end = lines.index("---", 1)
    # An empty line stands for the first dashes, so that line numbers are those of the file.
    front = "\n".join(["", *lines[1:end], ""])
    return _document(file, text, front, "\n".join(lines[end + 1 :]).strip(), end + 2)


def _document(
    file: str, text: str, front: str, body: str = "", body_line: int = 1
) -> Document | Problem:
    lines = tuple(BREAK.split(text))
    twice: list[BrokenYamlError] = []
    try:
        root = parse_yaml(front, twice)
    except BrokenYamlError as error:
        return _broken(file, lines, error, "broken-yaml")
    if root is None or (root.data is None and not root.items):
        message = "the file is empty" if front is text else "the front matter is empty"
        allowed = "a mapping of keys to values"
        return Problem(file=file, message=message, allowed=allowed, code="empty-file")
    problems = tuple(_broken(file, lines, error, "duplicate-key") for error in twice)
    document = Document(file, lines, root, body, body_line, problems)
    if not isinstance(root.data, dict):
        message = "the top level is not a mapping"
        allowed = "a mapping: lines of the form `key: value`"
        found = kind_of(root.data)
        return document.problem((), message, found=found, allowed=allowed, code="not-a-mapping")
    return document


def _broken(file: str, lines: tuple[str, ...], error: BrokenYamlError, code: str) -> Problem:
    line = min(error.line, len(lines))
    return Problem(
        file=file,
        line=line,
        column=error.column,
        message=error.message,
        allowed=error.allowed,
        snippet=snippet(lines, line),
        code=code,
    )
