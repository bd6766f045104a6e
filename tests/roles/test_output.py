"""What a model wrote is JSON of the right shape, or it is refused with a reason."""

from __future__ import annotations

import pytest

from orchestrator.roles.output import json_object, parse
from orchestrator.roles.values import Plan
from orchestrator.roles.work import InvalidOutputError


def test_an_object_is_read_with_or_without_a_fence() -> None:
    assert json_object('{"a": 1}') == {"a": 1}
    assert json_object('```json\n{"a": 1}\n```\n') == {"a": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("Sure! Here is the plan.", "not JSON"),
        ('{"a": 1', "not JSON"),
        ("[1, 2]", "not list"),
        ("3", "not int"),
        ("[" * 100_000, "not JSON"),
        ('{"a": "' + "x" * 200_000 + '"}', "too many"),
    ],
)
def test_anything_else_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidOutputError, match=reason):
        json_object(text)


def test_a_wrong_shape_names_the_key() -> None:
    with pytest.raises(InvalidOutputError, match=r"subtasks\.0\.id"):
        parse(Plan, '{"subtasks": [{"id": "UP", "description": "d", "task": "t"}]}')
