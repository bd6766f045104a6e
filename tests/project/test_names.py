"""The near name is what was meant, or none."""

import pytest

from orchestrator.project.names import nearest

GRAPHS = ("answer", "cross-validated", "decompose")
MODELS = (
    "claude-sonnet",
    "claude-opus",
    "gpt-5",
    "gpt-5-mini",
    "smollm2-135m",
    "extractive-writer",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("croos", "cross-validated"), ("crss", "cross-validated"), ("cross", "cross-validated"),
        ("corss", "cross-validated"), ("Cross", "cross-validated"),
        ("vaildated", "cross-validated"), ("validated", "cross-validated"),
        ("cross_validated", "cross-validated"), ("anwser", "answer"), ("answers", "answer"),
        ("dec", "decompose"), ("decomopse", "decompose"), ("decomp", "decompose"),
        ("xyz", ""), ("a", ""), ("an", ""), ("", ""), ("foo", ""), ("main", ""), ("default", ""),
        ("graph", ""), ("question", ""), ("crowd", ""), ("deep", ""),
    ],
)  # fmt: skip
def test_graphs(name: str, meant: str) -> None:
    assert nearest(name, GRAPHS) == meant


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sonnet", "claude-sonnet"), ("sonet", "claude-sonnet"), ("opsu", "claude-opus"),
        ("claud", "claude-opus"), ("smolm", "smollm2-135m"), ("writer", "extractive-writer"),
        ("gpt5", "gpt-5"), ("llama", ""), ("mistral", ""), ("haiku", ""),
    ],
)  # fmt: skip
def test_models(name: str, meant: str) -> None:
    assert nearest(name, MODELS) == meant


def test_nothing_is_near_to_nothing() -> None:
    assert nearest("cross", ()) == ""
