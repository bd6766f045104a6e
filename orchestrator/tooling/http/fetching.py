"""Fetches one page: no credentials, no cookies, no proxy, bounded in size, time and redirects."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from orchestrator.project.tools_schema import HttpGet
from orchestrator.tooling.http.addresses import Target, resolved, target
from orchestrator.tooling.values import ToolFailure

if TYPE_CHECKING:
    import aiohttp

MOST_REDIRECTS = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TEXTS = ("text/", "application/json", "application/xml", "application/xhtml+xml")
_BLOCK = 65_536
_HEADERS = {
    "User-Agent": "model-mesh-orchestrator",
    "Accept": "text/*, application/json, application/xml;q=0.9",
    "Accept-Encoding": "identity",  # what is packed may be a thousand times as large
}


async def fetch(url: str, declared: HttpGet) -> dict[str, Any] | ToolFailure:
    """The page, after redirects within the declared hosts; or why there is none.

    Returns:
        `url` (where it was found), `status`, `type`, and `text`.
    """
    try:
        async with asyncio.timeout(declared.timeout_s):
            return await _followed(url, declared)
    except TimeoutError:
        said = f"http-get: no page within {declared.timeout_s:g} s"
        return ToolFailure(kind="timeout", message=said)


async def _followed(url: str, declared: HttpGet) -> dict[str, Any] | ToolFailure:
    for _ in range(MOST_REDIRECTS + 1):
        where = target(url, declared)
        if isinstance(where, ToolFailure):
            return where
        addresses = await resolved(where, loopback=declared.loopback)
        if isinstance(addresses, ToolFailure):
            return addresses
        found = await _asked(where, addresses, declared)
        if not isinstance(found, str):
            return found
        url = urljoin(where.url, found)
    said = f"http-get: more than {MOST_REDIRECTS} redirects"
    return ToolFailure(kind="failed", message=said)


async def _asked(
    where: Target, addresses: tuple[str, ...], declared: HttpGet
) -> dict[str, Any] | ToolFailure | str:
    """The page, or where it has moved to."""
    import aiohttp

    connector = aiohttp.TCPConnector(
        resolver=_knowing(where.host, addresses), use_dns_cache=False, force_close=True
    )
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # neither a proxy nor what ~/.netrc holds
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),  # the whole is under one clock
            ) as session,
            session.get(where.url, allow_redirects=False, headers=_HEADERS) as response,
        ):
            moved = response.headers.get("Location")
            if response.status in _REDIRECTS and moved:
                return moved
            return await _page(where, response, declared.max_kb * 1024)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        said = f"http-get: '{where.host}' cannot be read: {type(error).__name__}"
        return ToolFailure(kind="unreachable", message=said)


async def _page(
    where: Target, response: aiohttp.ClientResponse, most: int
) -> dict[str, Any] | ToolFailure:
    packed = response.headers.get("Content-Encoding", "identity").lower()
    if packed != "identity":
        said = f"http-get: '{where.host}' answers packed ({packed:.40}), though it was told not to"
        return ToolFailure(kind="failed", message=said)
    kind = response.content_type
    if not kind.startswith(_TEXTS) and not kind.endswith(("+json", "+xml")):
        said = f"http-get: this is no text but {kind:.80}"
        return ToolFailure(kind="failed", message=said)
    content = bytearray()
    async for block in response.content.iter_chunked(_BLOCK):
        content += block
        if len(content) > most:
            said = f"http-get: the page is larger than {most // 1024:,} kB"
            return ToolFailure(kind="failed", message=said)
    try:
        text = content.decode(response.charset or "utf-8", errors="replace")
    except LookupError:
        text = content.decode("utf-8", errors="replace")
    return {"url": where.url, "status": response.status, "type": kind, "text": text}


def _knowing(host: str, addresses: tuple[str, ...]) -> aiohttp.abc.AbstractResolver:
    """A resolver that knows one host, and asks nobody."""
    import aiohttp

    class Known(aiohttp.abc.AbstractResolver):
        async def resolve(
            self,
            name: str,
            port: int = 0,
            family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
        ) -> list[aiohttp.abc.ResolveResult]:
            if name != host:
                raise OSError(f"only {host} is resolved here")
            return [
                {
                    "hostname": name,
                    "host": address,
                    "port": port,
                    "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                    "proto": 0,
                    "flags": socket.AI_NUMERICHOST,
                }
                for address in addresses
            ]

        async def close(self) -> None:
            """Nothing is held."""

    return Known()
