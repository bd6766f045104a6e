"""Spans as OTLP/JSON: by OpenTelemetry's own schema, and back from anybody's."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from orchestrator.errors import UserError
from orchestrator.tracing.documents import Document
from orchestrator.tracing.otlp import is_otlp, read, spans_json
from orchestrator.types import Caller, Outcome

from .samples import DECISION, HOP, TRACE

DONE = replace(
    TRACE,
    status="ok",
    ms=12_000.0,
    answer="3 months.",
    verdict="accepted",
    cost_micro_usd=42,
    tags=("hr", "law"),
    caller=Caller(user="ann", workspace="acme", feature="desk"),
)
HOPS = (
    replace(HOP, id="a", parent_id=None, node="plan", round=0),
    replace(HOP, id="b", parent_id="a", decision=None, agent=None, attempts=(), role="tool"),
)


def told() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(spans_json(DONE, HOPS, {"claude/eu": "anthropic"}))
    return content


def spans(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        span
        for group in content["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]


def back() -> Document:
    (document,) = read([told()], "it")
    return document


# ── written ──────────────────────────────────────────────────────────────────────────────


def test_it_is_what_the_protocol_s_own_schema_takes() -> None:
    content = told()
    assert is_otlp(content)
    for span in spans(content):
        assert len(span["traceId"]) == 32
        assert set(span["traceId"] + span["spanId"]) <= set("0123456789abcdef")
        assert isinstance(span["kind"], int)
        assert isinstance(span["startTimeUnixNano"], str)  # 64 bits are a string in JSON
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:  # protobuf's JSON has base64 where OTLP's has hexadecimal digits
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    request = ParseDict(content, ExportTraceServiceRequest())  # refuses what it does not know
    assert sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans) == 5


# ── our own, read again ──────────────────────────────────────────────────────────────────


def test_of_our_own_spans_comes_the_request() -> None:
    found = back().trace
    kept = ("id", "graph", "status", "verdict", "cost_micro_usd", "question", "answer", "tags")
    for name in (*kept, "project_hash", "policy_hash", "fleet_hash", "started_at", "ms"):
        assert getattr(found, name) == getattr(DONE, name), name
    assert found.caller == DONE.caller


def test_of_our_own_spans_come_the_hops_with_their_attempts() -> None:
    plan, tool = back().hops
    assert (plan.id, plan.node, plan.agent, plan.role) == ("a", "plan", "generator", "generator")
    assert (plan.prompt, plan.output, plan.validated) == (HOP.prompt, HOP.output, True)
    assert plan.decision is not None
    assert (plan.decision.chosen, plan.decision.fallbacks) == (
        DECISION.chosen,
        DECISION.fallbacks,
    )
    assert [(a.deployment, a.outcome) for a in plan.attempts] == [
        ("claude/eu", Outcome.TIMEOUT_SILENT),
        ("smollm2/local", Outcome.OK),
    ]
    assert plan.attempts[0].cost_micro_usd is None
    assert plan.attempts[1].usage.input == 812
    assert (tool.id, tool.parent_id, tool.role, tool.attempts) == ("b", "a", "tool", ())


# ── of others ────────────────────────────────────────────────────────────────────────────


def foreign(*found: dict[str, Any], service: str = "shop") -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [pair("service.name", service)]},
                "scopeSpans": [{"scope": {"name": "x"}, "spans": list(found)}],
            }
        ]
    }


def pair(key: str, value: Any) -> dict[str, Any]:
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    if isinstance(value, list):
        return {
            "key": key,
            "value": {"arrayValue": {"values": [{"stringValue": v} for v in value]}},
        }
    return {"key": key, "value": {kinds[type(value)]: value}}


def span(number: int, parent: int | None = None, name: str = "step", **more: Any) -> dict[str, Any]:
    about = {key.replace("__", "."): value for key, value in more.pop("about", {}).items()}
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(1_700_000_000_000_000_000 + number * 1_000_000),
        "endTimeUnixNano": str(1_700_000_000_500_000_000 + number * 1_000_000),
        "attributes": [pair(key, value) for key, value in about.items()],
        **more,
    }


def test_spans_of_the_conventions_for_generative_ai() -> None:
    message = [{"role": "user", "parts": [{"type": "text", "content": "How long?"}]}]
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.input.messages": json.dumps(message),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": "3 months."}]),
    }
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk"}
    (found,) = read([foreign(span(1), span(2, 1, about=agent), span(3, 2, about=chat))], "it")
    assert found.trace.id == "5b8efff798038103d269b633813fc60c"
    assert (found.trace.graph, found.trace.status) == ("shop", "ok")
    desk, call = found.hops
    assert (desk.agent, desk.attempts) == ("desk", ())
    assert call.parent_id == desk.id
    assert (call.prompt, call.output, call.decision) == ("How long?", "3 months.", None)
    (attempt,) = call.attempts
    assert (attempt.model, attempt.family, attempt.reported_model) == (
        "gpt-5",
        "openai",
        "gpt-5-2026",
    )
    assert (attempt.usage.input, attempt.usage.output, attempt.finish) == (120, 30, "stop")
    assert attempt.cost_micro_usd is None, "a cost that nobody told is unknown"
    assert found.trace.cost_micro_usd is None


def test_spans_of_openinference() -> None:
    about = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "claude",
        "llm.token_count.prompt": 7,
        "llm.cost.total": 0.00125,
        "llm.input_messages.1.message.content": "second",
        "llm.input_messages.0.message.content": "first",
    }
    (found,) = read([foreign(span(1, about=about))], "it")
    (hop,) = found.hops
    assert hop.prompt == "first\n\nsecond"
    assert hop.attempts[0].cost_micro_usd == 1250
    assert found.trace.cost_micro_usd == 1250


def test_what_failed_there_failed_here() -> None:
    about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "error.type": "timeout"}
    failed = span(1, about=about, status={"code": 2, "message": "too slow"})
    (found,) = read([foreign(failed)], "it")
    assert (found.trace.status, found.hops[0].status) == ("failed", "failed")
    assert found.hops[0].attempts[0].outcome is Outcome.UNKNOWN
    assert found.hops[0].attempts[0].error == "too slow"


def test_a_trace_may_come_in_several_requests() -> None:
    (found,) = read([foreign(span(1)), foreign(span(2, 1))], "it")
    assert len(found.hops) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (foreign(), "holds no span"),
        (foreign({**span(1), "traceId": "xyz"}), "no OTLP/JSON"),
        (foreign({**span(1), "traceId": "abcd"}), "has no valid id"),
        (foreign({**span(1), "startTimeUnixNano": "soon"}), "no OTLP/JSON"),
        ({"resourceSpans": [3]}, "no OTLP/JSON"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}, "has no valid id"),
    ],
)
def test_what_is_no_otlp_is_refused(content: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read([content], "it")
