"""Forms that a page sends back: small, and from a page of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import KeyRefusedError

if TYPE_CHECKING:
    from starlette.requests import Request


async def read_form(request: Request, *, longest: int, fields: int) -> dict[str, str]:
    """The first value of each field.

    Args:
        longest: bytes of the whole form.
        fields: at most so many of them.

    Raises:
        KeyRefusedError: it is longer, or holds more; or a page of another site has sent it.
    """
    from urllib.parse import parse_qs

    # Every browser of today says so itself, and a page cannot make it say otherwise.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise KeyRefusedError(
            "a page of another site has sent this form", status=403, code="other_site"
        )
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            raise KeyRefusedError("that is too long for this form", status=413, code="too_long")
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=fields)
    except ValueError:
        raise KeyRefusedError("the form has other fields", status=400, code="no_form") from None
    return {name: values[0] for name, values in found.items()}
