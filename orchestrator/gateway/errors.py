"""What an endpoint answers when it cannot answer: OpenAI's error shape, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.errors import MeshError

if TYPE_CHECKING:
    from starlette.responses import Response

_TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error"}
_TYPES |= {429: "rate_limit_error"}
_LONGEST = 2000
"""Characters of a message; more helps nobody and may be the whole of what was sent."""


class ApiError(MeshError):
    """A request that gets no answer, as the API says it.

    Attributes:
        status: the HTTP status.
        message: a sentence that says what to do.
        code: for programs.
        param: where in the request it stands, where it stands in one place.
        headers: besides those of every answer (`Retry-After`, `WWW-Authenticate`, …).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        cut = message if len(message) <= _LONGEST else f"{message[:_LONGEST]} …"
        self.status, self.message, self.code, self.param = status, cut, code, param
        self.headers = dict(headers or {})
        super().__init__(cut)

    @property
    def type(self) -> str:
        """OpenAI's kind of error, by which its clients tell errors apart."""
        return _TYPES.get(
            self.status, "invalid_request_error" if self.status < 500 else "api_error"
        )

    def value(self) -> dict[str, Any]:
        """The error as its JSON object, without the `error` around it."""
        return {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }

    def body(self) -> bytes:
        """The JSON of the whole answer."""
        return encoded({"error": self.value()})


def encoded(value: Any) -> bytes:
    """JSON; half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        import json

        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def response(error: ApiError) -> Response:
    """For endpoints that are Starlette's."""
    from starlette.responses import Response

    return Response(error.body(), error.status, error.headers, "application/json")


async def send_error(send: Any, error: ApiError, headers: list[tuple[bytes, bytes]]) -> None:
    """For endpoints that speak ASGI themselves. `headers`: further ones."""
    body = error.body()
    own = [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    about = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send(
        {"type": "http.response.start", "status": error.status, "headers": about + own + headers}
    )
    await send({"type": "http.response.body", "body": body})


def bad_request(message: str, param: str | None = None, *, code: str = "invalid_value") -> ApiError:
    """400: something in the request is not what it may be."""
    return ApiError(400, message, code=code, param=param)
