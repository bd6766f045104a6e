"""Which addresses a fetch may go to."""

from __future__ import annotations

import ipaddress

import pytest

from orchestrator.project.tools_schema import HttpGet
from orchestrator.tooling.http.addresses import Target, reachable, resolved, target
from orchestrator.tooling.values import ToolFailure

DECLARED = HttpGet(
    hosts=("api.example.com", "*.example.org", "docs.example.net:8443", "old.example.com"),
    plain_http=("old.example.com",),
)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://API.Example.com./a?b=c#d", "https://api.example.com/a?b=c"),
        ("https://api.example.com:443/a", "https://api.example.com/a"),
        ("https://a.b.example.org/", "https://a.b.example.org/"),
        ("https://docs.example.net:8443/x", "https://docs.example.net:8443/x"),
        ("http://old.example.com/x", "http://old.example.com/x"),
    ],
)
def test_pages_that_are_allowed(url: str, asked: str) -> None:
    found = target(url, DECLARED)
    assert isinstance(found, Target), found
    assert found.url == asked


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.com/", "'evil.com' is not allowed"),
        ("https://example.org/", "not allowed"),  # the wildcard means those below it
        ("https://evilexample.org/", "not allowed"),
        ("https://api.example.com.evil.com/", "not allowed"),
        ("https://api.example.com:8080/", "'api.example.com:8080' is not allowed"),
        ("https://docs.example.net/", "not allowed"),
        ("http://api.example.com/", "without TLS"),
        ("https://user:pass@api.example.com/", "a user or password"),
        ("https://api.example.com@evil.com/", "a user or password"),
        ("https://evil.com\\.example.org/", "no name of a host"),
        ("https://api.example.com\\@evil.com/", "a user or password"),
        ("https://api.example.com%2eevil.com/", "no name of a host"),
        ("https://127.0.0.1/", "not allowed"),
        ("https://2130706433/", "not allowed"),
        ("https://[::1]/", "no name of a host"),
        ("https://169.254.169.254/latest/meta-data/", "not allowed"),
        ("https://аpi.example.com/", "not allowed"),  # its first letter is Cyrillic
        ("ftp://api.example.com/", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("javascript:alert(1)", "no web address"),
        ("api.example.com/", "no web address"),
        ("https://api.example.com:99999/", "no web address"),
        ("https://api.example.com/a b", "blanks"),
        ("https://api.example.com/\r\nX-Header: 1", "blanks"),
        ("https://", "no web address"),
    ],
)
def test_pages_that_are_not(url: str, why: str) -> None:
    found = target(url, DECLARED)
    assert isinstance(found, ToolFailure), found
    assert why in found.message


PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
PRIVATE = [
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",  # of carriers (RFC 6598)
    "169.254.169.254",  # where clouds tell their machines' keys
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",  # 10.0.0.1 behind NAT64
    "2002:a00:1::",  # through 10.0.0.1
    "::a00:1",
]
LOOPBACK = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert reachable(ipaddress.ip_address(address), loopback=False)


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("loopback", [False, True])
def test_private_addresses_are_out_of_reach_whatever_is_declared(
    address: str, loopback: bool
) -> None:
    assert not reachable(ipaddress.ip_address(address), loopback=loopback)


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_only_where_declared(address: str) -> None:
    assert not reachable(ipaddress.ip_address(address), loopback=False)
    assert reachable(ipaddress.ip_address(address), loopback=True)


async def test_one_private_address_among_public_ones_refuses_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"mixed.example.org": ["93.184.215.14", "10.0.0.1"], "api.example.com": ["8.8.8.8"]}

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    mixed = Target(url="https://mixed.example.org/", host="mixed.example.org", port=443)
    found = await resolved(mixed, loopback=False)
    assert isinstance(found, ToolFailure)
    assert "private network" in found.message
    assert "10.0.0.1" not in found.message  # nobody learns what our networks look like
    public = Target(url="https://api.example.com/", host="api.example.com", port=443)
    assert await resolved(public, loopback=False) == ("8.8.8.8",)
