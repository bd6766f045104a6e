"""A claim on one of two sentences that answer the question differently."""

from __future__ import annotations

from orchestrator.evidence.selecting.rivals import contested, rivals
from orchestrator.evidence.values import Claim
from tests.evidence.samples import embedder, passage

OLD = passage("The annual card costs 18 EUR. It is red.", "old.md", 1)
NEW = passage("The annual card costs 20 EUR.", "new.md", 2)
QUESTION = "How much does the annual card cost?"


def test_both_sides_are_found_and_a_claim_on_one_is_contradicted_by_the_other() -> None:
    found = rivals(QUESTION, [OLD, NEW], embedder())
    assert {c.file for c in found} == {"old.md", "new.md"}
    own = next(c for c in found if c.file == "old.md")
    claim = Claim(id="c1", sentence="s1", text="It costs 18 EUR.", citations=(own,))
    check = contested(claim, found)
    assert check is not None
    assert (check.status, check.kind) == ("contradicted", "conflict")
    assert check.against is not None
    assert check.against.file == "new.md"


def test_a_claim_on_something_else_is_not_contested() -> None:
    found = rivals(QUESTION, [OLD, NEW], embedder())
    red = found[0].model_copy(
        update={"file": "old.md", "start": 30, "end": 40, "quote": "It is red."}
    )
    assert (
        contested(Claim(id="c", sentence="s", text="It is red.", citations=(red,)), found) is None
    )


def test_no_question_or_no_difference() -> None:
    assert rivals("Draft a price list", [OLD, NEW], embedder()) == ()
    assert rivals(QUESTION, [OLD], embedder()) == ()
    assert rivals(QUESTION, [], embedder()) == ()
