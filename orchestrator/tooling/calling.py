"""Carries one tool call out: checked arguments, a limit of calls, a time, a size; typed failures.

Whether it may be made at all is `permit`'s to say, before.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import CancelledRunError, InternalError, WaitingError
from orchestrator.project.protocols import Clock
from orchestrator.tooling.rates import ToolRates
from orchestrator.tooling.values import (
    CallLimits,
    ToolCallResult,
    ToolFailure,
    ToolFunction,
    ToolSpec,
)
from orchestrator.tracing.redact import Mask
from orchestrator.types import as_json

LONGEST_ERROR = 600
"""Characters of what a tool says went wrong; a model needs no more to try otherwise."""
_LET_GO_S = 5.0
"""So long a call that was given up may take to end; then nobody waits for it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callings:
    """What a call is made with."""

    limits: CallLimits
    rates: ToolRates
    clock: Clock


async def call_tool(
    spec: ToolSpec,
    function: ToolFunction,
    arguments: Mapping[str, Any] | str,
    *,
    box: Any,
    limits: Callings,
) -> ToolCallResult:
    """Call the tool and return what it brought, or why it brought nothing.

    What the tool itself raises is a failure and never an exception here; but a run that was
    cancelled, or waits for a person, goes on as such.

    Args:
        arguments: as a model writes them, a JSON object as text, or as values.
        box: what the tool may use; its first argument.

    Raises:
        CancelledRunError, WaitingError: of the run within which the tool runs.
    """
    clock, start = limits.clock, limits.clock.monotonic()

    def ended(result: ToolCallResult | ToolFailure) -> ToolCallResult:
        ms = (clock.monotonic() - start) * 1000
        if isinstance(result, ToolFailure):
            return ToolCallResult(text=result.message, error=result, ms=ms)
        return ToolCallResult(text=result.text, data=result.data, truncated=result.truncated, ms=ms)

    given = checked_arguments(spec, arguments)
    if isinstance(given, ToolFailure):
        return ended(given)
    a_minute = limits.limits.calls_per_minute
    if a_minute is not None and (wait_s := await limits.rates.take(spec.name, a_minute)) > 0:
        said = (
            f"'{spec.name}' may be called {a_minute} times a minute, and was; come back in "
            f"{max(wait_s, 0.1):.1f} s"
        )
        return ended(ToolFailure(kind="rate_limited", message=said, retry_after_s=wait_s))
    try:
        value = await _in_time(called(function, box, given), limits.limits.timeout_s, clock)
    except (CancelledRunError, WaitingError, InternalError):
        raise
    except TimeoutError as error:
        if error.args != (_TIME_IS_UP,):  # a timeout of the tool's own
            return ended(_raised(spec, error))
        said = f"'{spec.name}' did not answer within {limits.limits.timeout_s:g} s"
        return ended(ToolFailure(kind="timeout", message=said))
    except Exception as error:  # noqa: BLE001 - the tool's own code: whatever it raises is its failure
        return ended(_raised(spec, error))
    if isinstance(value, ToolFailure):
        return ended(
            ToolFailure(
                kind=value.kind,
                message=_said(value.message),
                retry_after_s=value.retry_after_s,
            )
        )
    return ended(_result(value, limits.limits.most_output_chars))


def checked_arguments(
    spec: ToolSpec, arguments: Mapping[str, Any] | str
) -> dict[str, Any] | ToolFailure:
    """The arguments as values that satisfy the tool's schema; else what is wrong, for a model."""
    from orchestrator.validation.json_schema import satisfying

    try:
        text = arguments if isinstance(arguments, str) else json.dumps(as_json(arguments))
        value = satisfying(spec.parameters)(text or "{}")
    except (ValueError, TypeError) as error:
        said = _said(f"the arguments for '{spec.name}' do not fit: {error}")
        return ToolFailure(kind="arguments", message=said)
    if not isinstance(value, dict):
        said = f"the arguments for '{spec.name}' must be a JSON object"
        return ToolFailure(kind="arguments", message=said)
    return value


_TIME_IS_UP = "the time of the call is up"


async def _in_time(call: Coroutine[Any, Any, Any], seconds: float, clock: Clock) -> Any:
    """What `call` brings; a task of its own, so that one that does not end is left behind.

    Raises:
        TimeoutError: with `_TIME_IS_UP`.
    """
    task = asyncio.ensure_future(call)
    up = asyncio.Event()
    stop = clock.alarm(seconds, up.set)
    waiting = asyncio.ensure_future(up.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(_TIME_IS_UP)
    finally:
        stop()
        waiting.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_LET_GO_S)
            task.add_done_callback(_heard)


async def called(function: ToolFunction, box: Any, arguments: Mapping[str, Any]) -> Any:
    """A function that is not async runs in a thread, where it holds nobody up; its time may be up
    before it ends, and nothing can stop it then."""
    if inspect.iscoroutinefunction(function):
        return await function(box, **arguments)
    value = await asyncio.to_thread(function, box, **arguments)
    return await value if inspect.isawaitable(value) else value


def _heard(task: asyncio.Future[Any]) -> None:
    """What a task that nobody waits for has ended in is of no interest."""
    if not task.cancelled():
        task.exception()


def _raised(spec: ToolSpec, error: BaseException) -> ToolFailure:
    said = f"'{spec.name}' failed: {type(error).__name__}: {error}"
    return ToolFailure(kind="failed", message=_said(said))


def _said(text: str) -> str:
    """What went wrong, without secrets of known shapes, in few words."""
    text = Mask().secrets(text)
    return text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]} …"


def _result(value: Any, most: int) -> ToolCallResult:
    data = as_json(value)
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    if len(text) <= most:
        return ToolCallResult(text=text, data=data)
    note = f"\n[cut: {most:,} of {len(text):,} characters]"
    return ToolCallResult(text=text[:most] + note, truncated=True)
