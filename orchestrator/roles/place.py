"""Where in a run the project's own code stands, so that a model it calls is a hop of that run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from orchestrator.roles.bounds import Bounds
from orchestrator.roles.services import Request, Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A function or tool of a run while it works."""

    services: Services
    request: Request
    node: str
    round: int
    bounds: Bounds
    definition: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    """The event loop of the run, which its connections belong to."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often the same was asked here; the journal tells repetitions apart by it."""


_place: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def standing(place: Place) -> Iterator[None]:
    """Inside the block, and in tasks and threads that begin in it, the code stands at `place`."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def here() -> Place | None:
    """Where the caller stands; `None` outside of a run."""
    return _place.get()
