"""Claims: split only where both parts stand alone; what states nothing is not checked."""

from __future__ import annotations

import pytest

from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.values import Calculation, Citation, Draft, Sentence


def claims(text: str) -> list[str]:
    return [c.text for c in split_claims([Sentence(id="s1", text=text)])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Employees receive 40 EUR a month and managers receive 60 EUR a month.",
            ["Employees receive 40 EUR a month.", "Managers receive 60 EUR a month."],
        ),
        (
            "Adults pay 12 EUR, but children are free of charge.",
            ["Adults pay 12 EUR.", "Children are free of charge."],
        ),
        (
            "The fee is 5 EUR; the discount is not available to groups.",
            ["The fee is 5 EUR.", "The discount is not available to groups."],
        ),
        ("The tower is old. The bridge is new.", ["The tower is old.", "The bridge is new."]),
    ],
)
def test_compound_sentences_are_split(text: str, expected: list[str]) -> None:
    assert claims(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The museum opens at 9:00 and closes at 17:00.",
        "Salt and pepper are spices.",
        "The policy covers equipment and costs of travel.",
        "If it rains, the garden is closed and the café stays open.",
        "The tower is high and it is old.",
        "Bring your badge and your laptop to the office.",
    ],
)
def test_what_belongs_together_stays_together(text: str) -> None:
    assert claims(text) == [text]


@pytest.mark.parametrize(
    "text",
    ["Hello there!", "Would you like more?", "Here is what the sources say:", "In summary:"],
)
def test_what_states_nothing_is_not_checkworthy(text: str) -> None:
    assert not any(c.checkworthy for c in split_claims([Sentence(id="s1", text=text)]))


@pytest.mark.parametrize("kind", ["heading", "connective"])
def test_headings_and_connectives_are_not_checkworthy(kind: str) -> None:
    sentence = Sentence.model_validate(
        {"id": "s1", "text": "Remote work costs 40 EUR", "kind": kind}
    )
    (claim,) = split_claims([sentence])
    assert not claim.checkworthy


def test_claims_keep_their_sentence_and_its_citations() -> None:
    cited = Citation(file="a.md", start=0, end=12, quote="Adults pay 1")
    sentence = Sentence(
        id="s7", text="Adults pay 12 EUR and children pay 5 EUR.", citations=(cited,)
    )
    found = split_claims(Draft(sentences=(sentence,)))
    assert [c.id for c in found] == ["s7.1", "s7.2"]
    assert {c.sentence for c in found} == {"s7"}
    assert all(c.citations == (cited,) and c.checkworthy for c in found)


def test_a_calculation_makes_no_claim() -> None:
    calculation = Calculation(expression="2 * 3", result="6")
    assert split_claims([Sentence(id="s1", text="That is 6.", calculation=calculation)]) == ()


def test_markup_is_left_out() -> None:
    assert claims("- **Remote work** is voluntary.") == ["Remote work is voluntary."]
