"""What a question pins down, and sentences that are about that or about another one."""

from __future__ import annotations

import pytest

from orchestrator.evidence.language.reading import read
from orchestrator.evidence.selecting.anchors import anchors, meets, surroundings


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How much does the Kestrel 200 weigh?", [("label", "Kestrel 200")]),
        ("What does E4 mean?", [("label", "E4")]),
        ("When was version 2.2 released?", [("label", "version 2.2")]),
        ("Who lives in house B?", [("label", "house B")]),
        ("May I use 40 EUR?", []),
        ("What does the bank pay on EUR 50,000?", []),
        ("How many people lived there in 1941?", [("moment", "1941")]),
        ("Is it open on Sundays?", [("moment", "Sundays")]),
        ("Why did Bea Alvarez vote against?", [("name", "Bea Alvarez")]),
        ("Does it run on iOS?", [("name", "iOS")]),
        ("Can I use my own PC?", []),
    ],
)
def test_what_a_question_pins_down(question: str, found: list[tuple[str, str]]) -> None:
    assert [(a.kind, a.text) for a in anchors(question)] == found


@pytest.mark.parametrize(
    ("question", "sentence", "before", "heading", "about", "met"),
    [
        # A label: in the sentence, above it, in the document; never beside another of its kind.
        ("How heavy is the Kestrel 200?", "The Kestrel 200 weighs 6 kg.", "", "", "", True),
        ("How heavy is the Kestrel 200?", "The Kestrel 300 weighs 6 kg.", "", "", "", False),
        ("How heavy is the Kestrel 200?", "It weighs 6 kg.", "", "Kestrel 200", "", True),
        ("How heavy is the Kestrel 200?", "It weighs 6 kg.", "", "", "Kestrel 200", True),
        ("How heavy is the Kestrel 200?", "It weighs 6 kg.", "The Kestrel 300.", "", "", False),
        ("When does line 7 leave?", "7 | Station | 6:00", "", "", "", True),
        ("When does line 7 leave?", "9 | Station | 7:15", "", "", "", False),
        ("Who led incident 4417?", "Lead: Kapoor", "", "Incident report 4417: cards", "", True),
        # A moment: a sentence that states another one is about that.
        ("Who drowned in the flood of May 1421?", "In May 1421 214 drowned.", "", "", "", True),
        ("Who drowned in the flood of May 1421?", "214 drowned.", "The flood of May 1421.", "", "",
         True),
        ("How many lived there in 1941?", "In 1911 18,400 lived there.", "", "", "", False),
        ("How many lived there in 1941?", "18,400 lived there.", "", "", "", False),
        ("What did it cost in 2022?", "It costs 5 EUR.", "", "Prices of 2024", "", False),
        ("Is it free on Saturdays?", "It is free.", "", "", "", False),
        # A name: another one that ends alike is another one.
        ("Did it win the Booker Prize?", "It won the Harrow Prize.", "", "", "", False),
        ("When was the mason Josiah Pell born?", "It was built by Pell.", "", "", "", True),
        ("How many copies of Basalt were sold?", "The second one, Driftline, sold 8,000.",
         "Her first, Basalt, won.", "", "", False),
    ],
)  # fmt: skip
def test_a_sentence_on_another_one_is_none(
    question: str, sentence: str, before: str, heading: str, about: str, met: bool
) -> None:
    (anchor,) = anchors(question)
    around = surroundings([read(before)] if before else [], heading, about, frozenset())
    assert meets(anchor, read(sentence), around) is met
