"""Who may look at the pages. The viewer knows no keys: whoever serves it says who comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import KeyRefusedError

if TYPE_CHECKING:
    from starlette.requests import Request

    from orchestrator.records import Trace

COOKIE = "mesh-ui"


class SignInError(KeyRefusedError):
    """Nobody is signed in, or nobody who may look; the sign-in page says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=401, code="sign_in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who may look."""

    name: str = ""
    """A key's id; empty where nobody is asked for one."""
    workspace: str | None = None
    """Whose traces alone are shown; `None`: everybody's."""
    writes: bool = False
    """May also decide: approve and reject."""

    def sees(self, trace: Trace) -> bool:
        """Whether that trace is shown to them."""
        return self.workspace is None or trace.caller.workspace == self.workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a browser keeps of a sign-in."""

    token: str
    """Holds no secret from which a key could be found."""
    seconds: int
    """How long it is good."""


class Door:
    """Open to all, which is for loopback alone; what serves with keys overrides all three."""

    asks: bool = False
    """Whether there is a sign-in page."""

    def visitor(self, request: Request) -> Visitor:  # noqa: ARG002
        """Who sent this request.

        Raises:
            SignInError: nobody is signed in.
            KeyRefusedError: who is, may not look.
        """
        return Visitor(writes=True)

    def enter(self, secret: str) -> Session:  # noqa: ARG002
        """A session for who presents a key.

        Raises:
            KeyRefusedError: it is not good, or not for looking.
        """
        raise KeyRefusedError("no key is asked for here", status=404, code="not_found")
