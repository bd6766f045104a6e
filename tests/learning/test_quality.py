"""What texts say of models: in common, and of each beside the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.learning.quality import UNKNOWN, Answers, QualityModel, learn
from tests.learning.made import answers, reader, texts

CHANCES = {"small": (0.9, 0.2), "large": (0.95, 0.9)}


@pytest.fixture(scope="module")
def meaning() -> int:
    return reader().meaning


@pytest.fixture(scope="module")
def known() -> Answers:
    return answers(600, CHANCES)


def predicted(model: QualityModel, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    made, hard = texts(n, seed=9)
    mean, sd = model.predict(("small", "large"), ("chat",) * n, reader().read(made))
    return mean, sd, hard


def test_without_answers_everything_is_as_declared(meaning: int) -> None:
    none = answers(10, CHANCES)
    none = replace(none, scores=np.full_like(none.scores, np.nan))
    mean, sd, _ = predicted(learn(none, meaning))
    assert (mean == UNKNOWN.mean).all()
    assert (sd == UNKNOWN.sd).all()


def test_who_is_better_at_what_is_read_off_the_text(known: Answers, meaning: int) -> None:
    mean, _, hard = predicted(learn(known, meaning))
    gain = mean[:, 1] - mean[:, 0]
    assert gain[hard].mean() == pytest.approx(0.7, abs=0.1)
    assert gain[~hard].mean() == pytest.approx(0.05, abs=0.1)
    assert gain[hard].min() > gain[~hard].max()


def test_more_answers_make_it_surer(known: Answers, meaning: int) -> None:
    few = Answers(
        models=known.models,
        tasks=known.tasks[:60],
        readings=known.readings[:60],
        scores=known.scores[:60],
    )
    assert (
        predicted(learn(few, meaning))[1].mean() > 1.3 * predicted(learn(known, meaning))[1].mean()
    )


def test_texts_that_say_nothing_move_nothing(meaning: int) -> None:
    mean, _, _ = predicted(learn(answers(600, {"small": (0.5, 0.5), "large": (0.8, 0.8)}), meaning))
    assert mean.std(axis=0) == pytest.approx([0, 0], abs=0.05)
    assert mean.mean(axis=0) == pytest.approx([0.5, 0.8], abs=0.06)


def test_each_request_may_be_answered_by_one_model_alone(known: Answers, meaning: int) -> None:
    scores = known.scores.copy()
    rows = np.arange(len(scores))
    scores[rows, rows % 2] = np.nan
    mean, _, hard = predicted(learn(replace(known, scores=scores), meaning))
    gain = mean[:, 1] - mean[:, 0]
    assert gain[hard].mean() > gain[~hard].mean() + 0.3


def test_a_model_that_was_hardly_seen_shares_what_all_find_hard(meaning: int) -> None:
    seen = answers(600, {"small": (0.9, 0.2), "large": (0.9, 0.2), "new": (0.9, 0.2)})
    scores = seen.scores.copy()
    scores[:, 2] = np.nan
    model = learn(replace(seen, scores=scores), meaning)
    made, hard = texts(100, seed=9)
    mean, sd = model.predict(("small", "new"), ("chat",) * 100, reader().read(made))
    assert mean[hard, 1].mean() < mean[~hard, 1].mean() - 0.3
    assert (sd[:, 1] > sd[:, 0]).all()


def test_without_a_text_model_and_task_are_told(known: Answers, meaning: int) -> None:
    mean, _ = learn(known, meaning).predict(known.models, ("chat", "chat"), None)
    assert mean[0] == pytest.approx(known.scores.mean(axis=0), abs=0.02)
    assert (mean[0] == mean[1]).all()
