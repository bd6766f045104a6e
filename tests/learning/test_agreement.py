"""How answers agree, learned from answers that come as the model of them says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.learning.agreeing import Answered, learn_agreements
from orchestrator.learning.agreement import FILE, Agreements, keep, kept

QUALITY = np.array([0.6, 0.65, 0.7, 0.85])
COSTS = np.array([1.0, 1.2, 1.5, 40.0])
MODELS = ("a", "b", "c", "strong")


def answered(n: int, spread: float, ways: int, task: str = "math", seed: int = 0) -> Answered:
    """Wrong answers are one of so many, all equally likely."""
    rng = np.random.default_rng(seed)
    logits = np.log(QUALITY / (1 - QUALITY)) * np.sqrt(1 + np.pi * spread**2 / 8)
    right = rng.random((n, 4)) < 1 / (1 + np.exp(-(logits + spread * rng.normal(size=(n, 1)))))
    wrong = rng.integers(1, ways + 1, size=(n, 4))
    return Answered(
        models=MODELS,
        tasks=(task,) * n,
        scores=right.astype(float),
        votes=np.where(right, 0, wrong),
        quality=np.tile(QUALITY, (n, 1)),
        costs=np.tile(COSTS, (n, 1)),
    )


def joined(one: Answered, other: Answered) -> Answered:
    return Answered(
        models=MODELS,
        tasks=one.tasks + other.tasks,
        **{
            name: np.vstack([getattr(one, name), getattr(other, name)])
            for name in ("scores", "votes", "quality", "costs")
        },
    )


@pytest.mark.parametrize(("spread", "ways"), [(0.5, 2), (2.5, 8)])
def test_what_answers_come_from_is_found_again(spread: float, ways: int) -> None:
    found = learn_agreements(answered(1500, spread, ways)).of("math")
    assert found is not None
    assert found.spread == pytest.approx(spread, abs=0.6)
    assert found.variety == pytest.approx(ways - 1, rel=0.2)


def test_the_dear_one_and_cheap_ones_are_worth_asking() -> None:
    found = learn_agreements(answered(600, 2.0, 6))
    assert "strong" in found.models
    assert len(found.models) > 1


def test_a_task_of_few_requests_is_taken_to_be_like_all() -> None:
    many = answered(1000, 2.0, 10)
    few = answered(5, 2.0, 1, "plan", seed=3)
    found = learn_agreements(joined(many, few))
    assert found.tasks["plan"][1] > 1  # though its wrong answers were all equal, which is 0
    assert found.tasks["plan"][1] < found.tasks["math"][1]
    assert found.of("never seen") is not None


def test_where_right_answers_differ_nothing_follows_from_a_difference() -> None:
    letters = answered(200, 2.0, 10, "draft", seed=5)
    alone = np.tile(np.arange(4), (200, 1))
    free = Answered(
        models=MODELS, tasks=letters.tasks, scores=letters.scores, votes=alone,
        quality=letters.quality, costs=letters.costs,
    )  # fmt: skip
    found = learn_agreements(joined(answered(400, 2.0, 10), free))
    assert found.incomparable == ("draft",)
    assert found.of("draft") is None
    assert found.of("math") is not None


def test_from_a_handful_nothing_is_learned() -> None:
    assert learn_agreements(answered(10, 2.0, 4)).of("math") is None


def test_it_is_kept_and_read_again(tmp_path: Path) -> None:
    assert kept(tmp_path / "none").of("math") is None
    found = learn_agreements(answered(300, 2.0, 6)).called({"a": "alpha"})
    keep(found, tmp_path / "learned")
    assert kept(tmp_path / "learned") == found
    assert "alpha" in found.models or "a" not in found.models
    (tmp_path / FILE).write_text("[]")
    with pytest.raises(UserError, match="not what was learned"):
        kept(tmp_path)
    assert Agreements().of("math") is None
