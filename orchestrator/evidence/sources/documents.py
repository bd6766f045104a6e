"""Sources: text, Markdown, HTML and PDF files as text whose offsets a citation may name.

The contract of every offset: `Document.text[start:end]` is what a citation quotes. For text,
Markdown and HTML that text is the file itself, decoded as UTF-8 with its line breaks as they are
(`open(path, encoding="utf-8", newline="").read()`); a byte order mark is its first character.
For PDF it is the extracted text of all pages, joined by form feeds.
"""

from __future__ import annotations

import bisect
import hashlib
import html
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.errors import SourceError
from orchestrator.evidence.sources._block import Block, Layout
from orchestrator.evidence.sources._layout import markdown_layout, text_layout
from orchestrator.project.names import nearest

Kind = Literal["text", "markdown", "html", "pdf"]

KINDS: dict[str, Kind] = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".pdf": "pdf",
}
_SUFFIXES = ", ".join(KINDS)
PART = " | "
"""Parts what a document is said to be about."""
_BLOCKS = 12  # from its first ones
_OPENING = 240  # characters
_LINE = 120  # of a title
_NAMES = 8
_OFTEN = 3  # times that a name stands in a document which is about it
_NAME = re.compile(r"(?<=[\w,;)] )[A-Z][a-z][\w-]*(?: (?:[A-Z][\w-]*|\d+))*")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One source, read."""

    file: str
    """The path as the caller gave it, with forward slashes."""
    text: str
    prose: str
    """As long as `text`; markup is spaces. What is searched and split into sentences."""
    hash: str
    """The first 16 hex digits of the SHA-256 of `text`."""
    kind: Kind
    blocks: tuple[Block, ...]
    pages: tuple[tuple[int, int], ...] = ()
    """For PDF: (page number from 1, offset at which it starts)."""

    def page_at(self, offset: int) -> int | None:
        """The page that holds this offset; `None` where the document has no pages."""
        i = bisect.bisect_right(self.pages, offset, key=lambda page: page[1])
        return self.pages[i - 1][0] if i else None


def load_document(path: str | Path) -> Document:
    """Read one file.

    Raises:
        SourceError: missing, unreadable, empty, binary, not UTF-8, of an unknown kind, or a PDF
            that is encrypted or holds no text; the message says what to do.
    """
    path = Path(path)
    kind = _kind(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(_missing(path)) from None
    except OSError as error:
        raise SourceError(f"{path.as_posix()}: cannot be read ({error.strerror})") from error
    pages: tuple[tuple[int, int], ...] = ()
    if kind == "pdf":
        from orchestrator.evidence.sources._pdf import pdf_text

        text, pages = pdf_text(path, data)
    else:
        text = _decode(path, data)
    layout = layout_of(text, kind)
    if not layout.blocks:
        raise SourceError(f"{path.as_posix()}: is empty; leave it out or put text into it")
    return Document(
        file=path.as_posix(),
        text=text,
        prose=layout.prose,
        hash=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        kind=kind,
        blocks=layout.blocks,
        pages=pages,
    )


def open_sources(
    paths: Sequence[str | Path],
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """The documents behind files and folders, and warnings.

    A folder is walked in sorted order for the known suffixes; hidden files and folders are left
    out, and what cannot be read *inside* a folder is a warning as long as anything can. A file
    that is reached twice is read once.

    Raises:
        SourceError: a path that was named cannot be read, or nothing readable is left; the
            message lists all that is wrong.
    """
    documents: dict[Path, Document] = {}
    errors: list[str] = []
    warnings: list[str] = []
    for given in paths:
        path = Path(given)
        inside = path.is_dir()
        try:
            files = list(_walk(path)) if inside else [path]
        except OSError as error:
            errors.append(f"{error.filename}: cannot be listed ({error.strerror})")
            continue
        if not files:
            errors.append(f"{path.as_posix()}: holds no source; known kinds: {_SUFFIXES}")
        for file in files:
            real = Path(os.path.realpath(file))
            if real in documents:
                continue
            try:
                documents[real] = load_document(file)
            except SourceError as error:
                (warnings if inside else errors).append(str(error))
    if errors or (warnings and not documents):
        raise SourceError("\n".join([*errors, *warnings]))
    return tuple(documents.values()), tuple(warnings)


def about_of(document: Document) -> str:
    """What a document is about: its title, how it begins, the names that stand in it most.

    The title is that of the page, or a first line that is no sentence.
    """
    title = _TITLE.search(document.text) if document.kind == "html" else None
    begins = [b for b in document.blocks[:_BLOCKS] if b.kind != "row"]
    lines = [" ".join(document.prose[b.start : b.end].split()) for b in begins]
    opening = " ".join(lines)[:_OPENING]
    if title:
        parts = [html.unescape(title[1].strip()), opening]
    elif lines and len(lines[0]) <= _LINE and lines[0][-1] not in ".!?;,:":
        parts = [lines[0], opening[len(lines[0]) :].strip()]
    else:
        parts = [opening]
    counted = Counter(_NAME.findall(document.prose))
    often = [name for name, n in counted.most_common(_NAMES) if n >= _OFTEN]
    return PART.join([*(part for part in parts if part), *often])


def kind_of(file: str) -> Kind | None:
    """The kind of a source by its suffix; `None` where it is not known."""
    return KINDS.get(Path(file).suffix.lower())


def layout_of(text: str, kind: Kind) -> Layout:
    """The searchable view of a text of that kind, and its blocks."""
    if kind == "html":
        from orchestrator.evidence.sources._html import html_layout

        return html_layout(text)
    return markdown_layout(text) if kind == "markdown" else text_layout(text)


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir(), key=lambda p: p.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif kind_of(entry.name) and not entry.is_dir():
            yield entry


def _kind(path: Path) -> Kind:
    kind = kind_of(path.name)
    if kind is not None:
        return kind
    if not path.exists():
        raise SourceError(_missing(path))
    suffix = path.suffix or "no suffix"
    raise SourceError(
        f"{path.as_posix()}: unknown kind ({suffix}); known kinds: {_SUFFIXES}; "
        "convert it to one of them"
    )


def _missing(path: Path) -> str:
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        siblings = []
        if not path.parent.exists():
            return f"{path.as_posix()}: does not exist, nor does the folder {path.parent}"
    near = nearest(path.name, siblings)
    hint = f"; did you mean '{(path.parent / near).as_posix()}'?" if near else ""
    return f"{path.as_posix()}: does not exist{hint}"


def _decode(path: Path, data: bytes) -> str:
    file = path.as_posix()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{file}: is UTF-16; save it as UTF-8")
    if b"\0" in data:
        raise SourceError(f"{file}: is binary, not text; convert it to one of {_SUFFIXES}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{file}:{line}: is not UTF-8 (byte {data[error.start]:#04x}); save it as UTF-8"
        ) from None
