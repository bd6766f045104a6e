"""Tests that are written async and called like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""After this a test that hangs fails; no test waits for the clock."""


def in_a_loop(test: Callable[[T], Coroutine[Any, Any, None]]) -> Callable[[T], None]:
    """Runs the test in an event loop of its own, so that no plugin is needed."""

    def call(self: T) -> None:
        async def limited() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await test(self)

        asyncio.run(limited())

    # Not `functools.wraps`: runners would look through it and find a coroutine.
    call.__name__, call.__qualname__, call.__doc__ = test.__name__, test.__qualname__, test.__doc__
    return call
