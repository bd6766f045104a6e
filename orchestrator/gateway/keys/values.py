"""What a virtual key is, and what refuses one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.errors import RunError
from orchestrator.types import Caller

Access = Literal["call", "read", "admin"]
"""`call`: ask for answers; `read`: look at traces, costs and health; `admin`: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A virtual key, without the secret. `None` in a scope allows everything."""

    id: str
    """Stands on traces and in the ledger, and is no secret: `key_3f9a…`."""
    name: str = ""
    access: frozenset[Access] = frozenset({"call"})
    tasks: frozenset[str] | None = None
    models: frozenset[str] | None = None
    data_classes: frozenset[str] | None = None
    caller: Caller = Caller()
    """On whose behalf it asks; what it says here a request cannot change."""
    expires_at: float | None = None
    """Seconds since the epoch."""
    revoked_at: float | None = None


OPEN = Key(id="", name="open", access=frozenset({"call", "read", "admin"}))
"""What everybody has where the gateway was started with `--open` on loopback."""


class KeyRefusedError(RunError):
    """The key opens nothing, or not this.

    Attributes:
        status: 401 (no key, unknown, expired, revoked) or 403 (not within its scope).
        code: for programs: `missing_key`, `invalid_key`, `expired_key`, `revoked_key`,
            `not_allowed`.
    """

    def __init__(self, message: str, *, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


class KeyRing(Protocol):
    """Finds keys. Answers from memory, in microseconds; learns of changes by itself."""

    def find(self, secret: str) -> Key:
        """The key behind a presented secret (`mesh-…`).

        Raises:
            KeyRefusedError: unknown, expired or revoked.
        """
        ...
