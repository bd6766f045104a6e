"""One recorder of traces, measured in a process of its own; `bench_tracing.py` starts it.

    python scripts/_traced.py NAME SINK HOPS FOLDER

NAME is `store`, `spool`, `opentelemetry`, `langfuse` or `nothing`, SINK the address of a server on
loopback that takes what is exported. Prints one JSON object; times in microseconds.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROMPT = "Question {0}: how long is the loan period of a book, and who may renew it? " + (
    "Passage: a member may have up to five tools at a time; the loan period is seven days. " * 23
)
OUTPUT = '{{"sentences": [{{"text": "The loan period is seven days ({0}).", "citations": []}}]}}'
TRIED = (("claude-haiku/direct", "overloaded", 900.0), ("claude-sonnet/direct", "ok", 2100.0))
PACE = 50
"""Hops between two pauses, so that what is measured is not how fast a queue runs over."""
PAUSE_S = 0.05
FEATURES: dict[str, str | float] = {
    "task": "draft",
    "domain": "general",
    "language": "en",
    "complexity": 0.61,
    "data_class": "internal",
    "risk": "normal",
    "input_tokens": 520,
}

Record = Callable[[int], None]
End = Callable[[], None]


def nothing(_sink: str, _folder: Path) -> tuple[Record, End]:
    """What the loop itself takes."""
    return lambda _n: None, lambda: None


def store(_sink: str, folder: Path) -> tuple[Record, End]:
    """The library's recorder: a thread writes to SQLite."""
    from orchestrator.tracing.store import TraceStore

    recorder = TraceStore(folder / "traces.sqlite")
    return ours(recorder, folder), recorder.close


def spool(_sink: str, folder: Path) -> tuple[Record, End]:
    """The gateway's recorder: a thread appends to a file, and another process takes it in."""
    from orchestrator.tracing.spooled import SpoolRecorder

    recorder = SpoolRecorder(folder)
    return ours(recorder, folder), recorder.close


def ours(recorder: Any, folder: Path) -> Record:
    """A hop is made as a role makes it: two attempts, the profile, the decision with its funnel."""
    from orchestrator import Mesh
    from orchestrator.money import Usage
    from orchestrator.records import Attempt, Hop, Trace
    from orchestrator.types import Outcome

    (folder / "mesh.yaml").write_text("embedder: static\n", "utf-8")
    keys = {"ANTHROPIC_API_KEY": "set", "OPENAI_API_KEY": "set"}
    mesh = Mesh.load(folder, env=keys)
    profile = mesh.profile("How long is the loan period of a book?", task="draft")
    decision = mesh.decide("How long is the loan period of a book?", task="draft")
    pairs = zip(decision.chain, TRIED, strict=False)
    tried = tuple((name, outcome, ms) for name, (_, outcome, ms) in pairs)
    trace = Trace(id="0" * 26, graph="bench", status="running", started_at=time.time())
    recorder.start(trace)

    def record(n: int) -> None:
        now = time.time()
        attempts = tuple(
            Attempt(
                deployment=name, model=name.partition("/")[0], family="maker", started_at=now,
                outcome=Outcome(outcome), ms=ms, usage=Usage(input=520, output=40),
                cost_micro_usd=1200, error=None if outcome == "ok" else "529 overloaded",
                kind="first" if outcome != "ok" else "fallback", finish="stop",
            )
            for name, outcome, ms in tried
        )  # fmt: skip
        recorder.hop(Hop(
            id=f"{trace.id}.{n}", trace_id=trace.id, node="draft", role="generator",
            agent="generator", profile=profile, decision=decision, attempts=attempts,
            prompt=PROMPT.format(n), output=OUTPUT.format(n), validated=True, ending="complete",
            started_at=now, ms=3000.0,
        ))  # fmt: skip

    return record


def opentelemetry(sink: str, _folder: Path) -> tuple[Record, End]:
    """OpenTelemetry's SDK: a span a hop and one an attempt, handed over in batches by OTLP/HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=f"{sink}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("bench")

    def record(n: int) -> None:
        with tracer.start_as_current_span("draft") as hop:
            hop.set_attributes({f"mesh.profile.{k}": v for k, v in FEATURES.items()})
            hop.set_attribute("input.value", PROMPT.format(n))
            hop.set_attribute("output.value", OUTPUT.format(n))
            hop.set_attribute("mesh.decision", DECIDED)
            for name, outcome, ms in TRIED:
                with tracer.start_as_current_span(f"chat {name}") as span:
                    span.set_attributes({
                        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "maker",
                        "gen_ai.request.model": name, "gen_ai.usage.input_tokens": 520,
                        "gen_ai.usage.output_tokens": 40, "mesh.outcome": outcome,
                        "mesh.cost_usd": 0.0012, "mesh.ms": ms,
                    })  # fmt: skip

    return record, provider.shutdown


def langfuse(sink: str, _folder: Path) -> tuple[Record, End]:
    """Langfuse's own SDK: a span a hop and a generation an attempt."""
    from langfuse import Langfuse

    client = Langfuse(public_key="pk-bench", secret_key="sk-bench", host=sink, base_url=sink)

    def record(n: int) -> None:
        about = {**FEATURES, "decision": DECIDED}
        with client.start_as_current_observation(
            as_type="span", name="draft", input=PROMPT.format(n), metadata=about
        ) as hop:
            for name, outcome, ms in TRIED:
                with client.start_as_current_observation(
                    as_type="generation", name=f"chat {name}", model=name,
                    usage_details={"input": 520, "output": 40},
                    cost_details={"total": 0.0012}, metadata={"outcome": outcome, "ms": ms},
                ):  # fmt: skip
                    pass
            hop.update(output=OUTPUT.format(n))

    return record, client.shutdown


CONTENDERS = {f.__name__: f for f in (nothing, store, spool, opentelemetry, langfuse)}
DECIDED = json.dumps({
    "chosen": TRIED[0][0],
    "candidates": [
        {"deployment": f"model-{n}/direct", "stage": "quality", "rule": "objective.quality_floor",
         "found": 0.5, "required": 0.6, "scores": {"quality": 0.5, "cost_usd": 0.001}}
        for n in range(24)
    ],
})  # fmt: skip
"""The decision's funnel, as text: spans hold no objects."""


def measure(name: str, sink: str, hops: int, folder: Path) -> dict[str, Any]:
    """So many hops, each timed on the path of the one who records; then everything is handed on."""
    record, end = CONTENDERS[name](sink, folder)
    for n in range(200):  # imports, first connection, caches
        record(-n)
    time.sleep(1.0)
    times = []
    gc.collect()
    cpu = time.process_time()
    for n in range(hops):
        if n % PACE == 0:
            time.sleep(PAUSE_S)
        begun = time.perf_counter_ns()
        record(n)
        times.append(time.perf_counter_ns() - begun)
    end()
    cpu = time.process_time() - cpu
    times.sort()
    share = {
        f"p{p}": times[min(len(times) * p // 100, len(times) - 1)] / 1000 for p in (50, 95, 99)
    }
    mean = sum(times) / len(times) / 1000
    return {"name": name, "hops": hops, **share, "mean": mean, "cpu": cpu / hops * 1e6}


if __name__ == "__main__":
    os.environ.setdefault("OTEL_SDK_DISABLED", "false")
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))))
