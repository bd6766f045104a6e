"""What goes back to a model whose answer cannot be used."""

from __future__ import annotations

import dataclasses
import json

import pytest

from orchestrator.call_types import CallRequest, ToolCall
from orchestrator.calling.repair import ANSWER_CHARS, repairable, repaired
from orchestrator.types import Deployment, Encoder
from tests.calling.samples import deployment

ASKED = CallRequest(
    messages=(
        {"role": "system", "content": "You answer in JSON."},
        {"role": "user", "content": "How many?"},
    ),
    schema={"type": "object"},
    max_tokens=50,
    tools=({"type": "function", "function": {"name": "count", "parameters": {}}},),
)


def test_the_answer_and_the_problem_follow_what_was_asked() -> None:
    again = repaired(ASKED, '{"n": "two"}', "at /n: 'two' is not of type 'integer'")
    assert again.messages[:2] == ASKED.messages
    assert again.messages[2] == {"role": "assistant", "content": '{"n": "two"}'}
    assert [m["role"] for m in again.messages] == ["system", "user", "assistant", "user"]
    assert "at /n: 'two' is not of type 'integer'" in str(again.messages[3]["content"])


def test_nothing_else_of_the_request_changes() -> None:
    again = repaired(ASKED, "x", "y")
    assert dataclasses.replace(again, messages=ASKED.messages) == ASKED


def test_of_a_huge_answer_the_middle_is_left_out_and_that_is_said() -> None:
    answer = "begin" + "x" * (2 * ANSWER_CHARS) + "end"
    content = str(repaired(ASKED, answer, "too long").messages[2]["content"])
    assert content.startswith("begin")
    assert content.endswith("end")
    assert len(content) < ANSWER_CHARS + 100
    assert f"{len(answer) - ANSWER_CHARS:,} characters left out" in content


def test_a_huge_problem_is_shortened_as_well() -> None:
    again = repaired(ASKED, "x", "p" * 100_000)
    assert len(str(again.messages[3]["content"])) < 3_000


def test_an_answer_without_text_still_has_content() -> None:
    # Some providers refuse an empty message.
    assert repaired(ASKED, " \n", "y").messages[2]["content"] == "(no text)"


def test_each_tool_call_is_carried_and_answered() -> None:
    calls = (
        ToolCall(id="a", name="count", arguments='{"of": "x"}'),
        ToolCall(id="b", name="cuont", arguments="{}"),
    )
    again = repaired(ASKED, "", "it calls the tool 'cuont'; offered: count", calls)
    answer, *told = again.messages[2:]
    assert [call["id"] for call in answer["tool_calls"]] == ["a", "b"]
    assert [(m["role"], m["tool_call_id"]) for m in told] == [("tool", "a"), ("tool", "b")]
    assert all("it calls the tool 'cuont'; offered: count" in str(m["content"]) for m in told)


@pytest.mark.parametrize("arguments", ['{"of": ', "[1]", "count it", '"text"'])
def test_arguments_that_are_no_object_are_quoted_and_not_repeated(arguments: str) -> None:
    call = ToolCall(id="a", name="count", arguments=arguments)
    answer, told = repaired(ASKED, "", "no JSON object", [call]).messages[2:]
    assert json.loads(answer["tool_calls"][0]["function"]["arguments"]) == {}
    assert arguments in str(told["content"])


@pytest.mark.parametrize(("name", "sent"), [("", "unknown"), ("a b/c", "a_b_c"), ("x" * 99, 64)])
def test_a_name_that_providers_refuse_is_made_one_that_they_take(
    name: str, sent: str | int
) -> None:
    call = ToolCall(id="a", name=name, arguments="{}")
    answer = repaired(ASKED, "", "no such tool", [call]).messages[2]
    found = answer["tool_calls"][0]["function"]["name"]
    assert found == sent if isinstance(sent, str) else len(found) == sent


def _deployment(**changes: object) -> Deployment:
    return dataclasses.replace(deployment("a/one"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"context": None}, True),
        ({"context": 4096}, True),
        ({"context": 60}, False),  # 50 for the answer, and more than 10 for the prompt
        ({"family": None}, False),
        ({"encoder": Encoder(kind="pairs")}, False),
    ],
)
def test_only_a_model_that_reads_and_has_room_is_asked_for_a_repair(
    changes: dict[str, object], expected: bool
) -> None:
    assert repairable(_deployment(**changes), repaired(ASKED, "x", "y")) is expected
