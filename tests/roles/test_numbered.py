"""Citing by number: code takes the quote, letter by letter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.roles.cited import draft_schema, read_draft
from orchestrator.roles.numbered import numbered, numbers_of, without_marks
from orchestrator.roles.work import InvalidOutputError
from tests.roles.fake_work import embedder, passage
from tests.roles.material import CARRY, DAYS, LEAVE, PASSAGES, TUESDAY, WEEK

TABLE = passage(
    1, "# Prices\n\n| Who | EUR |\n| --- | --- |\n| Adults | 12 |\n\nPay in cash.", "p.md"
)


def said(text: str, *citations: Any) -> str:
    return json.dumps({"sentences": [{"text": text, "citations": citations}], "abstain": ""})


def read(text: str, *citations: Any) -> list[str]:
    (sentence,) = read_draft(said(text, *citations), PASSAGES).sentences
    return [c.quote for c in sentence.citations]


def test_every_sentence_but_a_heading_has_a_number() -> None:
    shown = numbered([TABLE])
    heading, *lines = shown.text.splitlines()[1:-1]
    assert heading == "Prices"
    assert [line.split()[0] for line in lines] == ["[p1.1]", "[p1.2]", "[p1.3]"]
    assert [word in line for word, line in zip(("Who", "12", "cash"), lines, strict=True)]
    for span in shown.spans.values():
        assert TABLE.text[span.start : span.end] == span.quote


def test_offsets_are_those_of_the_file() -> None:
    found = numbered(PASSAGES).spans["p1.2"]
    assert (found.quote, found.start) == (CARRY, LEAVE.start + LEAVE.text.index(CARRY))
    assert (found.file, found.passage, found.doc_hash) == (LEAVE.file, "p1", LEAVE.doc_hash)


@pytest.mark.parametrize(
    ("cited", "quotes"),
    [
        (["p1.1"], [DAYS]),
        (["[p2.2]"], [TUESDAY]),
        (["p1.1-p1.2"], [DAYS, CARRY]),
        (["p1.1-2", "p2.1"], [DAYS, CARRY, WEEK]),
        (["p1.2, p2.1"], [CARRY, WEEK]),
        ([{"passage": "p1.2"}], [CARRY]),
        ([{"passage": "p1.2", "quote": f"[p1.1] {DAYS}"}], [DAYS]),
        ([{"passage": "p1", "quote": DAYS}], [DAYS]),
        ([WEEK], [WEEK]),
        (["p1.1", DAYS], [DAYS]),
    ],
)
def test_numbers_and_free_quotes_are_read(cited: list[Any], quotes: list[str]) -> None:
    assert read("There are rules.", *cited) == quotes


def test_numbers_in_the_text_are_citations_and_no_part_of_it() -> None:
    text = said("Leave is 25 days [p1.1], and days are carried over [p1.2; p2.1].")
    (sentence,) = read_draft(text, PASSAGES).sentences
    assert sentence.text == "Leave is 25 days, and days are carried over."
    assert [c.quote for c in sentence.citations] == [DAYS, CARRY, WEEK]


@pytest.mark.parametrize("cited", ["p1.9", "p9.1", "p1.2-p1.1", "p1.1-p1.40", "p1.0"])
def test_a_number_that_is_not_there_is_refused(cited: str) -> None:
    with pytest.raises(InvalidOutputError, match="there is no such sentence"):
        read("T", cited)


def test_what_is_no_number_is_no_number() -> None:
    assert numbers_of("p1") == ()
    assert numbers_of("See p1.1 for more") == ()
    assert without_marks("Version p1.1 is [new]") == ("Version p1.1 is [new]", ())


def test_who_can_be_constrained_can_only_cite_what_is_there() -> None:
    schema: Any = draft_schema(PASSAGES, (), tuple(numbered(PASSAGES).spans))
    citation = schema["properties"]["sentences"]["items"]["properties"]["citations"]["items"]
    assert citation == {"type": "string", "enum": ["p1.1", "p1.2", "p2.1", "p2.2"]}


def test_a_sentence_without_a_citation_gets_the_span_that_carries_it() -> None:
    text = json.dumps(
        {
            "sentences": [
                {"text": "Employees may work remotely on up to three days a week."},
                {"text": "Employees get 40 days of paid leave per year."},
            ]
        }
    )
    first, second = read_draft(text, PASSAGES, embedder=embedder()).sentences
    assert [(c.quote, c.afterwards) for c in first.citations] == [(WEEK, True)]
    assert second.citations == ()
