"""What a provider says went wrong, as one of our outcomes. Shared by all HTTP transports."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

_CONTEXT = (
    "context_length_exceeded",
    "exceed_context_size",
    "maximum context length",
    "context window",
    "context size",
    "prompt is too long",
)
_REFUSED = (
    "content_policy",
    "content_filter",
    "content management policy",
    "responsibleaipolicyviolation",
)
_ACCOUNT = ("insufficient_quota", "invalid_api_key", "authentication_error", "permission_error")
_LIMIT = ("rate_limit",)
_OVERLOAD = ("overloaded", "server_error", "internal_error", "api_error", "unavailable", "timeout")


def from_status(status: int, headers: Mapping[str, str], body: str, now: float) -> AttemptError:
    """The outcome of an answer that is not 200.

    Args:
        headers: with names in lower case, or a mapping that ignores case.
        now: seconds since the epoch, to read a `Retry-After` that is a date.
    """
    error = error_of(_parsed(body))
    found = _by_words(error) if 400 <= status < 500 else None
    outcome = found or _by_status(status)
    message = f"HTTP {status}: {_message(error) or _start(body) or 'no message'}"
    waits = outcome in (Outcome.RATE_LIMITED, Outcome.OVERLOADED)
    after = retry_after(headers.get("retry-after"), now) if waits else None
    return AttemptError(outcome, message, retry_after_s=after)


def from_event(error: Mapping[str, Any]) -> AttemptError:
    """The outcome of an error that stands inside a stream whose status was 200."""
    code = error.get("code")
    by_status = _by_status(code) if isinstance(code, int) and code >= 400 else Outcome.OVERLOADED
    return AttemptError(_by_words(error) or by_status, _message(error) or "error in the stream")


def error_of(body: Any) -> Mapping[str, Any] | None:
    """The error that a JSON body carries, in any of the usual shapes; `None`: it carries none."""
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str) and error:
        return {"message": error}
    if body.get("object") == "error" or body.get("type") == "error":
        return body
    return None


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks for: a number, or an HTTP date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def without(key: str | None, error: AttemptError) -> AttemptError:
    """The same failure with no key in its message."""
    if not key or key not in str(error):
        return error
    return AttemptError(
        error.outcome, str(error).replace(key, "…"), retry_after_s=error.retry_after_s
    )


def _by_status(status: int) -> Outcome:
    if status in (401, 402, 403, 407):
        return Outcome.AUTH
    if status == 413:
        return Outcome.CONTEXT_EXCEEDED
    if status == 429:
        return Outcome.RATE_LIMITED
    if status in (408, 425) or status >= 500:
        return Outcome.OVERLOADED
    return Outcome.INVALID_REQUEST if status >= 400 else Outcome.MALFORMED


def _by_words(error: Mapping[str, Any] | None) -> Outcome | None:
    """What the error's code, type or message name; the code's word goes before the message's."""
    if error is None:
        return None
    named = f"{error.get('code')} {error.get('type')} {error.get('status')}".lower()
    said = _message(error).lower()
    if any(word in named or word in said for word in _CONTEXT):
        return Outcome.CONTEXT_EXCEEDED
    if any(word in named or word in said for word in _REFUSED):
        return Outcome.REFUSED
    for words, outcome in (
        (_ACCOUNT, Outcome.AUTH),
        (_LIMIT, Outcome.RATE_LIMITED),
        (_OVERLOAD, Outcome.OVERLOADED),
    ):
        if any(word in named for word in words):
            return outcome
    return None


def _message(error: Mapping[str, Any] | None) -> str:
    if error is None:
        return ""
    message, code = error.get("message") or error.get("detail"), error.get("code")
    code = f" [{code}]" if isinstance(code, str) and code else ""
    return f"{message}{code}" if message else code.strip()


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _start(body: str) -> str:
    return " ".join(body.split())[:200]
