"""What of a URL stands in a request."""

from __future__ import annotations

from base64 import b64encode

import pytest

from orchestrator.calling.transports.wire.http1.endpoint import endpoint_of
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome


@pytest.mark.parametrize(
    ("url", "origin", "host", "target"),
    [
        ("http://a.example", (False, "a.example", 80), "a.example", "/x"),
        ("https://a.example/v1/", (True, "a.example", 443), "a.example", "/v1/x"),
        ("https://a.example:443", (True, "a.example", 443), "a.example", "/x"),
        ("http://a.example:443", (False, "a.example", 443), "a.example:443", "/x"),
        ("HTTP://A.Example:8080/V1", (False, "a.example", 8080), "a.example:8080", "/V1/x"),
        ("http://[::1]:8000/v1", (False, "::1", 8000), "[::1]:8000", "/v1/x"),
        ("http://[fe80::1%eth0]/v1", (False, "fe80::1%eth0", 80), "[fe80::1]", "/v1/x"),
        ("http://bücher.example/ü", (False, "xn--bcher-kva.example", 80), None, "/%C3%BC/x"),
        (
            "https://a.example/v1?api-version=2",
            (True, "a.example", 443),
            None,
            "/v1/x?api-version=2",
        ),
        ("http://a.example/a b\r\nX: y", (False, "a.example", 80), None, "/a%20bX:%20y/x"),
    ],
)
def test_where_it_leads(
    url: str, origin: tuple[bool, str, int], host: str | None, target: str
) -> None:
    endpoint = endpoint_of(url)
    lines = endpoint.head("/x", None).decode().split("\r\n")
    assert endpoint.origin == origin
    assert lines[0] == f"POST {target} HTTP/1.1"
    assert lines[1] == f"Host: {host or origin[1]}"
    assert lines[-1] == "Content-Length: "


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "a.example/v1",
        "ftp://a.example/v1",
        "http://",
        "http:///v1",
        "http://a b/v1",
        "http://a\x00b/v1",
        "http://a.example:port/v1",
        "http://a.example:99999/v1",
        "http://[::1/v1",
        "http://" + "ü" * 100,
    ],
)
def test_what_leads_nowhere_is_an_invalid_request(url: str) -> None:
    with pytest.raises(AttemptError, match="no usable endpoint") as caught:
        endpoint_of(url)
    assert caught.value.outcome is Outcome.INVALID_REQUEST


def test_a_login_in_the_url_is_one_without_a_key_and_is_not_printed() -> None:
    endpoint = endpoint_of("https://me:p%40ss@a.example/v1")
    login = b"Authorization: Basic " + b64encode(b"me:p@ss")
    assert login in endpoint.head("/x", None)
    assert login not in endpoint.head("/x", "sk-1")
    assert b"Authorization: Bearer sk-1" in endpoint.head("/x", "sk-1")
    with pytest.raises(AttemptError) as caught:
        endpoint_of("gopher://me:p%40ss@a.example/v1")
    assert "ss" not in str(caught.value).partition("no usable endpoint")[2].partition("example")[0]


@pytest.mark.parametrize("key", ["sk-1\n", "sk\r\nX-Admin: yes", "sk-\x00", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_not_sent(key: str) -> None:
    with pytest.raises(AttemptError, match="no header can carry") as caught:
        endpoint_of("http://a.example").head("/x", key)
    assert caught.value.outcome is Outcome.AUTH
    assert key not in str(caught.value)
