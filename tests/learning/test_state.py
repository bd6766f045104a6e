"""What was learned is written, and comes back the same or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import UserError
from orchestrator.learning.predictor import LearnedPredictor, Observation
from orchestrator.learning.quality import learn
from orchestrator.learning.state import from_bytes, to_bytes
from orchestrator.testing import PredictorConformance
from orchestrator.types import TaskProfile
from tests.learning.made import answers, reader

FLEET = PredictorConformance.DEPLOYMENTS
DRAFT = TaskProfile(task="draft")


def learned(*, with_text: bool) -> LearnedPredictor:
    known = answers(200, {"able": (0.9, 0.9), "unknown": (0.9, 0.1)})
    predictor = LearnedPredictor(text=learn(known, reader().meaning).text if with_text else None)
    predictor.observe(Observation(model="able", task="draft", score=0.25, weight=0.5))
    return predictor


@pytest.mark.parametrize("with_text", [False, True])
def test_it_comes_back_the_same(with_text: bool) -> None:
    before = learned(with_text=with_text)
    content = to_bytes(before, "here")
    after = from_bytes(content, "here")
    assert after.version == before.version
    reading = reader().read(["Calculate 17 * 4 - 3."])[0]
    asked = replace(DRAFT, reading=reading)
    assert after.predict(asked, FLEET) == before.predict(asked, FLEET)
    assert from_bytes(to_bytes(after, "here"), "here").version == before.version


def test_of_other_readings_it_is_refused() -> None:
    with pytest.raises(UserError, match="learned with here, and requests are read with there"):
        from_bytes(to_bytes(learned(with_text=True), "here"), "there")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut"])
def test_what_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(UserError, match="no learned state"):
        from_bytes(content, "here")


def test_what_was_cut_or_changed_is_refused() -> None:
    content = to_bytes(learned(with_text=True), "here")
    for bad in (content[: len(content) // 2], content[:4000] + b"\0\0\0\0" + content[4004:]):
        with pytest.raises(UserError):
            from_bytes(bad, "here")
