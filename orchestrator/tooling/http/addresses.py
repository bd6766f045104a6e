"""Which addresses a fetch may go to: allowed names, and of their machines public ones alone."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from orchestrator.project.tools_schema import HttpGet
from orchestrator.tooling.values import ToolFailure

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PORTS: Mapping[str, int] = {"https": 443, "http": 80}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Carries an IPv4 address in its last 32 bits (RFC 6052)."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
"""Nothing else is a name: what one library takes for a part of it another may take for the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A page that may be asked for."""

    url: str
    """Without fragment, user and password."""
    host: str
    port: int


def target(url: str, declared: HttpGet) -> Target | ToolFailure:
    """The page of that address, where the declared hosts allow it."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return _no(f"this is no web address: {url:.200}")
    host = (parts.hostname or "").lower().rstrip(".")
    if parts.scheme not in _PORTS or not host:
        return _no(f"this is no web address (https://HOST/PATH): {url:.200}")
    if parts.username is not None or parts.password is not None:
        return _no("an address with a user or password is not asked for")
    if any(ord(c) <= 32 or ord(c) == 127 for c in url.strip()):
        return _no("an address holds no blanks or control characters")
    host = _ascii(host)
    if not _HOST.fullmatch(host):
        return _no(f"this is no name of a host: {host:.200}")
    port = port or _PORTS[parts.scheme]
    if not _allowed(host, port, parts.scheme, declared.hosts):
        allowed = ", ".join(declared.hosts)
        return _no(f"'{_shown(host, port, parts.scheme)}' is not allowed; allowed: {allowed}")
    if parts.scheme == "http" and not _allowed(host, port, "http", declared.plain_http):
        return _no(f"'{host}' is not asked without TLS; use https://")
    return Target(url=_plain(parts, host, port), host=host, port=port)


def _no(why: str) -> ToolFailure:
    return ToolFailure(kind="arguments", message=f"http-get: {why}")


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host  # no declared host has letters beyond ASCII, so it is none of them


def _shown(host: str, port: int, scheme: str) -> str:
    return host if port == _PORTS[scheme] else f"{host}:{port}"


def _allowed(host: str, port: int, scheme: str, declared: tuple[str, ...]) -> bool:
    """Whether one of them is meant: the host itself, or all below it; and that very port."""
    for one in declared:
        name, _, stated = one.partition(":")
        if port != (int(stated) if stated else _PORTS[scheme]):
            continue
        if host == name or (name.startswith("*.") and host.endswith(name[1:])):
            return True
    return False


def _plain(parts: SplitResult, host: str, port: int) -> str:
    return parts._replace(netloc=_shown(host, port, parts.scheme), fragment="").geturl()


def reachable(address: Address, *, loopback: bool) -> bool:
    """Whether a fetch may connect there: to the public internet; to this machine where declared.

    An IPv6 address that stands for an IPv4 one is judged as that one, and one that leads through it
    by both.
    """
    stands_for, through = _carried(address)
    if stands_for is not None:
        return reachable(stands_for, loopback=loopback)
    if address.is_loopback:
        return loopback
    return _public(address) and (through is None or _public(through))


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not getattr(address, "is_site_local", False)
    )


def _carried(
    address: Address,
) -> tuple[ipaddress.IPv4Address | None, ipaddress.IPv4Address | None]:
    """The IPv4 address that it stands for, and the one through which it leads."""
    if isinstance(address, ipaddress.IPv4Address):
        return None, None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped, None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), None
    if address.teredo is not None:
        return None, address.teredo[1]
    return None, address.sixtofour


async def resolved(where: Target, *, loopback: bool) -> tuple[str, ...] | ToolFailure:
    """The addresses of the host. They are asked for once, and the connection goes to one of them:
    a name that points elsewhere a moment later changes nothing.

    A host of which any address is not public is refused whole.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        said = f"http-get: the host '{where.host}' is not known"
        return ToolFailure(kind="unreachable", message=said)
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(reachable(a, loopback=loopback) for a in addresses):
        said = (
            f"http-get: the host '{where.host}' lies in a private network or on this machine, "
            "where nothing is fetched"
        )
        return ToolFailure(kind="arguments", message=said)
    return tuple(dict.fromkeys(map(str, addresses)))
