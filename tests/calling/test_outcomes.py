"""What providers say went wrong, in the shapes in which they say it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.calling.transports.wire.outcomes import from_event, from_status, retry_after
from orchestrator.types import Outcome

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def outcome(status: int, error: Any = None, headers: dict[str, str] | None = None) -> Outcome:
    body = json.dumps({"error": error}) if error is not None else ""
    return from_status(status, headers or {}, body, NOW).outcome


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, Outcome.MALFORMED),
        (400, Outcome.INVALID_REQUEST),
        (401, Outcome.AUTH),
        (402, Outcome.AUTH),
        (403, Outcome.AUTH),
        (404, Outcome.INVALID_REQUEST),
        (408, Outcome.OVERLOADED),
        (413, Outcome.CONTEXT_EXCEEDED),
        (422, Outcome.INVALID_REQUEST),
        (429, Outcome.RATE_LIMITED),
        (500, Outcome.OVERLOADED),
        (503, Outcome.OVERLOADED),
        (529, Outcome.OVERLOADED),
    ],
)
def test_a_status_alone(status: int, expected: Outcome) -> None:
    assert outcome(status) is expected


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"code": "context_length_exceeded", "message": "too long"}, Outcome.CONTEXT_EXCEEDED),
        (400, {"type": "exceed_context_size_error", "code": 400}, Outcome.CONTEXT_EXCEEDED),
        (400, {"message": "prompt is too long: 9 tokens > 8 maximum"}, Outcome.CONTEXT_EXCEEDED),
        (400, {"code": "content_policy_violation"}, Outcome.REFUSED),
        (400, {"code": "content_filter", "message": "content management policy"}, Outcome.REFUSED),
        (400, {"type": "invalid_request_error", "message": "no such field"}, None),
        (429, {"code": "insufficient_quota"}, Outcome.AUTH),
        (429, {"type": "rate_limit_error"}, Outcome.RATE_LIMITED),
        (500, {"code": "content_filter"}, Outcome.OVERLOADED),
        (400, "a bare string", None),
    ],
)
def test_the_words_of_the_error_say_more_than_its_status(
    status: int, error: Any, expected: Outcome | None
) -> None:
    assert outcome(status, error) is (expected or Outcome.INVALID_REQUEST)


def test_the_message_carries_status_text_and_code() -> None:
    body = json.dumps({"error": {"message": "No such model.", "code": "model_not_found"}})
    error = from_status(404, {}, body, NOW)
    assert str(error) == "HTTP 404: No such model. [model_not_found]"
    assert (
        str(from_status(502, {}, "<html>\n bad   gateway", NOW)) == "HTTP 502: <html> bad gateway"
    )
    assert str(from_status(502, {}, "", NOW)) == "HTTP 502: no message"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


def test_only_an_outcome_that_passes_carries_a_retry_after() -> None:
    headers = {"retry-after": "7"}
    assert from_status(429, headers, "", NOW).retry_after_s == 7
    assert from_status(503, headers, "", NOW).retry_after_s == 7
    assert from_status(401, headers, "", NOW).retry_after_s is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, Outcome.OVERLOADED),
        ({"code": 429, "message": "slow down"}, Outcome.RATE_LIMITED),
        ({"code": "rate_limit_exceeded"}, Outcome.RATE_LIMITED),
        ({"code": "content_filter"}, Outcome.REFUSED),
        ({"message": "something"}, Outcome.OVERLOADED),
    ],
)
def test_an_error_inside_a_stream(error: dict[str, Any], expected: Outcome) -> None:
    assert from_event(error).outcome is expected
