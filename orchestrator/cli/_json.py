"""What `--json` prints, made of the values that a run or a decision brought back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.money import MICRO_USD, usd
from orchestrator.records import Attempt, Hop
from orchestrator.tracing.explain import answered, below_floor, lost_because
from orchestrator.types import Candidate, Decision, Outcome, Stage, as_json

if TYPE_CHECKING:
    from orchestrator.graph.answer import Answer
    from orchestrator.roles.values import Checking


def answer_json(answer: Answer) -> dict[str, Any]:
    """One object that says everything about an answer; costs are US dollars, null if unknown."""
    return {
        "answer": answer.text,
        "verdict": answer.verdict,
        "reason": answer.reason,
        "cause": answer.cause,
        "checking": _checking(answer.checking),
        "independence": answer.independence,
        "citations": [c.model_dump(mode="json") for c in answer.citations],
        "claims": [c.model_dump(mode="json") for c in answer.claims],
        "plan": as_json(answer.plan),
        "cost_usd": answer.cost_usd,
        "trace_id": answer.trace_id,
        "ms": answer.ms,
        "thread": answer.thread,
        "hops": [hop_json(hop) for hop in answer.hops],
    }


def _checking(checking: Checking | None) -> dict[str, Any] | None:
    """What the checking took, also for each claim that the answer kept."""
    if checking is None:
        return None
    per_kept = checking.micro_usd_per_kept
    return checking.model_dump(mode="json", exclude={"cost_micro_usd"}) | {
        "cost_usd": usd(checking.cost_micro_usd),
        "ms_per_kept": checking.ms_per_kept,
        "cost_usd_per_kept": None if per_kept is None else per_kept / MICRO_USD,
    }


def hop_json(hop: Hop) -> dict[str, Any]:
    """A hop without its texts."""
    decision = hop.decision
    used = answered(hop)
    deployment = used.deployment if used else decision.chosen if decision else None
    return {
        "id": hop.id,
        "node": hop.node,
        "round": hop.round,
        "role": hop.role,
        "agent": hop.agent,
        "status": hop.status,
        "model": used.model if used else _model(decision, deployment),
        "deployment": deployment,
        "chosen": decision.chosen if decision else None,
        "fallbacks": list(decision.fallbacks) if decision else [],
        "strategy": decision.strategy if decision else None,
        "decision_notes": list(decision.notes) if decision else [],
        "alternatives": [alternative_json(c, hop) for c in alternatives(hop)],
        "confidence": decision.confidence if decision else None,
        "degraded": below_floor(hop),
        "attempts": [
            {
                "deployment": a.deployment,
                "model": a.model,
                "outcome": str(a.outcome),
                "ms": a.ms,
                "cost_usd": usd(a.cost_micro_usd),
                "input_tokens": a.usage.input,
                "output_tokens": a.usage.output,
                "error": a.error,
            }
            for a in hop.attempts
        ],
        "validated": hop.validated,
        "validation": hop.validation,
        "resumed": hop.resumed,
        "notes": list(hop.notes),
        "error": hop.error,
        "cost_usd": usd(hop.cost_micro_usd),
        "ms": hop.ms,
    }


def alternatives(hop: Hop) -> list[Candidate]:
    """Every candidate but the one that answered (or was chosen, where none answered yet)."""
    if hop.decision is None:
        return []
    used = answered(hop)
    taken = used.deployment if used else hop.decision.chosen
    return [c for c in hop.decision.candidates if c.deployment != taken]


def alternative_json(candidate: Candidate, hop: Hop) -> dict[str, Any]:
    """Who lost, at which stage, and why.

    One that stayed in the funnel lost at `rank`, or at `attempt` where it was tried and failed.
    """
    stage = candidate.stage or ("attempt" if _failed(candidate, hop) else Stage.RANK)
    return {
        "deployment": candidate.deployment,
        "model": candidate.model,
        "stage": str(stage),
        "reason": why_not(candidate, hop),
    }


def why_not(candidate: Candidate, hop: Hop) -> str:
    """Why a candidate lost, in a few words."""
    failed = _failed(candidate, hop)
    if failed is not None:
        return f"tried: {str(failed.outcome).replace('_', ' ')}"
    if candidate.stage is not None:
        return lost_because(candidate)
    return "below the quality floor" if candidate.rule else "ranked behind"


def _failed(candidate: Candidate, hop: Hop) -> Attempt | None:
    tried = [a for a in hop.attempts if a.deployment == candidate.deployment]
    return tried[-1] if tried and tried[-1].outcome is not Outcome.OK else None


def decision_json(decision: Decision) -> dict[str, Any]:
    """The record of a decision, with a reason in words for each candidate."""
    return {**as_json(decision), "candidates": candidates_json(decision.candidates)}


def candidates_json(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Candidates as they are, each with its reason in words."""
    return [
        {**as_json(c), "reason": lost_because(c) if c.stage or c.rule else "eligible"}
        for c in candidates
    ]


def _model(decision: Decision | None, deployment: str | None) -> str | None:
    if decision is None:
        return None
    return next((c.model for c in decision.candidates if c.deployment == deployment), None)
