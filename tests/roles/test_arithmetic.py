"""Expressions: exact, bounded, and deaf to anything that is not arithmetic."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.roles.arithmetic import evaluate, plain, root, shown


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("2 + 3 * 4", "14"),
        ("(2 + 3) * 4", "20"),
        ("0.1 + 0.2", "0.3"),
        ("1/3 + 1/6", "0.5"),
        ("1 / 3", "1/3"),
        ("-2 ** 2", "-4"),
        ("(-2) ** 2", "4"),
        ("2 ^ 10", "1024"),
        ("2 ** -2", "0.25"),
        ("144 ** (1/2)", "12"),
        ("7 // 2", "3"),
        ("-7 // 2", "-4"),
        ("7 % 4", "3"),
        ("15% of 80", "12"),
        ("80 * 15%", "12"),
        ("1,200.50 * 2", "2401"),
        ("12 × 40 ÷ 2", "240"),
        ("5 − 8", "-3"),
        ("1e3 * 2", "2000"),
        (".5 * 4", "2"),
        ("(-1) ** 1001", "-1"),
        ("1 ** 99999999", "1"),
    ],
)
def test_results_are_exact(expression: str, result: str) -> None:
    assert plain(evaluate(expression)) == result


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("1 // 0", "division by zero"),
        ("5 % 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("2 ** 99999", "too large"),
        ("9 ** 9 ** 9 ** 9", "too large"),
        ("*".join(["9" * 35] * 10) + "**90", "too large"),
        ("2 ** 0.3", "no exact value"),
        ("2 ** (1/2)", "no exact value"),
        ("1e999", "plain number"),
        ("0x10", "plain number"),
        ("1_000", "plain number"),
        ("2j", "plain number"),
        ("'a' * 3", "plain number"),
        ("True + 1", "plain number"),
        ("__import__('os').system('true')", "not arithmetic"),
        ("(lambda: 1)()", "not arithmetic"),
        ("[1, 2]", "not arithmetic"),
        ("x + 1", "not arithmetic"),
        ("1 if 1 else 2", "not arithmetic"),
        ("1 << 100", "not arithmetic"),
        ("1 < 2", "not arithmetic"),
        ("~1", "not arithmetic"),
        ("200 + 10%", "ambiguous"),
        ("(" * 90 + "1" + ")" * 90 + "+" * 90, "not an arithmetic"),
        ("-" * 200 + "1", "nested too deeply"),
        ("1+" * 300 + "1", "at most 400"),
        ("1\x00", "not an arithmetic"),
        ("", "empty"),
    ],
)
def test_what_is_not_bounded_arithmetic_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        evaluate(expression)


Tree = tuple[str, Fraction]


def _numbers() -> st.SearchStrategy[Tree]:
    return st.integers(0, 999).map(lambda n: (str(n), Fraction(n))) | st.decimals(
        min_value=0, max_value=999, places=2
    ).map(lambda d: (f"{d:f}", Fraction(d)))


def _combined(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    def join(left: Tree, op: str, right: Tree) -> Tree:
        if op == "/" and right[1] == 0:
            op = "+"
        a, b = left[1], right[1]
        value = {"+": a + b, "-": a - b, "*": a * b}[op] if op != "/" else a / b
        return f"({left[0]} {op} {right[0]})", value

    return st.builds(join, inner, st.sampled_from("+-*/"), inner)


@given(st.recursive(_numbers(), _combined, max_leaves=12))
def test_expressions_agree_with_fractions(tree: Tree) -> None:
    expression, value = tree
    assert evaluate(expression) == value


@given(st.fractions())
def test_the_plain_form_reads_back_as_the_same_value(value: Fraction) -> None:
    assert Fraction(plain(value)) == value


@given(st.text(max_size=60))
def test_no_text_does_anything_but_a_value_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(evaluate(text), Fraction)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(57600), "57,600"),
        (Fraction(-1234567, 100), "-12,345.67"),
        (Fraction(-1, 2), "-0.5"),
        (Fraction(1, 3), "≈ 0.3333 (1/3)"),
        (Fraction(-2, 3), "≈ -0.6667 (-2/3)"),
        (Fraction(0), "0"),
    ],
)
def test_a_value_is_shown_for_people(value: Fraction, text: str) -> None:
    assert shown(value) == text


def test_a_root_is_exact_or_refused() -> None:
    assert root(Fraction(9, 4)) == Fraction(3, 2)
    with pytest.raises(ValueError, match="negative"):
        root(Fraction(-4))
