"""Graded disagreements: what is tied to the wrong thing stands out from what is said otherwise."""

from __future__ import annotations

import pytest

from orchestrator.evidence.alignment import ClaimAligner
from orchestrator.evidence.passage_index import index_of
from orchestrator.evidence.relations.signals import RELATIONS, Signal, relations, strengths
from tests.evidence.relations.pairs import EXCHANGED, SWAPPED, TRUE
from tests.evidence.samples import embedder, passage


def signals(claim: str, *sources: str) -> tuple[Signal, ...]:
    passages = [passage(s, f"{chr(97 + i)}.md", i + 1) for i, s in enumerate(sources)]
    return relations(ClaimAligner(claim, index_of(passages, embedder())))


def strongest(claim: str, source: str, *names: str) -> float:
    found = strengths(signals(claim, source))
    return max(value for name, value in found.items() if name in names)


_SWAPS = ("swapped_number", "swapped_date", "swapped_name")


def test_most_swaps_are_stronger_than_what_is_true() -> None:
    true = sorted(strongest(c, s, *_SWAPS) for c, s in TRUE)
    limit = true[int(0.9 * len(true))]
    caught = sum(strongest(c, s, *_SWAPS) > limit for c, s in SWAPPED)
    assert caught >= 0.8 * len(SWAPPED)


def test_most_exchanged_roles_are_stronger_than_what_is_true() -> None:
    true = sorted(strongest(c, s, "roles") for c, s in TRUE)
    limit = true[int(0.9 * len(true))]
    caught = sum(strongest(c, s, "roles") > limit for c, s in EXCHANGED)
    assert caught >= 0.8 * len(EXCHANGED)


def test_a_signal_names_both_sides_and_the_place() -> None:
    claim, source = SWAPPED[0]
    first = next(s for s in signals(claim, "Nothing of it.", source) if s.at is not None)
    assert (first.relation, first.kind) == ("swapped_date", "swapped")
    assert (first.claim_says, first.source_says) == ("1887", "1893")
    assert first.at is not None
    assert first.at.text == "The bridge opened in 1893 with a parade."
    assert first.reason == 'b.md says "1893" of it, the claim says "1887"'


def test_exchanged_names_are_told_in_words() -> None:
    found = next(s for s in signals(*EXCHANGED[0]) if s.relation == "roles")
    assert found.kind == "roles"
    assert found.claim_says == "Chicago … Boston"
    assert found.source_says == "Boston … Chicago"
    assert "the other way round" in found.reason


def test_the_order_of_a_list_says_nothing() -> None:
    found = strengths(
        signals("It sells to Rome, Vienna and Prague.", "It sells to Prague, Rome and Vienna.")
    )
    assert found["roles"] == 0.0


def test_a_reference_is_no_number() -> None:
    found = strengths(signals("The mine employs 900 people [4].", "The mine employs 900 people."))
    assert found["swapped_number"] == 0.0
    assert found["absent_number"] == 0.0


@pytest.mark.parametrize(
    ("claim", "source", "relation", "claim_says", "source_says"),
    [
        ("The room is hot.", "The room is cold.", "antonym", "hot", "cold"),
        ("The form is valid.", "The form is invalid.", "antonym", "valid", "invalid"),
        ("Dogs are not allowed here.", "Dogs are allowed here.", "negation", "not", ""),
        ("Dogs are allowed here.", "Dogs are never allowed here.", "negation", "", "never"),
        ("The hall seats 70 people.", "The hall seats people.", "absent_number", "70", ""),
        ("If it rains, ask Clara Voss.", "Ask the manager.", "absent_name", "Clara Voss", ""),
    ],
)
def test_other_disagreements(
    claim: str, source: str, relation: str, claim_says: str, source_says: str
) -> None:
    found = next(s for s in signals(claim, source) if s.relation == relation)
    assert found.strength >= 0.4
    assert (found.claim_says, found.source_says) == (claim_says, source_says)


@pytest.mark.parametrize(
    ("claim", "source", "relation"),
    [
        ("The first room is hot.", "The first room is hot, the second one is cold.", "antonym"),
        ("Smoking is not permitted.", "Smoking is prohibited.", "negation"),
        ("Members do not pay.", "Members do not pay if they show their card.", "negation"),
    ],
)
def test_agreement_is_weak(claim: str, source: str, relation: str) -> None:
    found = [s.strength for s in signals(claim, source) if s.relation == relation]
    assert max(found, default=0.0) < 0.4


def test_what_is_said_nowhere_is_unmentioned() -> None:
    near = strengths(signals("The mine employs 900 people.", "The mine employs 900 people."))
    far = strengths(signals("The mine employs 900 people.", "Bake the bread for an hour."))
    assert near["unmentioned"] == 0.0
    assert far["unmentioned"] > 0.9


@pytest.mark.parametrize(("claim", "source"), [("", "Some text."), ("Some text.", ""), ("…", "…")])
def test_nothing_to_compare(claim: str, source: str) -> None:
    assert set(strengths(signals(claim, source))) == set(RELATIONS)
    assert all(0 <= v <= 1 for v in strengths(signals(claim, source)).values())
