"""What an agent asks of its answers is judged when the project is loaded, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import Problem, ProjectError
from orchestrator.project.load import load_project

PYTHON = """
from orchestrator import check

@check("no_promises")
def no_promises(text):
    return "it promises something" if "promise" in text else None

@check("whole_answers")
def whole_answers(answer, case):
    return None

@check("waits")
async def waits(text):
    return None
"""


def problems(folder: Path, valid: str) -> tuple[Problem, ...]:
    """Of a project whose only agent asks for `valid`, in line 4 of its file."""
    (folder / "mesh.yaml").write_text("python: [names.py]\n")
    (folder / "names.py").write_text(PYTHON)
    (folder / "agents").mkdir()
    (folder / "agents" / "clerk.md").write_text(
        f"---\ndescription: Answers letters.\ntask: chat\nvalid: {valid}\n---\n{{{{ task }}}}\n"
    )
    try:
        return load_project(folder, env={}).warnings
    except ProjectError as error:
        return error.problems


@pytest.mark.parametrize(
    "valid",
    [
        "{max_chars: 5}",
        "{code: python, min_chars: 3, max_chars: 3}",
        "{sql: tsql, read_only: true, statements: 3}",
        r"{pattern: '\p{Lu}+'}",
        "{check: no_promises}",
        "{check: [no_promises]}",
        "{json_schema: {type: object, x-remark: mine, properties: {a: {format: email}}}}",
        "{json_schema: {$defs: {a: {type: string}}, items: {$ref: '#/$defs/a'}}}",
    ],
)
def test_what_can_be_held_is_no_problem(tmp_path: Path, valid: str) -> None:
    assert problems(tmp_path, valid) == ()


@pytest.mark.parametrize(
    ("valid", "column", "says"),
    [
        ("{code: pyhton}", 15, "did you mean 'python'"),
        ("{sql: postgrse}", 14, "unknown dialect of SQL; found postgrse"),
        ("{sql: postgrse}", 14, "did you mean 'postgres'"),
        ("{pattern: 'ab(c'}", 23, "missing ), at its character 5"),
        ("{check: no_promise}", 16, "did you mean 'no_promises'"),
        ("{check: [no_promises, whole_answers]}", 30, "does not take the text of an answer alone"),
        ("{check: waits}", 16, "not async"),
        ("{json_schema: {type: objekt}}", 29, "did you mean 'object'"),
        ("{json_schema: {properties: {a: {pattern: '('}}}}", 49, "no regular expression"),
        ("{json_schema: {$ref: '#/$defs/a'}}", 29, "leads nowhere"),
        ("{code: json, sql: postgres}", 21, "an answer cannot have two forms"),
        ("{read_only: true}", 9, "no dialect is said"),
        ("{min_chars: 9, max_chars: 3}", 34, "no answer is that short"),
        ("{}", 8, "nothing is asked of the answers"),
        ("{max_words: 3}", 9, "unknown key"),
    ],
)
def test_a_mistake_is_found_where_it_is(tmp_path: Path, valid: str, column: int, says: str) -> None:
    (problem,) = problems(tmp_path, valid)
    assert problem.file.endswith("agents/clerk.md")
    assert (problem.line, problem.column) == (4, column)
    assert says in str(problem)
    assert problem.severity == "error"


def test_a_misspelt_keyword_or_format_is_a_warning(tmp_path: Path) -> None:
    found = problems(tmp_path, "{json_schema: {requird: [a], items: {format: date_time}}}")
    assert [(p.severity, p.near) for p in found] == [
        ("warning", "required"),
        ("warning", "date-time"),
    ]


def test_a_check_of_one_text_cannot_judge_a_case(tmp_path: Path) -> None:
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "smoke.yaml").write_text(
        "graph: cross-validated\n"
        "cases: [{input: {question: Why?}, expect: {checks: [no_promises]}}]\n"
    )
    (problem,) = problems(tmp_path, "{check: no_promises}")
    assert "answer and a case" in str(problem)
    assert problem.file.endswith("evals/smoke.yaml")
