"""Cases carried out by a stand-in for the mesh: how many at a time, what errors and stops leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import CallError, InternalError, UnknownNameError, UserError
from orchestrator.evaluation.run import Evaluation, choose_cases, find_suite
from orchestrator.evaluation.values import Circumstances, Sample
from orchestrator.graph.answer import Answer, RunOptions
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.policy_schema import Policy
from orchestrator.project.schema import Graph, Project, Settings
from orchestrator.project.suite_schema import Suite

from .samples import answer, suite

MAIN = Graph.model_validate(
    {
        "input": {"question": "text", "sources": "paths?"},
        "nodes": {"a": {"agent": "x"}},
        "output": "a",
    }
)
ASKED = [{"name": name, "input": {"question": name}} for name in ("a", "b", "c", "d")]


class Runner:
    """Answers with the question; `raises` by question. Counts what goes on at the same time."""

    def __init__(self, **raises: BaseException) -> None:
        self.raises = raises
        self.asked: list[dict[str, Any]] = []
        self.options = RunOptions()
        self.most = self._now = 0

    async def __call__(
        self, graph: str, *, options: RunOptions, on_event: Any, **inputs: Any
    ) -> Answer:
        self.asked.append(inputs)
        self.options = options
        self._now += 1
        self.most = max(self.most, self._now)
        for _ in range(3):
            await asyncio.sleep(0)
        self._now -= 1
        if error := self.raises.get(inputs["question"]):
            raise error
        return answer(inputs["question"], cost_micro_usd=5)


def project(*suites: Suite, root: Path = Path()) -> Project:
    return Project.model_construct(
        root=str(root),
        settings=Settings(),
        fleet=Fleet.model_construct(models={}),
        policy=Policy(),
        agents={},
        graphs={"main": MAIN},
        suites={made.name: made for made in suites},
    )


def evaluation(made: Suite, runner: Runner, **changes: Any) -> Evaluation:
    options: dict[str, Any] = {
        "project": project(made),
        "suite": made,
        "cases": choose_cases(made, (), ()),
        "runner": runner,
        "checks": {},
        "circumstances": Circumstances(jobs=2),
        "repetitions": made.repetitions,
    }
    return Evaluation(**{**options, **changes})


async def test_no_more_runs_at_a_time_than_allowed() -> None:
    runner = Runner()
    made = evaluation(suite(*ASKED), runner, repetitions=2)
    run = await made.run()
    assert (made.planned, len(runner.asked), runner.most) == (8, 8, 2)
    assert [case.status for case in run.cases] == ["passed"] * 4
    assert [sample.repetition for sample in run.cases[0].samples] == [1, 2]
    assert (run.complete, run.cost_micro_usd) == (True, 40)
    # Round by round, so that a stop leaves something of every case.
    assert [asked["question"] for asked in runner.asked] == ["a", "b", "c", "d"] * 2


async def test_an_error_is_no_failure_and_stops_nobody() -> None:
    runner = Runner(b=CallError("every server is down"), c=UserError("no such file"))
    wanted = [{**case, "expect": {"contains": ["a"]}} for case in ASKED]
    run = await evaluation(suite(*wanted), runner).run()
    assert [case.status for case in run.cases] == ["passed", "error", "error", "failed"]
    assert run.cases[1].samples[0].error == "every server is down"
    assert run.pass_rate == 0.5


async def test_a_bug_of_ours_ends_it_at_once() -> None:
    runner = Runner(a=InternalError("broken"))
    made = evaluation(suite(*ASKED), runner, circumstances=Circumstances(jobs=1))
    with pytest.raises(InternalError, match="broken"):
        await made.run()
    assert len(runner.asked) == 1


async def test_a_check_that_breaks_is_an_error_of_its_case() -> None:
    def broken(*_: Any) -> None:
        raise ValueError("oops")

    made = suite({**ASKED[0], "expect": {"checks": ["broken"]}}, ASKED[1])
    run = await evaluation(made, Runner(), checks={"broken": broken}).run()
    assert [case.status for case in run.cases] == ["error", "passed"]
    assert run.cases[0].samples[0].error == "a check broke: ValueError: oops"


async def test_what_was_finished_before_a_stop_is_there() -> None:
    samples: list[Sample] = []
    made = evaluation(suite(*ASKED), Runner(), circumstances=Circumstances(jobs=1))
    task = asyncio.create_task(made.run())

    def stop(sample: Sample) -> None:
        samples.append(sample)
        if len(samples) == 2:
            task.cancel()

    made.on_sample = stop
    with pytest.raises(asyncio.CancelledError):
        await task
    run = made.result()
    assert ([case.name for case in run.cases], run.complete) == (["a", "b"], False)


async def test_options_and_paths_reach_the_run(tmp_path: Path) -> None:
    runner = Runner()
    made = suite(
        {"input": {"question": "a", "sources": ["docs", "/etc"]}},
        {"input": {"question": "b", "sources": "docs"}},
        options={"data_class": "pii", "risk": "high", "tags": ["x"], "budget_usd": 0.5},
    )
    await evaluation(made, runner, project=project(made, root=tmp_path)).run()
    assert runner.options == RunOptions(data_class="pii", risk="high", tags=("x",), budget_usd=0.5)
    assert runner.asked[0]["sources"] == (f"{tmp_path}/docs", "/etc")
    assert runner.asked[1]["sources"] == (f"{tmp_path}/docs",)


async def test_a_result_knows_its_case_by_content() -> None:
    run = await evaluation(suite(*ASKED), Runner()).run()
    renamed = suite(*[{**case, "name": f"{case['name']}-new"} for case in ASKED])
    again = await evaluation(renamed, Runner()).run()
    assert [c.digest for c in run.cases] == [c.digest for c in again.cases]
    edited = suite(*[{**case, "expect": {"verdict": "accepted"}} for case in ASKED])
    other = await evaluation(edited, Runner()).run()
    assert {c.digest for c in run.cases}.isdisjoint(c.digest for c in other.cases)


# ── choosing ─────────────────────────────────────────────────────────────────────────────

TAGGED = suite(
    {"name": "sum-one", "tags": ["sums"], "input": {"question": "1"}},
    {"name": "sum-two", "tags": ["sums", "hard"], "input": {"question": "2"}},
    {"name": "fact", "input": {"question": "3"}},
)


@pytest.mark.parametrize(
    ("names", "tags", "chosen"),
    [
        ((), (), ["sum-one", "sum-two", "fact"]),
        (("sum-*",), (), ["sum-one", "sum-two"]),
        (("fact", "*-two"), (), ["sum-two", "fact"]),
        ((), ("hard",), ["sum-two"]),
        (("*-one",), ("sums",), ["sum-one"]),
    ],
)
def test_cases_are_chosen_by_name_and_tag(
    names: tuple[str, ...], tags: tuple[str, ...], chosen: list[str]
) -> None:
    assert [case.name for case in choose_cases(TAGGED, names, tags)] == chosen


@pytest.mark.parametrize(
    ("names", "tags", "message"),
    [
        (("sum-tow",), (), "unknown case 'sum-tow'; .* did you mean 'sum-two'"),
        ((), ("sum",), "unknown tag 'sum'; .* did you mean 'sums'"),
        (("fact",), ("hard",), "no case has both"),
    ],
)
def test_a_choice_of_nothing_is_a_mistake(
    names: tuple[str, ...], tags: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        choose_cases(TAGGED, names, tags)


def test_an_unknown_suite(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'facts'"):
        find_suite(project(TAGGED), "fact")
    with pytest.raises(UserError, match=r"has no suites: write one to evals/NAME\.yaml"):
        find_suite(project(root=tmp_path), "facts")
