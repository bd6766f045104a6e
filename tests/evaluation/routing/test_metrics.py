"""The figures on cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.evaluation.routing.bootstrap import interval, resampled
from orchestrator.evaluation.routing.folds import drawn, folds
from orchestrator.evaluation.routing.market import (
    Market,
    choices,
    exchange_rates,
    non_decreasing_hull,
)
from orchestrator.evaluation.routing.pair import Pair

WEAK = np.array([1.0, 1.0, 0.0, 0.0])
STRONG = np.array([1.0, 0.0, 1.0, 1.0])


def figures(priority: list[float]) -> list[float]:
    return list(Pair(np.array(priority), WEAK, STRONG).figures().tolist())


def test_a_router_that_guesses_recovers_a_half() -> None:
    assert figures([0.0, 0.0, 0.0, 0.0]) == [0.5, 0.5, 0.8]


def test_a_router_that_knows_recovers_more_than_all() -> None:
    share, recovered = Pair(STRONG - WEAK, WEAK, STRONG).recovered()
    assert share.tolist() == [0, 0.5, 0.75, 1]
    assert recovered.tolist() == [0, 2, 2, 1]
    assert figures((STRONG - WEAK).tolist()) == [0.5 + 0.5 + 0.375, 0.125, 0.2]
    assert figures((WEAK - STRONG).tolist())[0] == pytest.approx(1 - 1.375)


def test_equal_priorities_go_together_whatever_their_order() -> None:
    one = Pair(np.array([1.0, 0, 1, 0]), WEAK, STRONG).figures()
    order = np.array([2, 3, 0, 1])
    other = Pair(np.array([1.0, 0, 1, 0])[order], WEAK[order], STRONG[order]).figures()
    assert one.tolist() == other.tolist()


def test_a_weight_is_as_good_as_a_copy() -> None:
    priority = np.array([0.3, 0.9, 0.2, 0.6])
    weighted = Pair(priority, WEAK, STRONG).figures(np.array([1.0, 1, 3, 1]))
    at = np.array([0, 1, 2, 2, 2, 3])
    assert weighted == pytest.approx(Pair(priority[at], WEAK[at], STRONG[at]).figures())


def test_equal_models_have_no_figure() -> None:
    assert np.isnan(Pair(WEAK, WEAK, WEAK).figures()).all()


def test_the_hull_is_concave_and_never_falls() -> None:
    costs, scores = np.array([1.0, 2, 3, 4, 5]), np.array([0.1, 0.2, 0.8, 0.7, 0.9])
    hull = non_decreasing_hull(costs, scores)
    assert [part.tolist() for part in hull] == [[1, 3, 5], [0.1, 0.8, 0.9]]


def market(quality: np.ndarray) -> list[float]:
    scores = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    costs = np.tile([1.0, 3.0], (4, 1))
    chosen = choices(quality, costs, exchange_rates(costs))
    return list(Market(chosen, scores, costs).figures().tolist())


def test_single_models_alone_are_a_line_between_them() -> None:
    aiq, reached, closed, most, all_of_it = market(np.tile([0.5, 0.75], (4, 1)))
    assert (aiq, reached, closed) == (0.625, 0.75, 0.0)
    assert most == pytest.approx((1 + 2 * (0.95 * 0.75 - 0.5) / 0.25) / 3)
    assert all_of_it == 1.0


def test_who_knows_pays_for_the_dear_model_where_it_helps() -> None:
    aiq, reached, closed, _, all_of_it = market(
        np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    )
    assert (reached, closed) == (1.0, 1.0)
    assert aiq == pytest.approx((0.75 + 1.0) / 2)
    assert all_of_it == pytest.approx(1.5 / 3)


def test_a_score_that_is_never_reached_has_no_price() -> None:
    assert np.isnan(market(np.array([[1.0, 0]] * 4))[4])


def test_folds_keep_a_prompt_together_and_know_nothing_of_the_others() -> None:
    names = [f"prompt {i % 50}" for i in range(100)]
    fold = folds(names, 5, 0)
    assert (fold[:50] == fold[50:]).all()
    assert set(fold) == set(range(5))
    assert (folds(names[:10], 5, 0) == fold[:10]).all()
    assert (folds(names, 5, 1) != fold).any()


def test_drawn_labels_grow_into_one_another() -> None:
    names = [f"prompt {i}" for i in range(60)]
    ten, twenty = (set(drawn(names, n, 0).tolist()) for n in (10, 20))
    assert len(ten) == 10
    assert ten < twenty


def test_an_interval_holds_the_mean_of_groups() -> None:
    values = np.random.default_rng(0).normal(size=400)
    groups = [str(i // 4) for i in range(400)]
    draws = resampled(lambda w: np.array([w @ values / w.sum()]), groups, resamples=300)
    found = interval(draws[:, 0])
    assert found is not None
    assert found[0] < values.mean() < found[1]
    assert found[1] - found[0] == pytest.approx(4 / np.sqrt(400), rel=0.4)
    assert interval(np.array([np.nan] * 50 + [1.0] * 50)) is None
