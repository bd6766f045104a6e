"""What a graph may ask of the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from orchestrator.evidence.documents import open_sources
from orchestrator.evidence.library import Library
from orchestrator.evidence.values import Passage
from orchestrator.project.registry import tool


class Toolbox(Protocol):
    """What the graph hands to a tool."""

    @property
    def library(self) -> Library: ...

    def note(self, text: str) -> None:
        """Put a remark on the hop."""
        ...


@tool("retrieve")
async def retrieve(
    toolbox: Toolbox, *, query: str, sources: Sequence[str] | None
) -> tuple[Passage, ...]:
    """The passages of the sources that fit the query best; none without sources.

    Relative paths start at the current working directory. What cannot be read inside a folder
    is a note on the hop.

    Raises:
        SourceError: a named source cannot be read.
        StorageError: the passages cannot be stored.
    """
    if not sources:
        return ()
    documents, warnings = await asyncio.to_thread(open_sources, sources)
    for warning in warnings:
        toolbox.note(warning)
    return await toolbox.library.retrieve(query, documents)
