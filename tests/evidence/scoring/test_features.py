"""What the scorer sees of claims, on passages written by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.embedding.load import load_embedder
from orchestrator.evidence.scoring.features import NAMES, features
from tests.evidence.samples import embedder, passage

SOURCE = (
    "The harbour museum was founded in 1889 by the shipowner Clara Voss. It has 42 rooms and a "
    "library. Children under six enter free of charge."
)


def seen(claim: str, *texts: str, question: str = "") -> dict[str, float]:
    passages = [passage(t, f"{n}.md", n) for n, t in enumerate(texts)]
    row = features([claim], passages, embedder(), question)[0]
    return dict(zip(NAMES, row.tolist(), strict=True))


def test_each_feature_has_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert features(["A claim."], [passage(SOURCE)], embedder()).shape == (1, len(NAMES))


def test_what_stands_there_is_fully_found() -> None:
    found = seen("The harbour museum was founded in 1889 by the shipowner Clara Voss.", SOURCE)
    whole = ("alignment", "exact_window_1", "copied_triples", "phrase_window", "clause_last")
    assert [round(found[name], 3) for name in whole] == [1.0] * len(whole)
    nothing = ("numbers_absent", "names_absent", "absent_weight", "unlike_around")
    assert [found[name] for name in nothing] == [0.0] * len(nothing)


@pytest.mark.parametrize(
    ("better", "worse", "names"),
    [
        ("It has 42 rooms.", "It has 57 rooms.", ["numbers_absent", "quantities_absent"]),
        (
            "The museum was founded by Clara Voss.",
            "The museum was founded by Ivan Petrov.",
            ["names_absent", "names_partly_absent"],
        ),
        (
            "The museum has a library.",
            "The museum has a submarine.",
            ["absent_weight", "unlike_around"],
        ),
    ],
)
def test_what_is_not_there_is_seen(better: str, worse: str, names: list[str]) -> None:
    stated, other = seen(better, SOURCE), seen(worse, SOURCE)
    assert all(stated[n] == 0 < other[n] for n in names), {n: (stated[n], other[n]) for n in names}
    assert other["exact_window_3_rare"] < stated["exact_window_3_rare"]


LOST = [name for name in NAMES if name.startswith("lost_")]


def test_what_sort_of_words_are_lost() -> None:
    stated = seen("It has 42 rooms and a library.", SOURCE)
    assert [round(stated[n], 3) for n in LOST] == [0.0] * len(LOST)
    boat, ship, law = (
        np.array([seen(f"It has a {word}.", SOURCE)[n] for n in LOST])
        for word in ("submarine", "submarines", "constitution")
    )
    if not boat.any():
        pytest.skip("the axes are those of the static embedder")
    assert np.linalg.norm(boat - ship) < np.linalg.norm(boat - law)


class Renamed:
    """The static embedder under another name: its axes are taken for those of another space."""

    name, dimensions = "other", 256

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return load_embedder("static").embed(texts)


def test_axes_of_another_embedder_are_left_alone() -> None:
    row = features(["It has a submarine."], [passage(SOURCE)], Renamed())[0]
    found = dict(zip(NAMES, row.tolist(), strict=True))
    assert found["absent_weight"] > 0
    assert not any(found[name] for name in LOST)


def test_more_context_never_hides_what_was_found() -> None:
    claim = "Children under six enter the harbour museum free of charge."
    alone = seen(claim, SOURCE)
    among = seen(claim, "The weather was mild. Trains were late.", SOURCE)
    for name in ("alignment", "exact_window_5", "copied_pairs", "phrase_window"):
        assert among[name] >= alone[name] - 1e-6


def test_times_are_numbers_on_both_clocks() -> None:
    record = json.dumps({"name": "Cafe Anker", "hours": {"Monday": "9:0-17:30"}})
    assert seen("It opens at 9:00 and closes at 5:30 PM.", record)["numbers_absent"] == 0
    assert seen("It closes at 6:45 PM.", record)["numbers_absent"] > 0


RECORD = json.dumps(
    {
        "name": "Cafe Anker",
        "attributes": {"OutdoorSeating": False, "TakeOut": True, "Reservations": None},
    }
)


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("The cafe offers outdoor seating.", "flags_against"),
        ("The cafe has no outdoor seating.", "flags_agreed"),
        ("Guests may not take out their food.", "flags_against"),
        ("The cafe accepts reservations.", "flags_unknown"),
    ],
)
def test_yes_and_no_of_a_record(claim: str, name: str) -> None:
    found = seen(claim, RECORD)
    flags = ("flags_against", "flags_agreed", "flags_unknown")
    assert {n: found[n] for n in flags} == {n: float(n == name) for n in flags}


def test_what_the_question_says_already_is_told_apart() -> None:
    claim = "The harbour museum was founded by the Romans."
    told = seen(claim, SOURCE, question="Who founded the harbour museum?")
    assert told["asked"] > 0.4
    assert told["beyond_question"] < told["alignment"]


def test_claims_share_one_reading_of_their_passages() -> None:
    claims = ["It has 42 rooms.", "Children pay.", "Clara Voss owned ships."]
    together = features(claims, [passage(SOURCE)], embedder())
    for row, claim in zip(together, claims, strict=True):
        alone = features([claim], [passage(SOURCE)], embedder())[0]
        np.testing.assert_allclose(row, alone, rtol=1e-5, atol=1e-6)


def test_no_claim_and_no_passage_have_no_features() -> None:
    assert features([], [passage(SOURCE)], embedder()).shape == (0, len(NAMES))
    for claim, passages in (("", [passage(SOURCE)]), ("A claim.", []), ("?!", [passage("…")])):
        assert not features([claim], passages, embedder()).any()


@pytest.mark.parametrize("claim", ["🦀🦀", "a", "1", "of the", "The tower 🦀 is high. " * 200])
def test_odd_claims_have_finite_features(claim: str) -> None:
    assert np.isfinite(features([claim], [passage(SOURCE + " 🦀")], embedder())).all()


def test_a_text_of_a_megabyte() -> None:
    long = "Room 17 holds 29 chairs. " + "And so on, and on and on, as before. " * 30_000
    assert len(long) > 1_000_000
    found = features(["Room 17 holds 29 chairs."], [passage(long)], embedder())
    assert np.isfinite(found).all()
    assert found[0, NAMES.index("exact_window_1")] == 1


@settings(max_examples=40, deadline=None)
@given(claim=st.text(max_size=60), source=st.text(max_size=120), question=st.text(max_size=20))
def test_no_text_breaks_the_features(claim: str, source: str, question: str) -> None:
    assert np.isfinite(features([claim], [passage(source)], embedder(), question)).all()
