"""What a graph may ask of the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Protocol

from orchestrator.errors import InjectionError
from orchestrator.evidence.selecting.followup import completed
from orchestrator.evidence.selecting.orders import Order, without_orders
from orchestrator.evidence.sources.documents import Document, open_sources
from orchestrator.evidence.sources.library import Library
from orchestrator.evidence.values import Passage
from orchestrator.project.registry import tool
from orchestrator.types import OnInjection

MOST_PASSAGES = 24
"""For all topics of a plan together; about 3,000 words, which a context of 8,192 tokens holds."""
MOST_MORE = 12
"""Passages that are looked up besides, in later rounds."""
MOST_ORDERS = 8
"""Orders found in the sources that are told of one by one."""
_CALCULATED = "math"
_A_CLAIM = 3  # passages looked up for one rejected claim


class Toolbox(Protocol):
    """What the graph hands to a tool."""

    @property
    def library(self) -> Library: ...

    @property
    def injection(self) -> OnInjection:
        """What is done about orders in sources: `off` leaves them in, `refuse` ends it."""
        ...

    @property
    def sent_back(self) -> object:
        """In a later round of a loop: what the function has said that sent the run back."""
        ...

    def note(self, text: str) -> None:
        """Put a remark on the hop."""
        ...


class Rejected(Protocol):
    """A claim that did not pass its checks."""

    @property
    def text(self) -> str: ...


class Objection(Protocol):
    """What a verdict over a draft found wrong with it."""

    @property
    def rejected(self) -> Sequence[Rejected]: ...

    @property
    def gaps(self) -> Mapping[str, str]: ...


class Asked(Protocol):
    """An earlier turn of the conversation."""

    @property
    def question(self) -> str: ...


class Topic(Protocol):
    """One part of a request."""

    @property
    def id(self) -> str: ...

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


@tool("retrieve", level="read", hosted=False)
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
    is a note on the hop, and so is what in the sources gives orders to who reads them: that is left
    out before anything is looked up.

    Raises:
        SourceError: a named source cannot be read.
        InjectionError: the policy refuses sources that give orders, and one does.
        StorageError: the passages cannot be stored.
    """
    if not sources:
        return ()
    documents, warnings = await asyncio.to_thread(open_sources, sources)
    for warning in warnings:
        toolbox.note(warning)
    documents, orders = await _without_orders(toolbox, documents, query)
    for order in orders[:MOST_ORDERS]:
        toolbox.note(str(order))
    if len(orders) > MOST_ORDERS:
        toolbox.note(f"the sources give {len(orders) - MOST_ORDERS} more orders to their reader")
    if orders and toolbox.injection == "refuse":
        files = ", ".join(dict.fromkeys(order.file for order in orders))
        raise InjectionError(
            f"the policy refuses sources that give orders (injection: refuse): {files}"
        )
    understood = completed(query, [turn.question for turn in conversation])
    if understood != query:
        toolbox.note(f"looked up as: {understood}")
    topics = _topics(plan)
    if len(topics) < 2 and (plan is None or len(plan.subtasks) < 2):
        return await toolbox.library.retrieve(understood, documents)
    found = [await toolbox.library.retrieve(t, documents, k=_k(documents)) for t in topics]
    return _merged(found)


@tool("retrieve_more", level="read", hosted=False)
async def retrieve_more(
    toolbox: Toolbox,
    *,
    sources: Sequence[str] | None,
    known: Sequence[Passage],
    plan: Topics | None = None,
) -> tuple[Passage, ...]:
    """In a later round, passages for what was rejected or is missing, looked up in its own words.

    The head of a loop: in its first round, where nothing was rejected yet, it brings nothing. Only
    what is not among the `known` passages comes back, with ids that follow theirs.

    Raises:
        SourceError: a named source cannot be read.
        StorageError: the passages cannot be stored.
    """
    objection: Objection | None = toolbox.sent_back  # type: ignore[assignment]
    if objection is None or not sources:
        return ()
    queries = [claim.text for claim in objection.rejected]
    queries += [p.description for p in (plan.subtasks if plan else ()) if p.id in objection.gaps]
    documents, _ = await asyncio.to_thread(open_sources, sources)
    documents, _ = await _without_orders(toolbox, documents, " ".join(queries))
    found = [
        await toolbox.library.retrieve(q, documents, k=_A_CLAIM) for q in dict.fromkeys(queries)
    ]
    held = {(p.file, p.start, p.end) for p in known}
    # Claim by claim, not the best of each first: so what the round before has found stays in front.
    places = {(p.file, p.start, p.end): p for claim in found for p in claim}
    fresh = [p for place, p in places.items() if place not in held][:MOST_MORE]
    return _numbered(fresh, after=len(known))


async def _without_orders(
    toolbox: Toolbox, documents: Sequence[Document], question: str
) -> tuple[tuple[Document, ...], tuple[Order, ...]]:
    if toolbox.injection == "off":
        return tuple(documents), ()
    return await asyncio.to_thread(without_orders, documents, question)


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
    return _numbered(unique[:MOST_PASSAGES])


def _numbered(passages: Sequence[Passage], after: int = 0) -> tuple[Passage, ...]:
    return tuple(
        p.model_copy(update={"id": f"p{n}"}) for n, p in enumerate(passages, start=after + 1)
    )
