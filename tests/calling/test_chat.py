"""The wire format: what is sent for which model, and the chunks that providers send."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from orchestrator.call_types import (
    Answering,
    CallEvent,
    Confidence,
    Finish,
    Progress,
    TextDelta,
)
from orchestrator.calling.transports.wire.chat import Chunks, payload
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.types import Outcome
from tests.calling.samples import deployment, request

FULL = request("Hi", temperature=0.3, max_tokens=9, reasoning_effort="low", stop=("END",), seed=4)


def test_what_the_request_leaves_open_is_not_sent() -> None:
    assert payload(deployment("m/d"), request("Hi")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_further_parameters_are_sent_and_replace_nothing() -> None:
    extra = {
        "top_p": 0.5,
        "user": "u",
        "model": "other",
        "messages": [],
        "stream": False,
        "seed": 9,
    }
    body = payload(deployment("m/d"), request("Hi", seed=4, extra=extra))
    assert (body["top_p"], body["user"]) == (0.5, "u")
    assert (body["model"], body["stream"], body["seed"]) == ("m", True, 4)
    assert body["messages"] == [{"role": "user", "content": "Hi"}]
    assert "top_p" not in payload(deployment("m/d"), request("Hi"))


def test_the_messages_are_not_copied() -> None:
    sent = request("Hi")
    assert payload(deployment("m/d"), sent)["messages"][0] is sent.messages[0]


def test_an_ordinary_model_gets_no_reasoning_effort() -> None:
    body = payload(deployment("m/d"), FULL)
    assert body["temperature"] == 0.3
    assert body["max_tokens"] == 9
    assert (body["stop"], body["seed"]) == (["END"], 4)
    assert "reasoning_effort" not in body
    assert payload(deployment("m/d", can=("reasoning",)), FULL)["reasoning_effort"] == "low"


@pytest.mark.parametrize("name", ["gpt-5-mini", "o3", "o4-mini"])
def test_a_reasoning_model_gets_its_own_limit_and_no_temperature(name: str) -> None:
    body = payload(deployment("m/d", target=name), FULL)
    assert body["max_completion_tokens"] == 9
    assert body["reasoning_effort"] == "low"
    assert not {"max_tokens", "temperature"} & set(body)


@pytest.mark.parametrize("name", ["gpt-4o", "olmo", "openhermes", "gpt-oss-20b"])
def test_a_similar_name_is_no_reasoning_model(name: str) -> None:
    assert "max_tokens" in payload(deployment("m/d", target=name), FULL)


def read(*chunks: dict[str, Any]) -> tuple[list[CallEvent], Chunks]:
    answer = Chunks()
    heard: list[CallEvent] = []
    for chunk in chunks:
        answer.read(chunk)
        heard += answer.events()
    return heard, answer


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def test_text_reasoning_and_the_end() -> None:
    heard, answer = read(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "Hello"}),
        chunk({"content": [{"type": "text", "text": " you"}]}),
        chunk({}, "stop"),
        chunk({}, "stop"),
    )
    texts = [TextDelta("Hello"), TextDelta(" you")]
    assert heard == [Progress("thinking"), *texts, Finish("stop")]
    assert answer.finished
    assert not answer.settled


def test_usage_counts_from_whichever_chunk_has_it_last() -> None:
    early = {"prompt_tokens": 9, "completion_tokens": 1}
    late = {
        "prompt_tokens": 9,
        "completion_tokens": 6,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    _, answer = read(chunk({"content": "a"}, usage=early), chunk({}, "stop"))
    assert not answer.settled
    _, answer = read(
        chunk({"content": "a"}, usage=early),
        chunk({}, "stop", usage=None),
        {"choices": [], "usage": late, "model": "m-2026"},
    )
    assert answer.settled
    assert answer.usage == Usage(input=9, output=6, cached_input=4, reasoning=2)
    assert answer.answering == Answering(model="m-2026")


def test_who_answers_is_said_at_once_and_when_it_changes() -> None:
    heard, answer = read(
        chunk({"role": "assistant"}, model="m-2026", system_fingerprint="fp_1"),
        chunk({"content": "Hello"}, model="m-2026", system_fingerprint=None),
        chunk({"content": " you"}, model="m-2027"),
        chunk({}, "stop"),
    )
    assert [e for e in heard if isinstance(e, Answering)] == [
        Answering(model="m-2026", fingerprint="fp_1"),
        Answering(model="m-2027", fingerprint="fp_1"),
    ]
    assert list(answer.closing()) == []  # no usage was reported, and it is known all the same


def test_confidence_is_the_geometric_mean_of_the_tokens_probabilities() -> None:
    def sure(*probabilities: float) -> dict[str, Any]:
        tokens = [{"token": "t", "logprob": math.log(p)} for p in probabilities]
        return {"index": 0, "delta": {"content": "t"}, "logprobs": {"content": tokens}}

    _, answer = read({"choices": [sure(0.9, 0.4)]}, {"choices": [sure(0.75)]}, chunk({}, "stop"))
    (confidence,) = answer.closing()
    assert isinstance(confidence, Confidence)
    assert confidence.value == pytest.approx((0.9 * 0.4 * 0.75) ** (1 / 3))


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": [{}, None, 3]}])
def test_no_log_probabilities_are_no_confidence(logprobs: Any) -> None:
    _, answer = read({"choices": [{"delta": {"content": "a"}, "logprobs": logprobs}]})
    assert list(answer.closing()) == []


def test_log_probabilities_are_asked_for_where_the_deployment_can() -> None:
    assert payload(deployment("m/d", can=("logprobs",)), request(logprobs=True))["logprobs"] is True
    assert "logprobs" not in payload(deployment("m/d"), request(logprobs=True))
    assert "logprobs" not in payload(deployment("m/d", can=("logprobs",)), request())


@pytest.mark.parametrize(
    ("reason", "outcome"), [("error", Outcome.OVERLOADED), ("abort", Outcome.CUT)]
)
def test_a_reason_that_is_no_end_is_a_failure(reason: str, outcome: Outcome) -> None:
    with pytest.raises(AttemptError) as caught:
        read(chunk({"content": "Well"}), chunk({}, reason))
    assert caught.value.outcome is outcome


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": 7}, "finish_reason": 3}]},
        {"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": None}},
        {"choices": "x", "usage": {"prompt_tokens_details": None}},
    ],
)
def test_odd_chunks_bring_nothing_and_break_nothing(broken: dict[str, Any]) -> None:
    heard, _ = read(broken, chunk({"content": "Hello"}))
    assert heard == [TextDelta("Hello")]


def test_a_refusal_in_a_chunk_is_a_refusal() -> None:
    with pytest.raises(AttemptError, match="I cannot help with that") as caught:
        read(chunk({"refusal": "I cannot help with that."}))
    assert caught.value.outcome is Outcome.REFUSED


CHUNKS: tuple[dict[str, Any], ...] = (
    chunk({"role": "assistant", "content": "Hello", "unknown": [1]}, model="m", id="x"),
    chunk({"content": ""}, system_fingerprint="fp"),
    chunk({"content": "Hé"}, "length", model="m"),
    chunk({"content": None}, ""),
    chunk({"content": [{"type": "text", "text": "you"}]}),
    chunk({"reasoning_content": "hm", "content": "a"}),
    chunk({"reasoning": "hm"}),
    chunk({"refusal": "No."}),
    chunk({"content": "a"}, "abort"),
    chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}),
    chunk({"content": "a"}, model=7, usage=[]),
    chunk({"content": "a"}, error={"message": "full"}),
    chunk({"content": "a"}, error=None, usage={"prompt_tokens": 3, "completion_tokens": 2}),
    chunk({"content": "a"}, timings={"prompt_n": 3, "predicted_n": 2}),
    {"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]},
    {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]},
    {"choices": [{"index": "0", "delta": {"content": "b"}}]},
    {"choices": [{"delta": None, "logprobs": {"content": [{"logprob": -1.0}]}}]},
    {"choices": [{}]},
    {"choices": ["a"]},
    {"choices": None, "error": {"message": "full"}},
    {"choices": [], "object": "error", "message": "full", "usage": {"prompt_tokens": 1}},
    {"type": "error", "message": "full"},
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}},
    {"choices": [], "usage": {}, "model": ""},
    {},
)


@pytest.mark.parametrize("first", CHUNKS)
@pytest.mark.parametrize("second", CHUNKS)
def test_the_quick_way_reads_what_the_other_reads(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    def told(*, quickly: bool) -> tuple[Any, ...]:
        answer, failure = Chunks(), ""
        try:
            for one in (first, second):
                if not (quickly and answer.usual(b"data: " + json.dumps(one).encode())):
                    answer.read(one)
        except AttemptError as error:
            failure = f"{error.outcome} {error}"
        events = [*answer.events(), *answer.closing()]
        return events, failure, answer.chosen, answer.finished, answer.settled, answer.answering

    assert told(quickly=True) == told(quickly=False)


def test_a_usual_chunk_is_read_quickly() -> None:
    said = [json.dumps(CHUNKS[n]).encode() for n in (0, 1, 2, 3, 23)]
    assert all(Chunks().usual(b"data: " + one) for one in said)
    assert not Chunks().usual(b'data: {"choices": [')
