"""A placeholder is known again in what models make of it, and nothing else is."""

from __future__ import annotations

import pytest

from .finding import HOSTED, redaction, sent, streamed

ADDRESS = "ann@example.org"


@pytest.mark.parametrize(
    "bent",
    [
        "[EMAIL_1]",
        "[email_1]",
        "[Email_1]",
        "[EMAIL 1]",
        "[ EMAIL_1 ]",
        "[EMAIL _ 1]",
        "[EMAIL-1]",
        "[EMAIL1]",
        r"[EMAIL\_1]",
        r"\[EMAIL_1\]",
        r"\[EMAIL\_1\]",
        "[**EMAIL_1**]",
        "[`EMAIL_1`]",
        "【EMAIL_1】",
        "［EMAIL_1］",
        "[EMAIL\u00a01]",
    ],
)
def test_what_a_model_bends_is_known(bent: str) -> None:
    made = redaction(f"Write to {ADDRESS}.")
    for size in (1, 2, 3, 64):
        assert streamed(made, f"I wrote to {bent}, yes.", size) == f"I wrote to {ADDRESS}, yes."


@pytest.mark.parametrize("left", ["[EMAIL_2]", "[EMAIL_]", "[EMAIL", "EMAIL_1", "[E MAIL TO 1]"])
def test_what_it_invents_or_breaks_is_left(left: str) -> None:
    made = redaction(f"Write to {ADDRESS}.")
    said = f"See {left} and [PHONE_1] and [1]."
    assert streamed(made, said, 1) == said
    assert made.seen(HOSTED, said, said, ())[0] == said


def test_an_invented_one_is_noted() -> None:
    made = redaction(f"Write to {ADDRESS}.")
    sent(made)
    made.seen(HOSTED, "Ask [EMAIL_1] or [EMAIL_7].", "", ())
    assert made.notes == (
        "1 value replaced before hosted models (email 1)",
        "1 placeholder that nobody had given was left",
    )
    assert made.tally.restored == {"email": 1}


def test_an_address_of_the_web_gets_it_with_percent_signs() -> None:
    made = redaction(f"Write to {ADDRESS}.")
    said = "https://example.net/?to=%5BEMAIL_1%5D&x=1"
    for size in (1, 2, 3, 7):
        assert streamed(made, said, size) == "https://example.net/?to=ann%40example.org&x=1"


def test_no_number_is_a_part_of_another() -> None:
    addresses = [f"person{n}@example.org" for n in range(12)]
    made = redaction(" ".join(addresses))
    assert sent(made).endswith("[EMAIL_11] [EMAIL_12]")
    assert streamed(made, sent(made), 1) == " ".join(addresses)


def test_only_what_may_be_one_is_held_back() -> None:
    through = redaction(f"Write to {ADDRESS}.").stages(HOSTED)
    assert through.take("a [b") == "a [b"
    assert through.take(" and [EM") == " and "
    assert through.take("U]") == "[EMU]"
    assert through.take(" or [EMAIL_1") == " or "
    assert through.take("]") == ADDRESS
    assert through.take("!") + through.end() == "!"


def test_a_word_with_marks_and_digits() -> None:
    made = redaction("It is C-12345 and C-54321.")
    assert sent(made) == "It is [CUSTOMER_NUMBER_1] and [CUSTOMER_NUMBER_2]."
    assert streamed(made, "[customer number 2]", 1) == "C-54321"
