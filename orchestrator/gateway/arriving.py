"""What is refused of a request before anybody looks at the rest of it."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.gateway.keys.opening import is_loopback


def refusal(headers: Iterable[tuple[bytes, bytes]], *, is_open: bool) -> ApiError | None:
    """Why a request with these headers is not served; `None`: nothing speaks against it.

    Two keys: what stands before us may have looked at the other one. And where no key is asked for,
    the name of another host: a page of the web whose name was made to lead to this machine ("DNS
    rebinding") has the browser send requests that only differ in that from those of our own.

    Args:
        headers: with names in lower case.
        is_open: no key is asked for.
    """
    keys = 0
    for name, value in headers:
        if name == b"authorization":
            keys += 1
        elif is_open and name == b"host" and not _is_here(value):
            return ApiError(
                403,
                f"this gateway asks for no key, so it serves this machine alone, and not by the "
                f"name {value.decode('latin-1')!r:.80}; ask at 127.0.0.1 or localhost",
                code="wrong_host",
            )
    if keys > 1:
        return bad_request("the header Authorization stands twice; send one", "authorization")
    return None


@functools.lru_cache(maxsize=64)
def _is_here(host: bytes) -> bool:
    name = host.decode("latin-1").strip()
    head, colon, port = name.rpartition(":")
    return is_loopback(head if colon and port.isdigit() else name)
