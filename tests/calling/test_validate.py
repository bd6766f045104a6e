"""What an agent declares of its answers, put together to one check."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.calling.validate import TextCheck, declared_check
from orchestrator.errors import RunError
from orchestrator.project.valid_schema import Valid


def no_promises(text: str) -> str | None:
    return "it promises something" if "promise" in text else None


def even(text: str) -> str | None:
    return None if int(text) % 2 == 0 else "it is odd"


CHECKS: dict[str, TextCheck] = {
    "no_promises": no_promises,
    "even": even,
    "broken": lambda text: [][len(text)],
    "says_yes": lambda _text: True,
}


def held(text: str, **valid: Any) -> Any:
    return declared_check(Valid(**valid), CHECKS)(text)


@pytest.mark.parametrize(
    ("valid", "text", "value"),
    [
        ({"max_chars": 5}, " ok ", " ok "),
        ({"json_schema": {"type": "object"}}, '```\n{"a": 1}\n```', {"a": 1}),
        ({"json_schema": {"type": "array", "prefixItems": [True]}}, "[1]", [1]),
        ({"code": "python"}, "```python\nx = 1\n```", "x = 1"),
        ({"sql": "sqlite"}, "```sql\nSELECT 1\n```", "SELECT 1"),
        ({"check": ("no_promises",)}, "Perhaps.", "Perhaps."),
    ],
)
def test_the_value_is_what_was_asked_for(valid: dict[str, Any], text: str, value: Any) -> None:
    assert held(text, **valid) == value


def test_everything_wrong_with_the_form_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"at most 3.*does not match.*not Python"):
        held("x = (", max_chars=3, pattern="y.*", code="python")


def test_the_projects_own_checks_come_last_and_see_no_fence() -> None:
    assert held("```\n42\n```", code="json", check="even") == "42"
    with pytest.raises(ValueError, match=r"^it is odd$"):
        held("```\n41\n```", code="json", check="even")
    with pytest.raises(ValueError, match=r"^not JSON"):
        held("forty", code="json", check="even")


def test_a_value_error_of_a_check_is_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        held("forty", check="even")


def test_of_several_checks_each_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"invalid literal.*; it promises something"):
        held("I promise", check=("even", "no_promises"))


@pytest.mark.parametrize(
    ("name", "says"),
    [("broken", "the check 'broken' failed: IndexError"), ("says_yes", "returned bool")],
)
def test_a_check_at_fault_is_no_invalid_answer(name: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        held("x", check=name)


def test_a_role_parses_the_text_as_it_was_written_and_its_value_counts() -> None:
    check = declared_check(Valid(code="json"), {}, then=lambda text: [text])
    assert check("```\n1\n```") == ["```\n1\n```"]


def test_a_role_is_not_asked_about_what_is_wrong_already() -> None:
    asked: list[str] = []
    check = declared_check(Valid(code="json"), {}, then=asked.append)
    with pytest.raises(ValueError, match="not JSON"):
        check("one")
    assert asked == []
