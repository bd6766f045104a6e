"""What observations do to an entry."""

from __future__ import annotations

from orchestrator.caching.trust import DOUBT, wrong
from orchestrator.caching.values import Seen


def test_an_entry_of_which_nothing_is_known_keeps_to_one_percent_and_no_stricter_bound() -> None:
    assert 0.001 < wrong(0.6, ()) <= 0.01
    assert DOUBT < 0.01


def test_one_wrong_answer_is_enough_below_its_similarity() -> None:
    seen = (Seen(score=0.9, correct=False),)
    assert wrong(0.9, seen) > 0.1
    assert wrong(0.8, seen) > 0.1


def test_right_answers_earn_trust_and_win_it_back() -> None:
    right = tuple(Seen(score=0.7, correct=True) for _ in range(6))
    assert wrong(0.7, right) < 0.003 < wrong(0.7, ())
    mixed = (Seen(score=0.7, correct=False), *right)
    assert wrong(0.95, mixed) < wrong(0.7, (Seen(score=0.7, correct=False),))


def test_the_nearer_the_surer() -> None:
    seen = (Seen(score=0.75, correct=False),)
    chances = [wrong(score, seen) for score in (0.7, 0.8, 0.9, 1.0)]
    assert chances == sorted(chances, reverse=True)
