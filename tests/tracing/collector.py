"""A real collector of spans: OTLP over HTTP on loopback, decoded.

with Collector() as collector: ...; collector.spans
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


@dataclass
class Collector:
    """What it was sent; `answers` with that status."""

    answers: int = 200
    requests: list[tuple[dict[str, str], ExportTraceServiceRequest]] = field(default_factory=list)
    refused: int = 0

    def __enter__(self) -> Self:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if collector.answers == 200 and self.path == "/v1/traces":
                    asked = ExportTraceServiceRequest.FromString(body)
                    collector.requests.append((dict(self.headers), asked))
                else:
                    collector.refused += 1
                self.send_response(collector.answers)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    @property
    def resource(self) -> dict[str, Any]:
        """Of the last request."""
        return _plain(self.requests[-1][1].resource_spans[0].resource.attributes)

    @property
    def spans(self) -> list[Span]:
        """All of them, in the order in which they came."""
        return list(self._all())

    def _all(self) -> Iterator[Span]:
        for _, asked in self.requests:
            for resource in asked.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        yield Span(
                            name=span.name,
                            kind=span.kind,
                            trace_id=span.trace_id.hex(),
                            id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            status=span.status.code,
                            message=span.status.message,
                            ms=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
                            began=span.start_time_unix_nano / 1e9,
                            about=_plain(span.attributes),
                        )


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span, decoded. Ids are hexadecimal."""

    name: str
    kind: int
    trace_id: str
    id: str
    parent: str
    status: int
    message: str
    ms: float
    began: float
    about: dict[str, Any]


def _plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
