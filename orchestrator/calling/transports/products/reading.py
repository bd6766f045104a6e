"""What a provider's JSON holds, as vectors or images; and whether that is what was asked for."""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Finish,
    Image,
    Images,
    UsageReport,
    Vectors,
)
from orchestrator.calling.transports.wire.usage import usage_of
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.types import Outcome

_ABOUT = ("background", "output_format", "quality", "size")
"""What OpenAI says of all images of an answer."""


def vectors_events(body: Any, request: CallRequest) -> Iterator[CallEvent]:
    """The events of an answer of OpenAI's shape, float or base64.

    Raises:
        AttemptError: `malformed`, where it is not one whole vector of one length for each text.
    """
    yield from _named(body)
    yield vectors_of([row["embedding"] for row in _in_order(_rows(body))], len(request.messages))
    yield from _used(body)
    yield Finish("stop")


def vectors_of(found: Sequence[Any], wanted: int) -> Vectors:
    """The vectors, checked: one for each text, all of one length, all of numbers.

    Raises:
        AttemptError: `malformed`.
    """
    rows = tuple(_vector(row) for row in found)
    lengths = sorted({len(row) for row in rows})
    if len(rows) != wanted or len(lengths) != 1 or not lengths[0]:
        of = " or ".join(str(n) for n in lengths) or "0"
        raise _malformed(f"{len(rows)} vectors of {of} numbers for {wanted} texts")
    return Vectors(rows)


def images_events(body: Any) -> Iterator[CallEvent]:
    """The events of an answer of OpenAI's shape.

    Raises:
        AttemptError: `malformed`, where it holds no image.
    """
    yield from _named(body)
    images = tuple(_image(row) for row in _rows(body))
    yield Images(images, {k: body[k] for k in _ABOUT if isinstance(body.get(k), str)})
    tokens = usage_of(body.get("usage")) or Usage()
    yield UsageReport(usage=tokens + Usage(images=len(images)))
    yield Finish("stop")


def _named(body: Any) -> Iterator[CallEvent]:
    model = body.get("model") if isinstance(body, Mapping) else None
    if isinstance(model, str) and model:
        yield Answering(model=model)


def _used(body: Any) -> Iterator[CallEvent]:
    used = usage_of(body.get("usage"))
    if used is not None:
        yield UsageReport(usage=used)


def _rows(body: Any) -> list[Mapping[str, Any]]:
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(r, Mapping) for r in rows):
        raise _malformed("the answer has no `data`")
    return rows


def _in_order(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By `index`, where each has its own; else as they stand."""
    if any("embedding" not in row for row in rows):
        raise _malformed("an entry of `data` has no `embedding`")
    places = [row.get("index") for row in rows]
    if all(isinstance(place, int) for place in places) and len(set(places)) == len(rows):
        return sorted(rows, key=lambda row: int(row["index"]))
    return rows


def _vector(found: Any) -> Sequence[float]:
    if isinstance(found, str):
        return _from_base64(found)
    if not isinstance(found, (list, tuple)) or not all(map(_is_number, found)):
        raise _malformed("a vector holds something else than numbers")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _from_base64(text: str) -> Sequence[float]:
    """OpenAI's `base64`: 32-bit floats, the low byte first."""
    try:
        data = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (binascii.Error, struct.error) as error:
        raise _malformed(f"a vector is no base64 of 32-bit floats: {error}") from error


def _image(row: Mapping[str, Any]) -> Image:
    held = {key: row.get(key) for key in ("b64_json", "url", "revised_prompt")}
    texts = {key: value for key, value in held.items() if isinstance(value, str) and value}
    if not {"b64_json", "url"} & texts.keys():
        raise _malformed("an entry of `data` holds neither `b64_json` nor `url`")
    return Image(**texts)


def _malformed(what: str) -> AttemptError:
    return AttemptError(Outcome.MALFORMED, what)
