"""`POST /v1/images/generations`: images from a text, by whichever model routing chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orchestrator.call_types import CallRequest, Image, Images, Message
from orchestrator.gateway.errors import bad_request
from orchestrator.gateway.needs import NONE, Needs
from orchestrator.gateway.products import Endpoint, Wanted, described, parsed
from orchestrator.roles.single import Answered

if TYPE_CHECKING:
    from starlette.routing import Route

    from orchestrator.gateway.state import State

PATH = "/v1/images/generations"
TASK = "image"
MOST_IMAGES = 10
"""In one request, as OpenAI has it."""
IMAGE_TOKENS = 6240
"""Output tokens that are reserved for each image where they are paid for: what OpenAI states for
gpt-image-1 at its largest size (1024 × 1536) in the best quality."""
_PASSED = (
    "size",
    "quality",
    "style",
    "background",
    "moderation",
    "output_format",
    "output_compression",
    "response_format",
)
"""Parameters of the API that only a provider can do something with."""
Word = Annotated[str, Meta(min_length=1, max_length=64)]


class Generations(msgspec.Struct, kw_only=True):
    """The body, with the names that OpenAI's API has; `mesh` is ours."""

    prompt: Annotated[str, Meta(max_length=32000)]
    model: Annotated[str, Meta(min_length=1, max_length=256)] = "auto"
    n: Annotated[int, Meta(ge=1, le=MOST_IMAGES)] | None = None
    size: Word | None = None
    quality: Word | None = None
    style: Word | None = None
    background: Word | None = None
    moderation: Word | None = None
    output_format: Word | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = None
    partial_images: int | None = None
    user: Annotated[str, Meta(max_length=512)] | None = None
    mesh: Needs | None = None


def routes(state: State) -> list[Route]:
    """The endpoint."""
    from starlette.routing import Route

    return [Route(PATH, Endpoint(state, read, write).answer, methods=["POST"])]


def openapi(_state: State) -> dict[str, Any]:
    """See `gateway.openapi`."""
    texts = {name: {"type": "string"} for name in ("b64_json", "url", "revised_prompt")}
    answer = {
        "created": {"type": "integer"},
        "data": {"type": "array", "items": {"type": "object", "properties": texts}},
    }
    return described(PATH, "Images from a text", Generations, answer)


def read(body: bytes, refuse_unknown: bool) -> Wanted:
    """What the body asks for.

    Raises:
        ApiError: 400 with where, what was found, what is allowed.
    """
    said, extra = parsed(body, Generations, refuse_unknown=refuse_unknown)
    if not said.prompt.strip():
        raise bad_request("prompt: found nothing; say what is to be seen", "prompt")
    if said.stream or said.partial_images:
        where = "stream" if said.stream else "partial_images"
        wrong = f"{where}: images come whole; leave it out"
        raise bad_request(wrong, where, code="unsupported_parameter")
    given = {name: getattr(said, name) for name in _PASSED}
    images = said.n or 1
    return Wanted(
        task=TASK,
        model=said.model,
        request=CallRequest(
            messages=(Message(role="user", content=said.prompt),),
            max_tokens=images * IMAGE_TOKENS,
            asks="images",
            images=images,
            extra={**extra, **{k: v for k, v in given.items() if v is not None}},
        ),
        said=said,
        needs=said.mesh or NONE,
        output_tokens=images * IMAGE_TOKENS,
        user=said.user or None,
    )


def write(answered: Answered, _wanted: Wanted) -> dict[str, Any]:
    """The answer as OpenAI writes it."""
    made, used = answered.reply.value, answered.reply.usage
    assert isinstance(made, Images)
    body: dict[str, Any] = {
        "created": int(answered.hop.started_at),
        **made.about,
        "data": [_entry(image) for image in made.images],
    }
    if used.output:  # who does not charge for tokens reports none
        body["usage"] = {
            "input_tokens": used.input,
            "output_tokens": used.output,
            "total_tokens": used.input + used.output,
            "input_tokens_details": {"text_tokens": used.input, "image_tokens": 0},
        }
    return body


def _entry(image: Image) -> dict[str, str]:
    held = {
        "b64_json": image.b64_json,
        "url": image.url,
        "revised_prompt": image.revised_prompt,
    }
    return {name: value for name, value in held.items() if value is not None}
