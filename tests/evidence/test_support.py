"""Support and contradiction, on pairs of which half were never used to set a threshold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.evidence.support import SUPPORTED, check_claim, support
from orchestrator.evidence.values import Claim, ClaimCheck
from tests.evidence.pairs import CONFLICTS, CONTRADICTED, NEAR_MISSES
from tests.evidence.samples import document, embedder, passage

HELD_OUT = slice(1, None, 2)


def check(claim: str, *sources: str) -> ClaimCheck:
    passages = [passage(t, f"{'abc'[i]}.md", i) for i, t in enumerate(sources)]
    return check_claim(Claim(id="c1", sentence="s1", text=claim), passages, embedder())


def test_contradictions_are_caught() -> None:
    pairs = CONTRADICTED[HELD_OUT]
    missed = [c for c, source, _ in pairs if check(c, source).status != "contradicted"]
    assert len(missed) <= 1, missed
    assert all(check(c, source).status != "supported" for c, source, _ in pairs)


def test_near_misses_are_no_contradictions() -> None:
    false = [c for c, source in NEAR_MISSES[HELD_OUT] if check(c, source).status == "contradicted"]
    assert len(false) <= 1, false


def test_a_stated_claim_stays_supported_beside_a_near_miss() -> None:
    pairs = NEAR_MISSES[HELD_OUT]
    wrong = [c for c, source in pairs if check(c, c, source).status != "supported"]
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize(("stated", "other"), CONFLICTS)
def test_sources_that_disagree(stated: str, other: str) -> None:
    found = check(stated, stated, other)
    assert found.status == "contradicted"
    assert "a.md" in found.reason
    assert "b.md" in found.reason
    assert found.against is not None
    assert (found.against.file, found.against.quote) == ("b.md", other)


@pytest.mark.parametrize("name", ["remote-work.md", "museum.txt", "manual.md", "leaflet.txt"])
def test_every_sentence_of_a_document_is_supported_by_it(name: str) -> None:
    from orchestrator.evidence.passage_index import index_of

    text, passages = document(name)
    for sentence in index_of(passages, embedder()).sentences:
        claim = Claim(id="c", sentence="s", text=sentence.reading.text)
        found = check_claim(claim, passages, embedder())
        assert found.status == "supported", (sentence.text, found.reason)
        assert found.against is not None
        assert text[found.against.start : found.against.end] == found.against.quote


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Employees get 30 days of parental leave.", "30 days"),
        ("The dress code is casual.", "dress"),
        ("The office manager Bruno Keller approves travel.", "Bruno Keller"),
        ("Dogs are allowed in the office.", "Dogs"),
    ],
)
def test_what_no_source_says_is_unsupported(claim: str, reason: str) -> None:
    _, passages = document("remote-work.md")
    found = check_claim(Claim(id="c", sentence="s", text=claim), passages, embedder())
    assert found.status == "unsupported"
    assert reason in found.reason


def test_another_day_of_the_week_contradicts() -> None:
    found = check(
        "Friday is the common office day for all teams.",
        "Tuesday is the common office day for all teams. On Fridays there are no core hours.",
    )
    assert found.status == "contradicted"
    assert found.reason == 'a.md says "Tuesday", the claim says "Friday"'


def test_a_day_that_is_said_of_something_else_does_not_support() -> None:
    source = "The library lends films. Bring them back to the desk. The cafe is closed on Mondays."
    found = check("The library lends films on Mondays.", source)
    assert found.status == "unsupported"
    assert "Mondays" in found.reason


def test_what_happens_on_two_days_is_no_disagreement() -> None:
    stated, other = "The market takes place on Mondays.", "The market takes place on Fridays."
    assert check(stated, stated, other).status == "supported"


@pytest.mark.parametrize("name", ["remote-work.md", "museum.txt", "manual.md", "leaflet.txt"])
def test_a_name_that_no_passage_holds_is_never_supported(name: str) -> None:
    from orchestrator.evidence.passage_index import index_of

    _, passages = document(name)
    for sentence in index_of(passages, embedder()).sentences:
        if sentence.kind == "row":
            continue
        text = f"{sentence.reading.text.rstrip('. ')} of Zanzibar."
        found = check_claim(Claim(id="c", sentence="s", text=text), passages, embedder())
        assert found.status == "unsupported", text
        assert "Zanzibar" in found.reason


def test_a_denial_that_no_source_makes_is_unsupported() -> None:
    _, passages = document("manual.md")
    claim = Claim(id="c", sentence="s", text="Deleted projects are never kept in the trash.")
    assert check_claim(claim, passages, embedder()).status != "supported"


def test_a_paraphrase_is_supported_and_shows_its_sentence() -> None:
    _, passages = document("remote-work.md")
    found = support("A laptop is provided by the IT department.", passages, embedder())
    assert found.score >= SUPPORTED
    assert found.best is not None
    assert "laptop" in found.best.quote


def test_the_best_window_is_an_exact_span() -> None:
    text, passages = document("leaflet.txt")
    claim = "In case of swelling of the face, stop taking the tablets and call a doctor."
    best = support(claim, passages, embedder()).best
    assert best is not None
    assert text[best.start : best.end] == best.quote
    assert best.quote.startswith("If you notice swelling")


def test_a_rejection_says_what_differs() -> None:
    found = check("The tower was opened in 1899.", "The tower was opened to the public in 1889.")
    assert (found.kind, found.claim_says, found.source_says) == ("date", "1899", "1889")
    assert found.reason == 'a.md says "1889", the claim says "1899"'


@pytest.mark.parametrize(
    ("claim", "kind", "says"),
    [
        ("The tower was opened in 1889.", None, ""),
        ("The tower has 42 steps.", "missing_number", "42"),
        ("The tower was opened by Zoltan Varga.", "missing_name", "Zoltan Varga"),
        ("The tower has a lighthouse keeper.", "unmentioned", "lighthouse"),
        ("The tower was never opened.", "negation", "never"),
    ],
)
def test_each_rejection_has_a_kind(claim: str, kind: str | None, says: str) -> None:
    found = check(claim, "The tower was opened in 1889. It stands beside the harbour.")
    assert (found.kind, found.claim_says if kind != "negation" else says) == (kind, says)


def test_the_probability_is_the_scorers() -> None:
    source = "The harbour museum was founded in 1889 by the shipowner Clara Voss."
    stated = check(source, source).probability
    other = check("Volcanic islands attract many rare birds.", source).probability
    assert stated is not None
    assert other is not None
    assert stated > SUPPORTED > other


@pytest.mark.parametrize("claim", ["", "?!", "of the", "12"])
def test_claims_without_content_are_not_supported(claim: str) -> None:
    assert check(claim, "The tower is high.").status == "unsupported"


def test_without_passages_nothing_is_supported() -> None:
    assert check("The tower is high.").status == "unsupported"


@settings(max_examples=60, deadline=None)
@given(claim=st.text(max_size=60), source=st.text(max_size=120))
def test_no_text_breaks_the_check(claim: str, source: str) -> None:
    found = check(claim, source)
    if found.against is not None:
        assert source[found.against.start : found.against.end] == found.against.quote
