"""The gates, one by one: what an aligned sentence says otherwise, in words for a person."""

from __future__ import annotations

import pytest

from orchestrator.evidence.alignment import ClaimAligner
from orchestrator.evidence.gates import Finding, findings, missing_names, strange_words
from orchestrator.evidence.language.reading import read
from orchestrator.evidence.passage_index import index_of
from tests.evidence.samples import embedder, passage


def found(claim: str, source: str) -> list[Finding]:
    aligner = ClaimAligner(claim, index_of([passage(source)], embedder()))
    return [f for n in aligner.candidates(4) for f in findings(aligner.align(n))]


@pytest.mark.parametrize(
    ("claim", "source", "gate", "reason"),
    [
        (
            "The tower has 18 floors.",
            "The tower has 12 floors.",
            "number",
            'a.md says "12", the claim says "18"',
        ),
        (
            "The tower was built in 1899.",
            "The tower was built in 1889.",
            "date",
            'a.md says "1889", the claim says "1899"',
        ),
        (
            "Friday is the common office day for all teams.",
            "Tuesday is the common office day for all teams.",
            "date",
            'a.md says "Tuesday", the claim says "Friday"',
        ),
        (
            "The allowance is reviewed every October.",
            "The allowance is reviewed every January.",
            "date",
            'a.md says "January", the claim says "October"',
        ),
        (
            "The shop is open on Sundays.",
            "The shop is open from Monday to Saturday.",
            "date",
            'a.md says "Monday to Saturday", the claim says "Sundays"',
        ),
        (
            "The director is Ana Costa.",
            "The director is Jan Novak.",
            "name",
            'a.md says "Jan Novak", the claim says "Ana Costa"',
        ),
        (
            "Dogs are prohibited in the park.",
            "Dogs are allowed in the park.",
            "negation",
            'a.md says "allowed", the claim says "prohibited"',
        ),
        (
            "Visitors may touch the exhibits.",
            "Visitors may not touch the exhibits.",
            "negation",
            'a.md says "Visitors may not touch the exhibits.", the claim says the opposite',
        ),
        (
            "Employees must wear a badge.",
            "Employees may wear a badge.",
            "modality",
            'a.md says "may", the claim says "must"',
        ),
    ],
)
def test_each_gate_names_both_sides(claim: str, source: str, gate: str, reason: str) -> None:
    finding = next(f for f in found(claim, source) if f.gate == gate)
    assert finding.reason == reason


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("Smoking is not permitted.", "Smoking is prohibited."),
        ("Working without approval is prohibited.", "Working with approval is allowed."),
        ("Up to ten people may enter.", "No more than ten people may enter."),
        ("You must register.", "It is mandatory that you register."),
        ("The shop is open on Tuesdays.", "The shop is open from Monday to Saturday."),
        ("The shop is open on Sundays.", "The shop is not open on Mondays."),
        ("The shop is open on weekends.", "The shop is open on Saturdays and Sundays."),
        ("The contract starts in May.", "The contract starts on 12 May 2020."),
        ("The gate opens at 9:00.", "The gate opens at 9:00 and closes at 17:00."),
        ("The gate closes at 17:00.", "The gate opens at 9:00 and closes at 17:00."),
        ("Members do not pay.", "Members do not pay if they show their card."),
        ("It is not only cheap.", "It is cheap."),
    ],
)
def test_agreement_finds_nothing(claim: str, source: str) -> None:
    assert found(claim, source) == []


def test_the_right_clause_is_compared() -> None:
    source = "Adults pay 12 EUR and children pay 6 EUR."
    assert found("Children pay 6 EUR.", source) == []
    assert found("Children pay 12 EUR.", source)[0].gate == "number"


def test_a_table_row_is_read_under_its_header() -> None:
    table = "| Room | Price |\n|------|-------|\n| Single | 80 EUR |\n| Double | 120 EUR |\n"
    assert found("The price of a single room is 80 EUR.", table) == []
    assert found("The price of a single room is 90 EUR.", table)[0].gate == "number"


@pytest.mark.parametrize(
    ("claim", "source", "absent"),
    [
        ("The plan was made by Clara Voss.", "The plan was made in 1889.", ["Clara Voss"]),
        ("Ask the HR team.", "Ask Human Resources.", []),
        ("Connect through the VPN.", "Connect through the gateway.", ["VPN"]),
        ("It was Voss who paid.", "Clara Voss paid for it.", []),
        ("Employees travel in May.", "They travel.", []),
    ],
)
def test_missing_names(claim: str, source: str, absent: list[str]) -> None:
    assert missing_names(read(claim), [read(source)]) == absent


@pytest.mark.parametrize(
    ("claim", "source", "strange"),
    [
        ("It is the day for all teams of Zanzibar.", "It is the day for all teams.", ["Zanzibar"]),
        ("It was Ana Voss who paid.", "Clara Voss paid for it.", ["Ana"]),
        ("Surely the Team pays.", "Every team pays.", []),
        ("Ask the HR team.", "Ask Human Resources.", []),
        ("They meet on Friday, in May.", "They meet.", []),
        ("They meet often (Source 2).", "They meet often.", []),
    ],
)
def test_strange_words(claim: str, source: str, strange: list[str]) -> None:
    assert strange_words(read(claim), [read(source)]) == strange
