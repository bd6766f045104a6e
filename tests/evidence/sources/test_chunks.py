"""Sentences and passages are exact spans, cut where a reader would cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evidence.sources.chunks import (
    chunks,
    document_sentences,
    passage_sentences,
    readable,
    sentences,
)
from orchestrator.evidence.sources.documents import Document, load_document
from orchestrator.evidence.values import Passage


def cut(text: str) -> list[str]:
    return [text[s.start : s.end] for s in sentences(text)]


def document(tmp_path: Path, text: str, name: str = "a.md") -> Document:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return load_document(path)


@pytest.mark.parametrize(
    "expected",
    [
        ["It costs 3.5 EUR.", "That is cheap."],
        ["Dr. Smith met Mr. J. Doe.", "They agreed."],
        ["Use tools (e.g. a saw), i.e. No. 5 of the list.", "Then stop!"],
        ["The U.S. office is closed.", "It opens in Jan. 2025."],
        ["It began on 3. Mai 2020.", "Es endete im Juni."],
        ["That was in 2023.", "The end."],
        ["He said: “It is done.”", "She left."],
        ["Really?", "Yes…", "Good."],
        ["Acme Inc. The firm grew."],
        ["See fig. 3 and art. 12 of the law."],
        ["これは文です。", "次の文です。"],
    ],
)
def test_sentences_end_where_they_end(expected: list[str]) -> None:
    joined = "".join(expected) if "。" in expected[0] else " ".join(expected)
    if expected == ["Acme Inc. The firm grew."]:
        expected = ["Acme Inc.", "The firm grew."]
    assert cut(joined) == expected


def test_each_block_is_cut_on_its_own() -> None:
    text = (
        "# Title\n\nOne wrapped\nsentence here.\n\n- first item. Two\n- second\n  goes on\n"
        "1. third\n\n| a. B | c |\n|---|---|\n| 1 | 2 |\n\n```\nx = 1. Y\n```\nLast"
    )
    assert [(s.kind, text[s.start : s.end]) for s in sentences(text)] == [
        ("heading", "Title"),
        ("paragraph", "One wrapped\nsentence here."),
        ("item", "first item."),
        ("item", "Two"),
        ("item", "second\n  goes on"),
        ("item", "third"),
        ("row", "a. B | c"),
        ("row", "1 | 2"),
        ("code", "x = 1. Y"),
        ("paragraph", "Last"),
    ]


def test_marks_and_links_are_not_torn() -> None:
    text = "**Owner:** HR. *This is it.* See [the plan](http://a.b/c.d). Now [here](http://x)"
    assert cut(text) == [
        "**Owner:** HR.",
        "*This is it.*",
        "See [the plan](http://a.b/c.d).",
        "Now [here](http://x)",
    ]


def test_a_line_that_was_ended_early_is_a_sentence_of_its_own() -> None:
    assert cut("Owner: HR\nVersion: 3\nDate: 2024-01-01") == [
        "Owner: HR",
        "Version: 3",
        "Date: 2024-01-01",
    ]


def test_a_number_that_begins_a_wrapped_line_is_not_a_list() -> None:
    text = "The contract that was signed by both parties in Berlin began on\n12. Mai 2020 and ends."
    assert cut(text) == [text]


def test_endless_text_is_cut_at_spaces() -> None:
    parts = cut("word " * 1000)
    assert len(parts) > 3
    assert all(len(p) <= 1200 and p.startswith("word") and p.endswith("word") for p in parts)


@given(text=st.text(alphabet="aB .!?#-|*`\n12é[](\r\f", max_size=300))
def test_spans_are_in_order_trimmed_and_lose_no_word(text: str) -> None:
    found = sentences(text)
    end = 0
    for span in found:
        assert end <= span.start < span.end <= len(text)
        assert text[span.start : span.end] == text[span.start : span.end].strip()
        end = span.end
    covered = set().union(*(range(s.start, s.end) for s in found)) if found else set()
    marks = {i for i, c in enumerate(text[:-1]) if text[i + 1] in ".)"}  # "a." may begin an item
    assert all(i in covered for i, c in enumerate(text) if c in "aBé" and i not in marks)


def test_passages_carry_their_headings_and_do_not_hold_them(tmp_path: Path) -> None:
    made = chunks(
        document(tmp_path, "# Leave\n\nIntro.\n\n## Parents\n\nYou get 14 weeks.\n\n## Empty\n")
    )
    assert [(c.heading, c.prose) for c in made] == [
        ("Leave", "Intro."),
        ("Leave › Parents", "You get 14 weeks."),
        ("Leave", "Empty"),
    ]


def test_long_sections_are_cut_at_about_120_words_with_one_sentence_of_overlap(
    tmp_path: Path,
) -> None:
    text = "# T\n\n" + " ".join(
        f"Sentence number {i} has exactly eight words here." for i in range(60)
    )
    source = document(tmp_path, text)
    made = chunks(source)
    assert len(made) > 3
    for before, after in pairwise(made):
        assert before.start < after.start < before.end < after.end
        overlap = source.text[after.start : before.end]
        assert overlap.count("Sentence") == 1
    assert all(len(c.prose.split()) <= 120 for c in made)


def test_every_sentence_is_in_a_passage(tmp_path: Path) -> None:
    source = document(
        tmp_path, "Start.\n\n# A\n\n" + "Word one two. " * 90 + "\n\n# B\n\n- x\n- y\n"
    )
    made = chunks(source)
    for span in document_sentences(source):
        if span.kind != "heading":
            assert any(c.start <= span.start and span.end <= c.end for c in made)


def test_a_passage_of_html_is_read_as_html(tmp_path: Path) -> None:
    source = document(
        tmp_path, "<h1>T</h1><p>Pay is <b>40&nbsp;EUR</b>. It is monthly.</p>", "a.html"
    )
    chunk = chunks(source)[0]
    passage = Passage(
        id="p1",
        file=source.file,
        start=chunk.start,
        end=chunk.end,
        text=source.text[chunk.start : chunk.end],
        doc_hash=source.hash,
    )
    found = [source.text[s.start : s.end] for s in passage_sentences(passage)]
    assert found == ["Pay is <b>40&nbsp;EUR</b>.", "It is monthly."]
    assert readable(passage.text, passage.file) == "Pay is 40 EUR . It is monthly."
    assert chunk.heading == "T"


def test_a_table_keeps_its_first_row(tmp_path: Path) -> None:
    rows = "".join(f"| Thing {n} | {n} EUR |\n" for n in range(60))
    source = document(tmp_path, f"# Prices\n\n| Item | Price |\n| --- | --- |\n{rows}")
    first, *others = chunks(source)
    assert source.text[first.start :].startswith("| Item")
    assert others
    assert {c.heading for c in others} == {"Prices › Item | Price"}
    assert all(source.text[c.start] == "|" for c in others)


def test_a_numbered_title_in_plain_text_is_a_heading(tmp_path: Path) -> None:
    text = "Lease of rooms\n\n1. Rent\n\nThe rent is 5 EUR.\n\n2. Term\n\nIt ends in May.\n"
    source = document(tmp_path, text, "lease.txt")
    assert [c.heading for c in chunks(source)] == ["Lease of rooms › Rent", "Lease of rooms › Term"]
    listed = document(tmp_path, "Things\n\n1. Apples\n\n2. Pears\n\n3. Plums\n", "list.txt")
    assert all(block.kind == "item" for block in listed.blocks[1:])
