"""The body of an answer as events, and what comes after its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.call_types import Answering, CallEvent, Finish, TextDelta, UsageReport
from orchestrator.calling.transports.wire.answer import Answer, Streamed, Whole
from orchestrator.errors import AttemptError
from orchestrator.money import Usage
from orchestrator.types import Outcome
from tests.calling.provider import chunk, sse
from tests.calling.samples import text_of

DONE = "data: [DONE]\n\n"
USED = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, **more}]}


STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def heard(answer: Answer, *reads: str) -> list[CallEvent]:
    """What the reads say, and what is known at the end."""
    found = [event for read in reads for event in answer.take(read.encode("utf-8", "replace"))]
    if not answer.ended:
        found += answer.take(b"")
    return [*found, *answer.closing()]


def test_texts_of_one_read_come_as_one_in_their_place() -> None:
    one = sse(chunk({"content": "one"}), said(" two"), said(" three"), STOP, USED) + DONE
    assert heard(Streamed(), one) == [
        Answering(model="m-2026", fingerprint="fp_1"),
        TextDelta("one two three"),
        Finish("stop"),
        UsageReport(usage=Usage(input=3, output=2)),
    ]


def test_texts_of_two_reads_come_as_they_are_read() -> None:
    reads = [sse(said("one")), sse(said(" two"), said(" three"))]
    assert heard(Streamed(), *reads) == [TextDelta("one"), TextDelta(" two three")]


@pytest.mark.parametrize("rest", [[USED, DONE], [DONE, USED], [USED, USED, DONE]])
def test_a_usage_that_is_there_at_the_end_counts(rest: list[Any]) -> None:
    answer = Streamed()
    found = heard(answer, sse(said("one"), STOP, *rest))
    assert answer.ended
    assert found[-1] == UsageReport(usage=Usage(input=3, output=2))


def test_a_usage_that_is_corrected_at_the_end_counts() -> None:
    corrected = {"usage": {"prompt_tokens": 3, "completion_tokens": 9}}
    found = heard(Streamed(), sse(said("one"), STOP, USED, corrected, "data: {broken\n\n", DONE))
    assert found[-1] == UsageReport(usage=Usage(input=3, output=9))


def test_what_comes_after_the_end_is_no_part_of_the_answer() -> None:
    answer = Streamed()
    found = heard(answer, sse(said("one"), STOP, DONE, said(" two"), {"error": "no"}))
    assert (text_of(found), answer.failure) == ("one", None)


def test_the_end_of_the_text_alone_is_waited_for_no_longer_than_the_stream() -> None:
    answer = Streamed()
    assert answer.take(sse(said("one"), STOP).encode())
    assert not answer.ended  # the usage may be on its way
    answer.take(b"")
    assert (answer.ended, answer.failure) == (True, None)


def test_what_came_before_a_failure_is_told() -> None:
    answer = Streamed()
    error = {"error": {"message": "overloaded", "type": "overloaded_error"}}
    assert text_of(answer.take(sse(said("one"), error, said(" two")).encode())) == "one"
    assert answer.failure is not None
    assert answer.failure.outcome is Outcome.OVERLOADED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "no event"),
        (": ping\n\n", "no event"),
        (sse(USED), "1 events without a choice"),
        (sse({"choices": []}) + DONE, "1 events without a choice"),
    ],
)
def test_a_stream_without_a_choice_is_no_answer(body: str, words: str) -> None:
    answer = Streamed()
    heard(answer, body) if body else answer.take(b"")
    assert isinstance(answer.failure, AttemptError)
    assert (answer.failure.outcome, words in str(answer.failure)) == (Outcome.MALFORMED, True)


def test_of_several_choices_one_is_read() -> None:
    def of(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
        return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}

    chunks = [of(0, "one"), of(1, "eins"), of(0, " two", "stop"), of(1, " zwei", "stop")]
    found = heard(Streamed(), sse(*chunks) + DONE)
    assert text_of(found) == "one two"
    assert sum(isinstance(event, Finish) for event in found) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"choices":[{"delta":{"content":"a\\ud83d"}}]}', "a\ud83d"),
        ('{"choices":[{"delta":{"content":"a"}}],"created":NaN}', "a"),
        ('{"choices":[{"delta":{"content":"a"}}],"created":1e999}', "a"),
        ('{"choices":[{"delta":{"content":"a"}}],"created":' + "9" * 400 + "}", "a"),
    ],
)
def test_json_that_only_the_tolerant_read_is_read(value: str, text: str) -> None:
    assert text_of(heard(Streamed(), f"data: {value}\n\n")) == text


def test_bytes_that_are_no_utf_8_spoil_one_character() -> None:
    found = Streamed().take(b'data: {"choices":[{"delta":{"content":"a\xffb"}}]}\n\n')
    assert text_of(found) == "a\ufffdb"


@pytest.mark.parametrize("cut", [1, 10, 1000])
def test_an_answer_in_one_piece_comes_in_pieces(cut: int) -> None:
    message = {"role": "assistant", "content": "Hello."}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": USED["usage"]}
    text = json.dumps(body)
    reads = [text[at : at + cut] for at in range(0, len(text), cut)]
    assert heard(Whole(), *reads) == [
        TextDelta("Hello."),
        Finish("stop"),
        UsageReport(usage=Usage(input=3, output=2)),
    ]


@pytest.mark.parametrize("body", ["", "[]", "null", "{", "{}", '{"choices": []}', "<html>"])
def test_one_piece_that_is_no_answer_is_malformed(body: str) -> None:
    answer = Whole()
    answer.take(body.encode())
    answer.take(b"")
    assert answer.failure is not None
    assert answer.failure.outcome is Outcome.MALFORMED
