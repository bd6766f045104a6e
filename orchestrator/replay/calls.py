"""A recorded single call: its answer is checked and handed out again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.call_types import CallRequest
from orchestrator.calling.validate import declared_check
from orchestrator.errors import RunError
from orchestrator.project.schema import Agent
from orchestrator.records import Hop, Trace
from orchestrator.replay.recorded import Record
from orchestrator.roles.services import Services
from orchestrator.tracing.asked import call_of


def repeat_call(record: Record, services: Services) -> tuple[Trace, tuple[Hop, ...]]:
    """The trace and the hops that the recorded answer leads to under the project as it is now."""
    trace = record.trace
    if trace.status != "ok":  # what failed is on record with its error, and nothing came after it
        return trace, record.hops
    *before, hop = record.hops
    agent = agent_of(record, services)
    if isinstance(agent, str):
        again = replace(hop, status="failed", error=agent, output=None)
        return _ended(trace, again), (*before, again)
    value = record.value(hop)
    text, check = str(value["text"]), _check(agent, record.request["call"].get("schema"), services)
    if check is not None and not value["answered"].get("tool_calls"):
        try:
            check(text)
        except ValueError as error:
            said = f"its recorded answer no longer passes: {error}"
            again = replace(hop, status="failed", validated=False, error=said)
            return _ended(trace, again), (*before, again)
    return _ended(trace, hop), (*before, hop)


def call_in(record: Record) -> CallRequest:
    """The call as it was sent.

    Raises:
        RunError: it is not on record as it was.
    """
    found = call_of(record.request["call"], record.hops[-1].prompt) if record.hops else None
    if found is None:
        raise RunError(
            f"trace '{record.trace.id}' cannot be carried out again: what was sent is not on "
            "record as it was; something in it had to be hidden, or is no text"
        )
    return found


def agent_of(record: Record, services: Services) -> Agent | str | None:
    """The declared agent that was asked; `None` where it was only a name; else what is wrong."""
    name = record.hops[-1].agent or ""
    if not record.request.get("declared"):
        return None
    return services.project.agents.get(name) or f"the agent '{name}' is no longer declared"


def _check(
    agent: Agent | None, schema: Mapping[str, Any] | None, services: Services
) -> Callable[[str], Any] | None:
    check: Callable[[str], Any] | None = None
    if schema is not None:
        from orchestrator.validation.json_schema import satisfying

        check = satisfying(schema)
    if agent is not None and agent.valid is not None:
        return declared_check(agent.valid, services.checks, check)
    return check


def _ended(trace: Trace, hop: Hop) -> Trace:
    if hop.status == "ok":
        return replace(trace, answer=hop.output)
    return replace(trace, status="failed", answer=None, error=hop.error)
