"""The rule decomposer: the grammar of a request decides, the same way every time."""

from __future__ import annotations

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.roles.builtins.plan import plan
from orchestrator.roles.decomposer import checked_plan
from orchestrator.roles.values import Plan
from tests.roles.fake_work import run

MISSION = (
    "Draft a remote-work policy for 120 employees, calculate the yearly cost of a "
    "40 EUR monthly allowance each, and summarise the citations"
)

Shape = list[tuple[str, str, list[str]]]

REQUESTS: list[tuple[str, Shape]] = [
    (
        MISSION,
        [("draft", "draft", []), ("math", "math", []), ("summarize", "summarize", ["draft"])],
    ),
    ("How many vacation days do employees get?", [("extract", "extract", [])]),
    ("hello", [("extract", "extract", [])]),
    ("Remote work", [("extract", "extract", [])]),
    (
        "What is the notice period and how many vacation days do employees get?",
        [("extract", "extract", []), ("extract-2", "extract", [])],
    ),
    (
        "What is the notice period? Who approves travel?",
        [("extract", "extract", []), ("extract-2", "extract", [])],
    ),
    (
        "Summarise the handbook; then translate it into German.",
        [("summarize", "summarize", []), ("chat", "chat", ["summarize"])],
    ),
    (
        "1. List the security rules\n2. Draft an email about them\n3. Classify the email",
        [
            ("extract", "extract", []),
            ("draft", "draft", ["extract"]),
            ("classify", "classify", ["draft"]),
        ],
    ),
    (
        "Please do this:\n- extract the deadlines\n- calculate 3 * 40 EUR",
        [("extract", "extract", []), ("math", "math", [])],
    ),
    (
        "(1) Find the rule on laptops (2) draft a letter about it",
        [("extract", "extract", []), ("draft", "draft", ["extract"])],
    ),
    (
        "Write a Python function that adds two numbers and explain it",
        [("code", "code", []), ("extract", "extract", ["code"])],
    ),
    ("Write a SQL query for all orders of May", [("code", "code", [])]),
    (
        "Calculate 15% of 200 EUR and then add 10% to the result",
        [("math", "math", []), ("math-2", "math", ["math"])],
    ),
    (
        "Extract the dates from the contract, classify them, and write a summary",
        [
            ("extract", "extract", []),
            ("classify", "classify", ["extract"]),
            ("summarize", "summarize", ["classify"]),
        ],
    ),
    (
        "Please draft a memo about security and translate the memo into French",
        [("draft", "draft", []), ("chat", "chat", ["draft"])],
    ),
    ("What is 15% of 200?", [("math", "math", [])]),
    ("How many days are there between 2024-03-01 and 2024-12-25?", [("math", "math", [])]),
    ("How much do 25 licences at 12 USD per month each cost per year?", [("math", "math", [])]),
    ("How much is the allowance since 2024?", [("extract", "extract", [])]),
    (
        "Find the rule on laptops, draft a letter to employees, and summarise the letter",
        [("extract", "extract", []), ("draft", "draft", []), ("summarize", "summarize", ["draft"])],
    ),
    (
        "Draft an email to the team. Calculate 3 * 4.",
        [("draft", "draft", []), ("math", "math", [])],
    ),
    ("Translate 'good morning' to French", [("chat", "chat", [])]),
    (
        "Implement a parser for CSV files, then summarise the code",
        [("code", "code", []), ("summarize", "summarize", ["code"])],
    ),
    (
        "Could you list all benefits and calculate the cost of 3 laptops at 900 EUR each?",
        [("extract", "extract", []), ("math", "math", [])],
    ),
    (
        "Summarise the expense policy, and what is the limit for hotels?",
        [("summarize", "summarize", []), ("extract", "extract", [])],
    ),
    (
        "Calculate 12 * 40 EUR and draft a memo based on that",
        [("math", "math", []), ("draft", "draft", ["math"])],
    ),
    (
        "Summarise the policy, list the risks, and draft a report on everything, all of the above",
        [
            ("summarize", "summarize", []),
            ("extract", "extract", []),
            ("draft", "draft", ["summarize", "extract"]),
        ],
    ),
    ("Draft a policy for salt and pepper", [("draft", "draft", [])]),
    (
        "Classify this ticket as bug, question or praise: it is broken",
        [("classify", "classify", [])],
    ),
    ("Give me a summary of the handbook", [("summarize", "summarize", [])]),
    (
        "Draft a policy. It should be short. Then summarise it.",
        [("draft", "draft", []), ("summarize", "summarize", ["draft"])],
    ),
]


@pytest.mark.parametrize(("request_text", "shape"), REQUESTS)
def test_a_request_becomes_the_plan_that_its_grammar_asks_for(
    request_text: str, shape: Shape
) -> None:
    found = plan(request_text)
    assert [(s.id, s.task, list(s.needs)) for s in found.subtasks] == shape


@pytest.mark.parametrize("request_text", [r for r, _ in REQUESTS])
def test_every_plan_passes_the_decomposers_own_check(request_text: str) -> None:
    found = plan(request_text)
    tasks = ("chat", "classify", "code", "draft", "extract", "math", "summarize")
    assert checked_plan(found.model_dump_json(), tasks).subtasks == found.subtasks


def test_there_are_enough_requests() -> None:
    assert len(REQUESTS) >= 25


def test_a_calculation_carries_the_numbers_it_refers_to() -> None:
    draft, math, summary = plan(MISSION).subtasks
    assert math.description == (
        "Calculate the yearly cost of a 40 EUR monthly allowance each (120 employees)"
    )
    assert draft.description == "Draft a remote-work policy for 120 employees"
    assert summary.description.startswith("Summarise the citations (from: Draft a remote-work")


def test_what_is_said_beside_the_request_reaches_every_part() -> None:
    text = (
        "We have 120 employees. Calculate the yearly cost of a 40 EUR monthly allowance each. "
        "Draft a memo on remote work."
    )
    math, memo = plan(text).subtasks
    assert "120 employees" in math.description
    assert memo.description.endswith("(context: We have 120 employees.)")


def test_a_pronoun_is_explained() -> None:
    _, second = plan("Tell me who approves remote work and when it was introduced").subtasks
    assert second.description.endswith("(about: Tell me who approves remote work)")


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="40 parts; at most 12"):
        plan("\n".join(f"{n}. Summarise chapter {n}" for n in range(1, 41)))


@pytest.mark.parametrize("text", ["", "   ", "?!"])
def test_an_empty_request_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        plan(text)


def test_the_builtin_answers_in_json() -> None:
    text = run("rule-decomposer", CallRequest(messages=(), inputs={"question": MISSION}))
    assert Plan.model_validate_json(text).by == "rule-decomposer"
