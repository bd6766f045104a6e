"""What editors need beside the declared files: schemas in `schemas/`, and in each file the line
that names its schema (`# yaml-language-server: $schema=…`, read by the YAML language server).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import Problem, UserError
from orchestrator.project._files import Source, find_sources
from orchestrator.project.json_schema import kind_of_file, schema_files

_LINE = re.compile(rb"[ \t]*#[ \t]*yaml-language-server:[ \t]*\$schema=(\S*)[ \t]*")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Written:
    """What was brought up to date, by place in the project."""

    schemas: tuple[str, ...]
    lines: tuple[str, ...]
    """The declared files that got their line."""


def schema_line(key: str) -> str:
    """The line for the declared file at that place: `agents/checker.md` → `# yaml-…`."""
    kind = kind_of_file(key)
    if kind is None:
        raise ValueError(f"{key} has no schema")
    above = "../" * key.count("/")
    return f"# yaml-language-server: $schema={above}{kind.schema_file}"


def stale(root: Path) -> list[Problem]:
    """What `bring_up_to_date` would change in the project, and every line that leads elsewhere.

    Raises:
        UserError: `root` is not a folder, or a file cannot be read.
    """
    problems = []
    for place, text in schema_files().items():
        path = root / place
        if not path.exists():
            problems.append(
                Problem(file=str(path), message="the schema is missing", code="stale-schema")
            )
        elif _read(path).decode("utf-8", "replace") != text:
            problems.append(
                Problem(file=str(path), message="the schema is stale", code="stale-schema")
            )
    for source in _own(root):
        number, found = _line_of(_read(source.path))
        wanted = schema_line(source.key)
        if found is None or not _leads(found, wanted):
            what = "names another schema" if found else "that names the schema is missing"
            problem = Problem(
                file=source.file,
                line=number,
                message=f"the line {what}",
                found=found or "",
                allowed=wanted,
                code="schema-line",
            )
            problems.append(problem)
    return problems


def bring_up_to_date(root: Path) -> Written:
    """Write the schemas that are missing or stale, and the lines that are missing or wrong.

    Nothing else in a declared file changes, its byte order mark and line ends included.

    Raises:
        UserError: `root` is not a folder, or a file cannot be read or written.
    """
    sources = list(_own(root))
    schemas = []
    for place, text in schema_files().items():
        path = root / place
        content = text.encode()
        if not path.exists() or _read(path) != content:
            _write(path, content)
            schemas.append(place)
    lines = []
    for source in sources:
        content = _read(source.path)
        changed = _with_line(content, schema_line(source.key))
        if changed != content:
            _write(source.path, changed)
            lines.append(source.key)
    return Written(tuple(schemas), tuple(lines))


def _own(root: Path) -> Iterator[Source]:
    """The project's own declared files; broken names and the like are for the loader to report."""
    sources, _ = find_sources(root, root)
    for source in sources.values():
        if source.path.suffix != ".py" and source.path.is_file():
            yield source


def _line_of(content: bytes) -> tuple[int, str | None]:
    """The number of the line that names a schema, and what it names. Only comments above the
    first value count, as for the language server."""
    for number, line in enumerate(content.removeprefix(_BOM).splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match:
            return number, match[1].decode("utf-8", "replace")
        if line.strip() and not line.lstrip().startswith(b"#") and line.rstrip() != b"---":
            break
    return 1, None


def _leads(found: str, wanted: str) -> bool:
    """Whether the line serves: ours, or an address that its owner answers for."""
    return "://" in found or wanted.endswith(f"={found.removeprefix('./')}")


def _with_line(content: bytes, line: str) -> bytes:
    number, found = _line_of(content)
    if found is not None and _leads(found, line):
        return content
    mark = _BOM if content.startswith(_BOM) else b""
    lines = content.removeprefix(_BOM).splitlines(keepends=True)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    written = line.encode() + end
    if found is not None:
        lines[number - 1] = written
    else:
        front = bool(lines) and lines[0].rstrip() == b"---"
        lines.insert(1 if front else 0, written)
    return mark + b"".join(lines)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
