"""One call: arguments, time, rate and size; whatever a tool raises is a typed failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.errors import CancelledRunError, WaitingError
from orchestrator.project.protocols import Clock
from orchestrator.tooling.calling import LONGEST_ERROR, Callings, call_tool
from orchestrator.tooling.rates import ToolRates
from orchestrator.tooling.values import CallLimits, ToolCallResult, ToolFailure, ToolSpec
from tests.calling.fake_clock import FakeClock

SECRET = "sk-" + "planted0123456789abcdef"
SPEC = ToolSpec(
    name="add",
    description="Adds.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    },
    level="read",
)


async def add(_box: object, *, a: int, b: int = 0) -> int:
    return a + b


async def call(
    function: Any,
    arguments: Mapping[str, Any] | str,
    *,
    clock: Clock | None = None,
    rates: ToolRates | None = None,
    **limits: Any,
) -> ToolCallResult:
    clock = clock or SystemClock()
    made_with = Callings(limits=CallLimits(**limits), rates=rates or ToolRates(clock), clock=clock)
    return await call_tool(SPEC, function, arguments, box=None, limits=made_with)


async def test_what_it_returns() -> None:
    found = await call(add, '{"a": 1, "b": 2}')
    assert (found.text, found.data, found.error, found.truncated) == ("3", 3, None, False)
    assert (await call(add, {"a": 5})).data == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("no json", "JSON"),
        ("[1]", "is not of type 'object'"),
        ("{}", "'a' is a required property"),
        ('{"a": "x"}', "at /a: 'x' is not of type 'integer'"),
        ('{"a": 1, "c": 2}', "'c' was unexpected"),
        ('{"a": 1} {"a": 2}', "JSON"),
    ],
)
async def test_arguments_that_do_not_fit_never_reach_the_tool(arguments: str, said: str) -> None:
    async def never(_box: object, **_more: object) -> None:
        raise AssertionError("it was called")

    found = await call(never, arguments)
    assert found.error is not None
    assert found.error.kind == "arguments"
    assert found.text.startswith("the arguments for 'add' do not fit")
    assert said in found.text


async def test_whatever_it_raises_is_a_failure_without_secrets() -> None:
    async def fails(_box: object, *, a: int) -> None:
        raise LookupError(f"nobody opens {a} with {SECRET}")

    found = await call(fails, {"a": 1})
    assert found.error is not None
    assert found.error.kind == "failed"
    assert "LookupError: nobody opens 1" in found.text
    assert SECRET not in repr(found)


async def test_what_it_says_of_a_failure_is_kept_short() -> None:
    async def fails(_box: object, *, a: int) -> ToolFailure:
        return ToolFailure(kind="gone", message=f"{SECRET} " + "x" * 10_000)

    found = await call(fails, {"a": 1})
    assert found.error is not None
    assert found.error.kind == "gone"
    assert len(found.text) <= LONGEST_ERROR + 2
    assert SECRET not in found.text


async def test_a_secret_among_wrong_arguments_does_not_come_back() -> None:
    found = await call(add, {"a": SECRET})
    assert found.error is not None
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "error", [CancelledRunError("stopped"), WaitingError("r", "n", "may it?", {})]
)
async def test_the_end_of_the_run_is_no_failure_of_the_tool(error: Exception) -> None:
    async def ends(_box: object, *, a: int) -> None:
        raise error

    with pytest.raises(type(error)):
        await call(ends, {"a": 1})


async def test_a_call_that_takes_too_long_is_given_up() -> None:
    ended: list[str] = []

    async def slow(_box: object, *, a: int) -> None:
        try:
            await clock.sleep(3600)
        except asyncio.CancelledError:
            ended.append("given up")
            raise

    async with FakeClock() as clock:
        found = await call(slow, {"a": 1}, clock=clock, timeout_s=2)
    assert found.error is not None
    assert (found.error.kind, found.text) == ("timeout", "'add' did not answer within 2 s")
    assert ended == ["given up"]
    assert found.ms == 2000


async def test_a_timeout_of_the_tool_s_own_is_its_failure() -> None:
    async def slow(_box: object, *, a: int) -> None:
        raise TimeoutError("the database did not answer")

    found = await call(slow, {"a": 1})
    assert found.error is not None
    assert found.error.kind == "failed"
    assert "the database did not answer" in found.text


async def test_a_function_that_blocks_is_given_up_as_well() -> None:
    """In a thread of its own, so that nobody else waits."""
    go_on = False

    def blocks(_box: object, *, a: int) -> int:
        while not go_on:
            time.sleep(0.01)
        return a

    found = await call(blocks, {"a": 1}, timeout_s=0.05)
    go_on = True
    assert found.error is not None
    assert found.error.kind == "timeout"


async def test_who_stops_the_caller_stops_the_tool() -> None:
    ended = asyncio.Event()

    async def slow(_box: object, *, a: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(call(slow, {"a": 1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_calls_a_minute() -> None:
    async with FakeClock() as clock:
        rates = ToolRates(clock)
        for _ in range(2):
            found = await call(add, {"a": 1}, clock=clock, rates=rates, calls_per_minute=2)
            assert found.error is None
        refused = await call(add, {"a": 1}, clock=clock, rates=rates, calls_per_minute=2)
        assert refused.error is not None
        assert refused.error.kind == "rate_limited"
        assert refused.error.retry_after_s is not None
        clock.advance(refused.error.retry_after_s + 0.1)
        again = await call(add, {"a": 1}, clock=clock, rates=rates, calls_per_minute=2)
        assert again.error is None


async def test_wrong_arguments_do_not_count_as_a_call() -> None:
    async with FakeClock() as clock:
        rates = ToolRates(clock)
        for _ in range(5):
            await call(add, {}, clock=clock, rates=rates, calls_per_minute=1)
        found = await call(add, {"a": 1}, clock=clock, rates=rates, calls_per_minute=1)
    assert found.error is None


@pytest.mark.parametrize("size", [99, 100, 101, 1_000_000])
async def test_more_than_the_limit_is_cut_and_said_to_be(size: int) -> None:
    async def much(_box: object, *, a: int) -> str:
        return "x" * size

    found = await call(much, {"a": 1}, most_output_chars=100)
    assert found.truncated is (size > 100)
    assert found.text.count("x") == min(size, 100)
    assert ("[cut: 100 of" in found.text) is (size > 100)
    assert (found.data is None) is (size > 100)


async def test_the_answer_to_a_model_stands_in_the_role_of_a_tool() -> None:
    found = await call(add, {"a": 1})
    assert found.message("call_1") == {"role": "tool", "content": "1", "tool_call_id": "call_1"}
