"""Selection and abstention, on questions of which half were never used to set a threshold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.evidence.selecting.select import Selection, select
from tests.evidence.questions import ANSWERABLE, UNANSWERABLE
from tests.evidence.samples import document, embedder, passage

HELD_OUT = slice(1, None, 2)
EVERY = ("remote-work.md", "museum.txt", "manual.md", "leaflet.txt")


def ask(name: str, question: str, limit: int = 3) -> Selection:
    return select(question, document(name)[1], embedder(), limit=limit)


def test_questions_that_the_source_answers() -> None:
    wrong = [
        (question, [c.quote for c in ask(name, question).spans])
        for name, question, answer in ANSWERABLE[HELD_OUT]
        if not any(answer in c.quote for c in ask(name, question).spans)
    ]
    assert len(wrong) <= 1, wrong


def test_questions_that_the_source_does_not_answer() -> None:
    leaked = [q for name, q, _ in UNANSWERABLE[HELD_OUT] if ask(name, q).spans]
    assert len(leaked) <= 1, leaked


def test_an_abstention_names_what_is_missing() -> None:
    found = ask("remote-work.md", "How many weeks of parental leave do employees get?")
    assert found.spans == ()
    assert found.reason == "the sources say nothing about parental leave"


@pytest.mark.parametrize("question", ["Who won?", "When was it won?", "Who won the museum?"])
def test_a_verb_is_nothing_that_sources_speak_of(question: str) -> None:
    found = select(question, [passage("The museum is old.")], embedder(), limit=3)
    assert found.spans == ()
    assert found.reason == f"no sentence of the sources answers: {question}"


def test_a_question_gets_little_besides_its_answer() -> None:
    found = [c for name, q, _ in ANSWERABLE[HELD_OUT] for c in ask(name, q).spans]
    assert len(found) <= 1.2 * len(ANSWERABLE[HELD_OUT]), [c.quote for c in found]


_MONITORS = (
    "The company provides one 27-inch monitor. "
    "Technical systems are not used to monitor the conduct of employees. "
    "Larkfield does not monitor behaviour. The desk is grey."
)


@pytest.mark.parametrize(
    ("question", "quotes"),
    [
        ("Does the company pay for a monitor?", ["The company provides one 27-inch monitor."]),
        (
            "Is it allowed to monitor the conduct of employees?",
            ["Technical systems are not used to monitor the conduct of employees."],
        ),
    ],
)
def test_the_same_word_as_another_part_of_speech_is_no_match(
    question: str, quotes: list[str]
) -> None:
    found = select(question, [passage(_MONITORS)], embedder(), limit=3)
    assert [c.quote for c in found.spans] == quotes


def test_when_prefers_the_day_to_a_duration() -> None:
    text = (
        "The allowance is paid for each month in which four days were worked remotely. "
        "Every employee receives a monthly allowance. "
        "The allowance is paid with the salary, on the last working day of the month."
    )
    found = select("When is the allowance paid?", [passage(text)], embedder(), limit=3)
    assert [c.quote for c in found.spans] == [
        "The allowance is paid with the salary, on the last working day of the month."
    ]


def test_a_further_sentence_must_add_to_the_best() -> None:
    text = (
        "The north gate opens at 7:00. The gardener painted the gate. "
        "The south gate opens at 8:00. Roses grow here."
    )
    found = select("When do the north and south gates open?", [passage(text)], embedder(), limit=3)
    assert [c.quote for c in found.spans] == [
        "The north gate opens at 7:00.",
        "The south gate opens at 8:00.",
    ]


@pytest.mark.parametrize("name", EVERY)
def test_spans_are_exact_and_in_document_order(name: str) -> None:
    text, _ = document(name)
    for file, question, _ in ANSWERABLE:
        spans = ask(name, question).spans if file == name else ()
        assert all(text[c.start : c.end] == c.quote for c in spans)
        assert [c.start for c in spans] == sorted(c.start for c in spans)


def test_a_request_takes_the_sentences_on_its_topic() -> None:
    passages = [p for name in EVERY for p in document(name)[1]]
    found = select("Draft a remote-work policy for 120 employees", passages, embedder(), limit=10)
    assert len(found.spans) >= 6
    assert {c.file for c in found.spans} == {"remote-work.md"}


def test_a_request_on_an_unknown_topic_is_refused() -> None:
    found = ask("remote-work.md", "Draft a parental-leave policy")
    assert found.spans == ()
    assert "parental-leave" in found.reason


def test_excluded_sentences_do_not_come_back() -> None:
    _, passages = document("museum.txt")
    question = "Are dogs allowed in the museum?"
    first = select(question, passages, embedder(), limit=1).spans[0]
    again = select(question, passages, embedder(), limit=1, exclude=frozenset({first.quote}))
    assert first.quote not in [c.quote for c in again.spans]


def test_the_same_said_twice_comes_once_and_a_disagreement_twice() -> None:
    same, other = "The allowance is 40 EUR a month.", "The allowance is 50 EUR a month."
    passages = [passage(same, "a.md", 1), passage(same, "b.md", 2), passage(other, "c.md", 3)]
    found = select("How much is the allowance?", passages, embedder(), limit=3)
    assert [c.file for c in found.spans] == ["a.md", "c.md"]


def test_a_sentence_that_refers_back_brings_the_one_before() -> None:
    text = "The Clara Voss is a steam tug. It was launched in 1911. Tickets are sold on board."
    found = select("When was the steam tug launched?", [passage(text)], embedder(), limit=2)
    assert [c.quote for c in found.spans] == [
        "The Clara Voss is a steam tug.",
        "It was launched in 1911.",
    ]


@settings(max_examples=60, deadline=None)
@given(question=st.text(max_size=60), source=st.text(max_size=120))
def test_no_text_breaks_the_selection(question: str, source: str) -> None:
    found = select(question, [passage(source)], embedder(), limit=2)
    assert len(found.spans) <= 2
    assert bool(found.spans) != bool(found.reason)
    assert all(source[c.start : c.end] == c.quote for c in found.spans)


def test_the_limit_holds_and_no_sources_is_no_answer() -> None:
    assert len(ask("museum.txt", "Describe the museum", limit=2).spans) == 2
    assert select("Anything?", [], embedder(), limit=3).reason == "there are no sources"


@pytest.mark.parametrize(
    "question",
    [
        "My pan arrived broken on Tuesday. When does a customer get the money back?",
        "When does a customer get the money back (my pan arrived broken)?",
    ],
)
def test_what_is_told_besides_need_not_stand_there(question: str) -> None:
    rule = "A customer gets the money back within fourteen days of delivery."
    found = select(question, [passage(f"{rule} Gift cards are sold here.")], embedder(), limit=3)
    assert [c.quote for c in found.spans] == [rule]


def test_a_question_that_leans_on_what_is_told_is_about_that() -> None:
    text = "The allowance is paid on the last working day. Travel costs are paid within ten days."
    found = select(
        "When is it paid (monthly allowance home office)?", [passage(text)], embedder(), limit=3
    )
    assert [c.quote for c in found.spans] == ["The allowance is paid on the last working day."]
