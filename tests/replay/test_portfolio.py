"""The best few models for recorded traffic, the picture of it, and what the command prints."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator.cli._show import Screen
from orchestrator.cli.portfolio import show
from orchestrator.errors import UserError
from orchestrator.plotting import draw
from orchestrator.project.policy_schema import Policy
from orchestrator.replay import portfolio as searching
from orchestrator.replay.portfolio import Portfolio, portfolio
from orchestrator.replay.portfolio_plot import picture
from orchestrator.types import FleetSnapshot, Health
from tests.cli.samples import printed, squeezed
from tests.replay.asked import call, code, fleet, model, predict, traffic

POLICY = Policy.model_validate(
    {
        "objective": {"minimize": "cost", "quality_floor": 0.5},
        "routes": [{"name": "hard", "match": {"task": "code"}, "quality_floor": 0.85}],
    }
)
FLEET = fleet(
    model("cheap", 0.6, (0.1, 0.4)),
    model("fair", 0.7, (0.2, 0.8)),
    model("dear", 0.9, (3.0, 15.0)),
    code("words", 0.9, "extract"),
)
TRAFFIC = traffic(
    *[call("chat", "dear", usd=0.006) for _ in range(90)],
    *[call("code", "dear", usd=0.006) for _ in range(10)],
    *[call("extract", "words") for _ in range(5)],
)


def found(fleet: FleetSnapshot = FLEET, **options: float) -> Portfolio:
    given = {"most": 3, **options}
    return portfolio(TRAFFIC, fleet, POLICY, predict, **given)  # type: ignore[arg-type]


def test_the_cheapest_pair_that_reaches_every_floor() -> None:
    best = found().best
    assert [s.models for s in best[:2]] == [("dear",), ("cheap", "dear")]
    assert best[0].usd == pytest.approx(100 * 0.006)
    assert best[1].usd == pytest.approx(90 * 0.00018 + 10 * 0.006)
    assert best[1].quality == pytest.approx((90 * 0.6 + 10 * 0.9 + 5 * 0.9) / 105)
    assert all(s.served == 1 and s.below_floor == 0 for s in best[:2])


def test_a_model_that_nobody_needs_is_named_and_code_is_in_every_subset() -> None:
    result = found()
    assert result.needless == ("fair",)
    assert result.free == ("words",)
    assert result.exact
    assert result.was_usd == pytest.approx(0.6)


def test_on_the_edge_nobody_is_both_cheaper_and_better() -> None:
    edge = found().pareto
    assert len(edge) > 2
    for one, other in pairwise(edge):
        assert one.usd < other.usd
        assert one.quality < other.quality


def test_a_floor_of_the_command_takes_the_place_of_the_policys() -> None:
    assert found(floor=0.65).best[1].models == ("dear", "fair")


def test_where_there_are_too_many_subsets_they_are_built_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = found()
    monkeypatch.setattr(searching, "MOST_SUBSETS", 2)
    built = found()
    assert not built.exact
    assert [s.models for s in built.best[:2]] == [s.models for s in exact.best[:2]]


def test_an_unknown_price_is_no_zero() -> None:
    known = fleet(model("secret", 0.9, None), model("dear", 0.9, (3.0, 15.0)))
    best = found(known).best
    assert best[0].models == ("dear",)
    assert found(fleet(model("secret", 0.9, None))).whole.unknown == pytest.approx(100 / 100, 0.06)


def test_models_without_a_key_are_left_out_and_named() -> None:
    health = {"dear/api": Health(available=False, reason="KEY is not set")}
    result = found(fleet(*FLEET.deployments, health=health))
    assert result.left_out == {"dear": "KEY is not set"}
    assert result.whole.below_floor == pytest.approx(10 / 105)
    text = squeezed(printed(lambda screen: show(screen, result), 100))
    assert "left out, --all includes them: dear (KEY is not set)" in text


def test_the_table_says_what_each_further_model_buys() -> None:
    def shown(screen: Screen) -> None:
        show(screen, found())

    rows = [" ".join(line.split()) for line in printed(shown, 100).splitlines()]
    assert rows[0].startswith("For these 105 calls cheap + dear would do: $0.0762 at a predicted")
    assert any(row.startswith("1 $0.6 0.900 100% 0% dear") for row in rows)
    assert any(row.startswith("2 $0.0762 $0.524 0.643 -0.257 100% 0% + cheap") for row in rows)
    assert "without any one of these nothing changes: fair" in rows


def test_the_picture_is_one_svg_that_refers_to_nothing(tmp_path: Path) -> None:
    draw(tmp_path / "p.svg", picture(found()))
    text = (tmp_path / "p.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    dots = [e for e in root.iter() if e.tag.endswith("circle")]
    assert len(dots) > len(found().pareto)
    assert "cheap + dear" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    with pytest.raises(UserError, match=r"\.svg or \.png"):
        draw(tmp_path / "p.jpg", picture(found()))
