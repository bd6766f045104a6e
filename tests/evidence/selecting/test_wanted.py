"""What kind of value a question asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evidence.selecting.wanted import NOTHING, wanted


@pytest.mark.parametrize(
    ("question", "kind", "noun"),
    [
        ("How many lifts does the tower have?", "count", "lifts"),
        ("How many solo albums are there?", "count", "solo albums"),
        ("How many of the 12 rooms have a bath?", "count", "rooms"),
        ("how many people signed", "count", "people"),
        ("How many times may I retake the test?", "count", "times"),
        ("How many times a week is the bin emptied?", "rate", ""),
        ("How many kilometres is the loop?", "measure", "kilometres"),
        ("How many days off are there?", "duration", ""),
        ("How many euros is that?", "money", ""),
        ("How much does a crate weigh?", "measure", ""),
        ("How much does a crate cost?", "money", ""),
        ("How much is the toll?", "money", ""),
        ("How much is a crane allowed to lift?", "number", ""),
        ("How much flour is needed?", "number", ""),
        ("How much time do we have?", "duration", ""),
        ("How long does the cure take?", "duration", ""),
        ("How long is the pier?", "number", ""),
        ("How often are the filters changed?", "rate", ""),
        ("How far is the quarry?", "measure", ""),
        ("How far in advance do I book?", "duration", ""),
        ("How old must a driver be?", "age", ""),
        ("How hot does the kiln get?", "measure", ""),
        ("How high is the fine?", "money", ""),
        ("How high is the dam?", "number", ""),
        ("How late is the kiosk open?", "clock", ""),
        ("What time does the market start?", "clock", ""),
        ("What are the visiting hours?", "clock", ""),
        ("When does the market start?", "date", ""),
        ("Until when can I cancel?", "date", ""),
        ("By when must the form be in?", "date", ""),
        ("From what age may children climb?", "age", "age"),
        ("What year was the mill built?", "year", "year"),
        ("What temperature does the kiln need?", "measure", "temperature"),
        ("What share of members voted?", "share", "share"),
        ("What is the weight of the bell?", "measure", "weight"),
        ("What does the bell weigh?", "measure", ""),
        ("What does a refill cost?", "money", ""),
        ("Which floor is the archive on?", "sort", "floor"),
        ("What colour is the roof?", "sort", "colour"),
        ("In what city was she born?", "sort", "city"),
        ("What is the phone number of the harbour?", "sort", "number"),
        ("Which astronomer found the comet?", "who", "astronomer"),
        ("Who found the comet?", "who", ""),
        ("Where was the comet seen?", "where", ""),
        ("Why was it missed?", "why", ""),
        ("How do I reset it?", "how", ""),
        ("Is the bridge lit at night?", "whether", ""),
    ],
)
def test_the_kind_of_value(question: str, kind: str, noun: str) -> None:
    found = wanted(question)
    assert (found.kind, found.noun) == (kind, noun)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("opening time of the pool?", "clock"),
        ("price of a day ticket", "money"),
        ("Deadline for claims", "date"),
        ("height of the mast", "measure"),
        ("WHAT TIME DOES IT CLOSE?", "clock"),
        ("What Is The Price Of A Tent Pitch", "money"),
        ("whats the price of a pitch", "money"),
        ("waht time does it open", "clock"),
        ("how mcuh does it cost", "money"),
        ("My key broke. What does a new one cost?", "money"),
        ("What does a key cost? I lost mine.", "money"),
        ("When it rains, where do we meet?", "where"),
        ("Can you tell me when the ferry leaves?", "date"),
        ("Please tell me how old the oak is.", "age"),
        ("The oak was how old when it fell?", "age"),
    ],
)
def test_terse_mistyped_and_wrapped_questions(question: str, kind: str) -> None:
    assert wanted(question).kind == kind


@pytest.mark.parametrize(
    "question",
    [
        "Who is Ann Bell?",
        "What area was she known in?",
        "What power plant was shut down?",
        "Which fee applies?",
        "What is a barometer?",
        "Summarise the report.",
        "",
    ],
)
def test_no_value_is_asked_for(question: str) -> None:
    assert wanted(question) == NOTHING


def test_the_unit_that_is_asked_for() -> None:
    assert wanted("How large is the park in hectares?").named == {"hectare"}
    assert "foot" in wanted("How many metres is the mast?").units


@given(st.text(max_size=60))
def test_no_text_breaks_it(question: str) -> None:
    wanted(question)
