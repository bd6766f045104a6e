from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.evaluation.compare import compare
from orchestrator.evaluation.values import Circumstances

from .samples import result, run


@pytest.mark.parametrize(
    ("before", "now", "kind", "regression"),
    [
        ("p", "f", "worse", True),
        ("f", "p", "better", False),
        ("p", "p", "same", False),
        ("pf", "pf", "same", False),
        ("ppp", "fff", "worse", True),  # p = 0.05
        ("ppp", "pff", "worse", False),
        ("ppp", "f", "worse", True),  # it always passed, and its only run fails
        ("pf", "f", "worse", False),  # it failed before, too
        ("p", "e", "no result", False),
        ("e", "f", "no result", False),
    ],
)
def test_what_became_of_a_case(before: str, now: str, kind: str, regression: bool) -> None:
    found = compare(run(result("a", before)), run(result("a", now)), "x")
    assert [(change.kind, change.regression) for change in found.changes] == [(kind, regression)]
    assert found.regressions == (("a",) if regression else ())


def test_an_edited_case_is_not_compared() -> None:
    found = compare(run(result("a", "p")), run(result("a", "f", digest="other")), "x")
    assert [(change.kind, change.regression) for change in found.changes] == [("edited", False)]


def test_a_case_that_is_now_known_to_fail_is_no_regression() -> None:
    found = compare(run(result("a", "p")), run(result("a", "f", known_failing="why")), "x")
    assert [(change.kind, change.regression) for change in found.changes] == [("worse", False)]


def test_new_and_gone_cases() -> None:
    before, now = run(result("a", "p"), result("b", "p")), run(result("b", "p"), result("c", "f"))
    kinds = {change.case: change.kind for change in compare(before, now, "x").changes}
    assert kinds == {"b": "same", "c": "new", "a": "gone"}


@pytest.mark.parametrize(("complete", "partial"), [(False, False), (True, True)])
def test_what_was_not_asked_for_is_not_gone(complete: bool, partial: bool) -> None:
    before, now = run(result("a", "p"), result("b", "p")), run(result("b", "p"), complete=complete)
    found = compare(before, now, "x", partial=partial)
    assert [change.case for change in found.changes] == ["b"]


def test_other_circumstances_are_named() -> None:
    before = run(result("a", "p"), circumstances=Circumstances(commit="abc", python="3.11"))
    now = replace(before, circumstances=Circumstances(commit=None, python="3.11"))
    assert compare(before, now, "x").differs == {"commit": ("abc", "None")}
