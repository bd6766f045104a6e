"""The library's own tools for models. `calculate` stands beside the arithmetic, in `roles/`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import Field

from orchestrator.errors import UserError
from orchestrator.evidence.selecting.orders import without_orders
from orchestrator.evidence.sources.documents import open_sources
from orchestrator.project.registry import tool
from orchestrator.tooling.box import Box
from orchestrator.tooling.http.fetching import fetch
from orchestrator.tooling.values import ToolFailure

MOST_PASSAGES = 8


@tool("search-sources", level="read", hosted=False, timeout_s=120)
async def search_sources(
    box: Box,
    *,
    query: Annotated[str, Field(min_length=1, max_length=2000)],
    most: Annotated[int, Field(ge=1, le=24)] = MOST_PASSAGES,
) -> list[dict[str, Any]]:
    """Search this request's documents. Returns the passages that fit best, with file and page.

    Args:
        query: what to look for, in a few words or as a question.
        most: at most so many passages.

    Raises:
        UserError: there is nothing to look into.
        SourceError: a source cannot be read.
        StorageError: the passages cannot be stored.
    """
    if not box.readable:
        raise UserError(
            "there are no sources to look into: the run brings none, and mesh.yaml names none "
            "under tools.search_sources"
        )
    documents, warnings = await asyncio.to_thread(open_sources, box.readable)
    for warning in warnings:
        box.note(warning)
    documents, orders = await asyncio.to_thread(without_orders, documents, query)
    for order in orders[:MOST_PASSAGES]:
        box.note(str(order))
    found = await box.library.retrieve(query, documents, k=most)
    return [
        {
            "file": passage.file,
            **({"page": passage.page} if passage.page is not None else {}),
            "text": passage.text,
        }
        for passage in found
    ]


@tool("http-get", level="read", hosted=True, timeout_s=60)
async def http_get(
    box: Box, *, url: Annotated[str, Field(min_length=8, max_length=2000)]
) -> dict[str, Any] | ToolFailure:
    """Read a page of one of the allowed hosts. Returns its status, kind and text.

    Args:
        url: the whole address, https://HOST/PATH.

    Raises:
        UserError: no hosts are allowed.
    """
    declared = box.declared.http_get
    if declared is None:
        raise UserError(
            "http-get is off; mesh.yaml turns it on by naming hosts under tools.http_get"
        )
    return await fetch(url, declared)
