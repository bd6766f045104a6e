"""What people say of a key: what is taken, and what is refused with words that help."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator import Mesh
from orchestrator.errors import UserError
from orchestrator.gateway.keys.records import Sum
from orchestrator.gateway.keys.terms import (
    checked_text,
    one_a_window,
    read_end,
    read_span,
    read_start,
    read_sum,
    with_terms,
)
from orchestrator.gateway.keys.values import Key
from orchestrator.project.schema import Project
from orchestrator.types import Caller

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


@pytest.fixture(scope="module")
def project() -> Project:
    return Mesh.build(env={}).project


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("90d", NOW + 90 * DAY),
        ("1.5h", NOW + 5400),
        (" 2 w ", NOW + 14 * DAY),
        ("1y", NOW + 365 * DAY),
        ("2026-11-01", NOW + DAY / 2),
        ("2026-11-02T12:00:00Z", NOW + DAY),
        ("2026-11-02T12:00:00+02:00", NOW + DAY - 7200),
    ],
)
def test_an_end(text: str, end: float) -> None:
    assert read_end(text, NOW, "--expires") == end


@pytest.mark.parametrize(
    "text", ["", "0d", "-1d", "90", "soon", "2026-10-31", "2020-01-01", "999999y", "2026-13-01"]
)
def test_what_is_no_end(text: str) -> None:
    with pytest.raises(UserError, match=r"--expires: found .*; allowed: "):
        read_end(text, NOW, "--expires")


def test_a_start_is_ago_and_a_day_begins() -> None:
    assert read_start("7d", NOW, "since") == NOW - 7 * DAY
    assert read_start("2026-11-01", NOW, "since") == NOW - DAY / 2


def test_a_span() -> None:
    assert [read_span(text, "--grace") for text in ("0", "30m", "24h")] == [0.0, 1800.0, DAY]
    with pytest.raises(UserError, match="--grace: found 'never'"):
        read_span("never", "--grace")


@pytest.mark.parametrize(
    ("text", "sum"),
    [
        ("5/day", Sum(usd=5.0, window="day")),
        ("0.25 / run", Sum(usd=0.25, window="run")),
        ("0/month", Sum(usd=0.0, window="month")),
    ],
)
def test_a_sum(text: str, sum: Sum) -> None:
    assert read_sum(text, "--budget") == sum


@pytest.mark.parametrize("text", ["5", "/day", "5/week", "-1/day", "nan/day", "inf/day", "5/day/x"])
def test_what_is_no_sum(text: str) -> None:
    with pytest.raises(UserError, match=r"--budget: found .* for example 5/day"):
        read_sum(text, "--budget")


def test_two_budgets_for_one_window_are_refused() -> None:
    day, run = Sum(usd=1, window="day"), Sum(usd=2, window="run")
    assert one_a_window((day, run), "--budget") == (run, day)
    with pytest.raises(UserError, match="two budgets for one window"):
        one_a_window((day, day), "--budget")


@pytest.mark.parametrize("text", ["ana", "Ana Müller", "ana@example.org", "a/b", "", "日本"])
def test_a_name(text: str) -> None:
    assert checked_text(text, "user") == text


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "\ud800", "a\u202eb", "x" * 201])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(UserError, match="user: found"):
        checked_text(text, "user")


def test_terms_replace_what_was_said_and_nothing_else(project: Project) -> None:
    key = Key(id="key_1", name="old", tasks=frozenset({"draft"}), caller=Caller(user="ana"))
    changed = with_terms(key, {"name": "new", "feature": "search", "expires": "90d"}, project, NOW)
    assert (changed.name, changed.tasks, changed.expires_at) == ("new", key.tasks, NOW + 90 * DAY)
    assert changed.caller == Caller(user="ana", feature="search")
    free = with_terms(changed, {"tasks": None, "expires": None}, project, NOW)
    assert (free.tasks, free.expires_at) == (None, None)


@pytest.mark.parametrize(
    ("field", "name", "near"),
    [
        ("tasks", "drfat", "draft"),
        ("models", "smollm2-135", "smollm2-135m"),
        ("data_classes", "intern", "internal"),
        ("access", "cal", "call"),
    ],
)
def test_an_unknown_name_is_refused_with_the_near_one(
    project: Project, field: str, name: str, near: str
) -> None:
    with pytest.raises(UserError, match=f"--{field}: unknown .*did you mean '{near}'"):
        with_terms(Key(id=""), {field: [name]}, project, NOW, lambda f: f"--{f}")
    assert with_terms(Key(id=""), {field: [near]}, project, NOW)


def test_a_key_that_may_nothing_is_refused(project: Project) -> None:
    with pytest.raises(UserError, match="could do nothing"):
        with_terms(Key(id=""), {"access": []}, project, NOW)
