"""Each word reaches the caller once, whoever says it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calling.delivery import Delivery
from orchestrator.errors import AttemptError
from orchestrator.types import Outcome


class Ear:
    """A caller."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.delivery = Delivery(self.heard.append)

    @property
    def text(self) -> str:
        return "".join(self.heard)

    def say(self, number: int, *pieces: str, continued: bool = False) -> None:
        voice = self.delivery.voice(number, "m/one", continued=continued)
        for piece in pieces:
            voice.say(piece)
        voice.end()
        self.delivery.fall_silent(number)


def cut(ear: Ear, number: int, *pieces: str) -> None:
    voice = ear.delivery.voice(number, "m/one", continued=False)
    for piece in pieces:
        voice.say(piece)
    ear.delivery.fall_silent(number)


def test_white_space_alone_is_not_handed_on() -> None:
    ear = Ear()
    cut(ear, 0, " ", "\n")
    assert (ear.heard, ear.delivery.speaker) == ([], None)
    ear.say(1, " ", "\n", "Seven.", " ")
    assert ear.text == " \nSeven. "


def test_a_continuation_follows_what_was_handed_on() -> None:
    ear = Ear()
    cut(ear, 0, "The loan ", "period ")
    ear.say(1, "is 7 ", "days.", continued=True)
    assert ear.text == "The loan period is 7 days."


@given(
    text=st.text(min_size=1, max_size=40).filter(str.strip),
    at=st.integers(0, 40),
    splits=st.lists(st.integers(0, 40), max_size=6),
)
def test_the_same_text_from_the_beginning_is_handed_on_once(
    text: str, at: int, splits: list[int]
) -> None:
    ear = Ear()
    cut(ear, 0, *([text[:at]] if text[:at] else []))
    places = sorted({0, len(text), *(s for s in splits if s < len(text))})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    ear.say(1, *pieces)
    assert ear.text == text


def test_another_text_is_not_handed_on_behind_a_beginning_that_it_does_not_have() -> None:
    ear = Ear()
    cut(ear, 0, "The loan period ")
    with pytest.raises(AttemptError, match="the same for 9 characters") as caught:
        ear.say(1, "The loan", " term is a week.")
    assert caught.value.outcome is Outcome.DIVERGED
    assert ear.text == "The loan period "


def test_a_shorter_text_is_another_text() -> None:
    ear = Ear()
    cut(ear, 0, "The loan period ")
    with pytest.raises(AttemptError, match="the same for 8 characters"):
        ear.say(1, "The loan")


def test_of_two_that_speak_only_the_first_is_heard() -> None:
    ear, got = Ear(), list[tuple[int, str]]()
    ear.delivery.on_word = lambda number, deployment: got.append((number, deployment))
    one, two = (ear.delivery.voice(n, f"m/{n}", continued=False) for n in (1, 2))
    two.say("B1 ")
    one.say("A1 ")
    two.say("B2")
    assert (ear.text, got) == ("B1 B2", [(2, "m/2")])
