"""The built-in judges: claims, quotes, labels."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Citation, Claim, Sentence
from orchestrator.project.registry import BUILTINS
from orchestrator.roles.builtins import check
from orchestrator.roles.values import Checks, CitationReport
from orchestrator.types import as_json
from tests.evidence.samples import document


def call(name: str, **inputs: Any) -> str:
    text = BUILTINS.get("builtin", name)(CallRequest(messages=(), inputs=inputs))
    assert isinstance(text, str)
    return text


def test_all_are_registered_under_their_names() -> None:
    assert {
        "claim-gates": check.claim_gates,
        "quote-verifier": check.quote_verifier,
        "keyword-classifier": check.keyword_classifier,
    }.items() <= BUILTINS.items("builtin").items()


def test_the_gates_judge_every_claim() -> None:
    text, passages = document("remote-work.md")
    claims = [
        Claim(id="c1", sentence="s1", text="The monthly allowance is 40 EUR."),
        Claim(id="c2", sentence="s2", text="The monthly allowance is 60 EUR."),
        Claim(id="c3", sentence="s3", text="Every employee gets a company car."),
    ]
    found = Checks.model_validate_json(
        call("claim-gates", claims=as_json(claims), passages=as_json(passages))
    )
    assert [c.status for c in found.checks] == ["supported", "contradicted", "unsupported"]
    assert (found.independence, found.by) == ("deterministic", "claim-gates")
    against = found.checks[1].against
    assert against is not None
    assert "40 EUR" in text[against.start : against.end] == against.quote


def sentence(text: str, quote: str, start: int) -> Sentence:
    cited = Citation(file="museum.txt", start=start, end=start + len(quote), quote=quote)
    return Sentence(id="s1", text=text, citations=(cited,))


def verify(given: Sentence, **inputs: Any) -> Citation:
    report = CitationReport.model_validate_json(
        call("quote-verifier", sentences=[as_json(given)], **inputs)
    )
    return report.sentences[0].citations[0]


QUOTE = "Adults pay 12 euros and children between 6 and 17 pay 5 euros."


@pytest.mark.parametrize("whole", [True, False])
def test_a_quote_is_found_again_and_supports(whole: bool) -> None:
    text, passages = document("museum.txt")
    given: dict[str, Any] = {"texts": {"museum.txt": text}} if whole else {"passages": passages}
    exact = verify(sentence("Adults pay 12 euros.", QUOTE, text.index(QUOTE)), **given)
    assert (exact.status, exact.supported) == ("exact", True)
    moved = verify(sentence("Adults pay 12 euros.", QUOTE, 3), **given)
    assert (moved.status, moved.supported) == ("moved", True)
    assert text[moved.start : moved.end] == moved.quote
    assert moved.support is not None
    assert moved.support > 0.5


def test_a_quote_that_does_not_carry_the_sentence() -> None:
    text, passages = document("museum.txt")
    wrong = verify(sentence("Adults pay 15 euros.", QUOTE, text.index(QUOTE)), passages=passages)
    assert (wrong.status, wrong.supported) == ("exact", False)
    assert '"12 euros"' in wrong.reason
    other = verify(
        sentence("The café serves warm meals.", QUOTE, text.index(QUOTE)), passages=passages
    )
    assert other.supported is False


def test_an_invented_quote_is_absent() -> None:
    _, passages = document("museum.txt")
    found = verify(
        sentence("Adults pay 12 euros.", "Adults pay twelve dollars.", 0), passages=passages
    )
    assert (found.status, found.supported) == ("absent", False)
    elsewhere = verify(sentence("Adults pay 12 euros.", QUOTE, 0), passages=[])
    assert elsewhere.status == "absent"


def test_two_quotes_may_carry_a_sentence_together() -> None:
    text, passages = document("museum.txt")
    quotes = ("Dogs are not admitted, with the exception of guide dogs.", QUOTE)
    given = Sentence(
        id="s1",
        text="Dogs are not admitted, with the exception of guide dogs. Adults pay 12 euros.",
        citations=tuple(
            Citation(file="museum.txt", start=text.index(q), end=text.index(q) + len(q), quote=q)
            for q in quotes
        ),
    )
    report = CitationReport.model_validate_json(
        call("quote-verifier", sentences=[given], passages=passages)
    )
    assert [c.supported for c in report.sentences[0].citations] == [True, True]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The application crashes when I press save", "bug"),
        ("Thank you, this is a wonderful product", "praise"),
        ("My invoice shows the wrong amount, please refund the payment", "billing"),
    ],
)
def test_the_classifier_picks_the_likeliest_label(text: str, label: str) -> None:
    labels = {
        "bug": "software error, crash, failure",
        "praise": "thanks, great, wonderful",
        "billing": "invoice, payment, refund",
    }
    found = json.loads(call("keyword-classifier", text=text, labels=labels))
    assert found["label"] == label
    assert 1 / 3 < found["confidence"] <= 1


def test_the_classifier_reads_labels_and_text_from_the_question() -> None:
    question = 'Classify this message as sports, politics or cooking: "Boil the pasta with salt"'
    assert json.loads(call("keyword-classifier", question=question))["label"] == "cooking"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [({"text": "something"}, "no labels"), ({"labels": ["a", "b"], "text": " "}, "no text")],
)
def test_the_classifier_says_what_it_lacks(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call("keyword-classifier", **inputs)
