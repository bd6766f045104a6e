"""Exact arithmetic as a tool that models may call."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from orchestrator.project.registry import tool
from orchestrator.roles.arithmetic import LONGEST, evaluate, plain, shown


@tool("calculate", level="read", hosted=False, timeout_s=5)
async def calculate(
    _box: object, *, expression: Annotated[str, Field(min_length=1, max_length=LONGEST)]
) -> dict[str, Any]:
    """Work an arithmetic expression out exactly: + - * / // % **, parentheses, `15% of 200`.

    Args:
        expression: for example `(1,200.50 - 15% of 800) / 3`.

    Raises:
        ValueError: it is not arithmetic, or divides by zero; the message says which.
    """
    value = evaluate(expression)
    return {"value": plain(value), "shown": shown(value)}
