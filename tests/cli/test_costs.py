"""`mesh costs`: the table, what it says of unknown and estimated costs, and its other forms."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from orchestrator.calling.spending.report import CostReport, Costs
from orchestrator.cli.costs import print_csv, read_moment, report_json, show
from orchestrator.errors import UserError

from .samples import WIDTHS, printed, squeezed

NOW = 1_790_000_000.0
KNOWN = Costs(
    attempts=14, answers=12, failed=2, input_tokens=12_345, output_tokens=1_200,
    cached_tokens=8_000, known_micro_usd=31_200,
)  # fmt: skip
GUESSED = Costs(
    attempts=3, answers=3, input_tokens=4_060_000, output_tokens=999, known_micro_usd=7_800,
    estimated=1,
)  # fmt: skip
UNKNOWN = Costs(attempts=2, answers=1, failed=1, unknown=2, unknown_micro_usd=900)
REPORT = CostReport(
    by=("feature", "user"),
    since=NOW - 7 * 86_400,
    until=NOW,
    rows=((("search", "ana"), KNOWN), (("chat", ""), GUESSED), (("", "bob"), UNKNOWN)),
    under_way=1,
    reserved_micro_usd=500,
)


def shown(report: CostReport, width: int = 100, *, rich: bool = False) -> str:
    return printed(lambda screen: show(screen, report), width, rich=rich)


def test_one_row_a_group_and_the_sum() -> None:
    rows = [" ".join(line.split()) for line in shown(REPORT).splitlines()]
    assert rows[0] == "feature user attempts answers failed in out cached USD share"
    assert rows[1] == "search ana 14 12 2 12.3k 1.20k 8.00k 0.031200 80% ####"
    assert rows[2] == "chat - 3 3 0 ~4.06M ~999 0 ~0.007800 20% #"
    assert rows[3] == "- bob 2 1 1 0 0 0 unknown"
    assert rows[5] == "total 19 16 3 ~4.07M ~2.20k 8.00k >= ~0.039000 100% #####"


def test_what_is_unknown_estimated_or_under_way_is_said() -> None:
    text = squeezed(shown(REPORT))
    assert "What 2 attempts cost is unknown; 0.000900 USD were reserved for them." in text
    assert "~ 1 attempt came without the provider's count of tokens" in text
    assert "From 2026-09-14 14:13 UTC to 2026-09-21 14:13 UTC." in text
    assert "1 attempt under way, with 0.000500 USD reserved." in text


def test_a_single_row_needs_no_sum() -> None:
    text = shown(replace(REPORT, rows=REPORT.rows[:1], under_way=0))
    assert "total" not in text
    assert "unknown" not in text
    assert "under way" not in text


def test_where_nobody_paid_there_is_no_share() -> None:
    free = Costs(attempts=1, answers=1)
    assert "share" not in shown(replace(REPORT, rows=((("a", "b"), free),)))


def test_nothing_was_called() -> None:
    text = shown(replace(REPORT, rows=(), under_way=0))
    assert text == "Nothing was called from 2026-09-14 14:13 UTC to 2026-09-21 14:13 UTC.\n"


def test_names_stay_whole_where_it_is_narrow() -> None:
    rows = ((("fallback", "invalid_request"), KNOWN), (("first", "ok"), GUESSED))
    text = shown(replace(REPORT, by=("kind", "outcome"), rows=rows), 80)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "kind outcome attempts failed in out USD"
    assert lines[1] == "fallback invalid_request 14 2 12.3k 1.20k 0.031200"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("by", [("user",), ("feature", "user"), ("feature", "user", "model")])
def test_it_fits_and_no_number_is_cut(width: int, by: tuple[str, ...]) -> None:
    names = ("customer-support-search", "ana.lovelace@example.com", "claude-sonnet")
    rows = ((names[: len(by)], KNOWN), (names[: len(by)], UNKNOWN))
    text = shown(replace(REPORT, by=by, rows=rows), width)
    if width >= 80:
        assert "0.031200" in text
        assert "12.3k" in text


def test_bars_are_for_terminals() -> None:
    assert "████████ " not in shown(REPORT)
    assert "████████" in shown(REPORT, 120, rich=True)


def test_json_keeps_what_is_unknown_apart() -> None:
    told = report_json(REPORT)
    assert (told["by"], told["since"]) == (["feature", "user"], "2026-09-14T14:13:20+00:00")
    assert [row["cost_usd"] for row in told["rows"]] == [0.0312, 0.0078, None]
    assert told["rows"][2]["user"] == "bob"
    assert told["total"]["cost_usd"] is None
    assert told["total"]["known_cost_usd"] == 0.039
    assert told["total"]["attempts_of_unknown_cost"] == 2
    assert told["under_way"] == {"attempts": 1, "reserved_usd": 0.0005}


def test_csv_is_for_spreadsheets(capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(REPORT)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["feature"], row["user"], row["cost_usd"]) for row in rows] == [
        ("search", "ana", "0.031200"), ("chat", "", "0.007800"), ("", "bob", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("90m", False, NOW - 5400),
        ("12h", False, NOW - 43_200),
        ("7d", True, NOW - 7 * 86_400),
        ("1.5w", False, NOW - 10.5 * 86_400),
        ("2026-09-21", False, 1_789_948_800),
        ("2026-09-21", True, 1_790_035_200),
    ],
)
def test_moments(text: str, end: bool, expected: float) -> None:
    assert read_moment(text, NOW, "--since", end=end) == expected


@pytest.mark.parametrize("text", ["", "7", "7x", "yesterday", "2026-13-01"])
def test_what_is_no_moment_is_a_mistake_of_the_user(text: str) -> None:
    with pytest.raises(UserError, match=r"--until: .* is no moment; write how long ago"):
        read_moment(text, NOW, "--until")
