"""What is said of an answer; each expectation is shown met and not met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.evaluation.expectations import judge
from orchestrator.evaluation.values import Failure
from orchestrator.graph.answer import Answer
from orchestrator.project.suite_schema import Case

from .samples import FACT, answer, case, citation


async def judged(given: Answer, wanted: Case, **more: Any) -> tuple[Failure, ...]:
    options: dict[str, Any] = {"root": Path(), "ms": 10.0, "checks": {}, **more}
    return await judge(given, wanted, **options)


@pytest.mark.parametrize(
    ("expect", "good"),
    [
        ({}, True),
        ({"verdict": "accepted"}, True),
        ({"verdict": ["revised", "accepted"]}, True),
        ({"verdict": "abstained"}, False),
        ({"contains": ["40 eur", "ALLOWANCE"]}, True),
        ({"contains": ["40\u00a0EUR\n a month"]}, True),
        ({"contains": ["40 EUR", "50 EUR"]}, False),
        ({"not_contains": ["50 EUR"]}, True),
        ({"not_contains": ["40  eur"]}, False),
        ({"matches": r"(?i)^the .* \d+ EUR"}, True),
        ({"matches": r"^\d+ EUR$"}, False),
        ({"max_ms": 10}, True),
        ({"max_ms": 9}, False),
        ({"max_cost_usd": 0}, True),
    ],
)
async def test_expectations_of_the_text(expect: dict[str, Any], good: bool) -> None:
    failures = await judged(answer(), case(**expect))
    assert [failure.check for failure in failures] == ([] if good else [*expect])


@pytest.mark.parametrize(
    ("text", "number", "good"),
    [
        ("It is 57,600 EUR.", {"value": 57600, "unit": "EUR"}, True),
        ("It is €57.6k a year.", {"value": 57600, "unit": "EUR"}, True),
        ("It is 57,600 USD.", {"value": 57600, "unit": "EUR"}, False),
        ("It is 57,600.", {"value": 57600}, True),
        ("It is 57,601.", {"value": 57600}, False),
        ("It is 57,601.", {"value": 57600, "tolerance": 1}, True),
        ("It weighs 2 kg.", {"value": 2, "unit": "kg"}, True),
        ("It weighs 2.4 kg.", {"value": 2, "unit": "kg", "tolerance": 0.5}, True),
        ("It weighs 2.6 kg.", {"value": 2, "unit": "kg", "tolerance": 0.5}, False),
        ("It takes two weeks.", {"value": 14, "unit": "days"}, True),
        ("Up to three days a week.", {"value": 3, "unit": "days"}, True),
        ("A password has 14 characters.", {"value": 14, "unit": "characters"}, True),
        ("A password has 14 letters.", {"value": 14, "unit": "characters"}, False),
        ("It is 0.0001 %.", {"value": 0.0001, "unit": "%"}, True),
        ("Nobody knows.", {"value": 1}, False),
    ],
)
async def test_a_number_in_whatever_form(text: str, number: dict[str, Any], good: bool) -> None:
    assert (await judged(answer(text), case(number=number)) == ()) is good


async def test_an_unknown_cost_is_over_any_limit() -> None:
    (failure,) = await judged(answer(cost_micro_usd=None), case(max_cost_usd=1))
    assert (failure.check, failure.found) == ("max_cost_usd", "unknown")


async def test_cited_files_start_from_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text(FACT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    given = answer(citations=(citation("../docs/a.txt", FACT),))
    assert await judged(given, case(cites=["docs/a.txt"]), root=tmp_path) == ()
    (failure,) = await judged(given, case(cites=["docs/b.txt"]), root=tmp_path)
    assert (failure.expected, failure.found) == ("docs/b.txt", "../docs/a.txt")


@pytest.mark.parametrize(
    ("quote", "start", "good"),
    [(FACT, 2, True), ("40 EUR", 19, True), (FACT, 0, False), (FACT.lower(), 2, False)],
)
async def test_a_quote_is_held_against_its_file(
    tmp_path: Path, quote: str, start: int, good: bool
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(f"- {FACT}\n")
    given = answer(citations=(citation(str(file), quote, start),))
    failures = await judged(given, case())
    assert [failure.check for failure in failures] == ([] if good else ["quotes_exact"])
    assert await judged(given, case(quotes_exact=False)) == ()


async def test_a_quote_of_code_is_held_against_its_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"x = '\xc3\xa9'\r\ny = 1\r\n")
    good, bad = citation(str(file), "y = 1", 9), citation(str(file), "y = 1", 8)
    missing = citation(str(tmp_path / "b.py"), "y = 1", 9)
    given = answer(citations=(good, bad, missing))
    assert [f.check for f in await judged(given, case())] == ["quotes_exact"] * 2


async def test_a_cited_file_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    cited = citation(str(tmp_path / "gone.txt"), FACT)
    (failure, _) = await judged(answer(citations=(cited, cited)), case())
    assert "does not exist" in failure.found


async def test_registered_checks_run_with_the_answer_and_the_case() -> None:
    async def later(given: Answer, wanted: Case) -> str | None:
        return f"{wanted.name}: {given.verdict}"

    checks = {"now": lambda given, wanted: None, "later": later, "other": lambda *_: "no"}
    (failure,) = await judged(answer(), case(checks=["now", "later"]), checks=checks)
    assert (failure.check, failure.found) == ("later", "allowance: accepted")
