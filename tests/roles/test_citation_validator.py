"""The citation validator: letters first, then support; a model cannot save a false quote."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.evidence.values import Citation, Draft, Sentence
from orchestrator.roles.citation_validator import file_texts, read_support, validate
from orchestrator.roles.values import CitationReport
from orchestrator.roles.work import InvalidOutputError
from tests.roles.fake_work import FakeWork, Runs, Says, agents, passage, span
from tests.roles.material import CARRY, DAYS, LEAVE, PASSAGES, REMOTE, WEEK, draft, said

VERIFIER = Runs("quote-verifier")


async def _validate(written: Draft, *chain: Says | Runs) -> tuple[CitationReport, FakeWork]:
    work = FakeWork(
        agents()["citation-validator"],
        {"phrase": written, "evidence": PASSAGES},
        [chain] if chain else [],
    )
    return await validate(work), work


def _yes(*ids: str, supported: Any = True) -> Says:
    items = [{"id": i, "supported": supported, "reason": "says so"} for i in ids]
    return Says(json.dumps({"citations": items}))


def _flags(report: CitationReport) -> list[tuple[str | None, bool | None]]:
    return [(c.status, c.supported) for s in report.sentences for c in s.citations]


async def test_true_citations_stand_and_support() -> None:
    found, _ = await _validate(draft(said(DAYS, LEAVE), said(WEEK, REMOTE)), VERIFIER)
    assert _flags(found) == [("exact", True), ("exact", True)]
    assert found.by == "quote-verifier/here"


async def test_a_quote_that_does_not_carry_the_sentence_is_not_support() -> None:
    found, _ = await _validate(draft(said(DAYS, LEAVE, CARRY)), VERIFIER)
    assert _flags(found) == [("exact", False)]


async def test_an_altered_quote_is_refused_and_no_model_is_asked() -> None:
    false = Citation(file="leave.md", start=200, end=230, quote="Employees get 99 days of leave.")
    written = Draft(sentences=(Sentence(id="s1", text=DAYS, citations=(false,)),))
    found, work = await _validate(written)
    assert _flags(found) == [("altered", False)]
    assert work.requests == []


async def test_a_quote_with_wrong_offsets_is_moved_to_its_place() -> None:
    true = span(LEAVE, DAYS)
    wrong = true.model_copy(update={"start": 0, "end": len(DAYS)})
    written = Draft(sentences=(Sentence(id="s1", text=DAYS, citations=(wrong,)),))
    found, _ = await _validate(written, VERIFIER)
    (citation,) = found.sentences[0].citations
    assert (citation.status, citation.start, citation.end) == ("moved", true.start, true.end)


async def test_a_model_cannot_say_that_a_quote_supports_what_it_contradicts() -> None:
    lie = said("Employees are entitled to 30 days of paid leave per year.", LEAVE, DAYS)
    found, _ = await _validate(draft(lie), _yes("s1.0"))
    assert _flags(found) == [("exact", False)]


async def test_a_model_may_judge_what_the_gates_leave_open() -> None:
    found, _ = await _validate(draft(said("There is leave.", LEAVE, DAYS)), _yes("s1.0"))
    assert _flags(found) == [("exact", True)]
    found, _ = await _validate(draft(said(DAYS, LEAVE)), _yes("s1.0", supported=False))
    assert _flags(found) == [("exact", False)]


async def test_a_missing_verdict_is_no_support() -> None:
    found, _ = await _validate(draft(said(DAYS, LEAVE), said(WEEK, REMOTE)), _yes("s1.0"))
    assert _flags(found) == [("exact", True), ("exact", False)]
    assert found.sentences[1].citations[0].reason == "no verdict"


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "{}",
        '{"citations": [{"id": "s9.0", "supported": true}]}',
        _yes("s1.0", supported="yes").text,
    ],
)
def test_output_without_a_usable_verdict_is_refused(text: str) -> None:
    with pytest.raises(InvalidOutputError):
        read_support(text, draft(said(DAYS, LEAVE)).sentences)


def test_the_passages_of_a_file_stand_at_their_own_offsets() -> None:
    later = passage(9, "Later text.", "leave.md", start=400)
    text = file_texts([later, LEAVE])["leave.md"]
    assert text[200 : 200 + len(LEAVE.text)] == LEAVE.text
    assert text[400:411] == "Later text."
    assert text[:200].strip() == ""


@pytest.mark.parametrize(
    ("effort", "flags"),
    [
        ("none", [(None, None)] * 2),
        ("quotes", [("exact", None)] * 2),
        ("scorer", [("exact", True), ("exact", False)]),
    ],
)
async def test_below_effort_model_nobody_is_asked(effort: Any, flags: Any) -> None:
    written = draft(said(DAYS, LEAVE), said(WEEK, LEAVE, CARRY))
    work = FakeWork(
        agents()["citation-validator"], {"phrase": written, "evidence": PASSAGES}, effort=effort
    )
    found = await validate(work)
    assert _flags(found) == flags
    assert work.requests == []


async def test_where_nobody_can_be_asked_the_gates_decide() -> None:
    found, work = await _validate(draft(said(DAYS, LEAVE)), Says("no JSON"))
    assert _flags(found) == [("exact", True)]
    assert found.by == "gates"
    assert "checked by gates alone" in work.notes[0]


async def test_a_quote_of_another_document_is_told_apart() -> None:
    moved = span(REMOTE, WEEK).model_copy(update={"file": LEAVE.file})
    written = Draft(sentences=(Sentence(id="s1", text=WEEK, citations=(moved,)),))
    found, _ = await _validate(written)
    assert _flags(found) == [("wrong_document", False)]
    assert REMOTE.file in found.sentences[0].citations[0].reason
