"""Hands traces that ended to a collector of OpenTelemetry spans, by OTLP over HTTP.

Nothing global is set: no tracer provider, no propagator. A program that has its own OpenTelemetry
keeps it, and its spans stay its own; ours are made of what was recorded, and become children of a
caller's span where the request named one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError
from orchestrator.project.gateway_schema import Telemetry
from orchestrator.records import Hop, Trace

if TYPE_CHECKING:
    from orchestrator.tracing.store import TraceStore

_LOG = logging.getLogger("orchestrator.telemetry")
_BATCH = 100
"""Traces in one request."""
_IDLE_S = 0.5
_LONGEST_S = 60.0
_LAST_S = 3.0
_ENDPOINTS = (
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"),
)


def endpoint_of(declared: Telemetry, env: Mapping[str, str]) -> str | None:
    """Where spans go: what mesh.yaml says, else the environment; `None`: nowhere."""
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if declared.otlp is not None:
        return declared.otlp.endpoint
    if env.get("OTEL_TRACES_EXPORTER", "otlp") not in ("otlp", ""):
        return None
    for name, path in _ENDPOINTS:
        if said := env.get(name):
            return said.rstrip("/") + path if path else said
    return None


class Exporter:
    """Exports.

    Args:
        endpoint: of `endpoint_of`.
        providers: the provider of each deployment, by id.
    """

    def __init__(
        self,
        declared: Telemetry,
        endpoint: str,
        env: Mapping[str, str],
        providers: Mapping[str, str],
    ) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # said below, once
        otlp = declared.otlp
        headers = {n: env.get(of, "") for n, of in otlp.headers.items()} if otlp else None
        name = {} if env.get("OTEL_SERVICE_NAME") else {"service.name": declared.service_name}
        # Never made the global one: it holds the resource and the sampler of the environment.
        self._provider = TracerProvider(resource=Resource.create(name), shutdown_on_exit=False)
        timeout = otlp.timeout_ms / 1000 if otlp else None
        self._client = OTLPSpanExporter(endpoint, headers=headers, timeout=timeout)
        self._endpoint, self._providers = endpoint, providers

    def export(self, found: Sequence[tuple[Trace, Sequence[Hop]]]) -> bool:
        """Whether the collector has taken them. Those that are not to be sampled are left out."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        from orchestrator.tracing.spans import spans_of

        providers, resource = self._providers, self._provider.resource
        spans = []
        for trace, hops in found:
            if self._is_sampled(trace):
                spans += spans_of(trace, hops, resource, providers)
        return not spans or self._client.export(spans) is SpanExportResult.SUCCESS

    def _is_sampled(self, trace: Trace) -> bool:
        """As the caller's flag says, or else the sampler that OTEL_TRACES_SAMPLER names."""
        from opentelemetry.sdk.trace.sampling import Decision
        from opentelemetry.trace import (
            NonRecordingSpan,
            SpanContext,
            TraceFlags,
            set_span_in_context,
        )

        from orchestrator.tracing.spans import caller_of, trace_number

        caller, parent = caller_of(trace.parent), None
        if caller is not None:
            flags = TraceFlags(TraceFlags.SAMPLED if caller.sampled else TraceFlags.DEFAULT)
            span = SpanContext(caller.trace_id, caller.span_id, is_remote=True, trace_flags=flags)
            parent = set_span_in_context(NonRecordingSpan(span))
        number = caller.trace_id if caller else trace_number(trace.id)
        decided = self._provider.sampler.should_sample(parent, number, f"mesh {trace.graph}")
        return decided.decision is Decision.RECORD_AND_SAMPLE

    def close(self) -> None:
        """Let go of the connection."""
        self._client.shutdown()  # type: ignore[no-untyped-call]


def export_now(
    store: TraceStore, declared: Telemetry, env: Mapping[str, str], providers: Mapping[str, str]
) -> None:
    """Export what a store has on its list, for a program that has no thread for it.

    What the collector does not take stays on the list.
    """
    endpoint = endpoint_of(declared, env)
    if endpoint is not None and (found := store.take_unexported(_BATCH)):
        exporting = Exporting(store, Exporter(declared, endpoint, env, providers))
        exporting.finish(found)


class Exporting:
    """Exports what a store has on its list, in a thread, until it is closed.

    A collector that does not answer costs a line in the log, and the traces wait: those in hand
    here, all others on the list.

    Args:
        told: of each batch: how many traces, and whether they arrived.
    """

    def __init__(
        self,
        store: TraceStore,
        exporter: Exporter,
        told: Callable[[int, bool], None] = lambda *_: None,
    ) -> None:
        self._store, self._exporter, self._told = store, exporter, told
        self._in_hand: list[tuple[Trace, list[Hop]]] = []
        self._failed = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mesh-export", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, wait_s: float = 5.0) -> None:
        """Export what is left, if that goes at once, and end."""
        self._end.set()
        self._thread.join(wait_s)
        self._exporter.close()

    def finish(self, found: list[tuple[Trace, list[Hop]]]) -> None:
        """Export these and all others, in this thread, for some seconds."""
        self._in_hand = found
        self._finish()
        self._exporter.close()

    def _work(self) -> None:
        while not self._end.is_set():
            more = self._step()
            if not more:
                self._end.wait(min(_IDLE_S * 2.0**self._failed, _LONGEST_S))
        self._finish()

    def _finish(self) -> None:
        until = time.monotonic() + _LAST_S
        while not self._failed and time.monotonic() < until and self._step():
            pass
        if self._in_hand:
            with suppress(StorageError):
                self._store.give_back_unexported([trace.id for trace, _ in self._in_hand])

    def _step(self) -> bool:
        """Export one batch; whether it is worth going on at once."""
        try:
            self._in_hand = self._in_hand or self._store.take_unexported(_BATCH)
            if not self._in_hand:
                return False
            arrived = self._exporter.export(self._in_hand)
        except StorageError as error:
            _LOG.error("traces cannot be exported: %s", error)
            arrived = False
        count = len(self._in_hand)
        self._told(count, arrived)
        if arrived:
            self._in_hand, self._failed = [], 0
            return count == _BATCH
        if not self._failed:
            _LOG.warning("spans cannot be exported; they wait until the collector answers")
        self._failed = min(self._failed + 1, 10)
        return False
