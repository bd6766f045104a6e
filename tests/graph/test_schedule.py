"""Subtasks start as soon as what they need is done, and never get another's result."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import RunError
from orchestrator.graph.schedule import run_dag, topological


@st.composite
def dags(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    count = draw(st.integers(1, 12))
    names = draw(st.permutations([f"t{i}" for i in range(count)]))
    needs = {
        name: tuple(draw(st.sets(st.sampled_from(names[:i]))) if i else ())
        for i, name in enumerate(names)
    }
    order = draw(st.permutations(names))
    return {name: needs[name] for name in order}


@settings(deadline=None)
@given(dags())
def test_each_gets_exactly_the_results_that_it_needs(needs: dict[str, tuple[str, ...]]) -> None:
    async def one(name: str, inputs: Mapping[str, str]) -> str:
        for _ in range(len(name) * 7 % 5):
            await asyncio.sleep(0)
        return f"{name}({','.join(f'{k}={v}' for k, v in sorted(inputs.items()))})"

    def expected(name: str) -> str:
        return f"{name}({','.join(f'{k}={expected(k)}' for k in sorted(needs[name]))})"

    results = asyncio.run(run_dag(needs, one))
    assert results == tuple(expected(name) for name in needs)


@settings(deadline=None)
@given(dags())
def test_the_order_puts_needs_first(needs: dict[str, tuple[str, ...]]) -> None:
    order = topological(needs)
    assert sorted(order) == sorted(needs)
    for name in needs:
        assert all(order.index(other) < order.index(name) for other in needs[name])


async def test_a_fast_branch_does_not_wait_for_a_slow_sibling() -> None:
    slow_may_end = asyncio.Event()
    log: list[str] = []

    async def one(name: str, inputs: Mapping[str, None]) -> None:
        log.append(f"start {name}")
        if name == "slow":
            await slow_may_end.wait()
        if name == "after-fast":
            slow_may_end.set()  # only possible if it starts while `slow` still runs
        log.append(f"end {name}")

    needs = {"slow": (), "fast": (), "after-fast": ("fast",), "last": ("slow", "after-fast")}
    await asyncio.wait_for(run_dag(needs, one), timeout=5)
    assert log.index("end after-fast") < log.index("end slow") < log.index("start last")


async def test_the_first_failure_cancels_the_rest_and_is_raised_bare() -> None:
    cancelled: list[str] = []

    async def one(name: str, inputs: Mapping[str, None]) -> None:
        if name == "bad":
            raise RunError("no")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    with pytest.raises(RunError, match="no"):
        await asyncio.wait_for(run_dag({"waits": (), "bad": ()}, one), timeout=5)
    assert cancelled == ["waits"]


def test_a_cycle_and_an_unknown_need_are_refused_by_name() -> None:
    with pytest.raises(RunError, match=r"circle: .*a.*b|circle: .*b.*a"):
        topological({"a": ("b",), "b": ("a",)})
    with pytest.raises(RunError, match="'a' needs 'x'"):
        topological({"a": ("x",)})
