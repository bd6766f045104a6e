"""What went wrong in the mesh, as the API says it: a status, and what to do.

| what | status |
| --- | --- |
| a mistake of the caller, a provider's own refusal included | 400, 404, 422 |
| the key | 401, 403 |
| data that nobody may be sent | 403 with the rule to relax |
| needs of the request that nobody meets | 422 with the need to relax |
| a budget that is used up | 402 |
| a limit of requests or tokens | 429 with `Retry-After` |
| nobody can be reached, or all are overloaded | 503, with `Retry-After` where it is known |
| nobody answered in time | 504 |
| nobody gave an answer that is one | 502 |
"""

from __future__ import annotations

import logging
import math
import re
import traceback
from collections.abc import Sequence
from typing import Any

from orchestrator.errors import (
    CallError,
    CrossValidationError,
    IncompleteError,
    InjectionError,
    KeyRefusedError,
    NoCandidateError,
    OverBudgetError,
    RateLimitedError,
    RunError,
    StorageError,
    UnsafeError,
    UserError,
)
from orchestrator.gateway.errors import ApiError
from orchestrator.records import Attempt
from orchestrator.tracing.redact import Mask
from orchestrator.types import Outcome, Stage

_LOG = logging.getLogger("orchestrator.gateway")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="mesh"'}
_ADDRESS = re.compile(r"https?://\S+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\blocalhost(?::\d+)?\b")
_CALLERS = {
    Outcome.REFUSED: "content_filter",
    Outcome.CONTEXT_EXCEEDED: "context_length_exceeded",
    Outcome.INVALID_REQUEST: "invalid_request",
}
"""Outcomes that lie in the request itself, and the code of each."""
_TIMEOUTS = {Outcome.TIMEOUT_SILENT, Outcome.TIMEOUT_FIRST_TOKEN, Outcome.STALLED}
_TIMEOUTS |= {Outcome.CANCELLED}  # it was writing when the deadline passed
_LATER = {Outcome.RATE_LIMITED, Outcome.OVERLOADED, Outcome.UNREACHABLE}
_LATER |= {Outcome.SKIPPED_OPEN, Outcome.BUSY}
_STAGES: tuple[tuple[Stage, int, str], ...] = (
    (Stage.DATA_POLICY, 403, "no_model_allowed"),
    (Stage.AVAILABILITY, 503, "no_model_available"),
    (Stage.BUDGET, 402, "budget_exceeded"),
)
"""Where what stands in the way is no wish of the request: the first that applies."""
_OWN_WISH = "request."
"""How the rules are called that the request itself makes."""
_CONTEXT = "fleet.capability.context"


def as_api_error(error: Exception) -> ApiError:
    """The answer to a request in which `error` was raised; what nobody expected is logged."""
    match error:
        case ApiError():
            return error
        case KeyRefusedError():
            headers = _CHALLENGE if error.status == 401 else None
            return ApiError(error.status, str(error), code=error.code, headers=headers)
        case RateLimitedError():
            after = retry_after(error.retry_after_s)
            return ApiError(429, str(error), code="rate_limit_exceeded", headers=after)
        case OverBudgetError():
            return ApiError(402, str(error), code="budget_exceeded")
        case NoCandidateError():
            return _nobody_may(error)
        case UnsafeError():
            code = "awaiting_review" if error.review else "content_filter"
            return ApiError(400, str(error), code=code)
        case CrossValidationError():
            return ApiError(403, str(error), code="cross_validation_required")
        case InjectionError():
            return ApiError(400, str(error), code="prompt_injection")
        case IncompleteError():
            why = _without_addresses(error.reason)
            said = f"the answer broke off: {why}; what came is not the whole of it"
            return ApiError(502, f"{said}; {_tried(error.attempts)}", code="incomplete_answer")
        case CallError():
            return _nobody_answered(error)
        case UserError():
            return ApiError(400, _without_addresses(str(error)), code="invalid_request")
        case StorageError() if error.retry_after_s is not None:
            said = "a limit that copies of the gateway share cannot be counted now; try again later"
            after = retry_after(error.retry_after_s)
            return ApiError(503, said, code="limits_unavailable", headers=after)
        case StorageError():
            _LOG.error("%s", error)
            said = "the gateway cannot write what it must keep; try again later"
            return ApiError(503, said, code="storage_unavailable")
        case RunError():
            _LOG.error("%s", _without_cause(error))
            return ApiError(502, _without_addresses(str(error)), code="run_failed")
        case RecursionError():  # each part of the code reads as deep as Python lets it
            said = "the request is nested too deeply to be read"
            return ApiError(400, said, code="invalid_json")
    _LOG.error("a request failed unexpectedly:\n%s", _where(error))
    said = "the gateway failed; this is not your mistake, and its log says more"
    return ApiError(500, said, code="internal_error")


