"""The text around a cited span, where the source can still be read and is still the same.

Only files inside of the project's folder are opened, none of its hidden folders, and a file's text
is shown only where its hash is the recorded one: a trace holds what models wrote, and no such text
may make these pages show a file that nobody cited.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import SourceError

if TYPE_CHECKING:
    from orchestrator.evidence.sources.documents import Document
    from orchestrator.evidence.values import Citation

AROUND = 180
"""Characters of the source on both sides of a span, about."""
_LARGEST = 20_000_000
"""Bytes of a file that is read for this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A cited span in its surroundings, or the recorded quote and why there is no more."""

    citation: Citation
    before: str = ""
    quote: str = ""
    after: str = ""
    begins: bool = False
    """`before` begins with the document."""
    ends: bool = False
    page: int | None = None
    reason: str = ""
    """Why only the recorded quote is shown; empty where the source was read."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads the sources of one project.

    Args:
        root: the project's folder, which recorded paths may be relative to.
        storage: where it keeps its records; nothing in it is a source.
    """

    root: Path
    storage: Path

    def span(self, citation: Citation) -> Span:
        """What the citation points at."""
        try:
            document = self._document(citation)
        except SourceError as error:
            return Span(citation=citation, quote=citation.quote, reason=str(error))
        text, start, end = document.text, citation.start, citation.end
        if not 0 <= start < end <= len(text):
            reason = f"the span {start}–{end} does not lie in the source"
            return Span(citation=citation, quote=citation.quote, reason=reason)
        left, right = _edge(text, start, -1), _edge(text, end, 1)
        return Span(
            citation=citation,
            before=text[left:start],
            quote=text[start:end],
            after=text[end:right],
            begins=left == 0,
            ends=right == len(text),
            page=document.page_at(start),
        )

    def _document(self, citation: Citation) -> Document:
        if not citation.doc_hash:
            raise SourceError("the citation names no version of its source")
        path = self._path(citation.file)
        try:
            state = path.stat()
        except OSError:
            raise SourceError("the source is not there any more") from None
        if state.st_size > _LARGEST:
            raise SourceError("the source is too large to be shown here")
        document = _read(path, state.st_mtime_ns, state.st_size)
        if document is None:
            raise SourceError("the source cannot be read any more")
        if document.hash != citation.doc_hash:
            raise SourceError("the source has changed since")
        return document

    def _path(self, file: str) -> Path:
        if "\0" in file:
            raise SourceError("the source has no file")
        try:
            root, path = self.root.resolve(), (self.root / file).resolve()
            inside = path.relative_to(root)
        except (ValueError, OSError, RuntimeError):
            raise SourceError("the source lies outside of the project's folder") from None
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or path.is_relative_to(self.storage.resolve()):
            raise SourceError("the source lies in a folder that is not shown")
        return path


@functools.lru_cache(maxsize=32)
def _read(path: Path, changed: int, size: int) -> Document | None:  # noqa: ARG001 - part of the key
    from orchestrator.evidence.sources.documents import load_document

    try:
        return load_document(path)
    except SourceError:
        return None


def _edge(text: str, at: int, way: int) -> int:
    """About so far from `at`, at a blank."""
    goal = at + way * AROUND
    if goal <= 0 or goal >= len(text):
        return 0 if way < 0 else len(text)
    for step in range(40):
        if text[goal + way * -step].isspace():
            return goal - way * step
    return goal
