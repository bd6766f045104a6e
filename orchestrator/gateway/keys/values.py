"""What a virtual key is, and what finds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.errors import KeyRefusedError as KeyRefusedError
from orchestrator.types import Caller

Access = Literal["call", "read", "admin"]
"""`call`: ask for answers; `read`: look at traces, costs and health; `admin`: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A virtual key, without the secret. `None` in a scope allows everything; see `scope`."""

    id: str
    """Stands on traces and in the ledger, and is no secret: `key_3f9a…`."""
    name: str = ""
    access: frozenset[Access] = frozenset({"call"})
    tasks: frozenset[str] | None = None
    models: frozenset[str] | None = None
    data_classes: frozenset[str] | None = None
    caller: Caller = Caller()
    """On whose behalf it asks; what it says here a request cannot change. Its `key` is `id`."""
    expires_at: float | None = None
    """Seconds since the epoch."""
    revoked_at: float | None = None


OPEN = Key(id="", name="open", access=frozenset({"call", "read", "admin"}))
"""What everybody has where the gateway was started with `--open` on loopback."""


class KeyRing(Protocol):
    """Finds keys. Answers from memory, in microseconds; learns of changes by itself."""

    def find(self, secret: str) -> Key:
        """The key behind a presented secret (`mesh-…`).

        Raises:
            KeyRefusedError: unknown, expired or revoked; or it cannot be told.
        """
        ...
