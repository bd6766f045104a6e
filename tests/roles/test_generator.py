"""The generator: one draft, cited; calculations by code; what was rejected stays out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import CallError
from orchestrator.evidence.values import Calculation, ClaimCheck
from orchestrator.roles.generator import generate
from orchestrator.roles.values import Plan, Result, Subtask, Verdict
from tests.roles.fake_work import FakeWork, Runs, Says, agents
from tests.roles.material import (
    CARRY,
    DAYS,
    LEAVE,
    PASSAGES,
    REMOTE,
    TUESDAY,
    WEEK,
    said,
    written,
)

COST = Calculation(
    expression="120 * 40 EUR/month * 12 month/year",
    result="57600",
    unit="EUR/year",
    shown="57,600 EUR",
    working="120 employees × 40 EUR × 12 months = 57,600 EUR",
)
DRAFT = Subtask(id="draft", description="Draft a leave policy", task="draft")
MATH = Subtask(id="math", description="Calculate the cost", task="math")
SUMMARY = Subtask(
    id="sum",
    description="Summarise the citations (from: Draft)",
    task="summarize",
    needs=("draft",),
)
QUESTION = Subtask(id="extract", description="How many days of paid leave?", task="extract")


def _result(subtask: Subtask, **fields: Any) -> Result:
    sentences = [s.model_copy(update={"subtask": subtask.id}) for s in fields.pop("sentences", ())]
    return Result(
        subtask=subtask.id, specialist="x", task=subtask.task, sentences=tuple(sentences), **fields
    )


def _work(
    subtasks: list[Subtask], results: list[Result], *chain: Says | Runs, **inputs: Any
) -> FakeWork:
    given = {
        "plan": Plan(subtasks=tuple(subtasks)),
        "work": results,
        "evidence": PASSAGES,
        **inputs,
    }
    question = subtasks[0].description
    return FakeWork(agents()["generator"], given, [chain] if chain else [], question=question)


async def test_the_missions_shape() -> None:
    results = [
        _result(DRAFT, sentences=[said(WEEK, REMOTE), said(TUESDAY, REMOTE)]),
        _result(MATH, calculation=COST),
        _result(SUMMARY, sentences=[said(WEEK, REMOTE)]),
    ]
    found = await generate(_work([DRAFT, MATH, SUMMARY], results, Runs("extractive-writer")))
    assert [(s.kind, s.subtask, s.text) for s in found.sentences] == [
        ("heading", "draft", "Draft a leave policy"),
        ("evidence", "draft", WEEK),
        ("evidence", "draft", TUESDAY),
        ("heading", "math", "Calculate the cost"),
        ("calculation", "math", "120 employees × 40 EUR × 12 months = 57,600 EUR."),
        ("heading", "sum", "Summarise the citations"),
        ("evidence", "sum", WEEK),
    ]
    assert [s.id for s in found.sentences] == [f"s{n}" for n in range(1, 8)]
    assert found.verbatim


async def test_only_calculations_ask_no_model() -> None:
    work = _work([MATH], [_result(MATH, calculation=COST)])
    found = await generate(work)
    assert work.requests == []
    assert [s.kind for s in found.sentences] == ["calculation"]
    assert not found.verbatim


async def test_a_models_draft_is_used_and_its_subtasks_kept() -> None:
    text = json.dumps(
        {
            "sentences": [
                {
                    "subtask": "draft",
                    "text": "Leave is 25 days a year.",
                    "citations": [{"passage": "p1", "quote": DAYS}],
                }
            ],
            "abstain": "",
        }
    )
    results = [_result(DRAFT, sentences=[said(WEEK, REMOTE)]), _result(MATH, calculation=COST)]
    found = await generate(_work([DRAFT, MATH], results, Says(text)))
    assert [s.text for s in found.sentences if s.kind == "evidence"] == ["Leave is 25 days a year."]
    assert not found.verbatim


async def test_a_quote_out_of_nowhere_falls_to_the_writer() -> None:
    lie = Says(written(("30 days.", "p1", "30 days of paid leave per year")))
    found = await generate(_work([QUESTION], [], lie, Runs("extractive-writer")))
    assert "25 days" in found.text


async def test_a_sentence_for_a_subtask_that_is_not_there_is_refused() -> None:
    text = written(("T", "p1", DAYS), subtask="cost")
    with pytest.raises(CallError, match="unknown subtask 'cost'"):
        await generate(_work([QUESTION], [], Says(text)))


async def test_a_plain_question_is_answered_by_the_writer_in_few_sentences() -> None:
    finds = [said(TUESDAY, REMOTE), said(DAYS, LEAVE), said(CARRY, LEAVE)]
    work = _work([QUESTION], [_result(QUESTION, sentences=finds)], Runs("extractive-writer"))
    found = await generate(work)
    assert DAYS in found.text
    assert TUESDAY not in found.text


async def test_what_was_rejected_does_not_come_back_and_the_model_is_told_why() -> None:
    verdict = Verdict(
        verdict="revised",
        rejected=(ClaimCheck(claim="s1", text=DAYS, status="contradicted", reason="memo says 20"),),
    )
    results = [_result(DRAFT, sentences=[said(DAYS, LEAVE), said(CARRY, LEAVE)])]
    work = _work([DRAFT], results, Runs("extractive-writer"), verdict=verdict)
    found = await generate(work)
    assert [s.text for s in found.sentences] == [CARRY]
    assert f"- {DAYS}: memo says 20" in work.requests[0].messages[-1]["content"]
    assert work.requests[0].inputs["rejected"] == [DAYS]


async def test_with_everything_rejected_it_abstains_with_the_verdicts_reason() -> None:
    verdict = Verdict(
        verdict="revised",
        reason="rejected all of it",
        rejected=tuple(
            ClaimCheck(claim="s", text=t, status="contradicted")
            for t in (DAYS, CARRY, WEEK, TUESDAY)
        ),
    )
    results = [_result(DRAFT, sentences=[said(DAYS, LEAVE)])]
    found = await generate(
        _work([DRAFT], results, Says(written(("x", "p1", DAYS))), verdict=verdict)
    )
    assert found.sentences != ()  # a model may word it anew; the checker sees it again
    again = await generate(_work([DRAFT], results, verdict=verdict, evidence=()))
    assert again.abstain == "rejected all of it"


async def test_without_passages_and_results_it_abstains() -> None:
    failed = _result(QUESTION, failed="no source says anything about it")
    found = await generate(_work([QUESTION], [failed], evidence=()))
    assert (found.abstain, found.sentences) == ("no source says anything about it", ())


async def test_a_models_abstention_is_kept() -> None:
    found = await generate(_work([QUESTION], [], Says(written(abstain="nothing on pay"))))
    assert found.abstain == "nothing on pay"


async def test_code_is_shown_as_code_and_a_class_as_a_class() -> None:
    code = Subtask(id="code", description="Write code", task="code")
    label = Subtask(id="cls", description="Classify it", task="classify")
    results = [_result(code, text="x = 1"), _result(label, text="bug")]
    found = await generate(_work([code, label], results, evidence=()))
    assert [s.text for s in found.sentences if s.kind == "connective"] == [
        "```\nx = 1\n```",
        "Class: bug.",
    ]


# ── before and after the model ───────────────────────────────────────────────────────────


async def test_the_model_sees_numbered_sentences_and_cites_by_number() -> None:
    cited = {"subtask": "draft", "text": "Leave is 25 days a year.", "citations": ["p1.1"]}
    work = _work([DRAFT], [], Says(json.dumps({"sentences": [cited], "abstain": ""})))
    found = await generate(work)
    assert [c.quote for s in found.sentences for c in s.citations] == [DAYS]
    assert f"[p1.1] {DAYS}" in work.requests[0].messages[-1]["content"]
    assert work.requests[0].schema is not None
    assert '"p2.2"' in json.dumps(work.requests[0].schema)


async def test_nobody_is_paid_to_write_what_the_sources_cannot_say() -> None:
    hopeless = Subtask(id="extract", description="What is the dress code?", task="extract")
    work = _work([hopeless], [])
    found = await generate(work)
    assert work.requests == []
    assert (found.cause, found.abstain) == (
        "no_evidence",
        "the sources say nothing about dress code",
    )
    assert "nobody is asked to write" in work.notes[0]


async def test_of_two_questions_only_the_hopeless_one_is_left_out() -> None:
    hopeless = Subtask(id="dress", description="What is the dress code?", task="extract")
    work = _work(
        [QUESTION, hopeless], [], Says(written(("25 days.", "p1", DAYS), subtask="extract"))
    )
    found = await generate(work)
    assert {s.subtask for s in found.sentences} == {"extract"}
    assert "dress" not in work.requests[0].messages[-1]["content"]


async def test_what_a_specialist_has_found_is_not_judged_hopeless() -> None:
    hopeless = Subtask(id="extract", description="What is the dress code?", task="extract")
    results = [_result(hopeless, sentences=[said(TUESDAY, REMOTE)])]
    work = _work([hopeless], results, Says(written(("Tuesday.", "p2", TUESDAY))))
    assert (await generate(work)).text == "Tuesday."


async def test_a_sentence_without_a_citation_is_cited_afterwards_on_record() -> None:
    bare = {"sentences": [{"text": WEEK}], "abstain": ""}
    work = _work([QUESTION], [], Says(json.dumps(bare)))
    found = await generate(work)
    assert [(c.quote, c.afterwards) for c in found.sentences[0].citations] == [(WEEK, True)]
    assert work.notes == [f"cited afterwards, by code: {WEEK!r}"]


async def test_a_revision_that_nobody_writes_is_no_failure() -> None:
    verdict = Verdict(
        verdict="revised",
        draft=(said(DAYS, LEAVE),),
        rejected=(ClaimCheck(claim="s2", text=WEEK, status="unsupported"),),
    )
    work = _work([QUESTION], [], Says("no JSON"), verdict=verdict)
    found = await generate(work)
    assert (found.cause, found.sentences) == ("gate_failed", ())
    assert "no further revision" in work.notes[0]
    with pytest.raises(CallError):
        await generate(_work([QUESTION], [], Says("no JSON")))
