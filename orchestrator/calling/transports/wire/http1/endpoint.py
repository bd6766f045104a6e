"""An endpoint's URL, taken apart once, and the head of the requests that go there."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[A-Za-z0-9._~-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._~-]+)?")
"""A host's name or number; an IPv6 one may name its network interface."""
_SAFE = "/%:@!$&'()*+,;=~-._?"


class Origin(NamedTuple):
    """Whom a connection is made to."""

    encrypted: bool
    host: str
    """In ASCII, an IPv6 number without its brackets."""
    port: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go: below `path`, at `origin`."""

    origin: Origin
    host: str
    """As the header `Host` says it."""
    path: str
    query: str
    login: str | None
    """What the header `Authorization` says where there is no key."""

    def head(self, path: str, key: str | None) -> bytes:
        """The head of a POST of JSON, up to its length, which comes last.

        No packed answer is asked for: an event would have to wait for the packer's block.

        Raises:
            AttemptError: `auth`, where the key holds what no header can carry.
        """
        authorization = self.login if key is None else f"Bearer {key}"
        if authorization is not None and not (
            authorization.isascii() and authorization.isprintable()
        ):
            what = "holds a line break or another character that no header can carry"
            raise AttemptError(Outcome.AUTH, f"the key {what}")
        lines = [
            f"POST {self.path}{path}{self.query} HTTP/1.1",
            f"Host: {self.host}",
            "User-Agent: model-mesh-orchestrator",
            "Accept: */*",
            "Accept-Encoding: identity",
            "Content-Type: application/json",
            *([f"Authorization: {authorization}"] if authorization else ()),
            "Content-Length: ",
        ]
        return "\r\n".join(lines).encode("ascii")


def endpoint_of(url: str) -> Endpoint:
    """The endpoint at `url`: `http://` or `https://`, a name or a number, perhaps a port and more.

    Raises:
        AttemptError: `invalid_request`, where it is none.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, _ascii(parts.hostname or "")
    except ValueError as error:
        raise _unusable(url, str(error)) from None
    if parts.scheme not in _PORTS:
        raise _unusable(url, "it does not begin with http:// or https://")
    if not _NAME.fullmatch(host):
        raise _unusable(url, "it names no host")
    login = None
    if parts.username is not None:
        said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = f"Basic {b64encode(said.encode()).decode()}"
    shown = f"[{host.partition('%')[0]}]" if ":" in host else host
    usual = _PORTS[parts.scheme]
    return Endpoint(
        origin=Origin(parts.scheme == "https", host, port or usual),
        host=shown if port in (None, usual) else f"{shown}:{port}",
        path=quote(parts.path.rstrip("/"), safe=_SAFE),
        query=f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "",
        login=login,
    )


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _unusable(url: str, why: str) -> AttemptError:
    shown = url.rpartition("@")[2]  # what stands before it may be a password
    return AttemptError(Outcome.INVALID_REQUEST, f"no usable endpoint: {shown!r}: {why}")
