"""The socket that all workers accept from."""

from __future__ import annotations

import contextlib
import errno
import socket

from orchestrator.errors import UserError

BACKLOG = 2048
_MOST_FILES = 65_536


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        port: 0 for any that is free.

    Raises:
        UserError: it cannot be had, with what to do about it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise UserError(f"--host: '{host}' is no address of this machine ({error})") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise UserError(_refusal(host, port, error)) from error
    return listener


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken by another program (or another `mesh serve`): "
            "choose one with --port; 0 takes any that is free"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} is for the system's administrator alone: choose one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host: {host} is no address of this machine; 0.0.0.0 stands for all of them"
    return f"{host}:{port} cannot be listened on: {error.strerror or error}"


def allow_connections() -> int:
    """Open as many files as the system's administrator allows, and return how many that are.

    Each connection is one. The usual limit, 1,024, is for programs that wait with `select`.
    """
    import resource  # Windows has none, and no fork either

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else hard
    if most > soft != resource.RLIM_INFINITY:
        with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def address_of(listener: socket.socket) -> str:
    """`http://HOST:PORT`, as a client writes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
