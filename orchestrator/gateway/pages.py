"""The viewer inside of a service, under `/ui`: who may look, and how a browser stays signed in.

A browser cannot be told to send a header, so a page takes a key once and leaves a cookie:
`HttpOnly`, `SameSite=Strict`, for that path alone. It holds the key's id, when it ends, and a
signature (HMAC-SHA-256) made with the *stored hash* of the secret. So no process has to remember
it, it is good at every worker and every copy of the service, no key can be found from it, and it
ends with the key: a secret that is revoked, rotated away or expired is not held by the ring any
more, and its signature is nobody's.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.errors import KeyRefusedError
from orchestrator.gateway.keys.ring import StoredRing
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.keys.secret import hash_of
from orchestrator.gateway.keys.values import Key, KeyRing
from orchestrator.viewer.door import COOKIE, Door, Session, SignInError, Visitor

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from orchestrator.gateway.state import State

PATH = "/ui"
SESSION_S = 12 * 3600
_BEARER = "Bearer "


def routes(state: State) -> list[BaseRoute]:
    """The viewer, mounted."""
    from starlette.responses import RedirectResponse
    from starlette.routing import Mount, Route

    from orchestrator.viewer.app import viewer

    async def slash(_: Request) -> Response:
        return RedirectResponse(f"{PATH}/", 308)

    door = Door() if state.keys is None else KeyDoor(state.keys)
    return [Route(PATH, slash), Mount(PATH, viewer(lambda: state.serving.mesh, door))]


class KeyDoor(Door):
    """Keys with `read` may look; one of a workspace sees that workspace alone.

    Args:
        ring: whose keys are good.
        clock: seconds since the epoch.
    """

    asks = True

    def __init__(self, ring: KeyRing, clock: Callable[[], float] = time.time) -> None:
        self._ring, self._clock = ring, clock

    def visitor(self, request: Request) -> Visitor:
        """By the header where there is one, else by the cookie."""
        header = request.headers.get("authorization")
        if header is not None:
            return _visitor(admit(self._ring, header, "read"))
        return _visitor(self._signed_in(request.cookies.get(COOKIE, "")))

    def enter(self, secret: str) -> Session:
        """A session of that key."""
        key = admit(self._ring, _BEARER + secret, "read")
        if not isinstance(self._ring, StoredRing):
            said = "the keys of this service are for programs alone: send the header Authorization"
            raise KeyRefusedError(said, status=403, code="no_session")
        ends = int(self._clock()) + SESSION_S
        for hash, _ in self._ring.secrets_of(key.id):
            if hmac.compare_digest(hash, hash_of(secret)):
                signed = f"{key.id}.{ends}"
                return Session(token=f"{signed}.{_sign(hash, signed)}", seconds=SESSION_S)
        raise KeyRefusedError("this key is not good any more", status=401, code="invalid_key")

    def _signed_in(self, token: str) -> Key:
        signed, _, signature = token.rpartition(".")
        id, _, ends = signed.partition(".")
        if not (ends.isascii() and ends.isdigit() and len(ends) < 12):
            raise SignInError("nobody is signed in")
        if int(ends) <= self._clock() or not isinstance(self._ring, StoredRing):
            raise SignInError("the session has ended")
        for hash, key in self._ring.secrets_of(id):
            good = hmac.compare_digest(_sign(hash, signed).encode(), signature.encode())
            if good and key.access & {"read", "admin"}:
                return key
        raise SignInError("the session has ended")


def _visitor(key: Key) -> Visitor:
    workspace = key.caller.workspace or None
    return Visitor(name=key.id, workspace=workspace, writes="admin" in key.access)


def _sign(hash: bytes, text: str) -> str:
    return hmac.new(hash, b"mesh-ui\0" + text.encode(), hashlib.sha256).hexdigest()
