"""Which deployment most likely holds the beginning of a prompt in its cache."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from orchestrator.call_types import CallRequest, Message
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.calling.traffic import affinity as module
from orchestrator.calling.traffic.affinity import Affinity, caches
from orchestrator.money import Price, Usage
from orchestrator.records import Attempt
from orchestrator.testing import ManualClock
from orchestrator.types import Deployment, Encoder, Outcome
from tests.calling.samples import deployment

CACHED = Price(input=1_000_000, output=2_000_000, cache_read=100_000)
HOSTED = deployment("m/hosted", price=CACHED)
OTHER = deployment("n/hosted", price=CACHED)
OWN = deployment("m/own", hosting="self", endpoint="http://127.0.0.1:1/v1")
SYSTEM: Message = {"role": "system", "content": "You are a clerk. " * 500}


def turns(*texts: str, **changes: object) -> CallRequest:
    """A conversation that begins with a long system prompt."""
    roles = ("user", "assistant")
    said: list[Message] = [
        {"role": roles[place % 2], "content": text}  # type: ignore[typeddict-item]
        for place, text in enumerate(texts)
    ]
    return CallRequest(messages=(SYSTEM, *said), **changes)  # type: ignore[arg-type]


def attempt(to: Deployment, outcome: Outcome = Outcome.OK, **usage: Any) -> Attempt:
    return Attempt(
        deployment=to.id,
        model=to.model,
        family=to.family,
        outcome=outcome,
        started_at=0.0,
        ms=1.0,
        usage=Usage(**usage) if usage else Usage(estimated=True),
    )


def test_the_next_turn_finds_what_was_read_before() -> None:
    affinity = Affinity(ManualClock())
    first = turns("Who pays?")
    assert affinity.cached(first) == {}
    affinity.saw(first, HOSTED, attempt(HOSTED))
    following = turns("Who pays?", "The buyer.", "When?")
    assert affinity.cached(following) == {HOSTED.id: prompt_tokens(first)}
    affinity.saw(following, HOSTED, attempt(HOSTED))
    assert affinity.cached(following) == {HOSTED.id: prompt_tokens(following)}


def test_another_conversation_shares_the_system_prompt_alone() -> None:
    affinity = Affinity(ManualClock())
    affinity.saw(turns("Who pays? " * 900), HOSTED, attempt(HOSTED))
    system = prompt_tokens(CallRequest(messages=(SYSTEM,)))
    assert affinity.cached(turns("What is due?")) == {HOSTED.id: system}


@pytest.mark.parametrize(
    "changed",
    [
        {"tools": ({"type": "function", "function": {"name": "look"}},)},
        {"schema": {"type": "null"}},
    ],
    ids=["tools", "schema"],
)
def test_other_tools_or_another_schema_make_another_prompt(changed: dict[str, object]) -> None:
    affinity = Affinity(ManualClock())
    affinity.saw(turns("a"), HOSTED, attempt(HOSTED))
    assert affinity.cached(turns("a", **changed)) == {}


def test_each_deployment_holds_what_it_has_read_itself() -> None:
    affinity = Affinity(ManualClock())
    one, two = turns("a"), turns("a", "b", "c")
    affinity.saw(one, HOSTED, attempt(HOSTED))
    affinity.saw(two, OTHER, attempt(OTHER))
    expected = {HOSTED.id: prompt_tokens(one), OTHER.id: prompt_tokens(two)}
    assert affinity.cached(turns("a", "b", "c", "d", "e")) == expected


def test_it_is_over_after_five_minutes_unless_it_was_read_again() -> None:
    clock = ManualClock()
    affinity = Affinity(clock)
    asked = turns("a")
    affinity.saw(asked, HOSTED, attempt(HOSTED))
    clock.advance(200)
    affinity.saw(asked, OTHER, attempt(OTHER))
    clock.advance(101)
    assert affinity.cached(asked).keys() == {OTHER.id}
    clock.advance(200)
    assert affinity.cached(asked) == {}
    affinity.saw(turns("z"), OWN, attempt(OWN))
    assert len(affinity._parts) == 2, "what is over is forgotten"


def test_a_short_prompt_is_cached_by_servers_of_ones_own_alone() -> None:
    affinity = Affinity(ManualClock())
    short = CallRequest(messages=({"role": "user", "content": "Who are you?"},))
    for to in (HOSTED, OWN):
        affinity.saw(short, to, attempt(to))
    assert affinity.cached(short).keys() == {OWN.id}


def test_tokens_are_counted_as_the_provider_counts_them() -> None:
    affinity = Affinity(ManualClock())
    affinity.saw(turns("a"), HOSTED, attempt(HOSTED, input=9000, output=10))
    assert affinity.cached(turns("a")) == {HOSTED.id: 9000}


def test_what_a_provider_does_not_hold_is_expected_less() -> None:
    """One that caches only what it is told to reports nothing each time."""
    affinity = Affinity(ManualClock())
    found = []
    for _ in range(4):
        affinity.saw(turns("a"), HOSTED, attempt(HOSTED, input=8000, output=1))
        found.append(affinity.cached(turns("a"))[HOSTED.id])
    assert found == [8000, 4000, 2000, 1000]
    affinity.saw(turns("a"), HOSTED, attempt(HOSTED, input=8000, output=1, cached_input=8000))
    assert affinity.cached(turns("a"))[HOSTED.id] == 4500


def test_a_server_of_ones_own_may_cache_and_not_say_so() -> None:
    affinity = Affinity(ManualClock())
    for _ in range(3):
        affinity.saw(turns("a"), OWN, attempt(OWN, input=8000, output=1))
    assert affinity.cached(turns("a")) == {OWN.id: 8000}


@pytest.mark.parametrize(
    "outcome", [Outcome.RATE_LIMITED, Outcome.CANCELLED, Outcome.TIMEOUT_SILENT, Outcome.BUSY]
)
def test_what_was_not_read_to_its_end_is_in_no_cache(outcome: Outcome) -> None:
    affinity = Affinity(ManualClock())
    affinity.saw(turns("a"), HOSTED, attempt(HOSTED, outcome))
    assert affinity.cached(turns("a")) == {}


@pytest.mark.parametrize(
    ("to", "worth"),
    [
        (HOSTED, True),
        (OWN, True),
        (deployment("m/d", price=None), False),
        (deployment("m/d", price=Price(input=1, output=1)), False),
        (deployment("m/d", price=Price(input=1, output=1, cache_read=1)), False),
        (deployment("m/d", via="llamacpp", hosting="self"), False),
        (deployment("m/d", via="builtin", hosting="self", family=None), False),
        (deployment("m/d", hosting="self", encoder=Encoder(kind="pairs")), False),
    ],
)
def test_only_a_cache_that_saves_something_counts(to: Deployment, worth: bool) -> None:
    assert caches(to) is worth
    affinity = Affinity(ManualClock())
    affinity.saw(turns("a"), to, attempt(to))
    assert bool(affinity.cached(turns("a"))) is worth


def test_the_memory_is_bounded_and_holds_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PARTS", 50)
    affinity = Affinity(ManualClock())
    for number in range(200):
        affinity.saw(turns(f"secret-{number}"), HOSTED, attempt(HOSTED))
    assert len(affinity._parts) <= 50
    assert affinity.cached(turns("secret-199"))[HOSTED.id] == prompt_tokens(turns("secret-199"))
    assert "secret" not in repr(affinity._parts)


def test_the_hashes_of_another_process_tell_nothing() -> None:
    one, two = Affinity(ManualClock()), Affinity(ManualClock())
    for affinity in (one, two):
        affinity.saw(turns("a"), HOSTED, attempt(HOSTED))
    assert not one._parts.keys() & two._parts.keys()


@pytest.mark.parametrize("sent", [{"kind": "repair"}, {"continued": True}])
def test_what_was_sent_besides_the_request_is_not_expected_in_its_place(sent: Any) -> None:
    affinity, asked = Affinity(ManualClock()), turns("How long?")
    affinity.saw(asked, HOSTED, dataclasses.replace(attempt(HOSTED, input=50_000), **sent))
    assert affinity.cached(asked)[HOSTED.id] == prompt_tokens(asked)
