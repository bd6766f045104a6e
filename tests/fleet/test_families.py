"""Who trained a model, by the name that its provider reports."""

from __future__ import annotations

import pytest

from orchestrator.fleet.families import answering_family, kin, maker


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("anthropic/claude-sonnet-5-5", "anthropic"),
        ("us.anthropic.claude-opus-5-5-v1:0", "anthropic"),
        ("publishers/google/models/claude-haiku", "anthropic"),
        ("gpt-5-mini-2025-08-07", "openai"),
        ("openai/gpt-oss-120b", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("o3-mini", "openai"),
        ("models/gemini-3-flash", "google"),
        ("gemma3:4b", "google"),
        ("mistral-large-latest", "mistral"),
        ("mixtral-8x7b", "mistral"),
        ("llama3.1:8b-instruct-q4_K_M", "meta"),
        ("meta-llama/Llama-3.3-70B-Instruct", "meta"),
        ("Qwen/Qwen3-8B", "alibaba"),
        ("deepseek-r1-distill-llama-70b", "deepseek"),
        ("phi-4", "microsoft"),
        ("stand-in-1", None),
        ("llama.cpp", None),
        ("foo3-large", None),
        ("", None),
    ],
)
def test_the_name_says_who_trained_it(name: str, who: str | None) -> None:
    assert maker(name) == who


def test_what_answered_counts_and_not_what_was_declared() -> None:
    assert answering_family("local-server", "llama3.1:8b") == "meta"
    assert answering_family("openai", "claude-sonnet-5-5") == "anthropic"


def test_a_name_that_says_nothing_changes_nothing() -> None:
    assert answering_family("acme", "stand-in-1") == "acme"
    assert answering_family("acme", None) == "acme"


def test_a_family_called_by_its_models_name_stays_as_it_is_called() -> None:
    assert answering_family("llama", "llama3.1:8b") == "llama"
    assert kin("llama", "meta")
    assert kin("claude", "anthropic")
    assert not kin("openai", "anthropic")


def test_code_has_no_family_whatever_it_reports() -> None:
    assert answering_family(None, "gpt-5") is None
    assert not kin(None, None)
