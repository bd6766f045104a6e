"""Connecting to an origin: its name, its address, its encryption, each with its own failure."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohappyeyeballs import start_connection

from orchestrator.calling.transports.wire.connections import OURS, no_more_here
from orchestrator.calling.transports.wire.http1.connection import Connection
from orchestrator.calling.transports.wire.http1.endpoint import Origin
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

if TYPE_CHECKING:
    Addresses = list[Any]
    """As `socket.getaddrinfo` tells them."""

_KNOWN_S = 10.0
"""How long the addresses of a name are kept."""
_BESIDE_S = 0.25
"""After which the next address is tried beside the one before it (RFC 8305)."""


class Dialer:
    """Makes connections to one origin. A name that many wait for is looked up once."""

    def __init__(self, origin: Origin, trusted: Callable[[], ssl.SSLContext]) -> None:
        self._origin, self._trusted = origin, trusted
        self._known: Addresses = []
        self._known_until = 0.0
        self._looking_up: asyncio.Future[Addresses] | None = None

    async def dial(self, made: Callable[[], Connection], connect_s: float) -> Connection:
        """A connection on which a request can be sent.

        Args:
            connect_s: how long all of it may take, in seconds.

        Raises:
            AttemptError: `unreachable`; `busy` where this machine lacks what it takes.
        """
        try:
            async with asyncio.timeout(connect_s):
                sock = await self._connected(await self._addresses())
                return await self._spoken(sock, made)
        except TimeoutError:
            raise _unreachable("no connection in the time that it may take") from None

    async def _addresses(self) -> Addresses:
        host, port = self._origin.host, self._origin.port
        loop = asyncio.get_running_loop()
        if loop.time() < self._known_until:
            return self._known
        try:  # a number is none of the resolver's business
            return socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        except (OSError, UnicodeError):
            pass
        if self._looking_up is None:
            asked = loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self._looking_up = asyncio.ensure_future(asked)
            self._looking_up.add_done_callback(self._looked_up)
        try:
            self._known = await asyncio.shield(self._looking_up)
        except (OSError, UnicodeError) as error:
            raise _unreachable(f"the name {host} cannot be resolved") from error
        self._known_until = loop.time() + _KNOWN_S
        return self._known

    def _looked_up(self, _found: object) -> None:
        self._looking_up = None

    async def _connected(self, addresses: Addresses) -> socket.socket:
        try:
            return await start_connection(addresses, happy_eyeballs_delay=_BESIDE_S)
        except (OSError, RuntimeError) as error:  # uvloop raises either
            self._known_until = 0.0
            if isinstance(error, OSError) and error.errno in OURS:
                raise no_more_here(error) from error
            words = getattr(error, "strerror", None) or str(error)
            raise _unreachable(f"no connection to {self._where}: {words}") from error

    async def _spoken(self, sock: socket.socket, made: Callable[[], Connection]) -> Connection:
        loop, host = asyncio.get_running_loop(), self._origin.host
        try:
            if not self._origin.encrypted:
                return (await loop.create_connection(made, sock=sock))[1]
            name = host.rstrip(".").partition("%")[0]
            context = self._trusted()
            return (
                await loop.create_connection(made, sock=sock, ssl=context, server_hostname=name)
            )[1]
        except ssl.SSLCertVerificationError as error:
            said = f"the certificate of {host} is not valid: {error.verify_message}"
            raise _unreachable(said) from error
        except OSError as error:
            words = error.strerror or str(error) or "the server closed it"
            how = "encrypted connection" if self._origin.encrypted else "connection"
            raise _unreachable(f"no {how} to {self._where}: {words}") from error

    @property
    def _where(self) -> str:
        host, port = self._origin.host, self._origin.port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unreachable(words: str) -> AttemptError:
    return AttemptError(Outcome.UNREACHABLE, words)
