"""What was learned reaches decisions: texts are read for it, and decisions say which state."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.errors import UserError
from orchestrator.learning.predictor import LearnedPredictor, Observation
from orchestrator.learning.quality import learn, tallied
from orchestrator.learning.reading import Reader
from orchestrator.project.load import load_project
from orchestrator.types import TaskProfile, as_json, from_json
from tests.learning.made import answers, reader, texts

FLEET = """
models:
  small: {family: one, tier: small, context: 9000, tasks: {"*": 0.7}, deployments: [DEPLOYMENT]}
  large: {family: two, tier: mid, context: 9000, tasks: {"*": 0.8}, deployments: [DEPLOYMENT]}
""".replace(
    "DEPLOYMENT",
    "{id: here, via: openai, model: x, endpoint: 'http://127.0.0.1:9/v1', hosting: hosted, "
    "price: {input: 1, output: 1}}",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    (tmp_path / "policy.yaml").write_text("objective: {maximize: quality}\n")
    return tmp_path


def teach(mesh: Mesh) -> str:
    known = answers(500, {"small": (0.95, 0.1), "large": (0.7, 0.8)})
    predictor = LearnedPredictor(tallied(known), learn(known, reader().meaning).text)
    return mesh.learned_states.keep(predictor, Reader(mesh.embedder).name)


def test_a_decision_follows_what_was_learned_and_says_which(project: Path) -> None:
    before = Mesh.load(project)
    assert before.decide("Is the boat old?", task="chat").predictor == "prior"
    assert before.profile("Is the boat old?").reading is None
    version = teach(before)
    mesh = Mesh.load(project)
    made, hard = texts(20, seed=3)
    found = [mesh.decide(text, task="chat") for text in made]
    assert {decision.predictor for decision in found} == {version}
    right = [
        d.chosen == ("large/here" if h else "small/here") for d, h in zip(found, hard, strict=True)
    ]
    assert sum(right) >= 18


def test_a_reading_is_not_recorded(project: Path) -> None:
    teach(Mesh.load(project))
    profile = Mesh.load(project).profile("Is the boat old?")
    assert profile.reading is not None
    assert "reading" not in as_json(profile)
    assert from_json(TaskProfile, as_json(profile)).reading is None


def test_a_service_takes_up_another_state_when_it_is_reloaded(project: Path) -> None:
    mesh = Mesh.load(project)
    one = LearnedPredictor()
    one.observe(Observation(model="small", task="chat", score=1.0))
    first, second = mesh.learned_states.keep(one, Reader(mesh.embedder).name), teach(mesh)
    mesh.learned_states.use(first)
    running = Mesh.load(project)
    assert running.decide("Is it old?", task="chat").predictor == first
    running.learned_states.use(second)
    assert running.decide("Is it old?", task="chat").predictor == first
    after = running.successor(load_project(project))
    assert after.decide("Is it old?", task="chat").predictor == second


def test_a_state_of_another_reader_is_refused_with_the_way_out(project: Path) -> None:
    mesh = Mesh.load(project)
    one = LearnedPredictor()
    one.observe(Observation(model="small", task="chat", score=1.0))
    mesh.learned_states.keep(one, "another reader")
    with pytest.raises(UserError, match=r"another reader.*mesh learn use none"):
        Mesh.load(project).decide("Is it old?", task="chat")
