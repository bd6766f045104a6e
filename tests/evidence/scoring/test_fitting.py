"""Fitting, on features made by a formula that the fit has to find again."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.evidence.scoring.features import NAMES
from orchestrator.evidence.scoring.fitting import fit
from orchestrator.evidence.scoring.model import SupportModel

HELPS, HURTS, SOURCE_ONLY = "exact_window_5", "numbers_absent", "cue_hedges"


def planted(
    n: int, seed: int, *, own: float = 0.0, bias: float = 0.0
) -> tuple[np.ndarray, list[int]]:
    """Features at random; labels by a logistic formula over two of them, and one of the source."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(NAMES))).astype(np.float32)
    value = 2 * x[:, NAMES.index(HELPS)] - 1.5 * x[:, NAMES.index(HURTS)]
    value = value + own * x[:, NAMES.index(SOURCE_ONLY)] + bias
    return x, (rng.random(n) < 1 / (1 + np.exp(-value))).astype(int).tolist()


def fitted(parts: dict[str, tuple[np.ndarray, list[int]]], seed: int = 0) -> SupportModel:
    features = np.concatenate([x for x, _ in parts.values()])
    labels = [y for _, own in parts.values() for y in own]
    sources = [name for name, (x, _) in parts.items() for _ in range(len(x))]
    return fit(features, labels, [f"g{i // 2}" for i in range(len(labels))], sources, seed=seed)


def weight(model: SupportModel, name: str, source: str | None = None) -> float:
    formula = model.general if source is None else model.sources[source]
    return formula.coefficients[NAMES.index(name)]


def test_a_planted_formula_is_found() -> None:
    model = fitted({"a": planted(500, 1), "b": planted(500, 2)})
    others = [abs(weight(model, n)) for n in NAMES if n not in (HELPS, HURTS)]
    assert weight(model, HELPS) > 1
    assert weight(model, HURTS) < -0.7
    assert max(others) < 0.4
    x, y = planted(2000, 3)
    said = model.probability(x) >= model.threshold()
    assert (said == np.array(y, dtype=bool)).mean() > 0.78


def test_a_source_learns_what_holds_in_it_alone() -> None:
    model = fitted({"a": planted(700, 1, own=2.0), "b": planted(700, 2, own=-2.0)})
    assert weight(model, SOURCE_ONLY, "a") > 0.5
    assert weight(model, SOURCE_ONLY, "b") < -0.5
    assert abs(weight(model, SOURCE_ONLY)) < 0.3


def test_a_source_leaves_the_general_formula_where_its_rows_say_so() -> None:
    parts = {"large": planted(900, 1), "alike": planted(260, 2), "apart": planted(260, 3, own=3.0)}
    model = fitted(parts)

    def away(source: str) -> float:
        own, general = model.sources[source].coefficients, model.general.coefficients
        return float(np.abs(np.array(own) - np.array(general)).mean())

    assert weight(model, SOURCE_ONLY, "apart") > 0.5
    assert away("alike") < away("apart") / 2


def test_a_small_source_takes_the_general_formula_at_its_own_frequency() -> None:
    model = fitted({"large": planted(700, 1), "small": planted(60, 2, own=3.0, bias=1.5)})
    small, general = model.sources["small"], model.general
    assert small.coefficients == general.coefficients
    assert small.slope == general.slope
    assert small.shift > general.shift
    assert small.threshold > general.threshold


def test_probabilities_are_as_frequent_as_they_say() -> None:
    model = fitted({"rare": planted(3000, 1, bias=3.0), "even": planted(900, 2)})
    x, y = planted(4000, 5, bias=3.0)
    said = model.probability(x, "rare")
    assert abs(said.mean() - np.mean(y)) < 0.03
    for low, high in ((0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        here = (said >= low) & (said < high)
        assert abs(said[here].mean() - np.array(y)[here].mean()) < 0.1


def test_the_threshold_of_a_source_treats_both_labels_alike() -> None:
    model = fitted({"rare": planted(900, 1, bias=3.0), "even": planted(900, 2)})
    assert model.threshold("rare") > 0.75
    assert abs(model.threshold("even") - 0.5) < 0.05
    assert model.threshold("never seen") == model.threshold() == 0.5
    x, y = planted(4000, 5, bias=3.0)
    right = (model.probability(x, "rare") >= model.threshold("rare")) == np.array(y, dtype=bool)
    shares = [right[np.array(y) == label].mean() for label in (0, 1)]
    assert abs(shares[0] - shares[1]) < 0.1


def test_the_same_rows_give_the_same_model() -> None:
    parts = {"a": planted(150, 1), "b": planted(150, 2)}
    assert (model := fitted(parts)).hash == fitted(parts).hash
    assert model.hash != fitted({"a": planted(150, 7), "b": planted(150, 2)}).hash


def test_one_source_of_one_label_is_no_obstacle() -> None:
    x, _ = planted(50, 4)
    model = fitted({"a": planted(150, 1), "only": (x, [1] * 50)})
    assert list(model.sources) == ["a"]


def test_what_cannot_be_fitted_is_refused() -> None:
    x, y = planted(60, 1)
    groups, sources = [str(i) for i in range(60)], ["a"] * 60
    cases = (
        (x[:, :5], y, "columns, found shape (60, 5)"),
        (x, y[:40], "of one length"),
        (x, [2] * 60, "labels must be 0 or 1"),
        (x, [1] * 60, "at least 5 claims of each label are needed, found 60 supported and 0 not"),
        (np.where(x > 2, np.nan, x), y, "a feature is no number"),
    )
    for features, labels, said in cases:
        with pytest.raises(UserError, match=said.replace("(", r"\(").replace(")", r"\)")):
            fit(features, labels, groups, sources)
    with pytest.raises(UserError, match="8 labelled claims are too few to fit; at least 20"):
        fit(x[:8], y[:8], groups[:8], sources[:8])
