"""The calculator: a deterministic model that answers exactly or says why it cannot."""

from __future__ import annotations

from orchestrator.call_types import CallRequest
from orchestrator.project.registry import builtin
from orchestrator.roles.calc.solve import solve


@builtin("calculator")
def calculator(request: CallRequest) -> str:
    """A `Calculation` as JSON, for the inputs `question` and, where it is not enough, `context`.

    Raises:
        ValueError: what cannot be calculated, and why.
    """
    question = str(request.inputs.get("question") or "")
    context = str(request.inputs.get("context") or "")
    return solve(question, context).model_dump_json()
