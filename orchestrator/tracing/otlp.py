"""Traces as OTLP/JSON, and what can be told of spans that others have recorded.

Written are the spans of `spans`, in the JSON of OpenTelemetry's protocol (ids in hexadecimal,
enumerations as numbers). Read is whatever follows the same protocol: attributes of OpenTelemetry's
conventions for generative AI and of OpenInference become hops and attempts; what they do not say
(why a model was chosen, what a call cost) stays unknown.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.errors import UserError
from orchestrator.records import Hop, Trace
from orchestrator.tracing._foreign import Span, documents_of
from orchestrator.tracing.documents import Document

if TYPE_CHECKING:
    from google.protobuf.message import Message

_IDS = ("traceId", "spanId", "parentSpanId")
_STATUS = ("", "ok", "error")


def spans_json(trace: Trace, hops: Sequence[Hop], providers: Mapping[str, str]) -> str:
    """The spans of a trace as one `ExportTraceServiceRequest` in OTLP/JSON.

    Args:
        providers: the provider of each deployment, by id.
    """
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.resources import Resource

    from orchestrator.tracing.spans import spans_of

    found = spans_of(trace, hops, Resource({"service.name": "mesh"}), providers)
    content = MessageToDict(encode_spans(found), use_integers_for_enums=True)
    for span in _spans(content):
        for name in _IDS:
            if name in span:
                span[name] = base64.b64decode(span[name]).hex()
        for link in span.get("links", ()):
            link["traceId"] = base64.b64decode(link["traceId"]).hex()
            link["spanId"] = base64.b64decode(link["spanId"]).hex()
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def is_otlp(content: Any) -> bool:
    """Whether parsed JSON says that it holds spans."""
    return isinstance(content, dict) and isinstance(content.get("resourceSpans"), list)


def read(contents: Sequence[Any], name: str) -> list[Document]:
    """The traces in parsed OTLP/JSON.

    Args:
        contents: one or more requests; a trace may be spread over several.
        name: what to call it in a message, such as the file's name.

    Raises:
        UserError: it is not what OTLP/JSON holds.
    """
    by_trace: dict[str, list[Span]] = {}
    for content in contents:
        for span in _read(content, name):
            by_trace.setdefault(span.trace_id, []).append(span)
    if not by_trace:
        raise UserError(f"{name} holds no span")
    return [documents_of(spans) for spans in by_trace.values()]


def _read(content: Any, name: str) -> Iterator[Span]:
    from google.protobuf.json_format import ParseDict, ParseError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    request = ExportTraceServiceRequest()
    try:
        ParseDict(_with_base64(content), request, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{name} is no OTLP/JSON that mesh can read: {error}") from None
    for group in request.resource_spans:
        resource = _attributes(group.resource)
        for scope in group.scope_spans:
            for span in scope.spans:
                if len(span.trace_id) != 16 or len(span.span_id) != 8:
                    raise UserError(
                        f"{name} is no OTLP/JSON that mesh can read: the span '{span.name}' has no "
                        "valid id"
                    )
                yield Span(
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    name=span.name,
                    started_at=span.start_time_unix_nano / 1e9,
                    ms=max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
                    status=_STATUS[span.status.code] if 0 <= span.status.code < 3 else "",
                    message=span.status.message,
                    service=str(resource.get("service.name", "")),
                    about=_attributes(span),
                )


def _with_base64(content: Any) -> Any:
    """Ids as protobuf's own JSON has them; a copy."""
    content = json.loads(json.dumps(content))
    for span in _spans(content):
        span.pop("links", None)
        span.pop("events", None)
        for name in _IDS:
            if span.get(name):
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return content


def _spans(content: Any) -> Iterator[dict[str, Any]]:
    for group in content.get("resourceSpans", ()):
        for scope in group.get("scopeSpans", ()):
            yield from scope.get("spans", ())


def _attributes(holder: Message) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in getattr(holder, "attributes", ())}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)
