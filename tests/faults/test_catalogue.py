"""Every cell of the fault table, on a clock that jumps.

`make faults` runs the same cells on real clocks and prints the table.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pytest

from tests.faults.bench import VIAS, WAYS, Bench, Called, Way
from tests.faults.catalogue import SCENARIOS
from tests.faults.checks import (
    apart,
    asked_to_continue,
    broke_off,
    costs,
    failed,
    left,
    outcomes,
    within,
)
from tests.faults.project import Via
from tests.faults.run import Cell, cells, run_cell

pytestmark = [
    # litellm's dependencies, on import and when its clients are collected
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Pydantic.*:UserWarning"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The cells of a class's way and transport."""
    if "cell" in metafunc.fixturenames:
        mine = [
            c for c in cells(SCENARIOS) if (c.way, c.via) == (metafunc.cls.way, metafunc.cls.via)
        ]
        run = [c for c in mine if c.inapplicable is None]
        if metafunc.cls.briefly:
            run = list({c.scenario.number: c for c in reversed(run)}.values())[::-1]
        metafunc.parametrize("cell", run, ids=[c.scenario.name for c in run])


class Column:
    """A column of the table."""

    way: ClassVar[Way]
    via: ClassVar[Via]
    briefly: ClassVar[bool] = False
    """One variant of each fault: both its door and its transport have columns of their own."""

    async def test_fault(self, cell: Cell) -> None:
        result = await run_cell(cell, quick=True)
        if result.status != "passed":
            pytest.fail(f"{cell.name}: {result.why}\n{result.seen}", pytrace=False)


class TestInProcess(Column):
    way, via = "in process", "openai"


class TestStreaming(Column):
    way, via = "streaming", "openai"


class TestNotStreaming(Column):
    way, via = "not streaming", "openai"


class TestOverHTTP(Column):
    way, via = "http", "openai"


class TestStreamingOverHTTP(Column):
    way, via = "http streaming", "openai"


class TestInProcessOverLiteLLM(Column):
    way, via = "in process", "litellm"


class TestStreamingOverLiteLLM(Column):
    way, via = "streaming", "litellm"


class TestNotStreamingOverLiteLLM(Column):
    way, via = "not streaming", "litellm"


class TestOverHTTPAndLiteLLM(Column):
    way, via, briefly = "http", "litellm", True


class TestStreamingOverHTTPAndLiteLLM(Column):
    way, via, briefly = "http streaming", "litellm", True


def test_no_fault_of_the_catalogue_is_missing() -> None:
    assert {scenario.number for scenario in SCENARIOS} == set(range(1, 29))


def test_each_cell_is_run_or_says_why_not() -> None:
    for number in range(1, 29):
        found = [c for c in cells(SCENARIOS) if c.scenario.number == number]
        assert {(c.way, c.via) for c in found} == {(way, via) for way in WAYS for via in VIAS}
        assert any(c.inapplicable is None for c in found)
        assert all(c.inapplicable is None or len(c.inapplicable) > 20 for c in found)


def test_no_two_scenarios_have_one_name() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)


ONCE, FOR_EVER = (next(s for s in SCENARIOS if s.number == n) for n in (3, 4))


async def _in_vain(bench: Bench) -> None:
    bench.calls.append(Called(question="nobody asks", started=0.0))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"caller": ONCE.caller}, "the answer is 'stone0"),
        ({"caller": (broke_off("stone0"),)}, "a cut answer was given as a success"),
        ({"caller": (failed("no"),)}, "it should have failed"),
        ({"caller": (within(0.1),)}, "it took"),
        ({"caller": (costs(7),)}, "the cost is"),
        ({"caller": (outcomes("ok"),)}, "the attempts are"),
        ({"provider": ONCE.provider}, "1 requests reached the fallback"),
        ({"provider": (apart(60),)}, "between two requests"),
        ({"provider": (left("primary"),)}, "was not stopped"),
        ({"provider": (asked_to_continue("fallback", "x"),)}, "was asked to go on with ''"),
        ({"caller": (), "provider": (), "act": _in_vain}, "the call did not end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_does_not_hold_is_found(changed: dict[str, Any], said: str) -> None:
    scenario = dataclasses.replace(FOR_EVER, **changed)
    result = await run_cell(Cell(scenario=scenario, way="streaming", via="openai"), quick=True)
    assert result.status == "failed"
    assert said in result.why
