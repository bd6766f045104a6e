"""The further working sets say of every question where its answer stands, once and in full."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.evaluation.crosscheck.asked import AskedFolder, read_asked
from orchestrator.evaluation.crosscheck.endtoend import baselines_report
from orchestrator.evaluation.crosscheck.graded import holds

CROSSCHECK = Path(__file__).parents[3] / "evals" / "crosscheck"
KINDS = {
    "second": {"answerable": 34, "unanswerable": 22, "contradictory": 10, "poisoned": 14},
    "third": {"answerable": 24, "unanswerable": 14, "contradictory": 8, "poisoned": 14},
}
UNASKED = {"second": {"van-life-comments.html"}, "third": set[str]()}


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest) -> AskedFolder:
    return read_asked(CROSSCHECK / request.param)


def test_half_of_the_questions_have_an_answer_and_every_kind_is_there(folder: AskedFolder) -> None:
    outcomes = [q.outcome for q in folder.questions]
    assert outcomes.count("answer") == outcomes.count("abstain")
    kinds = [q.kind for q in folder.questions]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == KINDS[folder.folder.name]


def test_every_span_stands_exactly_once(folder: AskedFolder) -> None:
    for asked in folder.questions:
        for span in (*asked.spans, *asked.also):
            pattern = r"\s+".join(map(re.escape, span.quote.split()))
            found = re.findall(pattern, folder.documents[span.file].text)
            assert len(found) == 1, (asked.id, span.quote)


def test_every_fact_stands_in_a_span_and_no_forbidden_one_does(folder: AskedFolder) -> None:
    for asked in folder.questions:
        if asked.outcome == "abstain":
            continue
        said = " ".join(p.text for p in folder.places((*asked.spans, *asked.also)))
        if "calculation" not in asked.tags:
            lacking = [f for f in asked.facts if not any(holds(said, form) for form in f)]
            assert not lacking, (asked.id, lacking)
        if "table" not in asked.tags:  # of a row only the one cell is the answer
            own = " ".join(p.text for p in folder.places(asked.spans))
            assert not [f for f in asked.forbidden if holds(own, f)], asked.id


def test_what_must_not_be_answered_stands_in_the_documents(folder: AskedFolder) -> None:
    """A distractor that stands nowhere would forbid nothing."""
    text = " ".join(d.text for d in folder.documents.values())
    for asked in folder.questions:
        if "calculation" not in asked.tags:
            assert not [f for f in asked.forbidden if not holds(text, f)], asked.id


def test_who_does_not_read_the_question_misses_a_bar(folder: AskedFolder) -> None:
    assert baselines_report(folder).met


def test_every_document_but_the_chatter_is_asked_about(folder: AskedFolder) -> None:
    asked_about = {span.file for q in folder.questions for span in q.spans}
    assert set(folder.documents) - asked_about == UNASKED[folder.folder.name]
