"""What agreeing answers are worth, against what can be worked out by hand or by counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from orchestrator.routing._beliefs import Beliefs, Play

ALIKE, APART = 0.0, 3.0
"""Spreads: models that err independently, and models that find the same requests hard."""
FREE = 0.0


def test_one_model_is_right_as_often_as_is_expected_of_it() -> None:
    play = Beliefs([0.7], ALIKE, 4.0).best([3.0], 0.1)
    assert play.quality == pytest.approx(0.7)
    assert (play.cost, play.most, play.asked) == (3.0, 3.0, (1.0,))
    assert play.moves["a"].gives
    assert play.moves["a"].place == 0


@pytest.mark.parametrize("variety", [0.5, 4.0, 100.0])
def test_two_that_agree_independently_are_believed_by_the_rule_of_bayes(variety: float) -> None:
    play = Beliefs([0.6, 0.8], ALIKE, variety).best([1.0, 1.0], FREE)
    right, wrong = 0.6 * 0.8, 0.4 * 0.2 / (1 + variety)
    assert play.moves["aa"].sure == pytest.approx(right / (right + wrong), abs=1e-4)


def test_where_all_find_the_same_hard_those_that_differ_are_less_believed() -> None:
    independent = Beliefs([0.6] * 3, ALIKE, 4.0).best([1.0] * 3, FREE)
    together = Beliefs([0.6] * 3, APART, 4.0).best([1.0] * 3, FREE)
    assert together.moves["abc"].sure < independent.moves["abc"].sure
    assert together.quality < independent.quality


def test_a_plan_is_right_as_often_as_it_says_where_answers_come_as_it_believes() -> None:
    quality, spread, variety = [0.55, 0.6, 0.7, 0.8], 2.0, 3.0
    costs = [1.0, 1.5, 4.0, 20.0]
    play = Beliefs(quality, spread, variety).best(costs, 0.004)
    rng = np.random.default_rng(4)
    n = 4000
    logits = np.log(np.array(quality) / (1 - np.array(quality)))
    logits = logits * np.sqrt(1 + np.pi * spread**2 / 8)
    good = rng.random((n, 4)) < 1 / (1 + np.exp(-(logits + spread * rng.normal(size=(n, 1)))))
    outcomes = [_followed(play, row, variety, rng) for row in good]
    assert np.mean([right for right, _ in outcomes]) == pytest.approx(play.quality, abs=0.03)
    spent = np.mean([sum(costs[p] for p in asked) for _, asked in outcomes])
    assert spent == pytest.approx(play.cost, rel=0.06)


def _followed(
    play: Play, good: np.ndarray, variety: float, rng: np.random.Generator
) -> tuple[bool, list[int]]:
    """Whether the given answer is right, and who was asked, with wrong answers as in a Chinese
    restaurant."""
    said: dict[int, int] = {}
    wrong: list[int] = []
    while True:
        votes = [said.get(p) for p in range(4)]
        names: dict[int, str] = {}
        pattern = "".join(
            "." if v is None else names.setdefault(v, "abcd"[len(names)]) for v in votes
        ).rstrip(".")
        move = play.moves.get(pattern)
        if move is None:  # too rare to be in the plan
            return bool(good[max(said)]), list(said)
        if move.gives:
            return bool(good[move.place]), list(said)
        if good[move.place]:
            said[move.place] = 0
            continue
        chances = np.array([variety, *(1.0 for _ in wrong)])
        seat = rng.choice(len(chances), p=chances / chances.sum())
        vote = wrong[seat - 1] if seat else len(wrong) + 1
        said[move.place] = vote
        wrong.append(vote)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 1.0, 10.0])
def test_no_plan_is_worth_less_than_the_best_single_call(rate: float) -> None:
    quality, costs = [0.5, 0.62, 0.7, 0.85], [0.1, 0.2, 0.9, 3.0]
    beliefs = Beliefs(quality, 2.0, 4.0)
    play = beliefs.best(costs, rate)
    single = max(q - rate * c for q, c in zip(quality, costs, strict=True))
    assert play.quality - rate * play.cost >= single - 0.005  # as far as the logits are exact
    assert beliefs.worth(costs, rate) == pytest.approx(play.quality - rate * play.cost)
    assert play.most <= sum(costs) + 1e-9


def test_the_dearer_money_is_the_less_is_spent() -> None:
    beliefs = Beliefs([0.6, 0.65, 0.7, 0.85], 2.0, 4.0)
    spent = [beliefs.best([0.1, 0.2, 0.9, 3.0], rate).cost for rate in (0.0, 0.02, 0.1, 1.0)]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] > spent[-1]


def test_every_pattern_that_a_plan_may_come_to_has_a_move() -> None:
    play = Beliefs([0.6, 0.6, 0.6], ALIKE, 1.0).best([1.0, 1.0, 1.0], FREE)
    for votes in product("ab", repeat=2):
        pattern = "a" + ("a" if votes[0] == "a" else "b")
        assert pattern in play.moves
    assert all(move.gives or pattern.count(".") < 3 for pattern, move in play.moves.items())
