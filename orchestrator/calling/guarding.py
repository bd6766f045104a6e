"""What is done about the texts of one call, besides sending them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.guard.redacting.redaction import Redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarding:
    """How the texts of a call are looked after; the default does nothing."""

    release: Callable[[str], Awaitable[str]] | None = None
    """Why an answer is not let out, in words that hold nothing of it; empty: it is."""
    next_after_unsafe: bool = False
    """The next model may answer where an answer was not let out."""
    redaction: Redaction | None = None
    """Placeholders for who must not see the values; `None`: everybody gets the request as it is."""


UNGUARDED = Guarding()