def _without_cause(error: BaseException) -> str:
    """What went wrong without the words of who caused it: the project's own code, or a library, may
    quote what was asked. The trace has them, as far as they may be kept."""
    cause = error.__cause__
    text, said = str(error), "" if cause is None else str(cause)
    kind = type(error).__name__ if cause is None else type(cause).__name__
    if said and said in text:
        return text.replace(said, "…")
    return f"a run failed: {kind}"


def _where(error: BaseException) -> str:
    """Where it was raised, without what it says: that may quote what was asked."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{frames}{type(error).__name__}"


def retry_after(seconds: float) -> dict[str, str]:
    """The header, in whole seconds, never sooner."""
    return {"Retry-After": str(max(math.ceil(seconds), 1))}


def _nobody_may(error: NoCandidateError) -> ApiError:
    """By the rules that stand in the way; the error names the fewest."""
    message = str(error)
    if error.advice and error.advice not in message:
        message = f"{message}. {error.advice}"
    status, code = 422, "no_model_for_needs"
    if _CONTEXT in error.relax:
        status, code = 400, "context_length_exceeded"
    found: Sequence[Any] = error.candidates
    stages = {
        c.stage
        for c in found
        if c.rule in error.relax
        and (c.stage is Stage.AVAILABILITY or not c.rule.startswith(_OWN_WISH))
    }
    for stage, its_status, its_code in _STAGES:
        if stage in stages:
            status, code = its_status, its_code
            break
    return ApiError(status, _without_addresses(message), code=code)


def _nobody_answered(error: CallError) -> ApiError:
    attempts = error.attempts
    outcomes = [a.outcome for a in attempts]
    own = next((o for o in _CALLERS if outcomes and outcomes[-1] is o), None)
    if own is not None:
        why = _without_addresses(attempts[-1].error or str(own))
        return ApiError(400, f"{why} ({_tried(attempts)})", code=_CALLERS[own])
    if outcomes and set(outcomes) == {Outcome.OVER_BUDGET}:
        return ApiError(402, _without_addresses(str(error)), code="budget_exceeded")
    status, code = _status(outcomes)
    waits = [a.retry_after_s for a in attempts if a.retry_after_s is not None]
    after = retry_after(min(waits)) if waits and status == 503 else None
    return ApiError(
        status, f"no model gave an answer; {_tried(attempts)}", code=code, headers=after
    )


def _status(outcomes: Sequence[Outcome]) -> tuple[int, str]:
    """By how the last of those ended that were asked."""
    last = outcomes[-1] if outcomes else Outcome.TIMEOUT_SILENT
    if last in _TIMEOUTS:
        return 504, "providers_timed_out"
    if last in _LATER:
        return 503, "providers_unavailable"
    return 502, "providers_failed"


def _tried(attempts: Sequence[Attempt]) -> str:
    """Who was asked and how it ended, without what providers said: it may name what is ours."""
    tried = ", ".join(f"{a.deployment}: {a.outcome}" for a in attempts)
    return f"tried {tried}" if tried else "nobody could be asked before the deadline"


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub("…", Mask().secrets(text))
