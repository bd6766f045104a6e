"""Failures, options and the profile of the chat model."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelError,
    ModelRateLimitError,
)

from orchestrator.chat.model import ChatMesh
from orchestrator.errors import CallError, UnknownNameError, UserError
from orchestrator.types import Constraints
from tests.calling.server import Fail, Step
from tests.chat.brain import Brain


@pytest.mark.parametrize(
    ("step", "kind", "retryable"),
    [
        (Fail(503, "busy"), ModelAPIError, True),
        (Fail(400, "long", "context_length_exceeded"), ContextOverflowError, False),
        (Fail(400, "no", "content_policy_violation"), ModelError, False),
        (Fail(429, "slow", headers={"Retry-After": "900"}), ModelRateLimitError, True),
    ],
)
def test_a_failure_is_theirs_and_ours(
    rigs: Any, step: Step, kind: type[ModelError], retryable: bool
) -> None:
    model = rigs(step, second=step).mesh.chat_model(
        constraints=Constraints(models=("first",)), timeout=5
    )
    with pytest.raises(kind) as caught:
        model.invoke("Hello")
    assert isinstance(caught.value, CallError)
    assert caught.value.attempts
    assert (caught.value.is_retryable, caught.value.retryable) == (retryable, retryable)


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ({"task": "drafft"}, "draft"),
        ({"data_class": "pi"}, "pii"),
        ({"model": "frist"}, "first"),
        ({"agent": "chekker"}, "checker"),
        ({"temprature": 1}, "temperature"),
        ({"constraints": Constraints(models=("secnd",))}, "second"),
    ],
)
def test_a_misspelt_word_is_refused(rigs: Any, said: dict[str, Any], near: str) -> None:
    mesh = rigs(Brain()).mesh
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        mesh.chat_model(**said)


def test_a_misspelt_option_of_a_call_is_refused(rigs: Any) -> None:
    model = rigs(Brain()).mesh.chat_model()
    with pytest.raises(UnknownNameError, match="did you mean 'max_tokens'"):
        model.invoke("Hello", max_token=5)
    with pytest.raises(UserError, match="response_format"):
        model.invoke("Hello", response_format="json")
    with pytest.raises(UnknownNameError, match="json_mode"):
        model.with_structured_output({"title": "T", "type": "object"}, method="json_mod")


def test_options_of_one_call_go_before_those_of_the_model(rigs: Any) -> None:
    rig = rigs(Brain())
    model = rig.mesh.chat_model(temperature=0.1, stop=["you"], seed=1)
    assert model.invoke("Hello", temperature=0.9, seed=2).text == "Hello to "
    assert (rig.sent["temperature"], rig.sent["seed"], rig.sent["stop"]) == (0.9, 2, ["you"])


def test_the_profile_tells_what_can_be_found_now(rigs: Any) -> None:
    model: ChatMesh = rigs(Brain()).mesh.chat_model()
    profile = model.profile or {}
    assert profile["tool_calling"]
    assert profile["image_inputs"]
    assert (profile["max_input_tokens"], profile["max_output_tokens"]) == (100_000, 8000)


async def test_events_name_the_model_for_tracing(rigs: Any) -> None:
    model = rigs(Brain()).mesh.chat_model(task="draft")
    metadata = [e["metadata"] async for e in model.astream_events("Hello", version="v2")]
    assert metadata[0]["ls_provider"] == "mesh"
    assert metadata[0]["ls_model_name"] == "mesh/draft"


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "objekt"}, "objekt"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}}, r"\$defs/none"),
    ],
)
def test_a_schema_that_is_wrong_is_the_callers_mistake(
    rigs: Any, schema: dict[str, Any], says: str
) -> None:
    mesh = rigs(Brain()).mesh
    model = mesh.chat_model()
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with pytest.raises(UserError, match=says):
        model.invoke("Hello", response_format=asked)
    assert all(trace.status == "failed" for trace in mesh.store.traces())
