"""The body of a request: read within bounds of size and time, and what is wrong with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Generator, Mapping
from typing import Any

import msgspec

from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.gateway.needs import Needs
from orchestrator.project.names import nearest

BODY_S = 30.0
"""Seconds within which a body must have come."""
MEGABYTE = 1_000_000
_JSON = b"application/json"
_CLOSE = {"Connection": "close"}


class ClientLeftError(Exception):
    """Nobody waits for an answer any more."""


def headers_of(scope: Mapping[str, Any]) -> dict[bytes, bytes]:
    """The request's headers by their names in lower case; of a repeated one the last."""
    return dict(scope["headers"])


async def read_body(
    receive: Any, headers: Mapping[bytes, bytes], *, most_mb: int, seconds: float = BODY_S
) -> bytes:
    """The whole body of JSON.

    Raises:
        ApiError: 408, 413 or 415.
        ClientLeftError: the client left before the end.
    """
    if headers.get(b"content-type") != _JSON or b"content-encoding" in headers:
        _refuse_kind(headers)
    most = most_mb * MEGABYTE
    stated = headers.get(b"content-length", b"")
    if stated.isdigit() and int(stated) > most:
        raise _too_large(most_mb)
    first = receive()
    try:
        # What is there already needs no clock, which would cost more than all the rest here.
        pending = _Pending(first, first.send(None))
    except StopIteration as there:
        message = there.value
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message.get("body", b"")
            if len(whole) <= most:
                return whole
        pending = None
    try:
        async with asyncio.timeout(seconds):
            if pending is not None:
                message = await pending
            return await _rest(message, receive, most_mb)
    except TimeoutError:
        raise ApiError(
            408,
            f"the body did not come within {seconds:g} s; send it faster, or send less",
            code="request_timeout",
            headers=_CLOSE,
        ) from None


class _Pending:
    """The rest of a coroutine that was begun and waits, for a future of the event loop."""

    def __init__(self, begun: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._begun, self._waits_for = begun, waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            yield self._waits_for
            return (yield from self._begun.__await__())
        finally:
            self._begun.close()


async def _rest(message: Any, receive: Any, most_mb: int) -> bytes:
    pieces, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        size += len(piece)
        if size > most_mb * MEGABYTE:
            raise _too_large(most_mb)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()


def _refuse_kind(headers: Mapping[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"")
    if kind.partition(b";")[0].strip().lower() != _JSON:
        found = repr(kind.decode("latin-1")[:80]) if kind else "none"
        raise ApiError(
            415,
            f"the content type is {found}; send the header 'Content-Type: application/json'",
            code="unsupported_media_type",
        )
    encoding = headers.get(b"content-encoding", b"identity").lower()
    if encoding != b"identity":
        raise ApiError(
            415,
            f"the content encoding is {encoding.decode('latin-1')!r:.40}; send the body as it is",
            code="unsupported_media_type",
        )


def _too_large(most_mb: int) -> ApiError:
    return ApiError(
        413,
        f"the body has more than {most_mb} MB; send less, or have 'gateway.body_mb' raised",
        code="request_too_large",
    )


DEEPEST = 100
"""Objects and arrays inside of one another; what is written down later must not be the first that
finds them too many, when the call is paid for."""


def is_deep(value: Any, left: int = DEEPEST) -> bool:
    """Whether more than `DEEPEST` objects and arrays stand inside of one another in it."""
    inner = value.values() if isinstance(value, dict) else value
    return left == 0 or any(is_deep(v, left - 1) for v in inner if isinstance(v, (dict, list)))


# ── mistakes ─────────────────────────────────────────────────────────────────────────────

_FOUND = re.compile(r"^Expected `(?P<allowed>.+)`, got `(?P<found>.+)`$")
_KINDS = {"str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false"}
_KINDS |= {"array": "an array", "object": "an object", "null": "null"}


MISTAKES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a body."""


def mistake(body: bytes, error: Exception) -> ApiError:
    """The answer to a body for which one of `MISTAKES` was raised: where, found, allowed."""
    if isinstance(error, msgspec.ValidationError):
        return invalid(error)
    if isinstance(error, RecursionError):
        return bad_request("the body is nested too deeply to be read", code="invalid_json")
    return malformed(body, error)


def invalid(error: msgspec.ValidationError) -> ApiError:
    """A body of the wrong types: where, found, allowed."""
    text, _, place = str(error).partition(" - at `")
    where = place.rstrip("`").removeprefix("$").removeprefix(".")
    said, code = _in_words(text), "invalid_type" if _FOUND.match(text) else "invalid_value"
    if text.startswith("Object missing required field"):
        name = text.split("`")[1]
        where, code = f"{where}.{name}" if where else name, "missing_required_parameter"
        said = "it is missing"
    elif text.startswith("Object contains unknown field"):
        name, code = text.split("`")[1], "unknown_parameter"
        said = "nothing of that name is known here; leave it out"
        if where == "mesh":
            near = nearest(name, Needs.__struct_fields__)
            hint = f"; did you mean '{near}'?" if near else ""
            said = f"unknown need; known: {', '.join(Needs.__struct_fields__)}{hint}"
        where = f"{where}.{name}" if where else name
    return bad_request(f"{where or 'the body'}: {said}", where or None, code=code)


def _in_words(text: str) -> str:
    found = _FOUND.match(text)
    if found is None:
        return text[:1].lower() + text[1:]
    kinds = [_KINDS.get(kind, kind) for kind in found["allowed"].split(" | ")]
    return f"found {_KINDS.get(found['found'], found['found'])}; allowed: {' or '.join(kinds)}"


def malformed(body: bytes, error: Exception) -> ApiError:
    """A body that is no JSON: line and column."""
    if not body.strip():
        return bad_request("the body is empty; send the request as JSON", code="invalid_json")
    if isinstance(error, UnicodeDecodeError):
        return bad_request("the body is no UTF-8; send the request as JSON", code="invalid_json")
    text = str(error).removeprefix("JSON is malformed: ")
    what, _, byte = text.partition(" (byte ")
    before = body[: int(byte.rstrip(")"))] if byte else body
    line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
    return bad_request(
        f"the body is no JSON: {what[:1].lower()}{what[1:]} at line {line}, column {column}",
        code="invalid_json",
    )
