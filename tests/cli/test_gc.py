"""What `mesh gc` takes, prints, and when it comes by itself."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.cli._show import Screen
from orchestrator.cli.gc import STAMP, read_age, report_json, show_report, tidy
from orchestrator.errors import StorageError, UserError
from orchestrator.storage.sweep import Report, StoreReport

REPORT = Report(
    stores=(
        StoreReport(
            name="journal",
            path=Path(".mesh/journal.sqlite"),
            before=15_100_000,
            after=200_000,
            removed={"runs": 1, "conversations": 2},
        ),
        StoreReport(name="ledger", path=Path(".mesh/ledger.sqlite"), before=9_000, after=9_000),
        StoreReport(
            name="traces",
            path=Path(".mesh/traces.sqlite"),
            before=8_000_000,
            after=7_000_000,
            removed={"traces for the quota": 1200},
        ),
    ),
    dry_run=False,
    before=23_109_000,
    after=7_209_000,
    over=1_000_000,
)


def printed(report: Report) -> str:
    out = io.StringIO()
    show_report(Screen(out, width=100), report)
    return out.getvalue()


def test_the_table_tells_what_went_and_what_is_left() -> None:
    shown = printed(REPORT)
    assert "15.1 MB  0.2 MB  1 run, 2 conversations" in shown
    assert "1,200 traces for the quota" in shown
    assert "9 kB    9 kB  nothing" in shown
    assert "15.9 MB freed; 7.2 MB are left." in shown
    assert "That is 1.0 MB more than allowed" in shown


def test_an_empty_folder() -> None:
    assert printed(Report(stores=(), dry_run=True, before=0, after=0)) == "Nothing is stored yet.\n"


def test_json_is_in_bytes() -> None:
    shown = report_json(REPORT)
    assert (shown["before_bytes"], shown["after_bytes"], shown["over_bytes"]) == (
        23_109_000, 7_209_000, 1_000_000,
    )  # fmt: skip
    assert shown["stores"][0] == {
        "name": "journal",
        "path": ".mesh/journal.sqlite",
        "before_bytes": 15_100_000,
        "after_bytes": 200_000,
        "removed": {"runs": 1, "conversations": 2},
    }


@pytest.mark.parametrize(
    ("text", "days"), [("30d", 30), ("30", 30), ("12h", 0.5), ("2w", 14), (" 1.5 D ", 1.5)]
)
def test_ages(text: str, days: float) -> None:
    assert read_age(text) == days


@pytest.mark.parametrize("text", ["", "d", "3x", "-3d", "3 months", "1d2h"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(UserError, match="12h, 30d, 2w"):
        read_age(text)


class Swept:
    """A mesh that counts how often it was cleaned up."""

    def __init__(self, storage: Path, error: Exception | None = None) -> None:
        self.storage, self.error, self.times = storage, error, 0

    def gc(self) -> Any:
        self.times += 1
        if self.error:
            raise self.error
        return SimpleNamespace()


def test_it_comes_by_itself_once_a_day_and_not_on_the_first(tmp_path: Path) -> None:
    mesh: Any = Swept(tmp_path)
    tidy(mesh)
    tidy(mesh)
    assert mesh.times == 0
    yesterday = time.time() - 90_000
    os.utime(tmp_path / STAMP, (yesterday, yesterday))
    tidy(mesh)
    tidy(mesh)
    assert mesh.times == 1


def test_what_it_cannot_do_by_itself_disturbs_nobody(tmp_path: Path) -> None:
    tidy(Swept(tmp_path / "not" / "there"))  # type: ignore[arg-type]
    (tmp_path / STAMP).touch()
    os.utime(tmp_path / STAMP, (0, 0))
    mesh: Any = Swept(tmp_path, StorageError("full"))
    tidy(mesh)
    assert mesh.times == 1
