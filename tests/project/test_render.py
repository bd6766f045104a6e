"""How problems look in a terminal."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import Problem
from orchestrator.project.render import render_problems
from tests.project.samples import problems_of, valid, write


def test_a_problem_shows_its_line_and_a_caret(tmp_path: Path) -> None:
    text = "routes:\n  - {name: a, latncy_ms: 5}\n"
    write(tmp_path, valid() | {"policy.yaml": text})
    shown = render_problems(problems_of(tmp_path)).replace(f"{tmp_path}/", "")
    assert shown.splitlines()[:3] == [
        "policy.yaml:2:15: error[unknown-key] routes[0].latncy_ms: unknown key",
        "  2 |   - {name: a, latncy_ms: 5}",
        "    |               ^",
    ]
    assert "  found: latncy_ms" in shown
    assert "  help:  did you mean 'latency_ms'? Allowed: below_floor, cache, call, " in shown
    assert shown.endswith("1 error in 1 file")


def test_the_caret_stands_under_tabs() -> None:
    problem = Problem(file="a", line=1, column=3, message="m", snippet="\t\tx")
    assert render_problems([problem]).splitlines()[1:3] == ["  1 | \t\tx", "    | \t\t^"]


def test_several_problems_are_counted_and_coloured() -> None:
    problems = [Problem(file=f, message="m") for f in ("a", "a")]
    problems.append(Problem(file="b", message="m", allowed="n", code="c-d", severity="warning"))
    plain = render_problems(problems)
    assert plain == (
        "a:1:1: error m\n\na:1:1: error m\n\nb:1:1: warning[c-d] m\n  help:  n\n\n"
        "2 errors and 1 warning in 2 files"
    )
    coloured = render_problems(problems, colour=True)
    assert "\x1b[31merror" in coloured
    assert "\x1b[33mwarning" in coloured
    assert "\x1b[" not in plain
    assert render_problems([]) == "no problems"
    assert render_problems(problems[2:]).endswith("1 warning in 1 file")
