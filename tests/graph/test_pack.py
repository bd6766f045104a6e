"""Values survive the journal unchanged."""

import json

import pytest

from orchestrator.errors import InternalError
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence
from orchestrator.graph.pack import pack, unpack
from orchestrator.roles.values import Plan, Subtask

DRAFT = Draft(
    sentences=(
        Sentence(
            id="s1", text="Ça va.", citations=(Citation(file="a", start=0, end=3, quote="x"),)
        ),
    )
)
PASSAGE = Passage(id="p1", file="a.md", start=0, end=5, text="Hello", doc_hash="h")
PLAN = Plan(subtasks=(Subtask(id="one", description="do", task="draft"),))


@pytest.mark.parametrize(
    "value",
    [
        DRAFT,
        (PASSAGE, PASSAGE),
        {"draft": DRAFT, "plan": PLAN, "text": "plain", "n": 3, "none": None},
        {"nested": {"list": (PASSAGE, {"deep": PLAN})}},
        "text",
        1.5,
        None,
        (),
    ],
)
def test_a_value_comes_back_equal_through_json(value: object) -> None:
    assert unpack(json.loads(json.dumps(pack(value)))) == value


def test_a_type_that_is_not_loaded_is_named() -> None:
    with pytest.raises(InternalError, match="'Vanished'"):
        unpack({"$type": "Vanished", "value": {}})
