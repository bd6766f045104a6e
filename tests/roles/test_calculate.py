"""The calculator: problems in words, solved exactly or refused with a reason."""

from __future__ import annotations

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Calculation
from orchestrator.roles.calc.solve import again, solve
from tests.roles.fake_work import run

PROBLEMS = [
    # so many, at so much each, every month
    (
        "Calculate the yearly cost of a 40 EUR monthly allowance each (120 employees)",
        "57600",
        "EUR/year",
    ),
    (
        "the yearly cost of a 40 EUR monthly allowance for each of 120 employees",
        "57600",
        "EUR/year",
    ),
    ("What do 120 employees at 40 EUR per month each cost?", "4800", "EUR/month"),
    ("What is the annual cost of 25 licences at $12 per licence per month?", "3600", "USD/year"),
    ("How much do 25 licences at 12 USD per month each cost per year?", "3600", "USD/year"),
    ("€40 per employee and month for 120 employees, per year", "57600", "EUR/year"),
    (
        "Each employee receives a 40 EUR monthly allowance. There are 120 employees. "
        "What is the yearly cost?",
        "57600",
        "EUR/year",
    ),
    (
        "a subscription is 9.99 EUR per user per month. What do 35 users cost in a year?",
        "4195.8",
        "EUR/year",
    ),
    (
        "What is the yearly cost for a team of 12 with a weekly lunch of 15 EUR per person?",
        "9360",
        "EUR/year",
    ),
    ("What is the cost over 3 years of a 40 EUR monthly fee?", "1440", "EUR"),
    ("What does a monthly fee of 40 EUR cost over 18 months?", "720", "EUR"),
    ("Rent is 2,500 USD a month. What is it for 18 months?", "45000", "USD"),
    ("How much per month is 1,200 EUR per year?", "100", "EUR/month"),
    ("300 EUR per quarter, per year", "1200", "EUR/year"),
    (
        "How many hours does someone work who works 8 hours a day, 5 days a week, 46 weeks a year?",
        "1840",
        "hour/year",
    ),
    ("8 hours a day, 5 days a week, how many hours a year?", "2080", "hour/year"),
    ("What is the total cost of a dozen chairs at $85.50 apiece?", "1026", "USD"),
    ("3 laptops at 900 EUR each and 2 monitors at 250 EUR each", "3200", "EUR"),
    ("A laptop costs 900 EUR. How much do three laptops cost?", "2700", "EUR"),
    ("If 12 people each pay 35 EUR, what is the total?", "420", "EUR"),
    ("3 boxes with 24 pens each", "72", "pen"),
    ("There are 14 teams of 6 people; each person gets 2 monitors", "168", "monitor"),
    ("5 machines produce 200 parts per hour each; how many parts in 8 hours?", "8000", "part"),
    ("A car drives 60 km per hour for 3 hours", "180", "km"),
    ("2 thousand visitors at 7.50 EUR each", "15000", "EUR"),
    # shares
    ("What is 15% of 200 EUR?", "30", "EUR"),
    ("15 percent of 120 employees", "18", "employee"),
    ("800 EUR with a 25% discount", "600", "EUR"),
    ("What is the price of 200 EUR plus 19% VAT?", "238", "EUR"),
    ("Add 10% to 57,600 EUR", "63360", "EUR"),
    ("20% off 50 EUR", "40", "EUR"),
    ("Increase 200 by 10%", "220", ""),
    ("What is the 25% discount on 800 EUR?", "200", "EUR"),
    ("what percentage of 120 is 30?", "25", "%"),
    ("30 is what percent of 120?", "25", "%"),
    ("percentage increase from 80 to 100", "25", "%"),
    # sums and the like
    ("what is the sum of 40 EUR, 25 EUR and 35 EUR?", "100", "EUR"),
    ("difference between 320 and 500", "180", ""),
    ("subtract 20 from 100", "80", ""),
    ("average of 10, 20 and 60", "30", ""),
    ("Split 1,200 EUR equally among 8 employees", "150", "EUR"),
    ("half of 90 EUR", "45", "EUR"),
    ("square root of 144", "12", ""),
    ("12 times 13", "156", ""),
    # dates
    ("How many days between 2024-03-01 and 2024-12-25?", "299", "day"),
    ("How many days from 1 February 2024 to March 1, 2024?", "29", "day"),
    ("how many weeks from 1 March 2024 to 29 March 2024", "4", "week"),
    ("how many months between 2023-01-15 and 2024-01-15", "12", "month"),
    ("What date is 6 weeks after 15 January 2024?", "2024-02-26", "date"),
    ("Add 6 weeks to 2024-01-15", "2024-02-26", "date"),
    ("90 days before June 1, 2025", "2025-03-03", "date"),
    ("1 month after 31 January 2024", "2024-02-29", "date"),
    # units
    ("how many minutes are in 3 hours", "180", "minutes"),
    ("convert 5 km to m", "5000", "m"),
    ("36 km/h in m/s", "10", "m/s"),
    ("convert 212 fahrenheit to celsius", "100", "celsius"),
    ("Convert 2.5 kg to g", "2500", "g"),
    # signs
    ("Calculate 12 × 40 × 120", "57600", ""),
    ("what is (1 + 2)^10?", "59049", ""),
    ("15% of 80", "12", ""),
    ("What is 0.1 + 0.2?", "0.3", ""),
    ("120 * 40 EUR/month * 12 month/year", "57600", "EUR/year"),
    ("1200 EUR/year / 12 month/year", "100", "EUR/month"),
    ("3 * 900 EUR + 2 * 250 EUR", "3200", "EUR"),
    ("40 EUR - 25 EUR", "15", "EUR"),
]


