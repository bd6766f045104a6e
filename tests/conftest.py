"""No test leaves the machine: name look-ups and connections are refused but for loopback.

An audit hook sees them wherever they are made, in C code and other threads included. It raises,
and since a library may swallow what is raised, the test in which it happened fails as well.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

# The same examples every time, so that a change that passed here passes elsewhere: new ones are
# looked for by `make explore`. On a busy machine an example may take long; what hangs is for the
# whole run's limit to end.
hypothesis.settings.register_profile("mesh", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("MESH_EXAMPLES", "mesh"))

# Before any test imports the suites, so that their failed assertions show both sides.
pytest.register_assert_rewrite("orchestrator.testing")

_attempts: list[str] = []


class NetworkForbiddenError(RuntimeError):
    """A test tried to reach another machine."""


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path is a local socket
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not _is_loopback(host):
        _attempts.append(f"{event} {host!r}")
        raise NetworkForbiddenError(f"tests may not reach {host!r}")


def pytest_configure() -> None:
    """Forbid the network, forget the keys of whoever runs the tests, and fix the page's width."""
    sys.addaudithook(_guard)
    os.environ["COLUMNS"] = "100"
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name == "OLLAMA_HOST":
            del os.environ[name]


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    _attempts.clear()
    yield
    found, _attempts[:] = list(_attempts), []
    assert not found, f"the test tried to reach the network: {found}"
