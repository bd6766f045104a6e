"""Whether a run's answer was checked as its risk asks for in the end; else it is not given."""

from __future__ import annotations

from typing import Any

from orchestrator.graph.state import Run
from orchestrator.guard.risk import Course
from orchestrator.records import AuditEvent
from orchestrator.roles.rendering import no_answer
from orchestrator.roles.values import FinalAnswer
from orchestrator.types import EFFORTS


def given_out(run: Run, output: Any) -> Any:
    """The output as the caller may have it: itself, or an abstention that says why not."""
    course, services = run.request.course, run.services
    why = withheld(course, output)
    if not why:
        return output
    services.audit.record(
        AuditEvent(
            kind="refusal",
            what=f"withheld: {why}",
            at=services.clock.now(),
            trace_id=run.request.trace_id,
            facts={"risk": course.tier, "rule": course.demanded.origin},
        )
    )
    return FinalAnswer(text=no_answer(why), verdict="abstained", reason=why, cause="gate_failed")


def withheld(course: Course, output: Any) -> str:
    """Why the output may not be given out; empty where it may."""
    final = output if isinstance(output, FinalAnswer) else None
    if final is not None and final.verdict == "abstained":
        return ""
    need = course.demanded
    if need.cross_validate and (final is None or final.verdict is None):
        return f"{need.cross_validate_origin} wants it cross-validated, and nobody has checked it"
    if EFFORTS.index(need.effort) <= EFFORTS.index(course.begun.effort):
        return ""
    had = final.checking.effort if final is not None and final.checking else "none"
    if EFFORTS.index(had) >= EFFORTS.index(need.effort):
        return ""
    reasons = "; ".join(rise.why for rise in course.rises)
    return (
        f"its risk rose to {course.tier} ({reasons}), for which {need.origin} asks for the "
        f"checking '{need.effort}', and it was checked as '{had}'"
    )
