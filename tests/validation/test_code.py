"""Code that is code passes, in a fence or without one, and nothing else does."""

from __future__ import annotations

import warnings

import pytest

from orchestrator.validation.code import LANGUAGES, code_in

DOCUMENTED = 'def f():\n    """Say:\n\n    ```\n    f()\n    ```\n    """'


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "x = 1"),
        ("python", "print('hello')"),
        ("python", "async def f():\n    return [x async for x in y]"),
        ("python", DOCUMENTED),
        ("python", "pattern = '\\d'"),  # of which Python warns
        ("json", '{"a": [1, 2]}'),
        ("yaml", "a: 1\nb: [x, y]"),
        ("yaml", "- &x {a: 1}\n- *x"),
        ("yaml", "---\na: 1\n---\na: 2"),
        ("yaml", "Resource: !Ref Bucket"),
        ("toml", "[a]\nb = 1"),
    ],
)
def test_code_passes_alone_and_in_a_fence(language: str, code: str) -> None:
    check = code_in(language)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(code) == code
    if "```" not in code:
        assert check(f"Here you are:\n\n```{language}\n{code}\n```\n") == code


@pytest.mark.parametrize(
    ("language", "text", "says"),
    [
        ("python", "def f(:\n    pass", r"invalid syntax at line 1, column 7: 'def f\(:'"),
        ("python", "x = 1\nreturn x", "'return' outside function at line 2"),
        ("python", "if x:\nreturn", "line 2"),
        ("python", "Sorry", "no Python code"),
        ("python", "'I cannot do that.'", "no Python code"),
        ("python", "I cannot do that.", "not Python"),
        ("python", "# nothing", "no Python code"),
        ("python", "", "no Python code"),
        ("python", "x = 1\0", "null"),
        ("python", "-" * 100_000 + "1", "nested too deeply"),
        ("python", "(" * 1000, "not Python"),
        ("python", "```python\nx = 1\n```\n```python\ny = 2\n```", "2 code blocks"),
        ("python", "```python\nx = 1", "not closed"),
        ("json", "{'a': 1}", "double quotes"),
        ("json", '{"a": 1, "a": 2}', "stands twice"),
        ("yaml", "I cannot do that.", "a mapping or a list"),
        ("yaml", "a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ("yaml", "a: [1, 2", "not YAML: .* at line"),
        ("yaml", "a: *unknown", "nothing is called '&unknown'"),
        ("yaml", "[" * 100_000, "nested too deeply"),
        ("yaml", "", "no YAML"),
        ("toml", "a = 1\na = 2", "not TOML"),
        ("toml", "I cannot do that.", "not TOML"),
        ("toml", "", "no TOML key"),
    ],
)
def test_what_is_no_code_is_refused_with_its_place(language: str, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        code_in(language)(text)


def test_code_is_never_run(tmp_path: object) -> None:
    code_in("python")("raise SystemExit('it ran')")


def test_the_languages_are_those_that_an_agent_may_declare() -> None:
    from typing import get_args

    from orchestrator.project.valid_schema import Language

    assert set(LANGUAGES) == set(get_args(Language))
