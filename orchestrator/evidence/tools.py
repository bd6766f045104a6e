"""What a graph may ask of the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import zip_longest
from typing import Protocol

from orchestrator.evidence.documents import Document, open_sources
from orchestrator.evidence.followup import completed
from orchestrator.evidence.library import Library
from orchestrator.evidence.values import Passage
from orchestrator.project.registry import tool

MOST_PASSAGES = 24
"""For all topics of a plan together; about 3,000 words, which a context of 8,192 tokens holds."""
_CALCULATED = "math"


class Toolbox(Protocol):
    """What the graph hands to a tool."""

    @property
    def library(self) -> Library: ...

    def note(self, text: str) -> None:
        """Put a remark on the hop."""
        ...


class Asked(Protocol):
    """An earlier turn of the conversation."""

    @property
    def question(self) -> str: ...


class Topic(Protocol):
    """One part of a request."""

    @property
    def description(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def needs(self) -> Sequence[str]: ...


class Topics(Protocol):
    """A plan: its parts are looked up each for itself."""

    @property
    def subtasks(self) -> Sequence[Topic]: ...


@tool("retrieve")
async def retrieve(
    toolbox: Toolbox,
    *,
    query: str,
    sources: Sequence[str] | None,
    plan: Topics | None = None,
    conversation: Sequence[Asked] = (),
) -> tuple[Passage, ...]:
    """The passages of the sources that fit the query best; none without sources.

    With a plan of several parts each part has a search of its own, so that one part's words
    cannot crowd out another's; calculations and parts that work on other parts need no source.
    A query that leans on the conversation is looked up with the subject of what was asked before.
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
    understood = completed(query, [turn.question for turn in conversation])
    if understood != query:
        toolbox.note(f"looked up as: {understood}")
    topics = _topics(plan)
    if len(topics) < 2 and (plan is None or len(plan.subtasks) < 2):
        return await toolbox.library.retrieve(understood, documents)
    found = [await toolbox.library.retrieve(t, documents, k=_k(documents)) for t in topics]
    return _merged(found)


def _topics(plan: Topics | None) -> list[str]:
    parts = plan.subtasks if plan else ()
    return [p.description for p in parts if p.task != _CALCULATED and not p.needs]


def _k(documents: Sequence[Document]) -> int:
    """Enough for something of every document; a draft draws on all of them."""
    return max(8, 2 * len(documents))


def _merged(found: Sequence[Sequence[Passage]]) -> tuple[Passage, ...]:
    """The best of every search, then the second best, …; each place once, ids anew."""
    ranked = [p for rank in zip_longest(*found) for p in rank if p is not None]
    unique = list({(p.file, p.start, p.end): p for p in reversed(ranked)}.values())[::-1]
    kept = unique[:MOST_PASSAGES]
    return tuple(p.model_copy(update={"id": f"p{n}"}) for n, p in enumerate(kept, start=1))
