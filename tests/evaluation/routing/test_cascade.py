"""Cascades, a cold start and a day of traffic, on outcomes that we made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.errors import UnknownNameError, UserError
from orchestrator.evaluation.crosscheck.report import Figure, Report
from orchestrator.evaluation.routing import bootstrap, cascade, day, online
from orchestrator.evaluation.routing.answers import read_votes
from orchestrator.evaluation.routing.plan import Plan
from orchestrator.evaluation.routing.predicting import Learned
from orchestrator.evaluation.routing.replaying import Replaying, auto_policy
from orchestrator.types import Agreement
from tests.evaluation.routing.answered import answered, write_answered

PLAN = Plan(k=2)


@pytest.fixture(autouse=True)
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.resampled, "__kwdefaults__", {"seed": 0, "resamples": 20})
    monkeypatch.setattr(cascade, "RATES", (0.02, 0.1, 0.4))
    monkeypatch.setattr(day, "RATES", (0.02, 0.1, 0.4))


def figure(report: Report, of: str, name: str) -> Figure:
    [found] = [f for f in report.figures if (f.of, f.name) == (of, name)]
    return found


# ── one request gone through again ───────────────────────────────────────────────────────

MODELS = ("small", "middle", "large")
KNOWN = Agreement(models=MODELS, spread=2.0, variety=4.0)


def played(votes: list[int], error_usd: float = 0.005) -> tuple[tuple[int, ...], int]:
    replaying = Replaying(MODELS)
    decision = replaying.decide(
        "math", [0.7, 0.72, 0.9], [1e-6, 2e-6, 1e-3], KNOWN, auto_policy(error_usd)
    )
    found = replaying.play(decision, votes)
    return found.asked, found.given


def test_who_agrees_is_believed_and_the_large_one_asked_where_they_differ() -> None:
    assert played([0, 0, 0]) == ((0, 1), 1)
    assert played([0, 1, 2]) == ((0, 1, 2), 2)


def test_where_an_error_costs_next_to_nothing_one_cheap_call_is_made() -> None:
    assert played([0, 1, 2], error_usd=1e-6) == ((0,), 0)


# ── figures ──────────────────────────────────────────────────────────────────────────────


def test_money_and_score_of_a_cascade() -> None:
    made, votes = answered()
    learned = Learned(load_embedder("static"), made)
    aims, table = cascade.measure_cascade(made, votes, PLAN, learned)
    assert [f.bar for f in aims.figures if f.name == "money"] == ["at most 0.3", "at most 0.4"]
    always = figure(table, "always large", "score").value
    assert always == pytest.approx(made.scores[:, 2].mean())
    assert figure(table, "always large", "money").value == 1.0
    spent = [figure(table, f"its money worth {r:g} of quality", "money").value for r in (0.02, 0.4)]
    assert spent[0] > spent[1]
    dear = figure(table, "its money worth 0.02 of quality", "score")
    assert dear.value > figure(table, "always small, the cheapest", "score").value
    assert "Taking part" in aims.notes[1]


def test_the_strong_model_may_be_named_and_must_exist() -> None:
    made, _ = answered(60)
    assert cascade.reference(made, "middle") == 1
    with pytest.raises(UnknownNameError):
        cascade.reference(made, "huge")
    with pytest.raises(UserError, match="--weak"):
        cascade.with_members(made, Plan(weak="small", strong="large"))


def test_what_is_learned_knows_nothing_of_the_side_that_is_measured() -> None:
    """With other outcomes on the test side, the same is asked of the same models there."""
    made, votes = answered(140)
    learned = Learned(load_embedder("static"), made)
    rows = np.arange(70)
    one = cascade.taught(made, votes, rows, PLAN, learned)[1]
    made.scores[70:] = 1 - made.scores[70:]
    assert cascade.taught(made, votes, rows, PLAN, learned)[1] == one


def test_answers_are_read_as_votes(tmp_path: Path) -> None:
    made, votes = answered(60)
    read = read_votes(write_answered(tmp_path, made, votes), made)
    for own, asked in zip(read.tolist(), votes.tolist(), strict=True):
        assert [a == b for a in own for b in own] == [a == b for a in asked for b in asked]
    path = tmp_path / "made.outcomes.csv"
    path.write_text(path.read_text().replace("answer", "said"))
    with pytest.raises(UserError, match="column 'answer'"):
        read_votes(tmp_path, made)


def test_a_cold_start_is_compared_with_the_model_that_turned_out_best() -> None:
    made, votes = answered(120)
    rng = np.random.default_rng(0)
    readings = rng.normal(size=(120, 6)).astype(np.float32)
    reports = [
        online.measure_online(online.Cold(made, readings, 4, own), 0, orders=2)
        for own in (votes, None)
    ]
    for report in reports:
        assert "always large" in report.notes[0]
        assert len([f for f in report.figures if f.name.startswith("gained")]) == 1
    explored = [figure(report, "", "explored with").value for report in reports]
    assert explored[0] == 0.0
    assert 0.0 < explored[1] < 0.2


def test_a_tier_follows_from_the_price() -> None:
    assert online.tiers([1.0, 2.0, 3.0]) == ["small", "mid", "frontier"]
    assert online.tiers([0.1, 0.2, 0.2, 0.9, 0.9, 0.9]) == ["small"] * 3 + ["frontier"] * 3


def test_a_day_of_two_sets() -> None:
    sets = []
    for seed, known in ((0, True), (1, False)):
        made, votes = answered(140, seed)
        made = replace(made, name=f"made {seed}")
        learned = Learned(load_embedder("static"), made)
        own = day.priced(made)
        assert own is not None
        sets.append(day.traffic(own, votes if known else None, PLAN, learned))
    aims, table = day.measure_day(sets, PLAN)
    assert figure(aims, "money less 70%", "money").bar == "at most 0.3"
    curve = [figure(table, f"a strong answer worth {r:g} of quality", "money") for r in (0.02, 0.4)]
    assert curve[0].value > curve[1].value
    assert 0 < figure(aims, "money less 80%", "quality").value <= 1.1
