from __future__ import annotations

import pytest

from orchestrator.evaluation.values import EvalRun
from orchestrator.types import as_json, from_json

from .samples import result, run


@pytest.mark.parametrize(
    ("samples", "known", "status"),
    [
        ("p", None, "passed"),
        ("ppp", None, "passed"),
        ("f", None, "failed"),
        ("pfp", None, "flaky"),
        ("e", None, "error"),
        ("pe", None, "error"),
        ("fe", None, "failed"),
        ("f", "too hard", "known failing"),
        ("pf", "too hard", "known failing"),
        ("pp", "too hard", "unexpected pass"),
        ("e", "too hard", "error"),
    ],
)
def test_a_case_has_one_word(samples: str, known: str | None, status: str) -> None:
    assert result("a", samples, known_failing=known).status == status


def test_the_rate_leaves_out_errors_and_what_is_known_to_fail() -> None:
    known = result("k", "f", known_failing="too hard")
    made = run(result("a", "pp"), result("b", "pf"), result("c", "e"), known)
    assert made.pass_rate == 0.75
    assert [case.name for case in made.rated] == ["a", "b"]
    assert not made.met
    assert run(*made.cases, pass_at_least=0.75).met


def test_repetitions_do_not_narrow_the_interval() -> None:
    once, often = (
        run(result("a", "p"), result("b", "p")),
        run(result("a", "pppp"), result("b", "p")),
    )
    assert once.interval == often.interval


def test_where_nothing_was_judged_there_is_no_rate() -> None:
    made = run(result("a", "e"))
    assert (made.pass_rate, made.interval, made.met) == (None, None, True)


def test_a_run_goes_to_json_and_back() -> None:
    made = run(result("a", "pf", tags=("x",)), result("b", "e", known_failing="why"))
    assert from_json(EvalRun, as_json(made)) == made
