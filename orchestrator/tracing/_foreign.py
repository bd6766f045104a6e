"""Spans of anybody's making as a trace of ours, as far as they tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from orchestrator.money import Usage, total_cost
from orchestrator.records import Attempt, AttemptKind, Hop, Trace
from orchestrator.tracing.documents import Document
from orchestrator.types import Caller, Decision, Ending, Outcome, Strategy, VerdictName

_CALLS = ("chat", "text_completion", "generate_content", "embeddings", "completion")
_CALL_KINDS = ("LLM", "EMBEDDING")
_MESSAGE = re.compile(r"(?:gen_ai\.(?:prompt|completion)|llm\.(?:in|out)put_messages)\.(\d+)\.")
_NAME = 64
"""Characters of a graph's or role's name that are kept."""
Status = Literal["ok", "failed", "skipped", "cancelled", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span, its attributes as plain values."""

    trace_id: str
    """32 hexadecimal digits."""
    id: str
    parent_id: str
    """Empty where it has none."""
    name: str
    started_at: float
    """Seconds since the epoch."""
    ms: float
    status: str
    """`ok`, `error`, or empty."""
    message: str
    service: str
    about: Mapping[str, Any]

    def text(self, *names: str) -> str | None:
        """The first of those attributes that is there, as text."""
        for name in names:
            value = self.about.get(name)
            if value not in (None, ""):
                return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return None

    def count(self, *names: str) -> int:
        """The first of those attributes that is a number; else 0."""
        found = (self.about.get(name) for name in names)
        return next((int(v) for v in found if isinstance(v, (int, float)) and v >= 0), 0)

    @property
    def calls(self) -> bool:
        """Whether it is the call of a model."""
        kind = self.about.get("openinference.span.kind") or self.about.get("gen_ai.operation.name")
        return kind in _CALL_KINDS or kind in _CALLS

    @property
    def failed(self) -> bool:
        return self.status == "error" or bool(self.about.get("error.type"))


def documents_of(spans: Sequence[Span]) -> Document:
    """The trace that these spans, all of one trace, tell of."""
    spans = sorted(spans, key=lambda span: span.started_at)
    ids = {span.id for span in spans}
    tops = [span for span in spans if span.parent_id not in ids]
    root = tops[0] if tops else spans[0]
    whole = root if len(tops) == 1 and not root.calls else None
    trace_id = root.text("mesh.trace_id") or root.trace_id
    by_id = {span.id: span for span in spans}
    tries: dict[str, list[Span]] = {}
    steps = []
    for span in spans:
        above = by_id.get(span.parent_id)
        if span.calls and above is not None and "mesh.hop" in above.about:
            tries.setdefault(above.id, []).append(span)
        elif span is not whole:
            steps.append(span)
    names = {s.id: s.text("mesh.hop") or f"{trace_id}.{s.id}" for s in steps}
    hops = tuple(_hop(span, trace_id, names, tries.get(span.id, ()), root) for span in steps)
    return Document(trace=_trace(trace_id, whole, spans, hops), hops=hops)


def _trace(id: str, whole: Span | None, spans: Sequence[Span], hops: Sequence[Hop]) -> Trace:
    end = max(span.started_at + span.ms / 1000 for span in spans)
    began = spans[0].started_at
    root = whole or spans[0]
    stated = root.text("mesh.status")
    status = "failed" if root.failed else "ok"
    verdict = root.text("mesh.verdict")
    cost = _micro_usd(root) if "mesh.cost_usd" in root.about else None
    graph = root.text("mesh.graph") or root.service or root.name or "imported"
    return Trace(
        id=id,
        graph=graph[:_NAME],
        status=cast(Any, stated if stated in (*get_args(Status), "running", "waiting") else status),
        started_at=began,
        ms=root.ms if whole else (end - began) * 1000,
        verdict=cast(Any, verdict if verdict in get_args(VerdictName) else None),
        cost_micro_usd=total_cost([hop.cost_micro_usd for hop in hops]) if cost is None else cost,
        question=_said(root, "in"),
        answer=_said(root, "out"),
        error=root.message or None,
        project_hash=root.text("mesh.project_hash") or "",
        policy_hash=root.text("mesh.policy_hash") or "",
        fleet_hash=root.text("mesh.fleet_hash") or "",
        caller=Caller(
            workspace=root.text("mesh.workspace") or "",
            user=root.text("user.id", "enduser.id") or "",
            key=root.text("mesh.key") or "",
            feature=root.text("mesh.feature") or "",
        ),
        tags=tuple(map(str, root.about.get("tag.tags") or ())),
    )


