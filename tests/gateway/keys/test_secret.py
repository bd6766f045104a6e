"""The text of a key: whole or not, whose it is, and how little of it is kept."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.gateway.keys.secret import (
    hash_of,
    id_in,
    is_whole,
    new_id,
    new_secret,
    shown,
)

LETTERS = string.ascii_letters + string.digits


def test_a_secret_is_whole_and_names_its_key() -> None:
    id = new_id()
    secret = new_secret(id)
    assert re.fullmatch(r"mesh-[a-z0-9]{10}[A-Za-z0-9]{49}", secret)
    assert is_whole(secret)
    assert id_in(secret) == id
    assert id_in(shown(secret)) == id


def test_no_two_secrets_of_a_key_are_alike() -> None:
    id = new_id()
    assert len({hash_of(new_secret(id)) for _ in range(100)}) == 100


@given(place=st.integers(5, 63), letter=st.sampled_from(LETTERS))
def test_one_wrong_letter_is_seen(place: int, letter: str) -> None:
    secret = new_secret("key_0123456789")
    typed = secret[:place] + letter + secret[place + 1 :]
    assert is_whole(typed) == (typed == secret)


@pytest.mark.parametrize("cut", [1, 6, 20, 63])
def test_what_was_not_copied_whole_is_seen(cut: int) -> None:
    secret = new_secret(new_id())
    assert not is_whole(secret[:-cut])
    assert not is_whole(secret[cut:])
    assert not is_whole(secret + secret[-cut:])


@given(st.text())
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    assert not is_whole(text)
    assert len(hash_of(text)) == 32
    id_in(text)


@pytest.mark.parametrize("text", ["", "mesh-", "mesh-abc", "sk-0123456789abc", "mesh-ABCDEFGHIJ"])
def test_what_is_no_secret_names_no_key(text: str) -> None:
    assert id_in(text) is None


def test_what_is_shown_leaves_the_most_of_it_unknown() -> None:
    secret = new_secret(new_id())
    assert secret.startswith(shown(secret))
    assert len(secret) - len(shown(secret)) - 6 >= 39