@pytest.mark.parametrize(("problem", "result", "unit"), PROBLEMS)
def test_a_problem_is_solved_exactly(problem: str, result: str, unit: str) -> None:
    found = solve(problem)
    assert (found.result, found.unit) == (result, unit)


@pytest.mark.parametrize("problem", [p for p, _, _ in PROBLEMS])
def test_an_expression_gives_its_result_again(problem: str) -> None:
    found = solve(problem)
    assert again(found) == found.result


def test_there_are_enough_problems() -> None:
    assert len(PROBLEMS) >= 50


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ("", "no number"),
        ("How much is it?", "no number"),
        ("3 laptops", "only one quantity"),
        ("yearly cost of 40 EUR each for 120 employees", "per which period"),
        ("a 40 EUR monthly allowance for 120 employees per year", "units do not come out"),
        ("the 50 EUR and 20 USD total", "units do not come out"),
        ("3 laptops at 900 EUR each in 2 rooms", "units do not come out"),
        ("What is the monthly cost of 15 EUR per week?", "no exact number of weeks in a month"),
        ("100 EUR per month, per week and per year", "two periods"),
        ("a fee of 1.200 EUR per month for a year", "read in two ways"),
        ("3/4/2025 plus 3 days", "read in two ways"),
        ("30 February 2024 plus 3 days", "no such date"),
        ("5 working days after 2024-01-15", "holidays"),
        ("3 weeks 2024-01-15", "before or after"),
        ("9999-12-30 plus 5 days", "outside the calendar"),
        ("convert 100 USD to EUR", "exchange rates"),
        ("convert 5 km to kg", "cannot be converted"),
        ("200 EUR including 19% VAT", "not clear"),
        ("10% and 20% of 50 EUR", "exactly one number"),
        ("What percentage of 0 is 5?", "division by zero"),
        ("split 10 EUR among 0 people", "division by zero"),
        ("average of 10 EUR and 5 USD", "one unit"),
        ("square root of 2", "no exact value"),
        ("3 * 900 EUR + 2 km", "different units"),
        ("3 EUR * 2 km", "units do not come out"),
        ("3 EUR / 0", "division by zero"),
        ("10 / 0", "division by zero"),
        ("2**99999", "too large"),
        ("__import__('os').system('rm 1')", "without saying what"),
        ("1 " * 3000, "too many"),
    ],
)
def test_what_is_not_clear_is_refused(problem: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        solve(problem)


def test_context_is_read_only_where_the_question_is_not_enough() -> None:
    context = "120 employees get a 40 EUR monthly allowance each; what is the yearly cost?"
    assert solve("What is the yearly cost of it?", context).result == "57600"
    assert solve("What is 2 + 2?", context).result == "4"


def test_the_builtin_returns_a_calculation_with_its_working() -> None:
    question = "Calculate the yearly cost of a 40 EUR monthly allowance each (120 employees)"
    request = CallRequest(messages=(), inputs={"question": question})
    assert Calculation.model_validate_json(run("calculator", request)) == Calculation(
        expression="120 * 40 EUR/month * 12 month/year",
        result="57600",
        unit="EUR/year",
        shown="57,600 EUR",
        working="120 employees × 40 EUR × 12 months = 57,600 EUR",
    )


def test_the_builtin_refuses_with_the_reason() -> None:
    with pytest.raises(ValueError, match="no number"):
        run("calculator", CallRequest(messages=(), inputs={"question": "How are you?"}))
