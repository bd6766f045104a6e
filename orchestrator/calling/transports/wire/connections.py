"""What holds for every connection, and why one of aiohttp's failed, as one of our outcomes."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Clock
from orchestrator.types import Deployment, Outcome

if TYPE_CHECKING:
    import aiohttp

CONNECT_S = 10.0
"""For the name, the connection and its encryption, where the deployment declares nothing."""
PLACES = 256
"""Calls that one endpoint is asked at the same time; the others wait for a place."""
KEEP_ALIVE_S = 4.0
"""Shorter than the five seconds after which common servers close an idle connection."""
FIELD_BYTES = 16 * 1024
"""Of one header of an answer."""
AFTER_END_S = 0.1
"""How long the rest of a message may take whose answer is whole."""
OURS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL)
"""What this machine lacks, which is nobody else's fault, so nobody's outage."""


def new_session() -> aiohttp.ClientSession:
    """Connections for one event loop, for the library that needs aiohttp's.

    It has no limit: who waits for one of the `PLACES` says so, and the clock of who connects
    does not run while others do. Nothing is timed here but what a request asks for.
    """
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        max_line_size=FIELD_BYTES,
        max_field_size=FIELD_BYTES,
    )


def connect_s(deployment: Deployment) -> float:
    """How long connecting to it may take, in seconds."""
    declared = deployment.connect_timeout_ms
    return CONNECT_S if declared is None else declared / 1000


def from_connection(error: BaseException, *, opened: bool) -> AttemptError | None:
    """The outcome of a failed connection; `None` where `error` is none and comes from none.

    Args:
        opened: the answer had begun.
    """
    import aiohttp

    for cause in causes(error):
        if isinstance(cause, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
            return AttemptError(Outcome.INVALID_REQUEST, f"no usable endpoint: {cause}")
        if isinstance(cause, (aiohttp.ClientError, OSError)):
            if isinstance(cause, OSError) and cause.errno in OURS:
                return no_more_here(cause)
            if opened:
                return AttemptError(Outcome.CUT, f"the connection broke: {_words(cause)}")
            if isinstance(cause, aiohttp.ClientResponseError):
                return AttemptError(Outcome.MALFORMED, f"no HTTP answer: {cause.message}")
            return AttemptError(Outcome.UNREACHABLE, _words(cause))
    return None


def no_more_here(error: OSError) -> AttemptError:
    """The failure for an error that is one of `OURS`."""
    return AttemptError(Outcome.BUSY, f"no more connections here: {error.strerror}")


async def for_a_moment(rest: Coroutine[Any, Any, None], clock: Clock) -> None:
    """Read what follows the end of an answer, as long as it comes at once.

    A usage may come late or be corrected, and only a stream that was read to its end leaves a
    connection that can be used again. Nobody waits for either.
    """
    reading = asyncio.ensure_future(rest)
    moment = asyncio.ensure_future(clock.sleep(AFTER_END_S))
    try:
        await asyncio.wait({reading, moment}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reading.cancel()
        moment.cancel()
        # The answer is whole; how the connection ended says nothing about it.
        await asyncio.gather(reading, moment, return_exceptions=True)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what led to it, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def nothing_was_sent(error: BaseException) -> bool:
    """Whether the connection was closed before the whole request was on its way."""
    import aiohttp

    return any(isinstance(cause, aiohttp.ClientConnectionResetError) for cause in causes(error))


def _words(error: BaseException) -> str:
    import aiohttp

    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {error.host} is not valid: {error.certificate_error}"
        case aiohttp.ClientSSLError():
            return f"no encrypted connection to {error.host}:{error.port}: {error.strerror}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}:{error.port}: {error.strerror}"
        case aiohttp.ConnectionTimeoutError():
            return "no connection in the time that it may take"
        case aiohttp.ServerDisconnectedError():
            return "the server closed the connection"
        case aiohttp.ClientPayloadError():
            return "the server closed it before the end of the answer"
        case ConnectionResetError():
            return "the server reset it"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
