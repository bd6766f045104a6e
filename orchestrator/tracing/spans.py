"""A recorded trace as OpenTelemetry spans: one for the request, for each hop, for each attempt.

Names are those of OpenTelemetry's conventions for generative AI, with OpenInference's beside them
for viewers that know those, and `mesh.*` for what neither has a word for. Texts are what the log
rules have left of them in the store.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.money import usd
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing.explain import lost_because
from orchestrator.tracing.ids import ALPHABET, LENGTH
from orchestrator.types import Outcome

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, SpanKind, Status

SCOPE = "orchestrator"
_PARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"
)
_ALTERNATIVES = 20
_OPERATIONS = {"embed": "embeddings", "image": "generate_content"}
"""By task; all others are `chat`."""
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""OpenTelemetry's names of providers that are called otherwise here."""
Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """The span of whoever sent the request."""

    trace_id: int
    span_id: int
    sampled: bool


def caller_of(traceparent: str) -> Caller | None:
    """The span that a W3C `traceparent` names; `None` where it names none."""
    found = _PARENT.match(traceparent)
    if found is None:
        return None
    return Caller(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & 1))


def trace_number(trace_id: str) -> int:
    """The 128 bits of a trace id of ours, which OpenTelemetry calls the trace by."""
    if len(trace_id) == LENGTH and set(trace_id) <= set(ALPHABET):
        number = 0
        for letter in trace_id:
            number = number << 5 | ALPHABET.index(letter)
        return number & ((1 << 128) - 1)
    return int.from_bytes(hashlib.blake2b(trace_id.encode(), digest_size=16).digest())


