"""Figures with intervals and bars, as values and as JSON."""

from __future__ import annotations

import json

import pytest

from orchestrator.evaluation.crosscheck.markdown import markdown
from orchestrator.evaluation.crosscheck.report import Figure, Report, as_rows, measured, rate


def test_a_rate_has_its_score_interval() -> None:
    found = rate("caught", 8, 10)
    # Wilson's interval of 8 in 10, as tables give it.
    assert (found.value, found.n) == (0.8, 10)
    assert found.low == pytest.approx(0.4902, abs=1e-4)
    assert found.high == pytest.approx(0.9433, abs=1e-4)
    assert (found.bar, found.met) == ("", None)


@pytest.mark.parametrize(
    ("figure", "bar", "met"),
    [
        (rate("a", 9, 10, at_least=0.9), "at least 0.9", True),
        (rate("a", 9, 10, at_least=0.91), "at least 0.91", False),
        (rate("a", 1, 10, at_most=0.1), "at most 0.1", True),
        (rate("a", 2, 10, at_most=0.1), "at most 0.1", False),
        (rate("a", 0, 0, at_most=0.1), "at most 0.1", False),
        (measured("a", 0.74996, at_least=0.75), "at least 0.75", False),
        (measured("a", 5, at_least=4, at_most=6), "at least 4 and at most 6", True),
    ],
)
def test_a_bar_is_met_or_not(figure: Figure, bar: str, met: bool) -> None:
    assert (figure.bar, figure.met) == (bar, met)


def test_figures_read_as_they_should() -> None:
    assert measured("a", 0.7534, (0.73, 0.775)).text == "0.753 [0.730, 0.775]"
    assert measured("a", 12.34, unit="ms").text == "12.3 ms"
    assert measured("a", 12.0, (9, 14.5), unit="ms").text == "12.0 [9.0, 14.5] ms"
    assert measured("a", 12.0, unit="claims").text == "12 claims"


def test_a_report_is_met_where_every_bar_is() -> None:
    good, bad = measured("a", 1, at_least=1), measured("b", 0, at_least=1)
    assert Report(title="t", figures=(good, measured("c", 2))).met
    held = Report(title="t", figures=(good, bad), notes=("n",)).as_json()
    assert held["met"] is False
    assert json.loads(json.dumps(held, allow_nan=False))["figures"][1]["bar"] == "at least 1"


def test_rows_are_made_where_they_say_all() -> None:
    figures = tuple(measured(name, 1.0, of=of) for of in ("x", "y") for name in ("a", "b"))
    rows = as_rows(Report(title="t", figures=figures))
    assert rows is not None
    assert {of: list(row) for of, row in rows.items()} == {"x": ["a", "b"], "y": ["a", "b"]}
    assert as_rows(Report(title="t", figures=(*figures, measured("c", 1.0)))) is None
    barred = measured("c", 1.0, of="x", at_least=1)
    assert as_rows(Report(title="t", figures=(*figures, barred))) is None
    ragged = tuple(measured(f"{i}", 1.0, of=f"{i}") for i in range(4))
    assert as_rows(Report(title="t", figures=ragged)) is None


def test_a_page_has_a_row_for_each_part_or_for_each_figure() -> None:
    figures = tuple(
        measured(name, 0.5, (0.4, 0.6), n=1200, of=of) for of in ("x", "y|z") for name in ("a", "b")
    )
    told = markdown(Report(title="By <part>", figures=figures, notes=("one\nnote",)), 2)
    assert told == (
        "## By &lt;part>\n\n"
        "|  | n | a | b |\n"
        "| --- | ---: | --- | --- |\n"
        "| x | 1,200 | 0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] |\n"
        "| y\\|z | 1,200 | 0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] |\n\n"
        "- one note\n"
    )
    barred = (rate("caught", 9, 10, at_least=0.8), measured("time", 7.25, unit="ms", at_most=5))
    assert markdown(Report(title="By figure", figures=barred)) == (
        "### By figure\n\n"
        "| figure | value | n | bar | met |\n"
        "| --- | --- | ---: | --- | --- |\n"
        "| caught | 0.900 [0.596, 0.982] | 10 | at least 0.8 | yes |\n"
        "| time | 7.2 ms |  | at most 5 | **no** |\n"
    )
