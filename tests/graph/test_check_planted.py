"""Every planted mistake is found: one problem, at its place, with what to do about it."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from tests.graph.planted_project import FILES, found_in, write_files
from tests.graph.planted_rows import ROWS as TABLE
from tests.graph.planted_rows import Edit, Row
from tests.graph.planted_strategies import STRATEGY_ROWS

ROWS = (*TABLE, *STRATEGY_ROWS)
ROOT = Path(__file__).parent.parent.parent
PROJECTS = sorted(path.parent for path in ROOT.glob("examples/*/mesh.yaml"))


def edited(edits: tuple[Edit, ...]) -> dict[str, str]:
    """The project with the edits of a row."""
    files = dict(FILES)
    for file, old, new in edits:
        if new is None:
            del files[file]
        elif old is None:
            files[file] = FILES[new[1:]] if new.startswith("@") else new
        else:
            assert files[file].count(old) == 1, f"{file}: {old!r} stands not once"
            files[file] = files[file].replace(old, new)
    return files


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_planted_mistake_is_one_problem(tmp_path: Path, row: Row) -> None:
    problems = found_in(write_files(tmp_path, edited(row.edits)))
    assert len(problems) == 1, "\n".join(map(str, problems))
    [problem] = problems
    file = Path(problem.file).relative_to(tmp_path).as_posix()
    assert f"{file}:{problem.line}:{problem.column}" == row.at
    assert (problem.code, problem.severity) == (row.code, row.severity)
    assert problem.message.startswith(row.says)
    told = problem.near == row.help or problem.allowed.startswith(row.help)
    assert told or row.help in problem.message, f"{problem.near!r}, {problem.allowed!r}"


def test_the_table_holds_many_kinds() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert len({row.code for row in ROWS}) >= 60


def test_every_problem_has_a_code() -> None:
    bare = []
    packages = (ROOT / "orchestrator" / name for name in ("graph", "project"))
    for path in sorted(path for package in packages for path in package.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            made = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
            named = {keyword.arg for keyword in call.keywords}
            if made in ("problem", "Problem") and not named & {"code", None}:
                bare.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    # A place that is looked up, without anything wrong there.
    assert [place for place in bare if "_check_world" not in place] == []


def test_the_project_without_a_mistake_raises_nothing(tmp_path: Path) -> None:
    assert found_in(write_files(tmp_path, FILES)) == []


KEYS = {"OLLAMA_HOST": "127.0.0.1:1", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"} | {
    f"{name}_API_KEY": "a-key" for name in ("ANTHROPIC", "OPENAI", "GEMINI", "MISTRAL", "DEEPSEEK")
}


@pytest.mark.parametrize("env", [{}, KEYS, dict(os.environ)], ids=["none", "all", "process"])
@pytest.mark.parametrize("project", [ROOT, *PROJECTS], ids=lambda path: path.name)
def test_what_ships_raises_no_alarm(project: Path, env: dict[str, str]) -> None:
    assert [str(problem) for problem in found_in(project, env)] == []


def test_an_empty_folder_raises_no_alarm(tmp_path: Path) -> None:
    assert found_in(tmp_path) == []


def test_many_mistakes_in_many_files_come_at_once(tmp_path: Path) -> None:
    """Each of them as if it stood alone, those of single files and those between them apart."""
    for severity in ("error", "warning"):
        wanted = (
            ("an unknown agent", "an unknown role", "an unknown transport", "a route twice")
            if severity == "error"
            else ("a checker that may be of the author's family", "a misspelt region")
        )
        rows = [row for row in ROWS if row.name in wanted]
        folder = tmp_path / severity
        problems = found_in(write_files(folder, edited(tuple(e for r in rows for e in r.edits))))
        assert sorted(p.code for p in problems) == sorted(row.code for row in rows)
