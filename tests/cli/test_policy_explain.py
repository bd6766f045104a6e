"""`mesh policy explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.small import write_project

from .prompt import Prompt, prompt_in

POLICY = """
routes:
  - {name: home, match: {data_class: pii}, require: {hosting: hosted}, store_prompts: none}
  - {name: careful, match: {risk: high}, checking: two, independence: required}
budgets: [{per: user, window: day, usd: 2}]
"""


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prompt:
    write_project(tmp_path, "input: {q: text}\nnodes: {a: {agent: echo, of: q}}\noutput: a\n")
    (tmp_path / "policy.yaml").write_text(POLICY)
    return prompt_in(tmp_path, monkeypatch, capsys)


def test_one_kind_of_request(mesh: Prompt) -> None:
    done = mesh("policy", "explain", "--for", "data_class=pii,risk=medium,task=chat")
    assert done.code == 0, done.err
    assert "Nobody may serve it, so that it is refused. To change that: relax" in done.out
    assert "not by echo/here: route:home.require.hosting: found self, required hosted" in done.out
    assert "Stored: prompts not at all;" in done.out
    assert "At most $2 a day for each user." in done.out


def test_json_and_markdown(mesh: Prompt) -> None:
    found = mesh("policy", "explain", "--json").json
    assert {c["data_class"] for g in found["groups"] for c in g["cases"]} == {
        "public",
        "internal",
        "confidential",
        "pii",
        "regulated",
    }
    text = mesh("policy", "explain", "--markdown").out
    assert text.startswith("# Policy ")
    assert "Without independent checkers nothing goes out (route:careful)." in text


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("data_clas=pii", "did you mean 'data_class'?"),
        ("data_class=pi", "did you mean 'pii'?"),
        ("risk", "allowed: KEY=VALUE"),
        ("interactive=maybe", "yes or no"),
    ],
)
def test_a_slip_is_told(mesh: Prompt, said: str, hint: str) -> None:
    done = mesh("policy", "explain", "--for", said)
    assert done.code == 2
    assert hint in done.err
