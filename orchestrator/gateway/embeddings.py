"""`POST /v1/embeddings`: texts to vectors, by whichever model routing chooses, of one model alone.

`model: auto` takes the best that the policy allows today. Vectors of two models cannot be compared,
so a failover goes to another deployment of the same model and never to another one; and who keeps
an index names its model.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orchestrator.call_types import CallRequest, Message, Vectors
from orchestrator.gateway.errors import bad_request
from orchestrator.gateway.needs import NONE, Needs
from orchestrator.gateway.products import Endpoint, Wanted, described, parsed
from orchestrator.roles.single import Answered

if TYPE_CHECKING:
    from starlette.routing import Route

    from orchestrator.gateway.state import State

PATH = "/v1/embeddings"
TASK = "embed"
MOST_TEXTS = 2048
"""In one request, as OpenAI has it."""
_TOKENS = (
    "input: found token numbers, which mean something else to each model; send the text itself"
)


class Embeddings(msgspec.Struct, kw_only=True):
    """The body, with the names that OpenAI's API has; `mesh` is ours."""

    input: str | list[Any]
    model: Annotated[str, Meta(min_length=1, max_length=256)] = "auto"
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(gt=0, le=65536)] | None = None
    user: Annotated[str, Meta(max_length=512)] | None = None
    mesh: Needs | None = None


def routes(state: State) -> list[Route]:
    """The endpoint."""
    from starlette.routing import Route

    return [Route(PATH, Endpoint(state, read, write).answer, methods=["POST"])]


def openapi(_state: State) -> dict[str, Any]:
    """See `gateway.openapi`."""
    numbers = {"type": "array", "items": {"type": "number"}}
    entry = {
        "type": "object",
        "required": ["object", "index", "embedding"],
        "properties": {
            "object": {"const": "embedding"},
            "index": {"type": "integer"},
            "embedding": {"anyOf": [numbers, {"type": "string", "description": "base64"}]},
        },
    }
    answer = {
        "object": {"const": "list"},
        "data": {"type": "array", "items": entry},
        "model": {"type": "string", "description": "Whose vectors they are."},
        "usage": {"type": "object"},
    }
    return described(PATH, "Vectors for texts", Embeddings, answer)


def read(body: bytes, refuse_unknown: bool) -> Wanted:
    """What the body asks for.

    Raises:
        ApiError: 400 with where, what was found, what is allowed.
    """
    said, extra = parsed(body, Embeddings, refuse_unknown=refuse_unknown)
    if said.dimensions is not None:
        extra["dimensions"] = said.dimensions
    texts = _texts(said.input)
    return Wanted(
        task=TASK,
        model=said.model,
        request=CallRequest(
            messages=tuple(Message(role="user", content=text) for text in texts),
            asks="vectors",
            extra=extra,
        ),
        said=said,
        needs=said.mesh or NONE,
        can=("dimensions",) if said.dimensions is not None else (),
        user=said.user or None,
    )


def _texts(given: str | list[Any]) -> Sequence[str]:
    texts = [given] if isinstance(given, str) else given
    if not texts:
        raise bad_request("input: found no text; allowed: a text, or an array of texts", "input")
    if len(texts) > MOST_TEXTS:
        said = f"input: found {len(texts)} texts; allowed: {MOST_TEXTS} in one request"
        raise bad_request(said, "input")
    for place, text in enumerate(texts):
        where = "input" if isinstance(given, str) else f"input[{place}]"
        if isinstance(text, (int, list)) and not isinstance(text, bool):
            raise bad_request(_TOKENS, where, code="unsupported_input")
        if not isinstance(text, str):
            raise bad_request(f"{where}: allowed: a text", where, code="invalid_type")
        if not text:
            raise bad_request(f"{where}: found an empty text; leave it out", where)
    return texts


def write(answered: Answered, wanted: Wanted) -> dict[str, Any]:
    """The answer as OpenAI writes it."""
    vectors, used = answered.reply.value, answered.reply.usage
    assert isinstance(vectors, Vectors)
    packed = wanted.said.encoding_format == "base64"
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": n, "embedding": _packed(row) if packed else row}
            for n, row in enumerate(vectors.rows)
        ],
        "model": answered.reply.model,
        "usage": {"prompt_tokens": used.input, "total_tokens": used.input},
    }


def _packed(row: Sequence[float]) -> str:
    """32-bit floats, the low byte first, in base64: a third of the size, and no rounding twice."""
    return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode("ascii")
