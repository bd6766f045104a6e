"""Decisions that many hops were given: each is written once, and referred to by a key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from orchestrator.tracing._packing import json_text
from orchestrator.tracing.redact import Shared
from orchestrator.types import Decision

_MOST = 1024
"""Decisions that are known again; with more, all are looked at anew."""


@dataclass(frozen=True, slots=True)
class Known:
    """A decision that was seen before."""

    decision: Decision
    key: str
    content: str
    """As JSON."""
    shared: Shared


class Decisions:
    """Knows a decision again by its identity, and one that says the same by its key."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}

    def of(self, decision: Decision) -> Known:
        """What is known of it."""
        known = self._known.get(id(decision))
        if known is None:  # an identity is not given to another while the first is held here
            if len(self._known) >= _MOST:
                self._known = {}
            content = json_text(decision)
            key = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
            known = self._known[id(decision)] = Known(decision, key, content, Shared(decision))
        return known
