"""One tool call that belongs to no run, as a person makes it: permitted, agreed to, on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import InternalError, RunError
from orchestrator.guard.detecting.detect import stricter
from orchestrator.records import AuditEvent, Hop, Trace
from orchestrator.roles.services import Services
from orchestrator.routing._policy import compile_policy, log_rule
from orchestrator.tooling.box import Box
from orchestrator.tooling.permit import Allowed, NeedsApproval, Refused
from orchestrator.tooling.toolset import Toolset
from orchestrator.tooling.values import Tool, ToolCallResult, ToolSpec
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Risk, TaskProfile, as_json, digest

GRAPH = "tool"
"""What such a trace stands under."""
Agree = Callable[[ToolSpec, Mapping[str, Any], NeedsApproval], str | None]
"""Shows the call to a person; the name of who agreed, `None` where nobody did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneCall:
    """What is to be called, and on what terms."""

    tool: str
    arguments: Mapping[str, Any]
    data_class: str | None = None
    risk: Risk | None = None
    tags: tuple[str, ...] = ()


def profile_of(services: Services, call: LoneCall) -> TaskProfile:
    """What rules see of it: its data class is the stricter of what is said and what is found."""
    policy = services.project.policy
    text = json.dumps(as_json(call.arguments), ensure_ascii=False)
    found = services.detectors.data_class(services.detectors.find(text))
    said = call.data_class or policy.default_data_class
    data_class = stricter(said, found, policy.data_classes) or said
    return TaskProfile(task="*", data_class=data_class, risk=call.risk or "normal", tags=call.tags)


async def call_alone(services: Services, box: Box, call: LoneCall, agree: Agree) -> ToolCallResult:
    """Call the tool, where the rules allow it and a person agrees where they ask for that.

    Raises:
        UnknownNameError, PrerequisiteError: as `Toolset.get`.
        RunError: it may not be called, or nobody agreed.
    """
    if services.tools is None:
        raise InternalError("these services have no tools")
    tools = services.tools()
    tool = await tools.get(call.tool)
    profile = profile_of(services, call)
    trace_id, started_at = new_trace_id(), services.clock.now()
    rule, by = _permitted(services, tools, tool, call, profile, agree, trace_id)
    trace = _trace(services, trace_id, started_at, tool, profile)
    services.recorder.start(trace("running"))
    try:
        given = tools.circumstances(profile)
        result = await tools.call(tool, call.arguments, box=box, given=given)
    except BaseException as error:  # also where it is stopped: no trace is left open
        services.recorder.finish(trace("failed", error=type(error).__name__))
        raise
    failed = result.error is not None
    _audit(services, trace_id, tool, "failed" if failed else "was called", call, rule, by)
    services.recorder.hop(
        Hop(
            id=f"{trace_id}.{digest([call.tool])}",
            trace_id=trace_id,
            node=call.tool,
            role="tool",
            agent=call.tool,
            profile=profile,
            prompt=json.dumps(as_json(call.arguments), ensure_ascii=False),
            output=None if failed else result.text,
            status="failed" if failed else "ok",
            error=result.text if failed else None,
            notes=(*box.notes, *remarks(tool.spec, rule, result, by)),
            started_at=started_at,
            ms=result.ms,
        )
    )
    services.recorder.finish(trace("failed" if failed else "ok", ms=result.ms))
    return result


def remarks(spec: ToolSpec, rule: str, result: ToolCallResult, by: str = "") -> tuple[str, ...]:
    """What a trace says of the call besides its texts."""
    permitted = f"approved by {by}, which {rule} asks for" if by else f"allowed by {rule}"
    cut = ("its output was cut",) if result.truncated else ()
    return (f"level: {spec.level}", permitted, *cut)


def _permitted(
    services: Services,
    tools: Toolset,
    tool: Tool,
    call: LoneCall,
    profile: TaskProfile,
    agree: Agree,
    trace_id: str,
) -> tuple[str, str]:
    """The rule that allows it, and who agreed."""
    found = tools.permit(tool.spec, tools.circumstances(profile))
    if isinstance(found, Allowed):
        return found.by_rule, ""
    if isinstance(found, Refused):
        _audit(services, trace_id, tool, "refused", call, found.by_rule)
        raise RunError(f"refused ({found.by_rule}): {found.why}")
    if found.double_check:
        _audit(services, trace_id, tool, "refused", call, found.by_rule)
        raise RunError(
            f"refused ({found.by_rule}): a second model must look at this call first, which only a "
            "run does"
        )
    by = agree(tool.spec, call.arguments, found)
    if by is None:
        _audit(services, trace_id, tool, "not approved", call, found.by_rule)
        raise RunError(f"not called: {found.why}, and nobody agreed")
    _audit(services, trace_id, tool, "approved", call, found.by_rule, by)
    return found.by_rule, by


def _audit(
    services: Services,
    trace_id: str,
    tool: Tool,
    what: str,
    call: LoneCall,
    rule: str,
    by: str = "",
) -> None:
    services.audit.record(
        AuditEvent(
            kind="approval" if what in ("approved", "not approved") else "tool",
            what=f"{tool.spec.name} {what}",
            at=services.clock.now(),
            trace_id=trace_id,
            by=by,
            facts={
                "tool": tool.spec.name,
                "level": tool.spec.level,
                "rule": rule,
                "arguments_hash": digest(call.arguments),
            },
        )
    )


def _trace(
    services: Services, trace_id: str, started_at: float, tool: Tool, profile: TaskProfile
) -> Callable[..., Trace]:
    project = services.project
    routes = compile_policy(project.policy).matching(profile)

    def trace(status: Any, *, ms: float = 0.0, error: str | None = None) -> Trace:
        return Trace(
            id=trace_id,
            graph=GRAPH,
            status=status,
            started_at=started_at,
            ms=ms,
            error=error,
            question=tool.spec.name,
            project_hash=project.hash,
            policy_hash=project.policy_hash,
            tags=profile.tags,
            log=log_rule(routes),
        )

    return trace
