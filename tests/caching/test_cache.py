"""Answers are given again to whom they belong, while they are good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from orchestrator.caching.values import Drop, Seen
from orchestrator.types import CacheRule, Caller
from tests.caching.asking import RULE, Cache, answer, given, key

_TEXTS = st.sampled_from(["How do I open it?", "How can I open it?"]) | st.text(min_size=1)
OTHER_WORDS = "What are the steps to open the gate?"
EXACT = CacheRule(mode="exact", ttl_s=100)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    made = Cache(tmp_path)
    yield made
    made.close()


def test_the_very_same_request_is_given_the_answer(cache: Cache) -> None:
    assert answer(cache, key()) is None
    cache.keep(key(), RULE, given())
    assert answer(cache, key()) == "Turn the key."


def test_and_so_is_one_in_other_words_where_the_rule_says_so(cache: Cache) -> None:
    cache.keep(key(), RULE, given())
    assert answer(cache, key(OTHER_WORDS)) == "Turn the key."
    assert answer(cache, key(OTHER_WORDS), EXACT) is None
    assert answer(cache, key("How do I open the door?")) is None


def test_what_is_kept_for_exact_matches_holds_no_words(cache: Cache) -> None:
    cache.keep(key(), EXACT, given())
    [(entry, _)] = cache.store.listed(9, cache.time)
    assert entry.text == ""
    assert answer(cache, key(OTHER_WORDS)) is None


def test_an_answer_is_good_for_its_time(cache: Cache) -> None:
    cache.keep(key(), RULE, given())
    cache.time += 99
    assert answer(cache, key())
    assert answer(cache, key(OTHER_WORDS))
    cache.time += 1
    assert answer(cache, key()) is None
    assert answer(cache, key(OTHER_WORDS)) is None


def test_the_newest_answer_to_a_request_counts(cache: Cache) -> None:
    cache.keep(key(), RULE, given("Push."))
    assert answer(cache, key(OTHER_WORDS)) == "Push."
    cache.keep(key(), RULE, given("Pull."))
    assert answer(cache, key()) == "Pull."
    assert answer(cache, key(OTHER_WORDS)) == "Pull."


@settings(max_examples=60)
@over(
    texts=st.lists(_TEXTS, min_size=1, max_size=6),
    names=st.lists(
        st.tuples(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4)),
        min_size=2,
        max_size=5,
        unique=True,
    ),
    per=st.sampled_from(["workspace", "user"]),
)  # fmt: skip
def test_no_one_is_given_another_tenants_answer(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[str],
    names: list[tuple[str, str, str]],
    per: Literal["workspace", "user"],
) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    rule = CacheRule(mode="semantic", per=per)
    callers = [Caller(workspace=w, key=k, user=u) for w, k, u in names]

    def shares(one: Caller, two: Caller) -> bool:
        by_workspace = per == "workspace" and one.workspace
        return one.workspace == two.workspace if by_workspace else one == two

    first, *others = callers
    for text in texts:
        cache.keep(key(text, caller=first, rule=rule), rule, given("of the first"))
    for caller in others:
        for text in texts:
            found = answer(cache, key(text, caller=caller, rule=rule), rule)
            assert found == ("of the first" if shares(first, caller) else None)
    cache.close()


@pytest.mark.parametrize(
    ("what", "left"),
    [
        (Drop(tag="red"), {"b"}),
        (Drop(source="d1"), {"b"}),
        (Drop(policy_hash="p1"), set()),
        (Drop(tenant=key().tenant), {"b"}),
        (Drop(tenant=key().tenant, tag="blue"), {"a", "b"}),
        (Drop(trace_id="tb"), {"a"}),
        (Drop(), set()),
    ],
)
def test_answers_are_dropped_by_what_they_are_of(cache: Cache, what: Drop, left: set[str]) -> None:
    one = key("a", tags=("red",), inputs={"p": {"doc_hash": "d1"}})
    two = key("b", tags=("blue",), caller=Caller(workspace="v"))
    cache.keep(one, RULE, given("a", "ta"))
    cache.keep(two, RULE, given("b", "tb"))
    cache.store.drop(what)
    assert {found for k in (one, two) if (found := answer(cache, k))} == left


def test_what_another_process_keeps_or_drops_is_seen(cache: Cache, tmp_path: Path) -> None:
    other = Cache(tmp_path)
    assert answer(cache, key(OTHER_WORDS)) is None
    other.keep(key(), RULE, given())
    assert answer(cache, key(OTHER_WORDS)) == "Turn the key."
    other.store.drop(Drop())
    assert answer(cache, key(OTHER_WORDS)) is None
    other.close()


def test_a_wrong_answer_is_not_given_again(cache: Cache) -> None:
    cache.keep(key(), RULE, given())
    found = cache.look_up(key(OTHER_WORDS), RULE, "t0")
    assert found.hit is not None
    cache.used(found.hit, key(OTHER_WORDS), "t0", 1.0)
    assert cache.feedback("t0", correct=False) == 1
    again = cache.look_up(key(OTHER_WORDS), RULE, "t1")
    assert again.hit is None
    assert again.untrusted is not None
    assert answer(cache, key()) == "Turn the key."  # to its own words it was right


def test_a_wrong_answer_to_its_own_words_is_dropped(cache: Cache) -> None:
    cache.keep(key(), RULE, given())
    found = cache.look_up(key(), RULE, "t0")
    assert found.hit is not None
    cache.used(found.hit, key(), "t0", 1.0)
    cache.feedback("t0", correct=False)
    assert answer(cache, key()) is None


def test_a_stricter_bound_is_earned_by_answers_that_agree(cache: Cache) -> None:
    strict = CacheRule(mode="semantic", error_rate=0.003, ttl_s=100)
    cache.keep(key(), strict, given("Push!"))
    for number in range(9):
        found = cache.look_up(key(OTHER_WORDS), strict, f"t{number}")
        if found.hit is not None:
            break
        assert found.untrusted is not None
        assert cache.learn(found.untrusted, "push") is True
    assert 1 <= number < 8


def test_long_answers_that_differ_say_nothing(cache: Cache) -> None:
    cache.keep(key(), RULE, given("word " * 30))
    found = cache.look_up(key(OTHER_WORDS), RULE, "t0").hit
    assert found is not None
    assert cache.learn(found, "other " * 30) is None
    assert cache.learn(found, "word " * 30) is True


def test_some_hits_are_held_back_so_that_entries_go_on_being_tested(cache: Cache) -> None:
    cache.keep(key(), RULE, given())
    found = [cache.look_up(key(OTHER_WORDS), RULE, f"t{number}") for number in range(600)]
    held = sum(one.hit is None for one in found)
    assert 2 <= held <= 30
    assert all(one.hit or one.untrusted for one in found)


def test_what_was_saved_is_counted(cache: Cache) -> None:
    cache.keep(key(), RULE, given())
    for trace, text in (("t0", None), ("t1", OTHER_WORDS)):
        wanted = key(text) if text else key()
        found = cache.look_up(wanted, RULE, trace).hit
        assert found is not None
        cache.used(found, wanted, trace, 100.0)
    cache.flush()
    stats = cache.store.stats(cache.time)
    assert (stats.entries, stats.tenants, stats.hits) == (1, 1, {"exact": 1, "semantic": 1})
    assert (stats.saved_micro_usd, stats.saved_ms) == (4_000, 1_600.0)


def test_learning_of_an_entry_that_is_gone_changes_nothing(cache: Cache) -> None:
    cache.store.learn(7, Seen(score=0.9, correct=False), 0.0)
    assert cache.store.stats(cache.time).observations == 0
