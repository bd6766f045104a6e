"""What a client is told of a run: while it goes on, when it asks a person, and at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import WaitingError
from orchestrator.evidence.values import Citation, ClaimCheck
from orchestrator.gateway.chat import wanted as wire
from orchestrator.graph.answer import Answer
from orchestrator.money import Usage, total_cost, usd
from orchestrator.records import Hop
from orchestrator.roles.events import RunEvent
from orchestrator.roles.values import FinalAnswer
from orchestrator.types import as_json


def told(event: RunEvent) -> dict[str, Any]:
    """One event of a run: names and numbers, and nothing of any text."""
    step: dict[str, Any] = {"node": event.node}
    if event.round:
        step["round"] = event.round
    if event.agent is not None:
        step["agent"] = event.agent
    if not isinstance(event, Hop):
        if event.deployment is not None:
            return {"event": "model_asked", **step, "deployment": event.deployment}
        return {"event": "step_started", **step}
    if event.attempts:
        step["deployment"] = event.attempts[-1].deployment
        step["cost_usd"] = usd(event.cost_micro_usd)
    return {"event": "step_ended", **step, "status": event.status, "ms": round(event.ms)}


def answer_of(
    name: str, answer: Answer, files: Mapping[str, str], ignored: Sequence[str]
) -> wire.Answer:
    """The end of a run.

    Args:
        files: for paths that nobody else should see the names that the caller gave them.
        ignored: what the request said and the graph had no use for.
    """
    mesh: dict[str, Any] = {"graph": name, "ms": round(answer.ms), "verdict": answer.verdict}
    if answer.verdict is not None:
        mesh["reason"] = answer.reason
        mesh["independence"] = answer.independence
        if answer.cause is not None:
            mesh["cause"] = answer.cause
        if answer.checking is not None:
            mesh["checking"] = as_json(answer.checking)
        mesh["citations"] = [_citation(c, files) for c in answer.citations]
        mesh["claims"] = [_claim(claim, files) for claim in answer.claims]
    value = _beside(answer.value)
    if value is not None:
        mesh["value"] = value
    if ignored:
        mesh["ignored"] = list(ignored)
    return wire.Answer(text=answer.text, mesh=mesh, **_totals(name, answer.trace_id, answer.hops))


def question_of(name: str, waiting: WaitingError, hops: Sequence[Hop]) -> wire.Answer:
    """The run has stopped at a question to a person; the answer says how to go on."""
    if waiting.approval:
        return _approval_of(name, waiting, hops)
    shown = "\n\n".join(waiting.shown.values())
    choice = f" Answer with one of: {', '.join(waiting.allowed)}." if waiting.allowed else ""
    how = (
        f"This waits for a person.{choice} Send the answer as the last message, with "
        f'"mesh": {{"resume": "{waiting.run}"}}; or: mesh run --resume {waiting.run} --answer …'
    )
    return wire.Answer(
        text="\n\n".join(filter(None, (shown, waiting.question, how))),
        mesh={
            "graph": name,
            "waiting": {
                "run": waiting.run,
                "node": waiting.node,
                "question": waiting.question,
                "shown": dict(waiting.shown),
                "allowed": list(waiting.allowed),
            },
        },
        **_totals(name, waiting.run, hops),
    )


def _approval_of(name: str, waiting: WaitingError, hops: Sequence[Hop]) -> wire.Answer:
    """A call of a tool waits. Who asked for it is not who agrees to it, and sees no more."""
    how = (
        "This waits for a person who may agree to it. Once that is said, go on with a request "
        f'that has "mesh": {{"resume": "{waiting.run}"}}.'
    )
    told = {"run": waiting.run, "node": waiting.node, "approval": waiting.approval}
    return wire.Answer(
        text=f"{waiting.question}\n\n{how}",
        mesh={"graph": name, "waiting": {**told, "question": waiting.question}},
        **_totals(name, waiting.run, hops),
    )


def _totals(name: str, trace_id: str, hops: Sequence[Hop]) -> dict[str, Any]:
    """What all steps together have used; an answer that was replayed was paid for before."""
    attempts = [attempt for hop in hops for attempt in hop.attempts]
    return {
        "model": f"graph:{name}",
        "trace_id": trace_id,
        "usage": sum((attempt.usage for attempt in attempts), Usage()),
        "cost_micro_usd": total_cost([hop.cost_micro_usd for hop in hops]),
        "attempts": len(attempts),
    }


def _citation(citation: Citation, files: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = as_json(citation)
    return shown | {"file": files.get(citation.file, citation.file)}


def _claim(claim: ClaimCheck, files: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = as_json(claim)
    against = None if claim.against is None else _citation(claim.against, files)
    return shown | {"against": against}


def _beside(value: Any) -> Any:
    """What an output says besides what every answer says; `None` where that is nothing."""
    if not isinstance(value, FinalAnswer):
        return None if isinstance(value, str) else as_json(value)
    shown: dict[str, Any] = as_json(value)
    return {k: v for k, v in shown.items() if k not in FinalAnswer.model_fields} or None
