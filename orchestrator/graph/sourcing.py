"""What the policy says of orders that stand in sources, and how an auditor hears of them."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.evidence.selecting.orders import GIVES_ORDERS
from orchestrator.graph.state import Run
from orchestrator.records import AuditEvent
from orchestrator.roles.hop import HopWork
from orchestrator.routing._policy import compile_policy, guard_rule
from orchestrator.types import OnInjection


def on_orders(run: Run, looking: HopWork) -> OnInjection:
    """By the strictest of the routes that match the run's question."""
    policy = compile_policy(run.services.project.policy)
    profile = looking.profile(run.request.question, task=None)
    return guard_rule(policy.matching(profile)).injection


def tell_orders(run: Run, node: str, rule: OnInjection, notes: Sequence[str]) -> None:
    """Put what `notes` say of orders into the audit log: how many, and nothing of their text."""
    count = sum(GIVES_ORDERS in note for note in notes)
    if not count:
        return
    done = "refused" if rule == "refuse" else "left out"
    run.services.audit.record(
        AuditEvent(
            kind="injection",
            what=f"{done}: orders in sources",
            at=run.services.clock.now(),
            trace_id=run.request.trace_id,
            facts={"node": node, "where": ["source"], "count": count},
        )
    )
