"""Learned states are kept side by side, and each can be taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.learning.predictor import LearnedPredictor, Observation
from orchestrator.learning.store import LearnedStates


def learned(score: float) -> LearnedPredictor:
    predictor = LearnedPredictor()
    predictor.observe(Observation(model="able", task="draft", score=score))
    return predictor


def test_the_last_one_kept_is_used_until_another_is_asked_for(tmp_path: Path) -> None:
    states = LearnedStates(tmp_path / "learned")
    assert states.used is None
    assert states.all() == []
    first = states.keep(learned(0.2), "here")
    second = states.keep(learned(0.9), "here")
    assert states.used == second
    assert {state.version: state.used for state in states.all()} == {first: False, second: True}
    states.use(first)
    assert states.used == first
    assert states.load(first, "here").tallies == learned(0.2).tallies
    states.forget()
    assert states.used is None
    assert len(states.all()) == 2


def test_a_version_is_found_by_its_beginning(tmp_path: Path) -> None:
    states = LearnedStates(tmp_path)
    first, _ = states.keep(learned(0.2), "here"), states.keep(learned(0.9), "here")
    assert states.find(first[:-2]) == first
    for said in ("learned-", "other"):
        with pytest.raises(UnknownNameError, match=first):
            states.find(said)
    with pytest.raises(UnknownNameError, match="learned state"):
        states.use("other")


def test_one_that_cannot_be_used_says_what_can_be_done(tmp_path: Path) -> None:
    states = LearnedStates(tmp_path)
    version = states.keep(learned(0.2), "here")
    with pytest.raises(UserError, match=r"learned with here.*mesh learn use none"):
        states.load(version, "there")
    (tmp_path / f"{version}.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match="no learned state"):
        states.load(version, "here")
    with pytest.raises(UserError, match="cannot be read"):
        states.content("gone")