def _hop(
    span: Span, trace_id: str, names: Mapping[str, str], tries: Sequence[Span], root: Span
) -> Hop:
    stated, ending = span.text("mesh.status"), span.text("mesh.ending")
    agent = span.text("gen_ai.agent.name")
    tool = span.text("gen_ai.tool.name")
    attempts = tuple(map(_attempt, tries or ([span] if span.calls else [])))
    role = span.text("mesh.role") or ("tool" if tool else "model" if span.calls else "step")
    validated = span.about.get("mesh.validated")
    return Hop(
        id=names[span.id],
        trace_id=trace_id,
        parent_id=names.get(span.parent_id),
        node=(span.text("mesh.node") or tool or agent or span.name or role)[:128],
        round=span.count("mesh.round"),
        role=role[:_NAME],
        agent=agent and agent[:_NAME],
        decision=_decision(span, root),
        attempts=attempts,
        prompt=_said(span, "in"),
        output=_said(span, "out"),
        validated=validated if isinstance(validated, bool) else None,
        status=cast(Any, stated) if stated in get_args(Status) else _status(span),
        error=span.message or None,
        ending=cast(Any, ending if ending in get_args(Ending) else None),
        resumed=span.about.get("mesh.resumed") is True,
        notes=() if stated else ("recorded elsewhere, read from OpenTelemetry spans",),
        started_at=span.started_at,
        ms=span.ms,
    )


def _status(span: Span) -> Status:
    return "failed" if span.failed else "ok"


def _decision(span: Span, root: Span) -> Decision | None:
    """What a span of ours tells of it: the choice, and not the funnel."""
    chosen = span.text("mesh.chosen")
    if chosen is None:
        return None
    strategy = span.text("mesh.strategy")
    return Decision(
        chosen=chosen,
        strategy=cast(Any, strategy if strategy in get_args(Strategy) else "single"),
        fallbacks=tuple(map(str, span.about.get("mesh.fallbacks") or ())),
        routes=tuple(map(str, span.about.get("mesh.routes") or ())),
        degraded=span.text("mesh.degraded"),
        policy_hash=root.text("mesh.policy_hash") or "",
        fleet_hash=root.text("mesh.fleet_hash") or "",
    )


def _attempt(span: Span) -> Attempt:
    model = span.text("gen_ai.request.model", "gen_ai.response.model", "llm.model_name")
    provider = span.text("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
    name = (model or "unknown")[:128]
    finish = span.about.get("gen_ai.response.finish_reasons") or ()
    kind = span.text("mesh.attempt")
    first = span.about.get("mesh.first_token_ms")
    return Attempt(
        deployment=(span.text("mesh.deployment") or f"{name}/{provider or 'unknown'}")[:160],
        model=name,
        family=None if provider in (None, "mesh") else str(provider)[:_NAME],
        outcome=_outcome(span),
        started_at=span.started_at,
        ms=span.ms,
        first_token_ms=float(first) if isinstance(first, (int, float)) else None,
        usage=Usage(
            input=span.count(
                "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"
            ),
            output=span.count(
                "gen_ai.usage.output_tokens",
                "gen_ai.usage.completion_tokens",
                "llm.token_count.completion",
            ),
            cached_input=span.count(
                "gen_ai.usage.cache_read.input_tokens",
                "llm.token_count.prompt_details.cache_read",
            ),
            reasoning=span.count("llm.token_count.completion_details.reasoning"),
        ),
        cost_micro_usd=_micro_usd(span),
        error=span.message or (span.text("error.type") if span.failed else None),
        kind=cast(Any, kind if kind in get_args(AttemptKind) else "first"),
        reported_model=span.text("gen_ai.response.model"),
        finish=str(finish[0])[:_NAME] if finish else None,
    )


def _outcome(span: Span) -> Outcome:
    said = span.text("mesh.outcome", "error.type") or ""
    if said in set(map(str, Outcome)):
        return Outcome(said)
    return Outcome.UNKNOWN if span.failed else Outcome.OK


def _micro_usd(span: Span) -> int | None:
    for name in ("mesh.cost_usd", "llm.cost.total", "gen_ai.usage.cost"):
        value = span.about.get(name)
        if isinstance(value, (int, float)):
            return round(value * 1_000_000)
    return None


def _said(span: Span, way: Literal["in", "out"]) -> str | None:
    """The text that went in or came out, from whichever convention tells it."""
    into = way == "in"
    messages = span.about.get(f"gen_ai.{way}put.messages")
    if isinstance(messages, str):
        try:
            messages = json.loads(messages)
        except (ValueError, RecursionError):
            return cast(str, messages)
    if isinstance(messages, list):
        return "\n\n".join(_message(item) for item in messages) or None
    plain = span.text(f"{way}put.value", *(("gen_ai.prompt",) if into else ("gen_ai.completion",)))
    if plain is not None:
        return plain
    return "\n\n".join(_numbered(span, into)) or None


def _message(item: Any) -> str:
    """One message of OpenTelemetry's, whose parts are texts and other things."""
    if not isinstance(item, dict):
        return str(item)
    parts = item.get("parts") or item.get("content") or ()
    if isinstance(parts, str):
        return parts
    return "\n".join(
        str(part.get("content") or part.get("text") or json.dumps(part, ensure_ascii=False))
        if isinstance(part, dict)
        else str(part)
        for part in parts
    )


def _numbered(span: Span, into: bool) -> Iterator[str]:
    """Messages as flat attributes, `llm.input_messages.0.message.content`, in their order."""
    begins = (
        ("gen_ai.prompt.", "llm.input_messages.")
        if into
        else (
            "gen_ai.completion.",
            "llm.output_messages.",
        )
    )
    found = []
    for name, value in span.about.items():
        match = _MESSAGE.match(name)
        if match and name.startswith(begins) and name.endswith("content") and value:
            found.append((int(match[1]), str(value)))
    yield from (text for _, text in sorted(found))
