"""The boards: their sums, their charts, and the page that shows both."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator import Mesh
from orchestrator.calling.health.incident_store import Incident
from orchestrator.calling.ledger import SqliteLedger
from orchestrator.calling.spending.report import Costs
from orchestrator.errors import UserError
from orchestrator.money import Usage
from orchestrator.testing.stores import charge, used
from orchestrator.tracing.totals import NOTHING, Range, Validated
from orchestrator.types import Caller, Outcome
from orchestrator.viewer.boards import charts, svg
from orchestrator.viewer.boards.gather import gathered
from orchestrator.viewer.boards.page import read
from orchestrator.viewer.boards.values import DAY, HOUR, Numbers, suited
from tests.calling.fake_clock import FakeClock
from tests.viewer.markup import problems_of
from tests.viewer.recorded import AT, attempt, hop, looking, record, trace, write

SPAN = Range(since=AT - DAY, until=AT + DAY, step_s=6 * HOUR)
LINES: tuple[tuple[float, str, int | None, str, tuple[str, ...]], ...] = (
    (AT - 3 * DAY, "gpt-5", 5_000_000, "sales", ()),
    (AT, "claude", 1_234_567, "legal", ("hr", "lease")),
    (AT + 60, "claude", 1, "legal", ("hr",)),
    (AT + 7 * HOUR, "gpt-5", 999_999, "sales", ()),
    (AT + 7 * HOUR, "gpt-5", None, "sales", ()),
)
"""When, model, micro-dollars, workspace, tags."""


async def spend(path: Path) -> None:
    """Put `LINES` on the ledger."""
    clock = FakeClock(LINES[0][0])
    ledger = SqliteLedger(path, clock=clock)
    for at, model, cost, workspace, tags in LINES:
        clock.advance(at - clock.now())
        who = replace(charge("run", f"{model}/d"), caller=Caller(workspace=workspace), tags=tags)
        lease = await ledger.reserve(who, 10 if cost is None else cost)
        await ledger.settle(lease, used(cost, Usage(input=100, output=10)))
    ledger.flush()
    await ledger.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("project")
    write(made)
    mesh = Mesh.load(made, env={})
    failed = attempt(outcome=Outcome.CUT, deployment="claude/eu")
    instead = attempt(deployment="haiku/us", model="haiku", kind="fallback")
    record(mesh.store, trace("fell"), [hop("fell", "h1", attempts=(failed, instead))])
    mesh.store.close()
    asyncio.run(spend(mesh.storage / "ledger.sqlite"))
    return made


@pytest.fixture
def mesh(folder: Path) -> Iterator[Mesh]:
    opened = Mesh.load(folder, env={})
    yield opened
    opened.store.close()


def summed(numbers: Numbers) -> tuple[int, int, int]:
    spent = numbers.spent
    return spent.known_micro_usd, spent.unknown, spent.attempts


# ── money ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", [HOUR, 6 * HOUR, DAY, 7 * DAY])
@pytest.mark.parametrize("begin", [AT - 4 * DAY, AT - DAY, AT + 30])
def test_money_is_what_the_costs_of_the_same_time_say(mesh: Mesh, step: int, begin: float) -> None:
    span = Range(since=begin, until=AT + DAY, step_s=step)
    numbers = gathered(mesh, span)
    report = mesh.costs(("model",), since=span.since, until=span.until)
    assert numbers.spent == report.total
    by_model: dict[str, Costs] = {}
    for (_, model), costs in numbers.costs.items():
        by_model[model] = by_model.get(model, Costs()) + costs
    assert by_model == {model: costs for (model,), costs in report.rows}
    tags = mesh.costs(("tag",), since=span.since, until=span.until)
    assert numbers.tags == {tag: costs for (tag,), costs in tags.rows}
    assert {at for at, _ in numbers.costs} <= set(span.buckets)


def test_the_charts_say_the_same_sums_to_the_micro_dollar(mesh: Mesh) -> None:
    chart = charts.by_model(gathered(mesh, SPAN))
    assert [row[:2] for row in chart.rows] == [("claude", "1.234568"), ("gpt-5", "0.999999")]
    assert chart.rows[1][-1] == "1"  # of unknown cost
    tags = charts.by_tag(gathered(mesh, SPAN))
    assert [row[:2] for row in tags.rows] == [
        ("hr, lease", "1.234567"),
        ("no tag", "0.999999"),
        ("hr", "0.000001"),
    ]
    over_time = charts.spent(gathered(mesh, SPAN))
    told = [float(cell[1:]) for row in over_time.rows for cell in row[1:] if cell != "–"]
    assert round(sum(told), 6) == 2.234567
    assert "at least $2.23 for 4 attempts" in over_time.says
    assert "1 attempt cost is unknown" in over_time.says


def test_who_sees_one_workspace_sees_its_money_alone(mesh: Mesh) -> None:
    assert summed(gathered(mesh, replace(SPAN, workspace="legal"))) == (1_234_568, 0, 2)
    assert summed(gathered(mesh, replace(SPAN, workspace="none"))) == (0, 0, 0)


# ── charts ───────────────────────────────────────────────────────────────────────────────


def made(**changes: object) -> Numbers:
    empty = Numbers(span=SPAN, costs={}, tags={}, totals=NOTHING, incidents=())
    return replace(empty, **changes)  # type: ignore[arg-type]


def test_where_there_is_nothing_no_chart_is_drawn() -> None:
    assert [chart.key for chart in charts.charts(made()) if chart.svg] == []


def test_a_fallback_is_told_with_both_sides(mesh: Mesh) -> None:
    chart = charts.fallbacks(gathered(mesh, SPAN))
    assert ("c1", "claude/eu → haiku/us") in chart.legend
    assert "claude/eu → haiku/us: 1" in chart.svg.replace("&gt;", ">")


def test_a_model_that_passes_less_often_than_before_is_named() -> None:
    first, last = SPAN.buckets[0], SPAN.buckets[-1]
    fell = (Validated(first, "a", 98, 2), Validated(last, "a", 60, 40))
    assert charts.drift("a", fell, SPAN.buckets) == "a fell from 98% to 60%."
    few = (Validated(first, "a", 3, 0), Validated(last, "a", 2, 1))
    assert charts.drift("a", few, SPAN.buckets) == "", "three answers tell nothing"
    assert charts.drift("a", fell[:1], SPAN.buckets) == ""


@pytest.mark.parametrize(
    ("passed", "of", "interval"),
    [(8, 10, (0.4902, 0.9433)), (0, 10, (0.0, 0.2775)), (50, 100, (0.4038, 0.5962))],
)
def test_the_interval_is_wilson_s(passed: int, of: int, interval: tuple[float, float]) -> None:
    """By hand from the formula, to four digits."""
    assert charts.interval(passed, of) == pytest.approx(interval, abs=1e-3)


def test_incidents_lie_where_they_were() -> None:
    incident = Incident(
        id="x",
        deployment="claude/eu",
        kind="outage",
        started=AT - DAY / 2,
        ended=AT,
        what="timed out",
        failed=7,
    )
    open_one = replace(incident, id="y", started=AT + DAY / 2, ended=None)
    chart = charts.breakers(made(incidents=(incident, open_one)))
    bars = re.findall(r'class="bar bad" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', chart.svg)
    (x1, wide1), (x2, wide2) = ((float(x), float(w)) for x, w in bars)
    assert wide1 == pytest.approx(wide2, abs=0.2)  # half a day each, one until now
    assert x2 - x1 == pytest.approx(2 * wide1, abs=0.3)
    assert chart.says == "2 incidents, 1 of them open."
    assert chart.rows[1][3] == "open"


def test_text_in_a_plot_is_text() -> None:
    evil = '<script>&"'
    drawn = svg.ranked(evil, [(evil, 1.0, "c1")], lambda _: evil)
    assert "<script>" not in drawn
    assert drawn.count("&lt;script&gt;&amp;&quot;") == 5


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 0.25, 0.5, 0.75, 1]),
        (7, [0, 2, 4, 6, 8]),
        (0.03, [0, 0.01, 0.02, 0.03]),
    ],
)
def test_axes_end_on_round_values(most: float, expected: list[float]) -> None:
    assert svg.ticks(most) == pytest.approx(expected)


# ── the page ─────────────────────────────────────────────────────────────────────────────


def test_the_page_is_well_formed_and_holds_every_chart(folder: Path) -> None:
    with looking(folder) as pages:
        answer = pages.get("/boards", params={"since": "2026-09-01", "until": "2026-10-01"})
    assert answer.status_code == 200, answer.text
    assert problems_of(answer.text) == []
    assert "≥ $7.23" in answer.text
    for title in ("Cost by model", "Share of each model by task", "Requests by verdict"):
        assert f">{title}</h2>" in answer.text
    assert "<script>alert" not in answer.text  # a hostile trace is among them


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"since": "yesterday"}, "since: &#39;yesterday&#39; is no day"),
        ({"until": "7d"}, "until: &#39;7d&#39; is no day"),
        ({"step": "year"}, "is none of hour, 6 hours, day, week"),
        ({"since": "90d", "step": "hour"}, "take a longer one"),
        ({"since": "2026-02-02", "until": "2026-01-01"}, "is not before"),
    ],
)
def test_what_is_no_time_is_refused(folder: Path, query: dict[str, str], words: str) -> None:
    with looking(folder) as pages:
        answer = pages.get("/boards", params=query)
    assert answer.status_code == 400
    assert words in answer.text


def test_a_day_is_meant_to_its_end() -> None:
    span = read({"since": "2026-11-01", "until": "2026-11-02"}, now=0.0).span
    assert span.until - span.since == 2 * DAY
    assert span.step_s == HOUR
    with pytest.raises(UserError):
        read({"since": "2026-11-01"}, now=0.0)


@pytest.mark.parametrize(
    ("days", "step"), [(1, "hour"), (2, "hour"), (7, "6 hours"), (30, "day"), (90, "week")]
)
def test_steps_suit_the_time(days: float, step: str) -> None:
    assert suited(days * DAY) == step