def _span_number(*names: object) -> int:
    text = "/".join(map(str, names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def spans_of(
    trace: Trace, hops: Sequence[Hop], resource: Resource, providers: Mapping[str, str]
) -> list[ReadableSpan]:
    """All spans of a trace that has ended.

    Args:
        providers: the provider of each deployment, by id.
    """
    return list(_Spans(trace, hops, resource, providers).all())


class _Spans:
    def __init__(
        self, trace: Trace, hops: Sequence[Hop], resource: Resource, providers: Mapping[str, str]
    ) -> None:
        self._trace, self._hops = trace, hops
        self._resource, self._providers = resource, providers
        self._caller = caller_of(trace.parent)
        self._number = self._caller.trace_id if self._caller else trace_number(trace.id)
        self._ids = {hop.id for hop in hops}

    def all(self) -> Iterator[ReadableSpan]:
        from opentelemetry.trace import SpanKind

        trace, root = self._trace, self._root
        caller = self._context(self._caller.span_id, remote=True) if self._caller else None
        yield self._span(
            f"mesh {trace.graph}",
            (root, caller, SpanKind.SERVER if caller else SpanKind.INTERNAL),
            (trace.started_at, trace.ms),
            _of_trace(trace),
            _failure(trace.status, trace.error),
        )
        for hop in self._hops:
            above = self._hop(hop.parent_id) if hop.parent_id in self._ids else root
            name, about = _of_hop(hop)
            yield self._span(
                name,
                (self._hop(hop.id), above, SpanKind.INTERNAL),
                (hop.started_at, hop.ms),
                about,
                _failure(hop.status, hop.error),
            )
            for number, attempt in enumerate(hop.attempts):
                operation, about = self._of_attempt(hop, attempt)
                good = attempt.outcome in (Outcome.OK, Outcome.UNSURE)
                yield self._span(
                    f"{operation} {attempt.model}",
                    (
                        self._context(_span_number(trace.id, hop.id, number)),
                        self._hop(hop.id),
                        SpanKind.CLIENT,
                    ),
                    (attempt.started_at, attempt.ms),
                    about,
                    _failure("ok" if good else "failed", attempt.error),
                )

    @property
    def _root(self) -> SpanContext:
        return self._context(_span_number(self._trace.id))

    def _hop(self, name: str | None) -> SpanContext:
        return self._context(_span_number(self._trace.id, name))

    def _context(self, number: int, *, remote: bool = False) -> SpanContext:
        from opentelemetry.trace import SpanContext, TraceFlags

        sampled = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(self._number, number, is_remote=remote, trace_flags=sampled)

    def _span(
        self,
        name: str,
        place: tuple[SpanContext, SpanContext | None, SpanKind],
        time: tuple[float, float],
        attributes: Attributes,
        status: Status,
    ) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        from orchestrator import __version__

        began_s, ms = time
        context, parent, kind = place
        return ReadableSpan(
            name=name,
            context=context,
            parent=parent,
            resource=self._resource,
            attributes={key: value for key, value in attributes.items() if value is not None},
            kind=kind,
            status=status,
            start_time=int(began_s * 1e9),
            end_time=int((began_s + ms / 1000) * 1e9),
            instrumentation_scope=InstrumentationScope(SCOPE, __version__),
        )

    def _of_attempt(self, hop: Hop, attempt: Attempt) -> tuple[str, Attributes]:
        operation = _OPERATIONS.get(hop.profile.task if hop.profile else "", "chat")
        provider = self._providers.get(attempt.deployment) or attempt.family or "mesh"
        provider = _PROVIDERS.get(provider, provider)
        used, good = attempt.usage, attempt.outcome is Outcome.OK
        about = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": attempt.model,
            "gen_ai.response.model": attempt.reported_model,
            "gen_ai.response.finish_reasons": (attempt.finish,) if attempt.finish else None,
            "error.type": None if good else attempt.outcome.value,
            "openinference.span.kind": "EMBEDDING" if operation == "embeddings" else "LLM",
            "llm.model_name": attempt.reported_model or attempt.model,
            "llm.provider": provider,
            "mesh.deployment": attempt.deployment,
            "mesh.outcome": attempt.outcome.value,
            "mesh.attempt": attempt.kind,
            "mesh.first_token_ms": attempt.first_token_ms,
            "mesh.cost_usd": usd(attempt.cost_micro_usd),
        }
        if used.input or used.output:
            about |= {
                "gen_ai.usage.input_tokens": used.input,
                "gen_ai.usage.output_tokens": used.output,
                "gen_ai.usage.cache_read.input_tokens": used.cached_input or None,
                "llm.token_count.prompt": used.input,
                "llm.token_count.completion": used.output,
                "llm.token_count.total": used.input + used.output,
                "llm.token_count.prompt_details.cache_read": used.cached_input or None,
                "llm.token_count.completion_details.reasoning": used.reasoning or None,
            }
        if good:
            about |= {"input.value": hop.prompt, "output.value": hop.output}
        return operation, about


def _of_trace(trace: Trace) -> Attributes:
    caller = trace.caller
    return {
        "openinference.span.kind": "CHAIN",
        "input.value": trace.question,
        "output.value": trace.answer,
        "user.id": caller.user or None,
        "tag.tags": trace.tags or None,
        "mesh.trace_id": trace.id,
        "mesh.graph": trace.graph,
        "mesh.status": trace.status,
        "mesh.verdict": trace.verdict,
        "mesh.cost_usd": usd(trace.cost_micro_usd),
        "mesh.project_hash": trace.project_hash,
        "mesh.policy_hash": trace.policy_hash,
        "mesh.fleet_hash": trace.fleet_hash,
        "mesh.key": caller.key or None,
        "mesh.workspace": caller.workspace or None,
        "mesh.feature": caller.feature or None,
    }


def _of_hop(hop: Hop) -> tuple[str, Attributes]:
    about: Attributes = {
        "input.value": hop.prompt,
        "output.value": hop.output,
        "mesh.hop": hop.id,
        "mesh.node": hop.node,
        "mesh.round": hop.round,
        "mesh.role": hop.role,
        "mesh.status": hop.status,
        "mesh.ending": hop.ending,
        "mesh.validated": hop.validated,
        "mesh.resumed": hop.resumed or None,
        "mesh.cost_usd": usd(hop.cost_micro_usd),
    }
    if hop.profile is not None:
        about["mesh.task"] = hop.profile.task
    if hop.agent is None and hop.decision is None:
        tool = hop.role == "tool"
        kind = {"openinference.span.kind": "TOOL" if tool else "CHAIN"}
        named = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": hop.node}
        return f"execute_tool {hop.node}" if tool else hop.node, about | kind | (
            named if tool else {}
        )
    about |= {
        "openinference.span.kind": "AGENT",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": hop.agent,
    }
    if (decision := hop.decision) is not None:
        lost = [c for c in decision.candidates if c.deployment != decision.chosen]
        about |= {
            "mesh.chosen": decision.chosen,
            "mesh.fallbacks": decision.fallbacks or None,
            "mesh.strategy": decision.strategy,
            "mesh.routes": decision.routes or None,
            "mesh.degraded": decision.degraded,
            "mesh.alternatives": [
                f"{c.deployment}: {lost_because(c) if c.rule else 'ranked lower'}"
                for c in lost[:_ALTERNATIVES]
            ]
            or None,
        }
    return f"invoke_agent {hop.agent or hop.node}", about


def _failure(status: str, error: str | None) -> Status:
    from opentelemetry.trace import Status, StatusCode

    if status in ("failed", "unknown"):
        return Status(StatusCode.ERROR, error or status)
    return Status(StatusCode.UNSET)
