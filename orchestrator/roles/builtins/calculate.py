"""The calculator: a deterministic model that answers exactly or says why it cannot."""

from __future__ import annotations

from orchestrator.call_types import CallRequest
from orchestrator.project.registry import builtin
from orchestrator.roles.builtins.shared import question
from orchestrator.roles.calc.solve import solve


@builtin("calculator")
def calculator(request: CallRequest) -> str:
    """A `Calculation` as JSON, for the inputs `question` and, where it is not enough, `context`.

    Whoever asks in words alone gets the working, for a person.

    Raises:
        ValueError: what cannot be calculated, and why.
    """
    if "question" not in request.inputs:
        found = solve(question(request), "")
        return found.working or f"{found.expression} = {found.shown or found.result}"
    context = str(request.inputs.get("context") or "")
    return solve(question(request), context).model_dump_json()
