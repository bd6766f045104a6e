"""The model as a value: its file, what it refuses, and that the shipped one is sane."""

from __future__ import annotations

import json

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.evidence.scoring.features import NAMES
from orchestrator.evidence.scoring.model import Formula, SupportModel, shipped
from orchestrator.evidence.scoring.score import score
from tests.evidence.samples import embedder, passage


def plain(**formulas: Formula) -> SupportModel:
    one, none = (1.0,) * len(NAMES), (0.0,) * len(NAMES)
    general = Formula(intercept=0.0, coefficients=one)
    return SupportModel(
        name="plain", names=NAMES, means=none, scales=one, general=general, sources=formulas
    )


def test_a_model_comes_back_from_its_file() -> None:
    model = shipped()
    again = SupportModel.from_json(model.to_json())
    assert again == model
    assert again.hash == model.hash
    assert len(model.hash) == 12


def test_a_source_has_its_own_formula_and_threshold() -> None:
    never = Formula(intercept=-9.0, coefficients=(0.0,) * len(NAMES), threshold=0.3)
    model, rows = plain(strict=never), np.zeros((2, len(NAMES)), dtype=np.float32)
    assert model.probability(rows).tolist() == [0.5, 0.5]
    assert model.probability(rows, "strict").max() < 0.001
    assert (model.threshold("strict"), model.threshold("other"), model.threshold()) == (
        0.3,
        0.5,
        0.5,
    )


def test_extreme_features_give_probabilities() -> None:
    rows = np.array([[1e30] * len(NAMES), [-1e30] * len(NAMES)], dtype=np.float32)
    found = plain().probability(rows)
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert found[0] > found[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ["containment"]}, "it was fitted on other features"),
        ({"means": [0.0]}, "numbers of each kind"),
        ({"scales": [0.0] * len(NAMES)}, "every scale must be above 0"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"name": ""}, "name: String should have at least 1 character"),
    ],
)
def test_what_is_no_model_is_refused(change: dict[str, object], said: str) -> None:
    text = json.dumps({**json.loads(plain().to_json()), **change})
    with pytest.raises(UserError, match="no usable support model") as caught:
        SupportModel.from_json(text)
    assert said in str(caught.value)
    assert "mesh calibrate" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"general": NaN}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no usable support model"):
        SupportModel.from_json(text)


def test_the_shipped_model_says_where_it_comes_from() -> None:
    about = shipped().about
    assert all(word in about for word in ("Apache-2.0", "ODC-BY", "MIT", "fit_support.py"))
    assert shipped().threshold() == 0.5


SOURCE = (
    "The harbour museum was founded in 1889 by the shipowner Clara Voss. It has 42 rooms and a "
    "library of 9,000 books. Children under six enter free of charge."
)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("It has 42 rooms and a library.", "It has 57 rooms and a library."),
        ("The museum was founded by Clara Voss.", "The museum was founded by Ivan Petrov."),
        ("Children under six enter free.", "Children under six receive a guided boat tour."),
        ("The museum was founded in 1889.", "The opera house was renovated in 1931."),
    ],
)
def test_less_support_is_less_probable(better: str, worse: str) -> None:
    found = score([better, worse], [passage(SOURCE)], embedder(), shipped())
    assert found[0].probability > found[1].probability
    assert found[0].kind is None
    assert found[1].kind is not None
    assert found[1].reason


def test_a_clause_that_goes_too_far_costs_probability() -> None:
    stated = "It has 42 rooms and a library of 9,000 books"
    claims = [f"{stated}.", f"{stated}, and a planetarium with a cinema."]
    found = score(claims, [passage(SOURCE)], embedder(), shipped())
    assert found[0].probability > found[1].probability


def test_a_score_names_the_span_and_what_differs() -> None:
    found = score(["It was founded in 1899."], [passage(SOURCE)], embedder(), shipped())[0]
    assert found.best is not None
    assert SOURCE[found.best.start : found.best.end] == found.best.quote
    assert found.claim_says == "1899"
