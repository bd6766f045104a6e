"""Learning from the given answers alone."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.learning.online import FIRST, LAST, Online

MODELS = ("good at a", "good at b")
MEANING = 4


def fresh() -> Online:
    return Online(models=MODELS, declared=np.array([0.6, 0.6]), meaning=MEANING)


def reading(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Two kinds of requests that are easily told apart."""
    centre = np.array([1.0, 0, 0, 0, 5.0, 0.0]) if kind else np.array([0, 1.0, 0, 0, 0.0, 5.0])
    return (centre + 0.05 * rng.normal(size=6)).astype(np.float32)


def served(online: Online, n: int, *, explore: bool = True, seed: int = 0) -> float:
    """The mean score of the last half, where who is expected to be best is asked."""
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(n):
        kind = int(rng.integers(2))
        row = reading(kind, rng)
        online.met(row)
        expected = online.expected(row, rng if explore and rng.random() < 0.1 else None)
        model = max(MODELS, key=lambda m: expected[m].mean)
        score = float(rng.random() < (0.9 if (model == MODELS[1]) == bool(kind) else 0.3))
        online.observe(row, model, score)
        scores.append(score)
    return sum(scores[n // 2 :]) / max(n - n // 2, 1)


def test_it_starts_as_declared_and_moves_by_what_it_sees() -> None:
    online, row = fresh(), reading(0, np.random.default_rng(1))
    before = online.expected(row)
    assert [e.mean for e in before.values()] == [0.6, 0.6]
    for _ in range(10):
        online.observe(row, MODELS[0], 1.0)
    after = online.expected(row)
    assert after[MODELS[0]].mean > 0.75
    assert after[MODELS[0]].sd < before[MODELS[0]].sd
    # An easy kind of request is easy for the other one too, though that is less sure.
    assert 0.6 < after[MODELS[1]].mean < after[MODELS[0]].mean
    assert after[MODELS[1]].sd > after[MODELS[0]].sd


def test_it_finds_out_who_is_good_at_what() -> None:
    online = fresh()
    assert served(online, 400) > 0.75
    assert online.centres is not None
    assert len(online.centres) > 1


def test_draws_differ_and_are_the_same_for_the_same_chance() -> None:
    online, row = fresh(), reading(0, np.random.default_rng(1))
    draws = [online.expected(row, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_it_forgets_the_first_requests_once_kinds_are_settled() -> None:
    online = fresh()
    served(online, LAST + 50)
    assert len(online.early) == LAST
    assert not online.judged
    assert online.counts.sum() == LAST + 50


@pytest.mark.parametrize("n", [0, 7, FIRST + 3, LAST + 10])
def test_it_is_the_same_after_it_was_kept(n: int) -> None:
    online = fresh()
    served(online, n)
    again = Online.from_bytes(online.to_bytes())
    row = reading(1, np.random.default_rng(9))
    assert again.expected(row) == online.expected(row)
    served(online, 100, seed=3)
    served(again, 100, seed=3)
    assert again.expected(row) == online.expected(row)


def test_mistakes_are_told() -> None:
    with pytest.raises(UserError, match="score"):
        fresh().observe(np.zeros(6), MODELS[0], 1.5)
    with pytest.raises(UserError, match="no learned state"):
        Online.from_bytes(b"not an archive")
