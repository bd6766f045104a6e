"""What a request says it needs: the `mesh` object of its body, or `x-mesh-*` headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.project.names import listing, nearest

PREFIX = b"x-mesh-"
Word = Annotated[str, Meta(min_length=1, max_length=256)]
Quality = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(gt=0, le=86_400_000)]


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text that a graph reads as a file."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    text: str


class Needs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The needs and tags of one request. What is `None` was not said."""

    task: Word | None = None
    data_class: Word | None = None
    risk: Literal["low", "normal", "medium", "high"] | None = None
    quality_floor: Quality | None = None
    """From 0 to 1: models that are expected to be worse are left out."""
    max_cost_usd: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    max_latency_ms: Milliseconds | None = None
    """Only models from which the whole answer is expected within this time."""
    tags: Annotated[list[Word], Meta(max_length=32)] | None = None
    idempotency_key: Word | None = None
    deadline_ms: Milliseconds | None = None
    """When the call is given up, fallbacks included."""
    priority: Annotated[int, Meta(ge=-100, le=100)] | None = None
    feature: Word | None = None
    user: Word | None = None
    workspace: Word | None = None
    user_tier: Word | None = None
    # Of graphs alone; see `gateway.graphs`.
    inputs: dict[str, Any] | None = None
    """What the graph declares besides its question."""
    documents: Annotated[list[Document], Meta(max_length=64)] | None = None
    """Texts that it reads as files, for its input of kind `paths`."""
    thread: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """The conversation that this is the next turn of; the gateway remembers it."""
    resume: Annotated[str, Meta(min_length=8, max_length=64)] | None = None
    """A run that waits for a person, whose answer is the last message."""


NONE = Needs()
OF_GRAPHS = ("inputs", "documents", "thread", "resume")


def refuse_graph_needs(needs: Needs) -> None:
    """Refuse what only a graph can do something with, where no graph is asked.

    Raises:
        ApiError: 400.
    """
    for name in OF_GRAPHS:
        if getattr(needs, name) is not None:
            where = f"mesh.{name}"
            raise bad_request(f"{where}: only for a model 'graph:NAME'; leave it out", where)


def _listed(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


_READ: Mapping[str, Callable[[str], Any]] = {
    "quality_floor": float,
    "max_cost_usd": float,
    "max_latency_ms": int,
    "deadline_ms": int,
    "priority": int,
    "tags": _listed,
}
"""How a header's text becomes the field's value; of those that are not here it is the text."""
_FIELDS = {field.replace("_", "-").encode(): field for field in Needs.__struct_fields__}


def needs_of(body: Needs, headers: Mapping[bytes, bytes]) -> Needs:
    """What the request says; where both say it, the body.

    Args:
        headers: by their names in lower case.

    Raises:
        ApiError: 400, a header that is not known, or whose value is not what it may be.
    """
    by_itself = b"idempotency-key" in headers  # clients send it of their own accord
    if not by_itself and PREFIX not in b"\n".join(headers):
        return body
    said = [name for name in headers if name.startswith(PREFIX)]
    if by_itself:
        said.append(b"idempotency-key")
    if not said:
        return body
    found = {field: value for name in said for field, value in [_header(name, headers[name])]}
    if body is not NONE:
        own = {field: getattr(body, field) for field in Needs.__struct_fields__}
        found |= {field: value for field, value in own.items() if value is not None}
    try:
        return msgspec.convert(found, Needs)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`").split("[")[0]
        raise bad_request(f"{_name(field)}: {text}", _name(field), code="invalid_type") from None


def _header(name: bytes, value: bytes) -> tuple[str, Any]:
    shown = name.decode("latin-1")
    field = _FIELDS.get(name.removeprefix(PREFIX))
    if field is None:
        known = [_name(f) for f in Needs.__struct_fields__]
        raise unknown("header", shown, known, shown)
    text = value.decode("utf-8", "replace").strip()
    read = _READ.get(field)
    if read is None:
        return field, text
    try:
        return field, read(text)
    except ValueError:
        kind = "a whole number" if read is int else "a number"
        raise bad_request(
            f"{shown}: found {text!r:.80}; allowed: {kind}", shown, code="invalid_type"
        ) from None


def _name(field: str) -> str:
    return f"x-mesh-{field.replace('_', '-')}"


def unknown(
    kind: str, name: str, known: list[str], param: str | None, status: int = 400
) -> ApiError:
    """A name that nothing answers to, with the near name."""
    near = nearest(name, known)
    hint = f"; did you mean '{near}'?" if near else ""
    return ApiError(
        status,
        f"unknown {kind} '{name:.80}'; known: {listing(known)}{hint}",
        code=f"unknown_{kind.replace(' ', '_')}",
        param=param,
    )
