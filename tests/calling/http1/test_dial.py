"""Connecting: names, addresses, encryption, and the clock over all of them."""

from __future__ import annotations

import asyncio
import datetime
import errno
import ipaddress
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.calling.transports.wire.http1 import dial
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome
from tests.calling.http1.served import Play, Server, a_client, posted, serving, sized

HELLO = Play(sized(b"hello"))


def named(server: Server, name: str) -> Server:
    """The server by another name."""
    return Server([], url=server.url.replace("127.0.0.1", name))


async def failure(server: Server, connect_s: float = 5.0) -> AttemptError:
    async with a_client() as client:
        with pytest.raises(AttemptError) as caught:
            await posted(client, server, connect_s)
    return caught.value


# ── names and addresses ──────────────────────────────────────────────────────────────────


class Names:
    """Looks names up in a table instead; a slow one waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str, slow: bool = False):
        self.asked = 0
        self.go = threading.Event()
        known = socket.getaddrinfo
        if not slow:
            self.go.set()

        def looked_up(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
            if host != "a.example":
                return known(host, port, *rest, **named)
            if named.get("flags", 0) & socket.AI_NUMERICHOST:
                raise socket.gaierror(socket.EAI_NONAME, "no number")
            self.asked += 1
            self.go.wait(10)
            if not addresses:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [found for a in addresses for found in known(a, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", looked_up)


asyncio_alone = pytest.mark.asyncio(loop_factories=["asyncio"])
"""uvloop asks the system itself."""


@asyncio_alone
async def test_a_name_is_looked_up_once_by_many(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "127.0.0.1", slow=True)
    async with serving(Play(b"", sized(b"hello"))) as server, a_client() as client:
        calls = [asyncio.create_task(posted(client, named(server, "a.example"))) for _ in range(9)]
        await asyncio.sleep(0.01)
        names.go.set()
        assert [(await call).body for call in calls] == [b"hello"] * 9
        assert (names.asked, server.connections) == (1, 9)


@asyncio_alone
async def test_a_slow_name_is_timed_for_each_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch, "127.0.0.1", slow=True)
    async with serving(HELLO) as server, a_client() as client:
        at = named(server, "a.example")
        patient = asyncio.create_task(posted(client, at))
        with pytest.raises(AttemptError, match="no connection in the time") as caught:
            await posted(client, at, 0.02)
        assert caught.value.outcome is Outcome.UNREACHABLE
        names.go.set()
        assert (await patient).body == b"hello"


@asyncio_alone
async def test_a_name_that_nobody_has_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    async with serving(HELLO) as server:
        for _ in range(2):
            error = await failure(named(server, "a.example"))
            assert error.outcome is Outcome.UNREACHABLE
            assert str(error) == "the name a.example cannot be resolved"
    assert names.asked == 2


@asyncio_alone
async def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch, "127.0.0.2", "127.0.0.1")
    async with serving(HELLO) as server, a_client() as client:
        assert (await posted(client, named(server, "a.example"))).body == b"hello"


async def test_a_label_that_is_too_long_is_no_name() -> None:
    error = await failure(Server([], url=f"http://{'a' * 70}.invalid"))
    assert error.outcome is Outcome.UNREACHABLE
    assert "cannot be resolved" in str(error)


async def test_ipv6_by_its_number() -> None:
    try:
        async with serving(HELLO, host="::1") as server, a_client() as client:
            assert (await posted(client, server)).body == b"hello"
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert server.requests[0].split(b"\r\n")[1] == f"Host: {server.url[7:]}".encode()


async def test_nobody_listens() -> None:
    error = await failure(Server([], url="http://127.0.0.1:9"))
    assert error.outcome is Outcome.UNREACHABLE
    assert str(error).startswith("no connection to 127.0.0.1:9: ")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
async def test_what_this_machine_lacks_is_nobody_s_outage(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise OSError(number, "too many open files")

    monkeypatch.setattr(dial, "start_connection", none_left)
    error = await failure(Server([], url="http://127.0.0.1:9"))
    assert error.outcome is Outcome.BUSY


# ── encryption ───────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, with its key, for `localhost` and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


async def test_whose_certificate_is_not_known_is_unreachable(context: ssl.SSLContext) -> None:
    async with serving(HELLO, context=context) as server:
        error = await failure(server)
        assert server.requests == []
    assert error.outcome is Outcome.UNREACHABLE
    assert str(error) == "the certificate of 127.0.0.1 is not valid: self-signed certificate"


@pytest.mark.parametrize("then", ["stay", "close"])
async def test_ssl_cert_file_says_whom_to_trust(
    context: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch, then: Any
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    play = Play(sized(b"x" * 300_000), then=then)
    async with serving(play, context=context) as server, a_client() as client:
        for _ in range(3):
            server.gone.clear()
            assert len((await posted(client, server)).body) == 300_000
            if then == "close":
                await server.gone.wait()
        assert server.connections == (1 if then == "stay" else 3)


async def test_a_certificate_for_another_host_is_none(
    context: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with serving(HELLO, context=context, host="127.0.0.3") as server:
        error = await failure(server)
        assert server.requests == []
    assert error.outcome is Outcome.UNREACHABLE
    assert "the certificate of 127.0.0.3 is not valid: IP address mismatch" in str(error)


async def test_no_encryption_where_it_is_asked_for() -> None:
    async with serving(Play(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = await failure(Server([], url=server.url.replace("http:", "https:")), 0.5)
    assert error.outcome is Outcome.UNREACHABLE


async def test_who_leaves_while_connecting_leaves_nothing_behind() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        left.set()
        writer.close()

    arrived, left = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    at = Server([], url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with a_client() as client:
        caller = asyncio.create_task(posted(client, at))
        await arrived.wait()
        caller.cancel()
        await asyncio.wait({caller})
        await left.wait()
    server.close()
    assert caller.cancelled()
