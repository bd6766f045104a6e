"""Kinds of question: what counts as an answer to each, and what only looks like one."""

from __future__ import annotations

import pytest

from orchestrator.evidence.selecting.select import select
from tests.evidence.samples import embedder, passage

OFFICER = "Data protection officer: Ines Falkenrath, extension 415."
FINANCE = "Claims above 500 EUR also need the approval of the head of Finance."
DIRECTOR = "The director of the museum is Amina Haddad, who took office in 2017."


@pytest.mark.parametrize(
    ("question", "text", "quotes"),
    [
        # Who somebody is: a name that is said to be that of the role, and no mere mention of it.
        ("Who is the data protection officer?", f"{OFFICER} {FINANCE}", [OFFICER]),
        ("What is the name of the data protection officer?", f"{FINANCE} {OFFICER}", [OFFICER]),
        ("Who is the director?", f"{DIRECTOR} The director opens the museum.", [DIRECTOR]),
        ("Who is the head of Finance?", f"{FINANCE} {OFFICER}", []),
        # Who does something: a role is an answer, too.
        ("Who approves claims above 500 EUR?", FINANCE, [FINANCE]),
        # Soon can mean at once.
        (
            "How soon must a stolen device be reported?",
            "A stolen device is reported at once. Devices are grey.",
            ["A stolen device is reported at once."],
        ),
        # An amount in a currency is money, whatever the sentence calls it.
        (
            "How much money do I get for internet?",
            "Employees receive 40 EUR for internet. Internet is needed.",
            ["Employees receive 40 EUR for internet."],
        ),
        ("How much money do I get for internet?", "Internet takes 2 hours to set up.", []),
        # An abbreviation of the word lists is no name; one that they do not know is.
        (
            "Can I use my own PC?",
            "Private computers may not be used. The desk is grey.",
            ["Private computers may not be used."],
        ),
        ("Can I use my own XQ?", "Private computers may not be used. The desk is grey.", []),
    ],
)
def test_what_answers_a_question(question: str, text: str, quotes: list[str]) -> None:
    found = select(question, [passage(text)], embedder(), limit=3)
    assert [c.quote for c in found.spans] == quotes, found.reason
