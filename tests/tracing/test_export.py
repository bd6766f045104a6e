"""Spans at a real collector, from traces that were recorded."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.project._frozen import FrozenDict
from orchestrator.project.gateway_schema import Otlp, Telemetry
from orchestrator.records import Hop, Trace
from orchestrator.tracing.export import Exporter, Exporting, endpoint_of, export_now
from orchestrator.tracing.spans import caller_of, trace_number
from orchestrator.tracing.store import TraceStore
from orchestrator.types import Caller, LogRule
from tests.graph.small import write_project

from .collector import Collector, Span
from .samples import HOP, TRACE, ruled

DONE = replace(
    TRACE,
    status="ok",
    ms=12_000.0,
    cost_micro_usd=7,
    answer="3 months",
    tags=("hr",),
    caller=Caller(user="ana", key="key_1"),
)
TOOL = Hop(
    id="h7",
    trace_id=TRACE.id,
    node="evidence",
    role="tool",
    output="passage",
    started_at=HOP.started_at - 1,
    ms=100.0,
)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OK, ERROR = 0, 2


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


def exporter(collector: Collector, **env: str) -> Exporter:
    declared = Telemetry(
        otlp=Otlp(
            endpoint=collector.endpoint, headers=FrozenDict({"x-key": "OTLP_KEY"}), timeout_ms=1000
        )
    )
    env = {"OTLP_KEY": "k-1", **env}
    return Exporter(declared, collector.endpoint, env, {"claude/eu": "bedrock"})


def exported(collector: Collector, trace: Trace, *hops: Hop) -> dict[str, Span]:
    """The spans by name; two attempts on one model would have the same."""
    with closing(exporter(collector)) as ours:
        assert ours.export([(trace, hops)])
    found = {span.name: span for span in collector.spans}
    assert len(found) == len(collector.spans)
    return found


def test_a_span_for_the_request_each_hop_and_each_attempt(collector: Collector) -> None:
    spans = exported(collector, DONE, TOOL, HOP)
    root, tool = spans["mesh cross-validated"], spans["execute_tool evidence"]
    hop = spans["invoke_agent generator"]
    failed, good = spans["chat claude"], spans["chat smollm2"]
    assert root.parent == ""
    assert (tool.parent, hop.parent) == (root.id, root.id)  # the hop's own parent is not there
    assert failed.parent == good.parent == hop.id
    assert len({span.id for span in spans.values()}) == 5
    assert {span.trace_id for span in spans.values()} == {f"{trace_number(TRACE.id):032x}"}
    assert root.began == pytest.approx(TRACE.started_at)
    assert root.ms == pytest.approx(12_000, abs=1)
    assert (hop.status, good.status, failed.status) == (OK, OK, ERROR)
    assert failed.message == "no byte for 8 s"


def test_hops_hang_below_hops(collector: Collector) -> None:
    inner = replace(HOP, id="h2", parent_id="h1", agent="checker", attempts=())
    spans = exported(collector, DONE, HOP, inner)
    assert spans["invoke_agent checker"].parent == spans["invoke_agent generator"].id


def test_they_bear_the_names_of_both_conventions(collector: Collector) -> None:
    spans = exported(collector, DONE, TOOL, HOP)
    failed, good = spans["chat claude"].about, spans["chat smollm2"].about
    assert good["gen_ai.operation.name"] == "chat"
    assert good["gen_ai.provider.name"] == "smollm"
    assert good["gen_ai.request.model"] == "smollm2"
    assert good["gen_ai.response.model"] == "SmolLM2"
    assert list(good["gen_ai.response.finish_reasons"]) == ["stop"]
    assert good["gen_ai.usage.input_tokens"] == good["llm.token_count.prompt"] == 812
    assert good["gen_ai.usage.output_tokens"] == good["llm.token_count.completion"] == 60
    assert good["llm.token_count.total"] == 872
    assert good["gen_ai.usage.cache_read.input_tokens"] == 3
    assert good["openinference.span.kind"] == "LLM"
    assert good["llm.model_name"] == "SmolLM2"
    assert "error.type" not in good
    assert failed["error.type"] == failed["mesh.outcome"] == "timeout_silent"
    assert failed["gen_ai.provider.name"] == "aws.bedrock"
    assert "gen_ai.usage.input_tokens" not in failed
    assert "mesh.cost_usd" not in failed  # unknown is not zero
    agent = spans["invoke_agent generator"].about
    assert agent["openinference.span.kind"] == "AGENT"
    assert agent["gen_ai.agent.name"] == "generator"
    assert agent["mesh.chosen"] == "claude/eu"
    assert agent["mesh.routes"] == ["personal-data"]
    assert any("OPENAI_API_KEY is not set" in text for text in agent["mesh.alternatives"])
    assert spans["execute_tool evidence"].about["openinference.span.kind"] == "TOOL"
    root = spans["mesh cross-validated"].about
    assert root["openinference.span.kind"] == "CHAIN"
    assert root["mesh.trace_id"] == TRACE.id
    assert root["mesh.policy_hash"] == "b2"
    assert (root["user.id"], root["mesh.key"], root["tag.tags"]) == ("ana", "key_1", ["hr"])
    assert root["mesh.cost_usd"] == pytest.approx(7e-6)


def test_texts_are_those_that_the_log_rule_keeps(collector: Collector, tmp_path: Path) -> None:
    nothing = LogRule(prompts="none", outputs="none", tool_args="none")
    with closing(TraceStore(tmp_path / "t.sqlite", exported=True)) as store:
        store.hop(HOP)
        store.finish(DONE)
        store.hop(ruled(nothing, trace_id="t2"))
        store.finish(replace(DONE, id="t2"))
        with closing(exporter(collector)) as ours:
            assert ours.export(store.take_unexported(10))
    by_trace: dict[str, list[Span]] = {}
    for span in collector.spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    kept, hidden = (
        by_trace[f"{trace_number(TRACE.id):032x}"],
        by_trace[f"{trace_number('t2'):032x}"],
    )
    assert {s.about["output.value"] for s in kept if "output.value" in s.about} == {
        DONE.answer,
        HOP.output,
    }
    assert not [s for s in hidden if {"input.value", "output.value"} & set(s.about)]


def test_the_resource_and_the_headers_are_as_declared(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    exported(collector, DONE)
    assert collector.resource["service.name"] == "mesh"
    assert collector.resource["deployment.environment"] == "test"
    assert collector.requests[0][0]["x-key"] == "k-1"


# ── W3C trace context ────────────────────────────────────────────────────────────────────


def test_a_callers_span_is_the_parent_and_is_not_touched(collector: Collector) -> None:
    spans = exported(collector, replace(DONE, parent=TRACEPARENT), HOP)
    root = spans["mesh cross-validated"]
    assert {span.trace_id for span in spans.values()} == {"0af7651916cd43dd8448eb211c80319c"}
    assert root.parent == "b7ad6b7169203331"
    assert "b7ad6b7169203331" not in {span.id for span in spans.values()}
    assert spans["invoke_agent generator"].parent == root.id


def test_what_the_caller_does_not_sample_is_not_exported(collector: Collector) -> None:
    with closing(exporter(collector)) as ours:
        assert ours.export([(replace(DONE, parent=f"{TRACEPARENT[:-2]}00"), [HOP])])
    assert collector.requests == []


def test_the_sampler_of_the_environment_counts(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with closing(exporter(collector)) as ours:
        assert ours.export([(DONE, [HOP])])
        assert collector.requests == []
        assert ours.export([(replace(DONE, parent=TRACEPARENT), [HOP])])
    assert collector.spans


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    ],
)
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert caller_of(text) is None


def test_no_provider_is_made_the_global_one(collector: Collector) -> None:
    from opentelemetry import trace

    before = trace.get_tracer_provider()
    exported(collector, DONE)
    assert trace.get_tracer_provider() is before


# ── where, and what if it is not there ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x"}, "http://c/x"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_the_environment_says_where(env: dict[str, str], expected: str | None) -> None:
    assert endpoint_of(Telemetry(), env) == expected
    declared = Telemetry(otlp=Otlp(endpoint="http://mine/v1/traces"))
    wanted = None if env.get("OTEL_SDK_DISABLED") else "http://mine/v1/traces"
    assert endpoint_of(declared, env) == wanted


def test_a_collector_that_is_down_costs_a_line_and_loses_nothing(
    collector: Collector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answers = 400
    told: list[tuple[int, bool]] = []
    with closing(TraceStore(tmp_path / "t.sqlite", exported=True)) as store:
        store.finish(DONE)
        exporting = Exporting(store, exporter(collector), lambda *said: told.append(said))
        with caplog.at_level(logging.WARNING, "orchestrator"):
            exporting.start()
            while collector.refused < 2:
                pass  # or the test never ends
            exporting.close()
        assert len([r for r in caplog.records if "cannot be exported" in r.message]) == 1
        assert told[:2] == [(1, False), (1, False)]
        collector.answers = 200
        again = Exporting(store, exporter(collector))
        again.start()
        again.close()
        assert store.take_unexported(10) == []
    assert [span.name for span in collector.spans] == ["mesh cross-validated"]


def test_a_program_without_a_service_exports_when_it_is_done(
    collector: Collector, tmp_path: Path
) -> None:
    with closing(TraceStore(tmp_path / "t.sqlite", exported=True)) as store:
        for number in range(250):
            store.finish(replace(DONE, id=f"t{number:03}"))
        env = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.endpoint}
        export_now(store, Telemetry(), env, {})
        export_now(store, Telemetry(), env, {})
    assert len(collector.spans) == len({span.trace_id for span in collector.spans}) == 250


async def test_a_run_of_the_library_is_exported(collector: Collector, tmp_path: Path) -> None:
    graph = "input: {text: text}\nnodes:\n  say: {agent: echo, of: text}\noutput: say\n"
    folder = write_project(tmp_path, graph)
    settings = {"otlp": {"endpoint": collector.endpoint}}
    path = folder / "mesh.yaml"
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\ntelemetry: {json.dumps(settings)}\n")
    async with Mesh.load(folder, env={}) as mesh:
        name = "small"
        answer = await mesh.run(name, text="hello")
    root = next(span for span in collector.spans if span.parent == "")
    assert root.about["mesh.trace_id"] == answer.trace_id
    assert any(span.parent == root.id for span in collector.spans)
