"""Our failures as langchain-core's `ModelError`s, so that code for either keeps working.

What is raised is both: a `CallError` with its attempts, and for example a `ModelRateLimitError`
with `is_retryable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core import exceptions as known

from orchestrator.errors import CallError, IncompleteError, NoCandidateError, RateLimitedError
from orchestrator.types import Outcome

_KINDS: dict[Outcome, type[known.ModelError]] = {
    Outcome.RATE_LIMITED: known.ModelRateLimitError,
    Outcome.OVERLOADED: known.ModelAPIError,
    Outcome.UNREACHABLE: known.ModelConnectionError,
    Outcome.CUT: known.ModelConnectionError,
    Outcome.STALLED: known.ModelTimeoutError,
    Outcome.CANCELLED: known.ModelTimeoutError,  # it was writing when the deadline passed
    Outcome.TIMEOUT_SILENT: known.ModelTimeoutError,
    Outcome.TIMEOUT_FIRST_TOKEN: known.ModelTimeoutError,
    Outcome.AUTH: known.ModelAuthenticationError,
    Outcome.CONTEXT_EXCEEDED: known.ContextOverflowError,
    Outcome.INVALID_REQUEST: known.ModelInvalidRequestError,
    Outcome.MALFORMED: known.ModelAPIError,
    Outcome.EMPTY: known.ModelAPIError,
    Outcome.INVALID_OUTPUT: known.ModelAPIError,
}
"""What is not here (refused, over budget) is a plain `ModelError`, which is not retried."""


@contextmanager
def as_model_errors() -> Iterator[None]:
    """Inside the block a failed call is raised as a `ModelError` too."""
    try:
        yield
    except CallError as error:
        last = error.attempts[-1].outcome if error.attempts else Outcome.TIMEOUT_SILENT
        theirs = _KINDS.get(last, known.ModelError)
        if isinstance(error, IncompleteError):
            kind = _both(IncompleteError, theirs)
            raise kind(str(error), error.attempts, text=error.text, reason=error.reason) from error
        raise _both(CallError, theirs)(str(error), error.attempts) from error
    except NoCandidateError as error:
        kind = _both(NoCandidateError, known.ModelNotFoundError)
        raise kind(str(error), error.relax, error.candidates) from error
    except RateLimitedError as error:
        kind = _both(RateLimitedError, known.ModelRateLimitError)
        raise kind(str(error), retry_after_s=error.retry_after_s) from error


def _both(ours: type[Exception], theirs: type[known.ModelError]) -> Any:
    """A class that is caught as either; named as langchain-core names it."""
    return type(theirs.__name__, (ours, theirs), {"retryable": theirs.is_retryable})
