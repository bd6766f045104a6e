"""The built-in writers: every sentence is a span of a source, or they abstain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence
from orchestrator.project.registry import BUILTINS
from orchestrator.roles.builtins import write
from orchestrator.roles.values import Result
from orchestrator.types import as_json
from tests.evidence.samples import document


def call(name: str, **inputs: Any) -> str:
    text = BUILTINS.get("builtin", name)(CallRequest(messages=(), inputs=inputs))
    assert isinstance(text, str)
    return text


def draft(name: str, **inputs: Any) -> Draft:
    return Draft.model_validate_json(call(name, **inputs))


def passages(name: str) -> list[Passage]:
    return list(document(name)[1])


def assert_exact(found: Draft, file: str) -> None:
    text, _ = document(file)
    assert found.sentences
    for sentence in found.sentences:
        for c in sentence.citations:
            assert text[c.start : c.end] == c.quote


def test_all_are_registered_under_their_names() -> None:
    assert {
        "extractive-writer": write.extractive_writer,
        "extractive-summarizer": write.extractive_summarizer,
        "extractive-extractor": write.extractive_extractor,
        "extractive-chat": write.extractive_chat,
        "verbatim-phraser": write.verbatim_phraser,
    }.items() <= BUILTINS.items("builtin").items()


@pytest.mark.parametrize("plain", [True, False])
def test_the_writer_answers_with_exact_spans(plain: bool) -> None:
    given: Any = as_json(passages("remote-work.md")) if plain else passages("remote-work.md")
    found = draft(
        "extractive-writer", question="How soon must a stolen laptop be reported?", passages=given
    )
    assert_exact(found, "remote-work.md")
    assert found.verbatim
    assert "within 24 hours" in found.text
    assert "- " not in found.sentences[0].text


def test_the_writer_abstains() -> None:
    found = draft(
        "extractive-writer",
        question="Is there a pension plan?",
        passages=passages("remote-work.md"),
    )
    assert found.sentences == ()
    assert found.abstain == "the sources say nothing about pension"


def test_the_writer_drafts_on_a_topic() -> None:
    found = draft(
        "extractive-writer",
        question="Draft a remote-work policy for 120 employees",
        passages=passages("remote-work.md"),
    )
    assert_exact(found, "remote-work.md")
    assert len(found.sentences) >= 6
    assert [s.id for s in found.sentences] == [f"s{n + 1}" for n in range(len(found.sentences))]


@pytest.mark.parametrize("name", ["exclude", "rejected"])
def test_what_was_rejected_does_not_come_back(name: str) -> None:
    inputs = {
        "question": "Draft a remote-work policy",
        "passages": passages("remote-work.md"),
        name: ["Interns work on site."],
    }
    assert "Interns" not in draft("extractive-writer", **inputs).text


def test_results_serve_where_the_passages_do_not() -> None:
    cited = Citation(file="a.md", start=0, end=14, quote="Zebras wait up")
    result = Result(
        subtask="facts",
        specialist="extractor",
        task="extract",
        sentences=(Sentence(id="facts-s1", text="Zebras wait up", citations=(cited,)),),
    )
    found = draft(
        "extractive-writer", question="What about pelicans?", passages=[], results=[as_json(result)]
    )
    assert [(s.id, s.text) for s in found.sentences] == [("s1", "Zebras wait up")]


def test_markup_is_cleaned_from_the_text_and_kept_in_the_quote() -> None:
    text = "# Rules\n\n- A **badge** is worn at all times.\n"
    source = Passage(id="p1", file="r.md", start=0, end=len(text), text=text, doc_hash="h")
    found = draft("extractive-writer", question="Must a badge be worn?", passages=[source])
    assert found.text == "A badge is worn at all times."
    assert found.sentences[0].citations[0].quote == "A **badge** is worn at all times."


def test_the_summarizer_is_short_exact_and_in_order() -> None:
    found = draft("extractive-summarizer", passages=passages("museum.txt"), limit=4)
    assert_exact(found, "museum.txt")
    assert len(found.sentences) == 4
    starts = [s.citations[0].start for s in found.sentences]
    assert starts == sorted(starts)


def test_the_summarizer_keeps_to_the_topic_of_the_request() -> None:
    every = [*passages("museum.txt"), *passages("manual.md")]
    found = draft("extractive-summarizer", question="Summarise the backups", passages=every)
    assert {s.citations[0].file for s in found.sentences} == {"manual.md"}
    assert "backup" in found.text.lower()
    nothing = draft("extractive-summarizer", question="Summarise the pensions", passages=every)
    assert nothing.sentences == ()
    assert "pensions" in nothing.abstain


def test_the_summarizer_takes_the_citations_of_the_results() -> None:
    given = passages("remote-work.md")
    first = draft("extractive-writer", question="What are the core hours?", passages=given)
    result = Result(
        subtask="hours", specialist="extractor", task="extract", sentences=first.sentences
    )
    found = draft(
        "extractive-summarizer",
        question="Summarise the citations",
        passages=given,
        results=[result],
    )
    assert {c.quote for s in found.sentences for c in s.citations} <= {
        c.quote for s in first.sentences for c in s.citations
    }
    assert found.sentences


def test_the_summarizer_reads_a_bare_text() -> None:
    text = "Bees make honey. Bees live in hives. A hive has one queen. Trains are late."
    found = draft("extractive-summarizer", text=text, limit=2)
    assert len(found.sentences) == 2
    assert all(text[c.start : c.end] == c.quote for s in found.sentences for c in s.citations)
    assert draft("extractive-summarizer", text="").abstain == "there is nothing to summarise"


@pytest.mark.parametrize(
    ("file", "question", "values"),
    [
        ("museum.txt", "Extract all dates", {"1889", "2017", "25 December"}),
        ("museum.txt", "List all prices", {"12 euros", "5 euros"}),
        ("museum.txt", "List the names of people", {"Clara Voss", "Amina Haddad"}),
        ("manual.md", "What size is the free disk space that it needs?", {"8 GB", "2 GB"}),
    ],
)
def test_the_extractor_finds_values(file: str, question: str, values: set[str]) -> None:
    text, given = document(file)
    found = json.loads(call("extractive-extractor", question=question, passages=as_json(given)))
    assert values <= {item["value"].removesuffix(" a week") for item in found["items"]}
    for item in found["items"]:
        assert text[item["start"] : item["end"]] == item["quote"]
    assert {c["quote"] for s in found["sentences"] for c in s["citations"]} == {
        item["quote"] for item in found["items"]
    }


@pytest.mark.parametrize(
    "asked", ["How many days are backups kept?", "Extract how many days backups are kept"]
)
def test_the_extractor_answers_how_many_from_the_three_best(asked: str) -> None:
    kinds = ("hourly", "daily", "weekly", "monthly", "yearly", "cold", "warm")
    text = " ".join(f"The {k} backups are kept for {n} days." for n, k in enumerate(kinds, 11))
    given = [Passage(id="p1", file="a.md", start=0, end=len(text), text=text, doc_hash="")]
    found = json.loads(call("extractive-extractor", question=asked, passages=as_json(given)))
    assert 1 <= len(found["items"]) <= 3
    assert all(item["value"].endswith("days") for item in found["items"])


def test_the_extractor_gives_sentences_where_no_value_is_asked_for() -> None:
    found = json.loads(
        call("extractive-extractor", question="Are dogs admitted?", passages=passages("museum.txt"))
    )
    assert found["items"][0]["value"].startswith("Dogs are not admitted")
    nothing = json.loads(
        call("extractive-extractor", question="Is there a sauna?", passages=passages("museum.txt"))
    )
    assert (nothing["items"], nothing["abstain"]) == ([], "the sources say nothing about sauna")


def test_chat_answers_from_the_sources_or_says_what_it_can_do() -> None:
    given = passages("museum.txt")
    assert "1889" in call(
        "extractive-chat", question="When was the museum founded?", passages=given
    )
    assert "cannot answer" in call("extractive-chat", question="Is there a sauna?", passages=given)
    assert "No language model" in call("extractive-chat", question="Tell me a joke")


def test_chat_reads_the_last_message_where_no_question_is_given() -> None:
    chat = BUILTINS.get("builtin", "extractive-chat")
    request = CallRequest(
        messages=({"role": "user", "content": "Who founded the museum?"},),
        inputs={"passages": as_json(passages("museum.txt"))},
    )
    assert "Clara Voss" in chat(request)


def test_the_phraser_changes_nothing() -> None:
    text = Draft(sentences=(Sentence(id="s1", text="One."), Sentence(id="s2", text="Two.")))
    assert call("verbatim-phraser", draft=text) == "One. Two."
    assert call("verbatim-phraser", draft=as_json(text)) == "One. Two."
    with pytest.raises(ValueError, match="no draft"):
        call("verbatim-phraser")


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="Passage"):
        call("extractive-writer", question="Who?", passages=[{"text": "x"}])
