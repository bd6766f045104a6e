"""Tool calls are put together whatever a server counts, and refused where they are none."""

from __future__ import annotations

import pytest

from orchestrator.call_types import ToolCall, ToolCallDelta
from orchestrator.calling.tool_calls import ToolCalls, wrong_calls
from tests.calling.samples import request

TOOLS = tuple(
    {"type": "function", "function": {"name": name, "parameters": {}}} for name in ("add", "look")
)


def taken(*deltas: ToolCallDelta) -> list[tuple[str, str, str]]:
    calls = ToolCalls()
    for delta in deltas:
        calls.take(delta)
    return [(c.id, c.name, c.arguments) for c in calls.whole()]


def test_pieces_of_several_calls_come_together() -> None:
    assert taken(
        ToolCallDelta(index=0, id="a", name="add"),
        ToolCallDelta(index=1, id="b", name="look"),
        ToolCallDelta(index=0, arguments='{"x"'),
        ToolCallDelta(index=1, arguments="{}"),
        ToolCallDelta(index=0, arguments=": 1}"),
    ) == [("a", "add", '{"x": 1}'), ("b", "look", "{}")]


def test_a_server_that_counts_every_call_as_the_first_is_understood() -> None:
    assert taken(
        ToolCallDelta(index=0, id="a", name="add", arguments="{}"),
        ToolCallDelta(index=0, id="b", name="add", arguments='{"x": 1}'),
    ) == [("a", "add", "{}"), ("b", "add", '{"x": 1}')]


def test_a_repeated_id_is_no_new_call() -> None:
    first = ToolCallDelta(index=0, id="a", name="add", arguments='{"x"')
    again = ToolCallDelta(index=0, id="a", arguments=": 1}")
    assert taken(first, again) == [("a", "add", '{"x": 1}')]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    one, two = taken(ToolCallDelta(index=0, name="add"), ToolCallDelta(index=1, name="add"))
    assert one[0]
    assert two[0]
    assert one[0] != two[0]
    assert one[2] == "{}"


@pytest.mark.parametrize(
    ("choice", "name", "arguments", "wrong"),
    [
        (None, "add", "{}", None),
        ("auto", "add", '{"x": 1}', None),
        ("required", "look", "{}", None),
        ("look", "look", "{}", None),
        ("look", "add", "{}", "was told to call 'look'"),
        ("none", "add", "{}", "told to call none"),
        (None, "sub", "{}", "offered: add, look"),
        (None, "add", '{"x"', "no JSON object"),
        (None, "add", '"x"', "no JSON object"),
    ],
)
def test_what_is_wrong_with_a_call(
    choice: str | None, name: str, arguments: str, wrong: str | None
) -> None:
    asked = request(tools=TOOLS, tool_choice=choice)
    found = wrong_calls(asked, [ToolCall(id="a", name=name, arguments=arguments)])
    assert (found is None) if wrong is None else (wrong in (found or ""))


@pytest.mark.parametrize(
    ("choice", "allowed"), [(None, True), ("auto", True), ("none", True), ("required", False)]
)
def test_whether_an_answer_may_call_nothing(choice: str | None, allowed: bool) -> None:
    assert (wrong_calls(request(tools=TOOLS, tool_choice=choice), []) is None) is allowed


def test_without_tools_a_choice_says_nothing() -> None:
    assert wrong_calls(request(tool_choice="required"), []) is None
