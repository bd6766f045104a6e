"""Each failure has one answer, which names nothing that is ours alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import (
    CallError,
    IncompleteError,
    InjectionError,
    InternalError,
    KeyRefusedError,
    NoCandidateError,
    OverBudgetError,
    RateLimitedError,
    RunError,
    StorageError,
    UnknownNameError,
    UnsafeError,
)
from orchestrator.gateway.errors import ApiError
from orchestrator.gateway.failures import as_api_error
from orchestrator.records import Attempt
from orchestrator.types import Candidate, Outcome, Stage
from tests.calling.server import Say, StandIn
from tests.gateway.serving import serving
from tests.gateway.test_chat_completions import HELLO


def attempt(outcome: Outcome, retry_after_s: float | None = None) -> Attempt:
    return Attempt(
        deployment="m/d",
        model="m",
        family=None,
        outcome=outcome,
        started_at=0.0,
        ms=1.0,
        error="said http://10.1.2.3:80/v1 with a word",
        retry_after_s=retry_after_s,
    )


def failed(*outcomes: Outcome) -> CallError:
    return CallError("nobody", [attempt(outcome) for outcome in outcomes])


def nobody(stage: Stage, rule: str) -> NoCandidateError:
    lost = Candidate(deployment="m/d", model="m", stage=stage, rule=rule)
    return NoCandidateError("nobody is left", [rule], [lost], advice=f"relax {rule}")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ApiError(418, "tea", code="tea"), 418, "tea"),
        (KeyRefusedError("no", status=403, code="not_allowed"), 403, "not_allowed"),
        (RateLimitedError("slow", retry_after_s=1.2), 429, "rate_limit_exceeded"),
        (OverBudgetError("spent"), 402, "budget_exceeded"),
        (UnknownNameError("task", "chatt", ["chat"]), 400, "invalid_request"),
        (StorageError("/secret/disk is full"), 503, "storage_unavailable"),
        (RunError("the graph stopped"), 502, "run_failed"),
        (InternalError("a bug"), 500, "internal_error"),
        (ZeroDivisionError("a bug"), 500, "internal_error"),
        (failed(Outcome.TIMEOUT_SILENT), 504, "providers_timed_out"),
        (failed(), 504, "providers_timed_out"),
        (failed(Outcome.CUT, Outcome.STALLED), 504, "providers_timed_out"),
        (failed(Outcome.SKIPPED_OPEN), 503, "providers_unavailable"),
        (failed(Outcome.AUTH, Outcome.RATE_LIMITED), 503, "providers_unavailable"),
        (failed(Outcome.OVERLOADED, Outcome.MALFORMED), 502, "providers_failed"),
        (failed(Outcome.OVERLOADED, Outcome.REFUSED), 400, "content_filter"),
        (UnsafeError("x"), 400, "content_filter"),
        (UnsafeError("x", review="r1"), 400, "awaiting_review"),
        (InjectionError("x"), 400, "prompt_injection"),
        (failed(Outcome.CONTEXT_EXCEEDED), 400, "context_length_exceeded"),
        (failed(Outcome.OVER_BUDGET, Outcome.OVER_BUDGET), 402, "budget_exceeded"),
        (
            IncompleteError("x", [attempt(Outcome.CUT)], text="a", reason="cut"),
            502,
            "incomplete_answer",
        ),
        (nobody(Stage.DATA_POLICY, "route:home.require.hosting"), 403, "no_model_allowed"),
        (nobody(Stage.DATA_POLICY, "request.models"), 422, "no_model_for_needs"),
        (nobody(Stage.AVAILABILITY, "health.breaker"), 503, "no_model_available"),
        (nobody(Stage.AVAILABILITY, "request.rate_limited"), 503, "no_model_available"),
        (nobody(Stage.BUDGET, "budget:user"), 402, "budget_exceeded"),
        (nobody(Stage.BUDGET, "request.max_cost_usd"), 422, "no_model_for_needs"),
        (nobody(Stage.CAPABILITY, "fleet.capability.context"), 400, "context_length_exceeded"),
        (nobody(Stage.QUALITY, "request.quality_floor"), 422, "no_model_for_needs"),
    ],
)
def test_each_failure_has_its_status(
    error: Exception, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        found = as_api_error(error)
    assert (found.status, found.code) == (status, code)
    written = json.loads(found.body())["error"]
    assert set(written) == {"message", "type", "param", "code"}
    assert "10.1.2.3" not in written["message"]
    assert "/secret" not in written["message"]
    assert (
        bool(caplog.records) == isinstance(error, (StorageError, InternalError, ZeroDivisionError))
        or type(error) is RunError
    )


def test_what_is_known_of_the_time_is_said() -> None:
    limited = as_api_error(RateLimitedError("slow", retry_after_s=1.2))
    assert limited.headers == {"Retry-After": "2"}
    waits = [attempt(Outcome.RATE_LIMITED, 9.0), attempt(Outcome.SKIPPED_OPEN, 0.2)]
    assert as_api_error(CallError("x", waits)).headers == {"Retry-After": "1"}


def test_a_message_is_never_longer_than_helps() -> None:
    error = ApiError(400, "x" * 100_000, code="c")
    assert len(error.body()) < 3000


async def test_a_bug_is_no_secret_to_the_caller_and_none_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __init__(self, services: Any) -> None:
            self.services = services

        async def answer(self, *_: Any) -> Any:
            raise ZeroDivisionError("the inner secret")

    async with StandIn(Say("x")) as upstream, serving(tmp_path, upstream) as gateway:
        state: Any = gateway.app.state.serving
        state.calls = Broken(state.calls.services)
        status, headers, body = await gateway.post({"model": "auto", "messages": HELLO})
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert "secret" not in body["error"]["message"]
    assert headers["x-mesh-trace-id"]
    assert "the inner secret" in caplog.text
