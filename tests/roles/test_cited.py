"""Cited sentences: every quote is found in its passage, or the output is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.roles.cited import attributed, draft_schema, read_draft
from orchestrator.roles.work import InvalidOutputError
from tests.roles.material import DAYS, LEAVE, PASSAGES, WEEK, draft, said, written


def test_a_quote_becomes_a_span_of_the_file() -> None:
    quote = "25 days of paid leave"
    found = read_draft(written(("There are 25 days.", "p1", quote)), PASSAGES).sentences[0]
    (citation,) = found.citations
    assert (citation.file, citation.start) == ("leave.md", 200 + LEAVE.text.index(quote))
    assert LEAVE.text[citation.start - 200 : citation.end - 200] == citation.quote == quote
    assert (citation.passage, citation.doc_hash) == ("p1", LEAVE.doc_hash)


def test_spaces_dashes_and_quotes_are_folded_and_the_files_own_letters_are_cited() -> None:
    quote = "25  days of\npaid leave"
    found = read_draft(written(("There are 25 days.", "p1", quote)), PASSAGES)
    assert found.sentences[0].citations[0].quote == "25 days of paid leave"


def test_a_draft_of_code_is_read_as_well_and_known_as_verbatim() -> None:
    text = draft(said(DAYS, LEAVE), verbatim=True).model_dump_json()
    found = read_draft(text, PASSAGES, prefix="x-")
    assert found.verbatim
    assert found.sentences[0].id == "x-s1"


def test_a_reworded_sentence_is_not_verbatim_whatever_the_output_says() -> None:
    text = draft(said("Leave is 25 days.", LEAVE, DAYS), verbatim=True).model_dump_json()
    assert not read_draft(text, PASSAGES).verbatim


@pytest.mark.parametrize("kind", ["connective", "calculation", "evidence"])
def test_no_output_can_keep_a_sentence_from_being_checked(kind: str) -> None:
    sentence = said(DAYS, LEAVE).model_dump() | {
        "kind": kind,
        "calculation": {"expression": "1", "result": "2"},
    }
    found = read_draft(json.dumps({"sentences": [sentence]}), PASSAGES).sentences[0]
    assert (found.kind, found.calculation) == ("evidence", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (written(("T", "p1", "26 days of paid leave")), "altered"),
        (written(("T", "p2", "25 days of paid leave")), "passage p2"),
        (written(("T", "p9", "25 days of paid leave")), "unknown passage 'p9'"),
        (written(("T", "p1", "25 days")), "fewer than 12"),
        (written(("T", "p1", "")), "empty"),
        (written((" ", "p1", DAYS)), "sentence 1 is empty"),
        (written(), "neither sentences nor"),
        (written(("T", "p1", DAYS), subtask="zz"), "unknown subtask 'zz'"),
        ('{"sentences": [{"text": "Invented."}]}', "no sentence cites"),
        ('{"sentences": ["Invented."]}', "has no text"),
        ('{"sentences": [{"text": "T", "citations": ["p1"]}]}', "fewer than 12"),
        ('{"sentences": [{"text": "T", "citations": [{"passage": "p1"}]}]}', "no quote"),
        ('{"sentences": {}}', "must be a list"),
        (json.dumps({"sentences": [{"text": "T"}] * 99}), "too many"),
        (
            draft(said(DAYS, LEAVE)).model_dump_json().replace("leave.md", "/etc/passwd"),
            "stands in no passage",
        ),
        (
            draft(said(DAYS, LEAVE)).model_dump_json().replace('"start":200', '"start":201'),
            "stands in no passage",
        ),
    ],
)
def test_what_is_not_proven_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidOutputError, match=reason):
        read_draft(text, PASSAGES, subtasks=("a",) if "zz" in text else ())


def test_an_abstention_is_an_answer() -> None:
    found = read_draft(written(abstain="nothing on pay"), PASSAGES)
    assert (found.abstain, found.sentences) == ("nothing on pay", ())


def test_free_text_cites_what_stands_in_a_passage() -> None:
    first, second = attributed(f"{WEEK} I hope this helps you a lot.", PASSAGES)
    assert first.citations[0].file == "remote.md"
    assert second.citations == ()


def test_the_schema_lists_the_passages_and_subtasks() -> None:
    schema: Any = draft_schema(PASSAGES, ("a", "b"))
    sentence = schema["properties"]["sentences"]["items"]["properties"]
    assert sentence["subtask"]["enum"] == ["a", "b"]
    assert sentence["citations"]["items"]["properties"]["passage"]["enum"] == ["p1", "p2"]
