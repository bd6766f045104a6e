"""Everything that changes an answer changes the partition, and nothing is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.call_types import CallRequest
from orchestrator.types import CacheRule, Caller, Setting, Tactics
from tests.caching.asking import key

CHANGES: dict[str, Any] = {
    "schema": {"type": "object"},
    "strict": True,
    "temperature": 0.5,
    "max_tokens": 10,
    "reasoning_effort": "low",
    "stop": ("x",),
    "seed": 7,
    "tools": ({"type": "function", "function": {"name": "f"}},),
    "tool_choice": "none",
    "parallel_tool_calls": False,
    "logprobs": True,
    "asks": "vectors",
    "images": 1,
    "extra": {"top_p": 0.5},
}


def test_every_parameter_of_a_request_is_part_of_the_partition() -> None:
    assert CHANGES.keys() | {"messages", "inputs"} == set(CallRequest.__dataclass_fields__)
    found = {key(**{name: value}).partition for name, value in CHANGES.items()}
    assert len(found | {key().partition}) == len(CHANGES) + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"policy_hash": "p2"},
        {"chosen": "two/here"},
        {"strategy": "panel", "tactics": Tactics(models=2), "fallbacks": ("two/here",)},
        {"settings": {"temperature": Setting(value=1.0, origin="route:x")}},
        {"data_class": "public"},
        {"stream": True},
        {"caller": Caller(workspace="v")},
        {"inputs": {"passages": [{"doc_hash": "d1"}]}},
    ],
)
def test_and_so_is_what_stands_around_it(changed: dict[str, Any]) -> None:
    assert key(**changed).partition != key().partition


def test_a_fallback_of_the_same_choice_changes_nothing() -> None:
    assert key(fallbacks=("two/here",)).partition == key().partition


def test_the_words_of_the_last_message_alone_are_outside_of_it() -> None:
    one, two = key("How do I open the gate?"), key("How can I open the gate?")
    assert one.partition == two.partition
    assert one.exact != two.exact


def test_who_shares_answers() -> None:
    one, two = Caller(workspace="w", user="a"), Caller(workspace="w", user="b")
    assert key(caller=one).tenant == key(caller=two).tenant
    apart = CacheRule(mode="semantic", per="user")
    assert key(caller=one, rule=apart).tenant != key(caller=two, rule=apart).tenant
    assert key(caller=Caller(key="k1")).tenant != key(caller=Caller(key="k2")).tenant
    assert key(caller=Caller(user="a")).tenant != key(caller=Caller(workspace="a")).tenant


def test_a_fence_is_a_frame_around_what_was_written() -> None:
    one = key("Tag it.\n<task>\nThe gate is stuck.\n</task>")
    assert one.text == "The gate is stuck."
    assert one.partition != key("Answer it.\n<task>\nThe gate is stuck.\n</task>").partition
    assert key("<a>\nx\n</a>\n<b>\ny\n</b>").text == ""


def test_long_texts_and_other_contents_are_compared_letter_by_letter() -> None:
    assert key("word " * 200).text == ""
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    request = ({"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]},)
    assert key(messages=request).text == ""


def test_the_documents_that_it_quotes_are_known() -> None:
    inputs = {"passages": [{"doc_hash": "d2"}, {"doc_hash": "d1"}, {"doc_hash": "d2"}]}
    assert key(inputs=inputs).sources == ("d1", "d2")
