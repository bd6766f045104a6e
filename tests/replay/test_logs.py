"""Logs of OpenAI-shaped services: the shapes that are about, and lines that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UserError
from orchestrator.replay.logs import Logged, read_line, read_log

ASKED = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Sum it up."}]
ANSWER: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": "It is so."}}]}
USED: dict[str, Any] = {"prompt_tokens": 40, "completion_tokens": 9}
RESPONSE: dict[str, Any] = {"model": "gpt-x-2026", **ANSWER, "usage": USED}


def read(value: Any) -> Logged:
    return read_line(json.dumps(value))


SHAPES: list[dict[str, Any]] = [
    {"model": "gpt-x", "messages": ASKED, **ANSWER, "usage": USED},
    {"model": "gpt-x", "messages": ASKED, "response": {**ANSWER, "usage": USED}},
    {"model": "gpt-x", "messages": ASKED, "response": "It is so.", "usage": USED},
    {"model": "gpt-x", "messages": ASKED, "response": "It is so.", **USED},
    {"request": {"model": "gpt-x", "messages": ASKED}, "response": RESPONSE},
    {"input": {"model": "gpt-x", "messages": ASKED}, "output": RESPONSE},
    {"request": json.dumps({"model": "gpt-x", "messages": ASKED}), "response": RESPONSE},
    {"custom_id": "1", "body": {"model": "gpt-x", "messages": ASKED}, "usage": USED},
    {"request": {"body": {"model": "g", "messages": ASKED}}, "response": {"body": RESPONSE}},
    {"kwargs": {"model": "gpt-x", "messages": ASKED}, "response": RESPONSE},
    {"standard_logging_object": {"model": "gpt-x", "messages": ASKED, **USED}},
    {"model": "gpt-x", "input": ASKED, "usage": {"input_tokens": 40, "output_tokens": 9}},
]


@pytest.mark.parametrize("value", SHAPES)
def test_each_shape_is_read_alike(value: Any) -> None:
    found = read(value)
    assert found.question == "Sum it up."
    assert found.text == "Be short.\nSum it up."
    assert (found.usage.input, found.usage.output) == (40, 9)
    assert found.model in ("gpt-x", "gpt-x-2026")
    assert found.micro_usd is None


def test_a_prompt_alone_is_counted_here() -> None:
    found = read({"prompt": "x" * 400, "completion": "y" * 40})
    assert (found.usage.input, found.usage.output, found.usage.estimated) == (100, 10, True)
    assert found.model == "unknown"


def test_what_it_cost_and_needs_is_read() -> None:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {}}]
    found = read(
        {
            "model": "m",
            "messages": [{"role": "user", "content": parts}],
            "tools": [{"type": "function"}],
            "response_format": {"type": "json_object"},
            "max_tokens": 77,
            "response_cost": 0.00125,
            "usage": {**USED, "prompt_tokens_details": {"cached_tokens": 30}},
        }
    )
    assert set(found.needs) == {"tools", "json", "vision"}
    assert found.question == "What is it?"
    assert found.micro_usd == 1250
    assert found.most_output_tokens == 77
    assert found.usage.cached_input == 30


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("hello", "no JSON"),
        ("[1, 2]", "a JSON list"),
        ('{"custom_id": "1", "response": {"body": {"choices": []}}}', "no messages"),
        ("[" * 100_000, "no JSON"),
        ('{"messages": []}', "no messages"),
        ('{"messages": [1]}', "no messages"),
    ],
)
def test_a_line_that_is_no_request_says_why(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_line(line)


def test_lines_that_are_none_are_told_with_their_numbers(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = ["nonsense", "", json.dumps({"messages": ASKED}), *["{}"] * 7]
    log.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    found = read_log(log)
    assert len(found.requests) == 1
    assert list(found.refused) == [1, 4, 5, 6, 7, 8, 9, 10, 11]
    told = list(found.problems("log.jsonl"))
    assert told[0] == "log.jsonl:1: no JSON"
    assert told[-1] == "log.jsonl: 4 more lines could not be read"


def test_no_file_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_log(tmp_path / "none.jsonl")


_WORDS = ("messages", "request", "response", "body", "input", "usage", "choices", "content", "cost")
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*_WORDS, "message", "role", "prompt", "model")), inner)
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_whatever_stands_there_is_read_or_refused(value: Any) -> None:
    try:
        found = read_line(json.dumps(value))
    except ValueError:
        return
    assert found.usage.input >= 0
    assert found.usage.cached_input <= found.usage.input
