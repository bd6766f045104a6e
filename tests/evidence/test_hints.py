"""Providers' citations: read in each of their formats, and kept only where the words stand."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.evidence.hints import Given, read_hints

TOWER = (
    "The Eiffel Tower was built in 1889.\nIt is 330 metres high – without the mast.\f"
    "The tower is painted every seven years."
)
FEES = "Adults pay 12 EUR.\nChildren are free of charge."
GIVEN = (
    Given(
        file="tower.txt",
        text=TOWER,
        doc_hash="t1",
        names=("file-1", "https://example.org/tower", "doc_0"),
        parts=(0, TOWER.index("\f") + 1),
    ),
    Given(
        file="fees.txt",
        text=FEES,
        doc_hash="f1",
        names=("file-2", "https://example.org/fees", "doc_1", "Fees"),
        start=100,
        parts=(0, FEES.index("\n") + 1),
    ),
)


def anthropic(**cited: Any) -> dict[str, Any]:
    texts = [
        {"type": "text", "text": "It says: "},
        {"type": "text", "text": "Zürich", "citations": [cited]},
    ]
    return {"role": "assistant", "content": texts}


def openai(text: str, **annotation: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [annotation]}
    return {"output": [{"type": "reasoning"}, {"type": "message", "content": [part]}]}


def gemini(text: str, segment: dict[str, Any], chunk: dict[str, Any]) -> dict[str, Any]:
    support = {"segment": segment, "groundingChunkIndices": [0], "confidenceScores": [0.9]}
    return {
        "candidates": [
            {
                "content": {"parts": [{"text": text}]},
                "groundingMetadata": {"groundingChunks": [chunk], "groundingSupports": [support]},
            }
        ]
    }


SAID = "Das heißt: Adults pay 12 EUR."
IN_BYTES = {"startIndex": 12, "endIndex": 30, "text": "Adults pay 12 EUR."}


@pytest.mark.parametrize(
    ("response", "file", "quote", "said"),
    [
        (
            anthropic(
                type="char_location",
                cited_text="It is 330 metres high - without the mast.",
                document_index=0,
                document_title="Tower",
                start_char_index=30,
                end_char_index=70,
            ),
            "tower.txt",
            "It is 330 metres high – without the mast.",
            "Zürich",
        ),
        (
            anthropic(
                type="page_location",
                cited_text="The tower is painted every seven years. ",
                document_index=0,
                start_page_number=2,
                end_page_number=3,
            ),
            "tower.txt",
            "The tower is painted every seven years.",
            "Zürich",
        ),
        (
            anthropic(
                type="content_block_location",
                cited_text="Adults pay 12 EUR.Children are free of charge.",
                document_index=1,
                start_block_index=0,
                end_block_index=2,
            ),
            "fees.txt",
            FEES,
            "Zürich",
        ),
        (
            anthropic(
                type="search_result_location",
                cited_text="Children are free of charge.",
                search_result_index=0,
                source="https://example.org/fees",
                start_block_index=1,
                end_block_index=2,
            ),
            "fees.txt",
            "Children are free of charge.",
            "Zürich",
        ),
        (
            openai(
                "So: Adults pay 12 EUR.",
                type="url_citation",
                url="https://example.org/fees",
                title="Fees",
                start_index=4,
                end_index=22,
            ),
            "fees.txt",
            "Adults pay 12 EUR.",
            "Adults pay 12 EUR.",
        ),
        (
            openai(
                "Adults pay 12 EUR.",
                type="file_citation",
                file_id="file-2",
                filename="fees.txt",
                index=18,
            ),
            "fees.txt",
            "Adults pay 12 EUR.",
            "Adults pay 12 EUR.",
        ),
        (
            {
                "choices": [
                    {
                        "message": {
                            "content": "Adults pay 12 EUR. [1]",
                            "annotations": [
                                {
                                    "type": "url_citation",
                                    "url_citation": {
                                        "url": "https://example.org/fees",
                                        "title": "Fees",
                                        "start_index": 0,
                                        "end_index": 18,
                                    },
                                }
                            ],
                        }
                    }
                ]
            },
            "fees.txt",
            "Adults pay 12 EUR.",
            "Adults pay 12 EUR.",
        ),
        (
            gemini(SAID, IN_BYTES, {"retrievedContext": {"uri": "file-2", "text": FEES}}),
            "fees.txt",
            "Adults pay 12 EUR.",
            "Adults pay 12 EUR.",
        ),
        (
            gemini(SAID, IN_BYTES, {"web": {"uri": "https://example.org/fees", "title": "x"}}),
            "fees.txt",
            "Adults pay 12 EUR.",
            "Adults pay 12 EUR.",
        ),
        (
            {
                "message": {
                    "content": [{"type": "text", "text": "So children are free of charge."}],
                    "citations": [
                        {
                            "start": 12,
                            "end": 31,
                            "text": "are free of charge.",
                            "sources": [{"type": "document", "id": "doc_1", "document": {}}],
                        }
                    ],
                }
            },
            "fees.txt",
            "are free of charge.",
            "are free of charge.",
        ),
        (
            {
                "text": "So children are free of charge.",
                "citations": [
                    {"start": 12, "end": 31, "text": "are free", "document_ids": ["doc_1"]}
                ],
            },
            "fees.txt",
            "are free of charge.",
            "are free of charge.",
        ),
        (
            {
                "choices": [
                    {
                        "message": {
                            "content": [
                                {"type": "text", "text": "Hello. Adults pay 12 EUR."},
                                {"type": "reference", "reference_ids": [1]},
                                {"type": "text", "text": " Bye."},
                            ]
                        }
                    }
                ]
            },
            "fees.txt",
            "Adults pay 12 EUR.",
            "Adults pay 12 EUR.",
        ),
        (
            {
                "citations": ["https://example.org/tower", "https://example.org/fees"],
                "search_results": [
                    {"title": "Tower", "url": "https://example.org/tower", "snippet": "x"},
                    {
                        "title": "Fees",
                        "url": "https://example.org/fees",
                        "snippet": "Children are free of charge.",
                    },
                ],
                "choices": [{"message": {"content": "Kids pay nothing[2]. Bye."}}],
            },
            "fees.txt",
            "Children are free of charge.",
            "Kids pay nothing",
        ),
    ],
)
def test_each_format_is_anchored(
    response: dict[str, Any], file: str, quote: str, said: str
) -> None:
    hints = read_hints(response, GIVEN)
    (found,) = hints.found
    source = next(g for g in GIVEN if g.file == file)
    cited = found.citation
    assert (cited.file, cited.quote, cited.doc_hash) == (file, quote, source.doc_hash)
    assert source.text[cited.start - source.start : cited.end - source.start] == quote
    assert hints.text[found.start : found.end].strip() == said
    assert hints.dropped == ()


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (
            anthropic(type="char_location", cited_text="It is 331 metres high", document_index=0),
            "“331”",
        ),
        (anthropic(type="char_location", cited_text="It is high", document_index=7), "not given"),
        (
            anthropic(type="char_location", cited_text="Adults pay 12 EUR.", document_index=0),
            "fees.txt",
        ),
        (
            openai("Kids go in for nothing.", type="file_citation", file_id="file-2", index=3),
            "no words of it",
        ),
        (openai("Nothing.", type="url_citation", url="https://else.org", end_index=8), "not given"),
    ],
)
def test_what_cannot_be_anchored_is_dropped_with_its_reason(
    response: dict[str, Any], why: str
) -> None:
    hints = read_hints(response, GIVEN)
    assert hints.found == ()
    (reason,) = hints.dropped
    assert why in reason


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"content": None},
        {"content": "Hello.", "citations": "none"},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": [1, {"type": "text"}]}}]},
        {"candidates": [{"content": None, "groundingMetadata": None}]},
        {"candidates": [{"groundingMetadata": {"groundingSupports": [{"segment": None}]}}]},
        {"output": [{"content": [{"annotations": [{"type": "file_path"}], "text": "x"}]}]},
    ],
)
def test_what_is_no_citation_is_no_hint(response: dict[str, Any]) -> None:
    assert read_hints(response, GIVEN).found == ()


def test_a_citation_that_is_given_twice_is_kept_once() -> None:
    cited = {"type": "char_location", "cited_text": "Adults pay 12 EUR.", "document_index": 1}
    block = {"type": "text", "text": "12 EUR", "citations": [cited, cited]}
    assert len(read_hints({"content": [block]}, GIVEN).found) == 1
