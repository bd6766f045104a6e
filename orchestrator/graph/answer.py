"""What a caller hands in and gets back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.evidence.values import Citation, ClaimCheck
from orchestrator.money import total_cost, usd
from orchestrator.project.schema import Graph
from orchestrator.records import Hop
from orchestrator.roles.specialist import spoken
from orchestrator.roles.values import Checking, FinalAnswer, PastTurn, Plan, Result
from orchestrator.types import AbstainCause, Caller, Constraints, Risk, VerdictName, as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a caller may say about a run besides its inputs."""

    data_class: str | None = None
    risk: Risk | None = None
    tags: tuple[str, ...] = ()
    constraints: Constraints = Constraints()
    budget_usd: float | None = None
    """What the whole run may cost; `None`: as much as the policy's budgets allow."""
    deadline_ms: int | None = None
    """The whole run's time; `None`: `deadline_ms` of mesh.yaml."""
    caller: Caller = Caller()
    """On whose behalf: budgets, limits and costs go by it."""
    priority: int = 0
    """Where calls wait for a place, the highest goes first."""
    trace_id: str = ""
    """The run's id, of `new_trace_id`, for who must tell it before the answer; made where empty."""
    parent: str = ""
    """The caller's `traceparent` (W3C Trace Context), where it sent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run brought back."""

    text: str
    verdict: VerdictName | None = None
    """`None` for a graph that does not cross-validate."""
    reason: str = ""
    citations: tuple[Citation, ...] = ()
    claims: tuple[ClaimCheck, ...] = ()
    independence: str = "none"
    cause: AbstainCause | None = None
    """Of an abstention."""
    checking: Checking | None = None
    """What the checking has done and taken; `None` where nobody has checked the answer."""
    cost_micro_usd: int | None = 0
    trace_id: str
    hops: tuple[Hop, ...] = ()
    """In the order in which they started."""
    plan: Plan | None = None
    ms: float = 0.0
    """How long the run was worked on: neither while it was cut off nor while a person thought."""
    thread: str | None = None
    """The conversation that this is a turn of."""
    thread_keeps_texts: bool | None = None
    """False where a route forbids it: the next turn will not know what was said here."""
    value: Any = None
    """The output node's value as it is, for graphs whose output is not a `FinalAnswer`."""

    @property
    def cost_usd(self) -> float | None:
        """Dollars; `None` where the price of a call is unknown."""
        return usd(self.cost_micro_usd)


def make_answer(value: Any, trace_id: str, hops: tuple[Hop, ...], plan: Plan | None) -> Answer:
    """The answer for an output node's value."""
    cost = total_cost([hop.cost_micro_usd for hop in hops])
    if not isinstance(value, FinalAnswer):
        return Answer(
            text=_text(value),
            value=value,
            trace_id=trace_id,
            hops=hops,
            plan=plan,
            cost_micro_usd=cost,
        )
    return Answer(
        text=value.text,
        verdict=value.verdict,
        reason=value.reason,
        citations=value.citations,
        claims=value.claims,
        independence=value.independence,
        cause=value.cause,
        checking=value.checking,
        cost_micro_usd=cost,
        trace_id=trace_id,
        hops=hops,
        plan=plan,
        value=value,
    )


def _text(value: Any) -> str:
    if isinstance(value, Result):
        return spoken(value)
    return value if isinstance(value, str) else json.dumps(as_json(value), ensure_ascii=False)


def failure(value: Any) -> str:
    """Why an output node has no result, though its run came to its end; empty where it has one.

    A specialist's failure is a value, so that what reads it can go on without it. Nothing reads
    the output.
    """
    results = value if isinstance(value, (list, tuple)) else [value]
    failed = [r.failed for r in results if isinstance(r, Result) and r.failed]
    return "; ".join(dict.fromkeys(failed)) if len(failed) == len(results) else ""


def turn_of_answer(question: str, answer: Answer) -> PastTurn:
    """What a conversation remembers of a run."""
    return PastTurn(
        question=question,
        answer=answer.text,
        verdict=answer.verdict,
        citations=tuple(f"{c.file}:{c.start}-{c.end}" for c in answer.citations),
    )


def check_inputs(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the graph takes them: JSON-like, every declared one present.

    Raises:
        UnknownNameError: an input that the graph does not declare.
        UserError: one is missing or of another type.
    """
    for name in inputs:
        if name not in graph.input:
            raise UnknownNameError("input", name, tuple(graph.input), f"graph '{graph.name}'")
    taken: dict[str, Any] = {}
    for name, declared in graph.input.items():
        value = inputs.get(name)
        if value is None:
            if not declared.endswith("?"):
                raise UserError(f"graph '{graph.name}' needs the input '{name}' ({declared})")
            taken[name] = None
        else:
            taken[name] = _checked(graph.name, name, declared.rstrip("?"), value)
    return taken


def _checked(graph: str, name: str, declared: str, value: Any) -> Any:
    if declared == "text" and isinstance(value, str) and value.strip():
        return value
    if declared == "number" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if declared == "paths":
        items = [value] if isinstance(value, (str, Path)) else value
        if isinstance(items, (list, tuple)) and all(isinstance(i, (str, Path)) for i in items):
            return [str(item) for item in items]
    if declared == "json":
        return as_json(value)
    if declared == "turns" and isinstance(value, (list, tuple)):
        return [_turn(graph, name, item) for item in value]
    found = "an empty text" if value == "" or str(value).isspace() else type(value).__name__
    raise UserError(f"graph '{graph}': input '{name}' must be {declared}; found {found}")


def _turn(graph: str, name: str, value: Any) -> Any:
    try:
        return PastTurn.model_validate(value).model_dump(mode="json")
    except ValueError:
        keys = ", ".join(PastTurn.model_fields)
        raise UserError(
            f"graph '{graph}': input '{name}' must be turns, each with {keys}; found {value!r:.80}"
        ) from None
