"""The socket, and the pair of sockets between supervisor and worker."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from orchestrator.errors import UserError
from orchestrator.gateway.serve.channel import Channel, Message
from orchestrator.gateway.serve.listen import address_of, listen
from orchestrator.gateway.serve.running import readiness


def test_an_address_is_one_that_a_client_can_use() -> None:
    with listen("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()
        assert address_of(listener) == f"http://{host}:{port}"
        with socket.create_connection((host, port)):
            pass


def test_ipv6_is_written_in_brackets() -> None:
    try:
        listener = listen("::1", 0)
    except UserError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert address_of(listener).startswith("http://[::1]:")


def test_messages_arrive_whole_and_the_end_is_told() -> None:
    one, other = Channel.pair()
    assert other.receive() == []
    one.send({"first": 1})
    one.send({"second": "x" * 100_000})
    got: list[Message] = []
    while len(got) < 2:
        got += other.receive() or []
    assert got == [{"first": 1}, {"second": "x" * 100_000}]
    one.close()
    assert other.receive() is None
    other.send({"nobody": "hears it"})
    other.close()


def test_what_is_no_gateway_is_not_ready() -> None:
    with listen("127.0.0.1", 0) as listener:
        address = address_of(listener)
    assert readiness(address)[0].startswith("it does not answer")


def test_as_many_connections_as_the_administrator_allows() -> None:
    code = (
        "import resource as r\n"
        "from orchestrator.gateway.serve.listen import allow_connections\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (64, 512))\n"
        "print(allow_connections(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["512", "512", "512"]
