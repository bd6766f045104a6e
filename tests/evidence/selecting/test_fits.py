"""Spans that surely hold no value of the kind asked for, and the values of those that do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.embedding.static_embedder import StaticEmbedder
from orchestrator.evidence.selecting.fits import fits
from orchestrator.evidence.selecting.question import ask


@pytest.mark.parametrize(
    ("question", "span", "value"),
    [
        ("How many lifts are there?", "The tower has 12 rooms and 3 lifts.", "3"),
        ("How many members came?", "60 of the 85 members came.", "85 members"),
        ("How much does the crate weigh?", "The crate costs 40 EUR and weighs 12 kg.", "12 kg"),
        ("How much does the crate cost?", "The crate costs 40 EUR and weighs 12 kg.", "40 EUR"),
        ("How much does a postcard cost?", "A postcard costs 50 cents.", "50 cents"),
        ("What deposit is due?", "A deposit of two monthly rents is due.", "two"),
        ("How long does it dry?", "It dries for a quarter of an hour.", "a quarter of an hour"),
        ("When does the kiosk close?", "It closes at half past six.", "half past six"),
        (
            "When does the kiosk close?",
            "It opens at nine in the morning and closes at 6 p.m.",
            "6 p.m.",
        ),
        ("How large is the park in hectares?", "The park has 100 acres (40 ha).", "40 ha"),
        ("What year was the mill built?", "The mill was built in 1802.", "1802"),
        ("When in 2019 was the vote?", "The vote was held on 4 May 2019.", "4 May 2019"),
        ("What share of members voted?", "One in five voted.", "One in five"),
        ("How old must a driver be?", "Drivers must be at least 21.", "21"),
    ],
)
def test_the_value_is_read(question: str, span: str, value: str) -> None:
    found = fits(ask(question), span, embedder=StaticEmbedder())
    assert not found.vetoed, found.why
    assert found.value is not None
    assert found.value.text.strip().startswith(value.split()[0])
    assert found.value.text.strip() in value or value in found.value.text


@pytest.mark.parametrize(
    ("question", "span", "why"),
    [
        ("How much is the fine?", "Whoever parks there is fined.", "no amount of money"),
        ("How much does a crate cost?", "A crate weighs 12 kg.", "no amount of money"),
        ("How hot does the kiln get?", "The kiln was lit on 4 May.", "no such measure"),
        ("How many lifts are there?", "The lifts are out of order.", "no number that counts"),
        ("How many lifts are there?", "The tower has 12 bathrooms.", "counts something else"),
        ("How many guests came?", "The Snail 300 was full.", "no number that counts"),
        ("How long does it dry?", "It dries well in the sun.", "no duration"),
        ("How often is it cleaned?", "It is cleaned by the caretaker.", "nothing that says"),
        ("How old is the captain?", "The captain sailed the route 19 years.", "no age"),
        ("When was the mill built?", "The mill was built of oak.", "no expression of time"),
        ("What year was the mill built?", "It was built on a Tuesday.", "no year"),
        ("What time does it close?", "It closes on Mondays.", "no time of day"),
        ("When does it close?", "It opens at 9:00.", "the time of something else"),
        ("When did she die?", "She was born in 1890.", "the time of something else"),
        ("At what temperature does it freeze?", "Keep it at 20 °C.", "the measure of something"),
        ("Who found the comet?", "The comet was found by chance.", "names nobody"),
        ("What colour is the roof?", "The roof is new.", "no colour"),
        ("Which floor is the archive on?", "The archive is open.", "no such number"),
        ("Which city hosted it?", "It was hosted abroad.", "names no other"),
        ("What is the phone number of the harbour?", "Call the harbour.", "no number"),
        ("What share of members voted?", "The members voted by post.", "no share"),
    ],
)
def test_a_span_without_such_a_value_is_vetoed(question: str, span: str, why: str) -> None:
    found = fits(ask(question), span, embedder=StaticEmbedder())
    assert found.vetoed
    assert found.why.startswith(why)
    assert found.value is None


@pytest.mark.parametrize(
    ("question", "span"),
    [
        # Words that differ are no reason.
        ("How many people drowned?", "214 villagers lost their lives."),
        ("How many people work there?", "It has a staff of 70."),
        ("How many awards was she up for?", "She received ten nominations."),
        # A value need not be a number.
        ("How much does it cost?", "Admission is free."),
        ("How many lifts are there?", "There is no lift."),
        ("How many children did he have?", "He had a child with Ann."),
        ("How often is it cleaned?", "It is cleaned daily."),
        ("How long may I stay?", "You may stay overnight."),
        ("When do we meet?", "We meet after the parade."),
        ("What time does it close?", "It closes at dusk."),
        ("Who pays?", "The landlord pays."),
        ("How old was the tree?", "The tree was planted after the war."),
        # A row of a table has numbers without units.
        ("What does a day ticket cost?", "Day ticket | 4.50 | 3.00"),
        ("What does a day ticket cost?", "Day ticket: Adults 4.50"),
        # Both ends of opening hours are told at once.
        ("When does it close?", "Open from 9:00 to 17:00."),
        ("How many metres is the mast?", "The mast is 60 feet high."),
        # No kind of value is asked for.
        ("Why was it closed?", "Nobody came."),
        ("Is it open?", "Ask at the desk."),
        ("List the prices.", "The roof is new."),
    ],
)
def test_a_span_that_may_answer_is_not_vetoed(question: str, span: str) -> None:
    assert not fits(ask(question), span, embedder=StaticEmbedder()).vetoed


def test_without_an_embedder_no_noun_is_a_reason() -> None:
    question, span = ask("How many lifts are there?"), "The tower has 12 bathrooms."
    assert fits(question, span, embedder=StaticEmbedder()).vetoed
    assert not fits(question, span).vetoed


def test_the_context_says_what_a_number_is() -> None:
    question, span = ask("How old is the captain?"), "Captain: 48 years"
    assert fits(question, span).vetoed
    assert not fits(question, span, "Age of the crew").vetoed


@given(st.text(max_size=60), st.text(max_size=80))
def test_no_text_breaks_it(question: str, span: str) -> None:
    found = fits(ask(question), span, embedder=StaticEmbedder())
    assert not (found.vetoed and found.value)
