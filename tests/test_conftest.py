"""The guard of `conftest.py` itself: other machines are refused, this one is not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests import conftest


@pytest.fixture(autouse=True)
def _forget_attempts(_no_network: None) -> Iterator[None]:
    """Attempts are what these tests are about; they are no failure here."""
    yield
    conftest._attempts.clear()


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("8.8.8.8", 53)])
def test_a_connection_to_another_machine_is_refused(address: tuple[str, int]) -> None:
    with socket.socket() as client, pytest.raises(conftest.NetworkForbiddenError):
        client.connect(address)


def test_a_look_up_of_a_foreign_name_is_refused() -> None:
    with pytest.raises(conftest.NetworkForbiddenError):
        socket.getaddrinfo("example.org", 443)


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("localhost", port)):
            connection, _ = server.accept()
            connection.close()


def test_what_a_library_swallows_in_a_thread_is_still_seen() -> None:
    def careless() -> None:
        with contextlib.suppress(RuntimeError):
            socket.getaddrinfo("example.org", 443)

    thread = threading.Thread(target=careless)
    thread.start()
    thread.join()
    assert any("example.org" in attempt for attempt in conftest._attempts)
