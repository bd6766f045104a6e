"""Which questions lean on the one before, and what they get from it."""

from __future__ import annotations

import pytest

from orchestrator.evidence.selecting.followup import completed, follows_up

ALLOWANCE = "What is the monthly allowance for remote work?"


@pytest.mark.parametrize(
    "question",
    [
        "And per year?",
        "What about contractors?",
        "How about interns?",
        "Who approves it?",
        "When is it paid?",
        "Do they need a receipt?",
        "Is it taxed in January?",
        "How much is that in dollars?",
        "But who decides?",
    ],
)
def test_a_question_that_leans(question: str) -> None:
    assert follows_up(question)


@pytest.mark.parametrize(
    "question",
    [
        ALLOWANCE,
        "Who approves a remote-work application?",
        "If an employee falls ill, do they need a certificate?",
        "Must the laptop be locked when nobody watches it?",
        "Summarise the rules on information security.",
        "Android phones: who pays for repairs?",
        "",
    ],
)
def test_a_question_that_stands_by_itself(question: str) -> None:
    assert not follows_up(question)


@pytest.mark.parametrize(
    ("earlier", "question", "expected"),
    [
        ([ALLOWANCE], "When is it paid?", "When is it paid (monthly allowance remote work)?"),
        ([ALLOWANCE], "And per year", "And per year (monthly allowance remote work)"),
        ([ALLOWANCE, "When is it paid?"], "And to whom?", None),
        ([], "When is it paid?", "When is it paid?"),
        ([ALLOWANCE], "Who repairs laptops?", "Who repairs laptops?"),
        (["Who repairs laptops?", ALLOWANCE], "When is it paid?", None),
        (
            [ALLOWANCE],
            "What about the allowance?",
            "What about the allowance (monthly remote work)?",
        ),
    ],
)
def test_it_gets_the_subject_of_the_one_before(
    earlier: list[str], question: str, expected: str | None
) -> None:
    found = completed(question, earlier)
    if expected is None:
        assert "monthly allowance remote work" in found
        assert "laptops" not in found
    else:
        assert found == expected
