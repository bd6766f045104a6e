"""The built-in checks: each with an answer that it must pass and one that it must not."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.project.load import load_builtins
from orchestrator.project.registry import BUILTINS

from .samples import FACT, answer, case, citation, claim

CITED: dict[str, Any] = {"citations": (citation("a.txt", FACT),)}
SUM = "12 months × 40 EUR = 480 EUR."


@pytest.mark.parametrize(
    ("name", "given", "passes"),
    [
        ("every_number_is_cited_or_calculated", answer(FACT, **CITED), True),
        ("every_number_is_cited_or_calculated", answer("It is 41 EUR.", **CITED), False),
        (
            "every_number_is_cited_or_calculated",
            answer(SUM, claims=(claim(SUM, by="calculator"),), **CITED),
            True,
        ),
        ("every_number_is_cited_or_calculated", answer(SUM, claims=(claim(SUM),), **CITED), False),
        ("every_number_is_cited_or_calculated", answer("7?", verdict="abstained"), True),
        ("every_claim_is_supported", answer(claims=(claim(FACT),)), True),
        ("every_claim_is_supported", answer(), False),
        ("every_claim_is_supported", answer(claims=(claim(FACT, status="unsupported"),)), False),
        ("every_claim_is_supported", answer(verdict="abstained"), True),
        ("cites_its_sources", answer(**CITED), True),
        ("cites_its_sources", answer(), False),
        ("checked_by_another_family", answer(independence="deterministic"), True),
        ("checked_by_another_family", answer(), False),
    ],
)
def test_a_builtin_check(name: str, given: Any, passes: bool) -> None:
    load_builtins()
    said = BUILTINS.get("check", name)(given, case())
    assert (said is None) is passes, said


def test_a_number_of_the_question_is_known() -> None:
    load_builtins()
    check = BUILTINS.get("check", "every_number_is_cited_or_calculated")
    asked = case().model_copy(update={"input": {"question": "And for 85 employees?"}})
    assert check(answer("For 85 employees."), asked) is None
    assert check(answer("For 86 employees."), asked) is not None
