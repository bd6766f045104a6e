"""Without data the declared value; with data, by degrees, what was seen."""

from __future__ import annotations

import pytest

from orchestrator.learning.levels import NOTHING, Tally, levels
from orchestrator.types import Estimate

DECLARED = Estimate(mean=0.6, sd=0.1)


def declared(model: str, task: str) -> Estimate:
    return DECLARED


def seen(n: int, rate: float) -> Tally:
    tally = Tally()
    for i in range(n):
        tally.add(1.0 if (i + 1) * rate // 1 > i * rate // 1 else 0.0)
    return tally


def after(n: int, rate: float) -> Estimate:
    return levels({("m", "chat"): seen(n, rate)}, declared).estimate("m", "chat", DECLARED)


def test_before_anything_was_seen_the_fleet_is_believed() -> None:
    assert NOTHING.estimate("m", "chat", DECLARED) == DECLARED
    assert levels({}, declared) is NOTHING


def test_a_few_scores_move_a_little_and_many_decide() -> None:
    ten, thousand = after(10, 0.2), after(1000, 0.2)
    assert 0.35 < ten.mean < 0.5
    assert thousand.mean == pytest.approx(0.2, abs=0.01)
    assert DECLARED.sd > ten.sd > 5 * thousand.sd


def test_a_surely_declared_value_moves_less() -> None:
    def sure(model: str, task: str) -> Estimate:
        return Estimate(mean=0.6, sd=0.03)

    tallies = {("m", "chat"): seen(10, 0.0)}
    moved = levels(tallies, sure).models["m"].mean
    assert levels(tallies, declared).models["m"].mean < moved < 0


def test_a_task_that_was_not_seen_follows_the_model() -> None:
    found = levels({("m", "chat"): seen(500, 0.2), ("n", "chat"): seen(500, 0.6)}, declared)
    chat, code = (found.estimate("m", task, DECLARED) for task in ("chat", "code"))
    assert chat.mean < code.mean < 0.4
    assert code.sd > 2 * chat.sd


def test_a_model_that_was_not_seen_follows_the_fleet_a_little() -> None:
    found = levels({(f"m{i}", "chat"): seen(500, 0.3) for i in range(6)}, declared)
    new = found.estimate("new", "chat", DECLARED)
    assert 0.4 < new.mean < 0.55
    assert new.sd >= DECLARED.sd


def test_slices_that_differ_are_believed_sooner() -> None:
    alike = {("m", f"t{i}"): seen(200, 0.6) for i in range(20)}
    apart = {("m", f"t{i}"): seen(200, 0.2 if i % 2 else 1.0) for i in range(20)}
    few = {("m", "new"): seen(10, 0.0)}
    assert levels(alike, declared).slice_spread < levels(apart, declared).slice_spread
    shrunk = levels(alike | few, declared).estimate("m", "new", DECLARED).mean
    moved = levels(apart | few, declared).estimate("m", "new", DECLARED).mean
    assert moved < shrunk - 0.1


def test_a_weight_counts_as_so_many_scores() -> None:
    one, three = Tally(), Tally()
    one.add(1.0, weight=3.0)
    for _ in range(3):
        three.add(1.0)
    assert one == three
