"""Cases as they are run: defaults filled in, names that stay."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.project.suite_schema import Suite
from orchestrator.project.suites import complete_cases


def cases(*given: dict[str, Any], **more: Any) -> Any:
    return complete_cases(Suite.model_validate({"graph": "g", "cases": list(given), **more}))


def test_what_a_case_says_replaces_the_default_key_by_key() -> None:
    defaults = {
        "tags": ["all"],
        "input": {"sources": ["docs"], "count": 1},
        "expect": {"verdict": "accepted", "contains": ["a"], "quotes_exact": False},
    }
    own = {
        "tags": ["own", "all"],
        "input": {"question": "Why?", "count": 2},
        "expect": {"contains": [], "max_ms": 5},
    }
    (case,) = cases(own, defaults=defaults)
    assert case.tags == ("all", "own")
    assert case.input == {"question": "Why?", "count": 2, "sources": ("docs",)}
    assert (case.expect.verdict, case.expect.contains) == ("accepted", ())
    assert (case.expect.quotes_exact, case.expect.max_ms) == (False, 5)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What is the allowance?", "what-is-the-allowance"),
        ("How much is 15 % of 2,400 EUR?", "how-much-is-15-of-2-400-eur"),
        (
            "Within how many hours must a security incident be reported to whom?",
            "within-how-many-hours-must-a-security-incident",
        ),
        ("¿?", "case-"),
    ],
)
def test_a_name_is_made_of_the_question(question: str, name: str) -> None:
    (case,) = cases({"input": {"question": question}}, defaults={"input": {"style": "plain"}})
    assert case.name is not None
    assert case.name.startswith(name)
    assert len(case.name) <= 48


def test_a_made_name_does_not_depend_on_the_other_cases_but_for_a_twin() -> None:
    why, who = {"input": {"question": "Why?"}}, {"input": {"question": "Who?"}}
    assert [case.name for case in cases(who, why)] == ["who", "why"]
    with_sources = {"input": {"question": "Why?", "sources": ["docs"]}}
    twins = [case.name for case in cases(why, with_sources)]
    assert len(set(twins)) == 2
    assert all(name.startswith("why-") for name in twins)
    named, twin = cases({"name": "why", **who}, why)
    assert named.name == "why"
    assert twin.name.startswith("why-")
