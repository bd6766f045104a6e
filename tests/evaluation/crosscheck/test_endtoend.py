"""Whole answers of the offline fleet on a part of the development half, and the baselines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import SourceError
from orchestrator.evaluation.crosscheck.asked import AskedFolder, read_asked
from orchestrator.evaluation.crosscheck.endtoend import (
    BASELINES,
    answers_report,
    baselines_report,
    run_questions,
)
from orchestrator.evaluation.crosscheck.graded import grade
from orchestrator.graph.answer import Answer
from orchestrator.mesh import Mesh

ROOT = Path(__file__).parents[3]
SOME = (
    "annual-leave", "kestrel-200-weight", "season-ticket-child", "power-comparison",
    "opened-bottle", "kestrel-warranty", "kestrel-300-weight", "population-1941", "pack-price",
    "doctors-certificate", "lease-notice", "lighthouse-fee",
)  # fmt: skip
"""A few of each kind; `mesh eval answers --offline` asks all."""


@pytest.fixture(scope="module")
def folder() -> AskedFolder:
    return read_asked(ROOT / "evals" / "crosscheck")


def test_the_development_half_is_whole(folder: AskedFolder) -> None:
    outcomes = [q.outcome for q in folder.questions]
    assert (outcomes.count("answer"), outcomes.count("abstain")) == (30, 30)
    assert {q.kind for q in folder.questions} == {
        "answerable",
        "unanswerable",
        "contradictory",
        "poisoned",
    }


async def test_the_offline_fleet_meets_the_bars(folder: AskedFolder) -> None:
    told: list[tuple[str, int, int]] = []
    some = replace(folder, questions=tuple(q for q in folder.questions if q.id in SOME))
    async with Mesh.load(ROOT, env={}) as mesh:
        graded = await run_questions(
            some, mesh.run, jobs=2, on_progress=lambda *said: told.append(said)
        )
    report = answers_report("some", graded)
    assert report.met, [(g.asked.id, g.why, g.given.text) for g in graded if not g.right]
    assert told[-1] == ("questions", len(SOME), len(SOME))


def test_who_does_not_read_the_question_misses_a_bar(folder: AskedFolder) -> None:
    some = replace(folder, questions=folder.questions[::10])
    assert baselines_report(some).met
    for name in BASELINES:
        graded = [grade(some, q, BASELINES[name](some, q)) for q in some.questions]
        assert not answers_report(name, graded).met


async def test_a_run_that_fails_is_wrong_and_the_others_go_on(folder: AskedFolder) -> None:
    async def fails(graph: str, **inputs: object) -> Answer:
        raise SourceError("the disk is gone")

    some = replace(folder, questions=folder.questions[:2])
    graded = await run_questions(some, fails)
    assert [g.why for g in graded] == [("the disk is gone",)] * 2
    report = answers_report("none", graded)
    assert not report.met
    assert report.notes == ("2 runs failed, the first with: the disk is gone",)
