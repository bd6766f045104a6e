"""Whether sources can answer: a wrong "no" costs an answer, so there is hardly one."""

from __future__ import annotations

from collections import Counter

from orchestrator.evidence.selecting.sufficiency import Sufficiency, sufficiency
from tests.evidence.questions import ANSWERABLE, UNANSWERABLE
from tests.evidence.samples import document, embedder

REMOTE = document("remote-work.md")[1]


def judged(question: str) -> Sufficiency:
    return sufficiency(question, REMOTE, embedder())


def test_no_answerable_question_is_stopped() -> None:
    stopped = [
        (question, found.reason)
        for name, question, _ in ANSWERABLE
        if (found := sufficiency(question, document(name)[1], embedder())).level == "insufficient"
    ]
    assert stopped == []


def test_half_of_the_unanswerable_ones_cost_no_draft() -> None:
    levels = Counter(
        sufficiency(question, document(name)[1], embedder()).level
        for name, question, _ in UNANSWERABLE
    )
    assert levels["insufficient"] >= len(UNANSWERABLE) / 2
    assert levels["enough"] <= 2


def test_it_names_what_is_missing() -> None:
    found = judged("What is the dress code?")
    assert (found.level, found.reason) == (
        "insufficient",
        "the sources say nothing about dress code",
    )
    found = judged("What did Ulrike Steinbach say about the weather?")
    assert (found.level, found.reason) == (
        "insufficient",
        "the sources say nothing about Ulrike Steinbach",
    )


def test_what_is_said_of_nobody_by_that_name_is_no_answer() -> None:
    """The sources are about Larkfield, and what they say may be otherwise at Globex."""
    found = judged("Who approves overtime at Globex?")
    assert (found.level, found.reason) == ("insufficient", "the sources say nothing about Globex")
    assert judged("Who approves overtime?").level == "enough"


def test_a_doubt_is_no_refusal_and_says_why() -> None:
    found = [
        sufficiency(question, document(name)[1], embedder())
        for name, question, _ in (*ANSWERABLE, *UNANSWERABLE)
    ]
    doubts = [f.reason for f in found if f.level == "doubtful"]
    assert doubts
    assert all(doubts)


def test_a_request_for_a_text_needs_only_its_topic() -> None:
    assert judged("Draft a policy on remote work").level == "enough"
    assert judged("Summarise the sources").level == "enough"


def test_without_sources_nothing_is_enough() -> None:
    assert sufficiency("What are the core hours?", (), embedder()).level == "insufficient"
