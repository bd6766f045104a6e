"""Two sentences that answer a question: when they differ, and when they only seem to."""

from __future__ import annotations

import pytest

from orchestrator.evidence.language.reading import read
from orchestrator.evidence.selecting.disagreement import disagree
from orchestrator.evidence.selecting.question import ask


@pytest.mark.parametrize(
    ("question", "left", "right", "differ"),
    [
        ("When was the bridge completed?", "The stone bridge was completed in 1788.",
         "The bridge was completed in 1798 and is lit.", True),
        ("When was the bridge completed?", "The bridge was completed in May 1788.",
         "The bridge was completed in 1788.", False),
        ("When is the party?", "The party takes place on Saturday, 22 June.",
         "The party takes place on Saturday, 29 June.", True),
        ("From which day on?", "A certificate is needed from the fourth day.",
         "You need a certificate from the second day.", True),
        ("What does a wash cost?", "The price of a wash rises from 2 EUR to 2.50 EUR.",
         "The price of a wash is 3 EUR.", True),
        ("What does a loaf cost?", "The price of a loaf goes up to 4.60 euros.",
         "A loaf has a price of 4.80 euros.", True),
        ("How long must a password be?", "A password has at least 8 characters.",
         "A password of 12 characters is recommended.", False),
        ("How long is the notice period?", "The notice period is two weeks.",
         "The notice period is 14 days.", False),
        # Another thing, or another time.
        ("How many days of leave?", "Each employee has 28 days of annual leave.",
         "Parents may take care leave for a sick child on ten days.", False),
        ("How many spaces does the car park have?", "The car park has 220 spaces.",
         "A second car park with 150 spaces is planned.", False),
        ("What is the fee?", "In 2022 the fee was 10 EUR.", "In 2023 the fee was 12 EUR.", False),
        # Names.
        ("Who is the chair?", "The chair is Lotte Winkler.", "The chair is Ines Brandt.", True),
        ("Who is the chair?", "The chair is Lotte Winkler.", "The chair is Winkler.", False),
    ],
)  # fmt: skip
def test_what_is_a_disagreement(question: str, left: str, right: str, differ: bool) -> None:
    assert disagree(ask(question), read(left), read(right)) is differ
    assert disagree(ask(question), read(right), read(left)) is differ
