"""Of two sets of limits both hold."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from orchestrator.chat.limits import both, strictest
from orchestrator.errors import UserError
from orchestrator.types import Constraints

CASES: list[tuple[str, Any, Any, Any]] = [
    ("hosting", "self", None, "self"),
    ("regions", ("eu", "us"), ("us", "uk"), ("us",)),
    ("regions", ("eu",), ("us",), ()),
    ("retention_days", 30, 0, 0),
    ("trains_on_data", False, True, False),
    ("trains_on_data", True, None, True),
    ("certifications", ("iso",), ("soc", "iso"), ("iso", "soc")),
    ("models", ("a", "b"), None, ("a", "b")),
    ("not_models", ("a",), ("b",), ("a", "b")),
    ("not_families", ("a",), (), ("a",)),
    ("latency_ms", 2000, 500, 500),
    ("max_cost_usd", None, 0.0, 0.0),
    ("quality_floor", 0.2, 0.9, 0.9),
]


@pytest.mark.parametrize(("name", "one", "other", "expected"), CASES)
def test_the_tighter_one_holds(name: str, one: Any, other: Any, expected: Any) -> None:
    made = [both(Constraints(**{name: a}), Constraints(**{name: b}))
            for a, b in ((one, other), (other, one))]  # fmt: skip
    found = [getattr(m, name) for m in made]
    if isinstance(expected, tuple):
        assert {frozenset(f) for f in found} == {frozenset(expected)}
    else:
        assert found == [expected, expected]


def test_every_kind_of_limit_is_looked_at() -> None:
    assert {case[0] for case in CASES} == {f.name for f in dataclasses.fields(Constraints)}


def test_what_cannot_both_hold_is_refused() -> None:
    with pytest.raises(UserError, match="'self' and 'hosted'"):
        both(Constraints(hosting="self"), Constraints(hosting="hosted"))


def test_the_strictest_class_counts() -> None:
    order = ("public", "internal", "pii")
    assert strictest(order, "public", None, "pii", "internal") == "pii"
    assert strictest(order, None, None) is None
