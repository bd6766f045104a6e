"""The metrics by name: what each means, its labels, and the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.gateway.telemetry.tally import SECONDS, Tally

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

Kind = Literal["counter", "gauge", "histogram"]
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class About:
    """One metric."""

    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


METRICS = {
    "mesh_requests": About(
        "counter",
        "Requests that were answered, by the status's class and who answered.",
        ("endpoint", "model", "status"),
    ),
    "mesh_request_seconds": About(
        "histogram", "From a request's arrival to the end of its answer.", ("endpoint",)
    ),
    "mesh_first_token_seconds": About(
        "histogram", "Until the first part of a streamed answer was sent.", ("endpoint",)
    ),
    "mesh_overhead_seconds": About(
        "histogram", "What of a request's time no provider was at work.", ("endpoint",)
    ),
    "mesh_refusals": About(
        "counter", "Requests that were refused before a model was asked, by why.", ("reason",)
    ),
    "mesh_requests_in_flight": About("gauge", "Requests that are being answered."),
    "mesh_tokens": About(
        "counter", "Tokens: input, and of these cached; output.", ("model", "kind")
    ),
    "mesh_cost_dollars": About("counter", "What models' answers cost, where known.", ("model",)),
    "mesh_cost_unknown": About("counter", "Attempts whose cost nobody knows.", ("model",)),
    "mesh_attempts": About(
        "counter",
        "Calls of deployments, and those that a limit forbade.",
        ("deployment", "outcome"),
    ),
    "mesh_cache_hits": About("counter", "Answers that were taken from a cache."),
    "mesh_breaker_state": About(
        "gauge", "1 for the state that a deployment's breaker is in.", ("deployment", "state")
    ),
    "mesh_reloads": About("counter", "Reloads of the project, by what came of them.", ("result",)),
    "mesh_spool_bytes": About("gauge", "Recorded and not yet in the database.", ("kind",)),
    "mesh_spool_records": About("gauge", "The same as records, by their average size.", ("kind",)),
    "mesh_spool_oldest_seconds": About("gauge", "The age of the oldest of them.", ("kind",)),
    "mesh_spool_taken": About("counter", "Records that were moved to the database.", ("kind",)),
    "mesh_telemetry_lost": About("counter", "Log lines and records that had to be dropped."),
    "mesh_exported_traces": About(
        "counter", "Traces that went to the collector of spans, by what came of it.", ("result",)
    ),
    "mesh_build_info": About("gauge", "Always 1.", ("version", "python")),
}


def exposition(tally: Tally) -> bytes:
    """All metrics as text; one that has not been counted yet stands there without a series."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest

    class Once:
        def collect(self) -> Iterator[Metric]:
            return _families(tally)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Once())
    return generate_latest(registry)


def _families(tally: Tally) -> Iterator[Metric]:
    from prometheus_client import metrics_core as core

    for name, about in METRICS.items():
        if about.kind == "histogram":
            histogram = core.HistogramMetricFamily(name, about.help, labels=about.labels)
            for labels, found in sorted(tally.buckets.get(name, {}).items()):
                histogram.add_metric(labels, _cumulated(found), found[-1])
            yield histogram
            continue
        known: dict[Kind, Any] = {
            "counter": (core.CounterMetricFamily, tally.counts),
            "gauge": (core.GaugeMetricFamily, tally.gauges),
        }
        family, values = known[about.kind]
        metric = family(name, about.help, labels=about.labels)
        for labels, value in sorted(values.get(name, {}).items()):
            metric.add_metric(labels, value)
        yield metric


def _cumulated(found: Iterable[float]) -> list[tuple[str, float]]:
    """Prometheus wants in each bucket all that are smaller, too."""
    rows, so_far = [], 0.0
    bounds = (*map(str, SECONDS), "+Inf")
    for bound, number in zip(bounds, found, strict=False):
        so_far += number
        rows.append((bound, so_far))
    return rows
