from __future__ import annotations

from itertools import combinations

import pytest

from orchestrator.evaluation.statistics import drop_p, wilson


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [  # the values of R's prop.test(…, correct = FALSE)
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (8, 10, 0.4902, 0.9433),
        (45, 50, 0.7864, 0.9565),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_the_interval_is_wilsons(passed: int, n: int, low: float, high: float) -> None:
    assert wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("a", "n", "b", "m"), [(3, 3, 0, 3), (4, 5, 2, 5), (2, 4, 3, 3)])
def test_the_drop_is_counted_out(a: int, n: int, b: int, m: int) -> None:
    """Of all ways to hand the passes out, the share with as few or fewer among the later runs."""
    outcomes = [1] * (a + b) + [0] * (n + m - a - b)
    ways = [sum(outcomes[i] for i in later) for later in combinations(range(n + m), m)]
    expected = sum(passed <= b for passed in ways) / len(ways)
    assert drop_p(a, n, b, m) == pytest.approx(expected)


def test_three_of_three_to_none_of_three_is_just_significant() -> None:
    assert drop_p(3, 3, 0, 3) == pytest.approx(0.05)
    assert drop_p(2, 2, 0, 2) > 0.05
