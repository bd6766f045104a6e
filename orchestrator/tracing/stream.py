"""Decisions and hops in LangGraph's own stream, as custom events.

    async for event in graph.astream(inputs, stream_mode="custom"):
        if event.get("mesh") == "decision":
            print(event["node"], event["chosen"], event["why"])

Before a model is called comes a `decision`, after it a `hop`. Neither holds a text of the request
or of the answer. Whoever does not run inside LangGraph pays for nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from orchestrator.money import usd
from orchestrator.records import Hop
from orchestrator.tracing.explain import lost_because, why_chosen
from orchestrator.types import Decision


def emit(event: Callable[[], Mapping[str, Any]]) -> None:
    """Put the event into the stream of the LangGraph graph that runs here, if one does."""
    # Whoever runs in a graph has loaded this module; nobody loads it because of us.
    config = sys.modules.get("langgraph.config")
    if config is None:
        return
    try:
        write = config.get_stream_writer()
    except (RuntimeError, KeyError):  # no runnable runs here, or one that is no graph
        return
    told = dict(event())
    with suppress(RuntimeError):  # the graph's event loop has ended before the call did
        write(told)


def decision_event(node: str, agent: str, decision: Decision) -> dict[str, Any]:
    """What was chosen for `node`, why, and why each of the others was not."""
    return {
        "mesh": "decision",
        "node": node,
        "agent": agent,
        "chosen": decision.chosen,
        "why": why_chosen(decision),
        "fallbacks": list(decision.fallbacks),
        "alternatives": [
            {
                "deployment": candidate.deployment,
                "stage": str(candidate.stage) if candidate.stage else None,
                "reason": lost_because(candidate) if candidate.rule else "ranked lower",
            }
            for candidate in decision.candidates
            if candidate.deployment != decision.chosen
        ],
        "routes": list(decision.routes),
        "strategy": decision.strategy,
        "degraded": decision.degraded,
        "notes": list(decision.notes),
    }


def hop_event(hop: Hop) -> dict[str, Any]:
    """How it went: who answered, each attempt, money (US dollars; `None`: unknown), time (ms)."""
    answered = hop.attempts[-1] if hop.attempts and hop.status == "ok" else None
    return {
        "mesh": "hop",
        "node": hop.node,
        "round": hop.round,
        "agent": hop.agent,
        "status": hop.status,
        "deployment": answered.deployment if answered else None,
        "outcome": str(hop.attempts[-1].outcome) if hop.attempts else None,
        "attempts": [{"deployment": a.deployment, "outcome": str(a.outcome)} for a in hop.attempts],
        "cost_usd": usd(hop.cost_micro_usd),
        "ms": round(hop.ms, 1),
        "trace_id": hop.trace_id,
        "resumed": hop.resumed,
    }
