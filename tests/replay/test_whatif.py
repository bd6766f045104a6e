"""Another policy over recorded traffic, against what is true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.money import Price
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.traffic import Observed, Recorded, Traffic
from orchestrator.replay.whatif import (
    Comparison,
    as_recorded,
    chooser,
    compare,
    is_exact,
    with_fleet,
)
from orchestrator.replay.whatif_course import Choice
from orchestrator.replay.whatif_report import report
from orchestrator.replay.whatif_world import World as Learned
from orchestrator.types import Setting
from tests.replay.priced import REQUESTS, priced
from tests.replay.truth import MODELS, random_policy


def truth(comparison: Comparison) -> tuple[float, float]:
    """US dollars of all, and the share of right answers; for policies without panels."""
    world, cost, good = priced().world, 0, 0.0
    for one in comparison.hops:
        if one.after is not None:
            number = world.number_of(one.one.trace.id)
            paid, right = world.truth(number, one.after.decision, one.after.deployments)
            cost, good = cost + paid, good + right
    return cost / 1e6, good / len(comparison.hops)


def only(model: str) -> dict[str, object]:
    return {"routes": [{"name": "only", "require": {"models": [model]}}]}


def test_what_is_recorded_is_what_is_true() -> None:
    found = priced()
    deployments = {d.id: d for d in found.fleet.deployments}
    for one in found.traffic.hops:
        if one.decision.strategy == "single":
            number = found.world.number_of(one.trace.id)
            told = one.cost_micro_usd, float(bool(one.hop.validated))
            assert found.world.truth(number, one.decision, deployments) == told


def test_the_same_policy_changes_nothing() -> None:
    same = priced().under(priced().world.base_policy())
    assert same.count("exact") == len(same.hops) == REQUESTS
    assert same.moved == 0
    for change in (same.total.cost, same.total.quality, same.total.latency):
        assert change is not None
        assert change.by.low == change.by.high == 0
    recorded = sum(one.cost_micro_usd or 0 for one in priced().traffic.hops)
    assert same.total.cost is not None
    assert same.total.cost.before.mean == pytest.approx(recorded / 1e6)


def test_intervals_hold_what_is_true() -> None:
    random = np.random.default_rng(5)
    held, wrong, exact = [], 0, 0
    for _ in range(24):
        comparison = priced().under(random_policy(random))
        cost, good = truth(comparison)
        total = comparison.total
        assert total.cost is not None
        assert total.quality is not None
        for value, told in ((cost, total.cost.after), (good, total.quality.after)):
            held.append(told.low - 1e-9 <= value <= told.high + 1e-9)
        for one in comparison.hops:
            if one.standing == "exact" and one.after is not None:
                number = priced().world.number_of(one.one.trace.id)
                true = priced().world.truth(number, one.after.decision, one.after.deployments)
                was = one.one.cost_micro_usd, float(bool(one.one.hop.validated))
                wrong += true != was and one.one.decision.strategy == "single"
                exact += 1
    assert sum(held) / len(held) >= 0.85
    assert exact > 100
    assert wrong == 0


def test_what_was_seen_is_not_drawn() -> None:
    comparison = priced().under(only("trout"))
    groups = comparison.groups
    assert groups["seen"].hops > 20
    change = groups["seen"].cost
    assert change is not None
    assert change.after.low == change.after.high
    seen = [one for one in comparison.hops if one.standing == "seen"]
    world = priced().world
    true = sum(
        world.truth(world.number_of(o.one.trace.id), o.after.decision, o.after.deployments)[0]
        for o in seen
        if o.after is not None
    )
    # Of a panel's wrong answers nobody has seen whether they would have been mended.
    assert change.after.mean == pytest.approx(true / 1e6, rel=0.05)


def test_more_traffic_says_more() -> None:
    found = priced()
    some = Traffic(since=0, until=1, hops=found.traffic.hops[:60])
    policy = chooser(Policy.model_validate(only("whale")), as_recorded)
    few = compare(Learned(some, draws=200), policy).total.cost
    many = compare(found.learned, policy).total.cost
    assert few is not None
    assert many is not None
    assert many.after.width / many.after.mean < few.after.width / few.after.mean


def test_who_was_never_seen_is_told_with_a_wide_interval() -> None:
    found = priced()
    narrow = found.under(only("perch")).total.cost
    hops = tuple(one for one in found.traffic.hops if all(a.model != "whale" for a in one.attempts))
    learned = Learned(Traffic(since=0, until=1, hops=hops), draws=200)
    policy = chooser(Policy.model_validate(only("whale")), as_recorded)
    comparison = compare(learned, policy)
    assert comparison.count("estimated") == len(hops)
    wide = comparison.total.cost
    assert wide is not None
    assert narrow is not None
    assert wide.after.width / wide.after.mean > 2 * narrow.after.width / narrow.after.mean
    cost, _ = truth(comparison)
    assert wide.after.low < cost < wide.after.high


def test_a_price_that_doubles_is_known_exactly() -> None:
    found = priced()
    dearer = [
        replace(d, price=Price(input=2 * d.price.input, output=2 * d.price.output))
        if d.price and d.price.input and d.price.output
        else d
        for d in found.fleet.deployments
    ]
    policy = Policy.model_validate(found.world.base_policy())
    singles = tuple(one for one in found.traffic.hops if one.decision.strategy == "single")
    learned = Learned(Traffic(since=0, until=1, hops=singles), draws=50)
    comparison = compare(learned, chooser(policy, with_fleet(dearer)))
    assert comparison.count("seen") == len(singles)
    change = comparison.total.cost
    assert change is not None
    assert change.relative is not None
    assert change.relative.low == pytest.approx(1.0, abs=0.01)
    assert change.relative.high == pytest.approx(1.0, abs=0.01)


def test_without_a_price_nothing_is_said() -> None:
    found = priced()
    unpriced = [replace(d, price=None) if d.model == "tuna" else d for d in found.fleet.deployments]
    policy = Policy.model_validate(only("tuna"))
    comparison = compare(found.learned, chooser(policy, with_fleet(unpriced)))
    assert comparison.count("unknown") == REQUESTS
    assert comparison.total.cost is None


def test_what_nobody_may_serve_is_told_with_its_reason() -> None:
    policy = {"objective": {"quality_floor": 0.99, "below_floor": "refuse"}}
    comparison = priced().under(policy)
    assert comparison.count("unserved") == REQUESTS
    assert comparison.total.quality is not None
    assert comparison.total.quality.after.high == 0
    told = report(comparison, "new.yaml", {d.id: d for d in priced().fleet.deployments})
    assert sum(one.hops for one in told.unserved) == REQUESTS
    assert "quality_floor" in told.unserved[0].why


@pytest.fixture
def single() -> tuple[Recorded, Choice]:
    """A hop that the first answered, and its own decision."""
    one = next(
        o
        for o in priced().traffic.hops
        if o.decision.strategy == "single" and o.answer and len(o.attempts) == 1
    )
    return one, Choice(one.decision, one.fleet)


def test_exact_is_what_would_be_asked_alike(single: tuple[Recorded, Choice]) -> None:
    one, choice = single
    decision, fleet = choice.decision, choice.fleet
    assert is_exact(one, choice)
    fewer = replace(decision, fallbacks=decision.fallbacks[:1])
    assert is_exact(one, Choice(fewer, fleet))  # they were not asked
    warmer = {**decision.settings, "temperature": Setting(value=1.0, origin="route:new")}
    assert not is_exact(one, Choice(replace(decision, settings=warmer), fleet))
    wrote = one.attempts[0].usage.output
    for most, same in ((wrote + 1, True), (wrote, False)):
        cut = {**decision.settings, "max_tokens": Setting(value=most, origin="route:new")}
        assert is_exact(one, Choice(replace(decision, settings=cut), fleet)) == same
    assert not is_exact(one, Choice(replace(decision, strategy="race"), fleet))
    swapped = replace(decision, chosen=decision.chain[1], fallbacks=decision.chain[:1])
    assert not is_exact(one, Choice(swapped, fleet))
    other = [replace(d, target="another") for d in fleet.deployments]
    assert not is_exact(one, Choice(decision, with_fleet(other)(one)))


def test_who_fell_back_is_exact_only_with_the_same_chain() -> None:
    one = next(
        o
        for o in priced().traffic.hops
        if o.decision.strategy == "single" and o.answer and o.answer.kind == "fallback"
    )
    assert is_exact(one, Choice(one.decision, one.fleet))
    fewer = replace(one.decision, fallbacks=one.decision.fallbacks[:-1])
    assert not is_exact(one, Choice(fewer, one.fleet))


def test_where_data_goes_that_it_has_not_gone() -> None:
    found = priced()
    hops = tuple(
        one
        for one in found.traffic.hops
        if one.decision.strategy == "single"
        and one.decision.chosen == "perch/here"
        and all(a.model == "perch" for a in one.attempts)
    )
    learned = Learned(Traffic(since=0, until=1, hops=hops), draws=20)
    comparison = compare(learned, chooser(Policy.model_validate(only("trout")), as_recorded))
    places = {
        d.id: replace(d, endpoint=f"https://{d.model}.example/v1") for d in found.fleet.deployments
    }
    (newly,) = report(comparison, "new.yaml", places).exposures
    assert (newly.data_class, newly.provider, newly.region) == ("internal", "trout.example", "us")
    assert newly.hops == len(hops)
    assert not newly.fallback
    moves = report(comparison, "new.yaml", places).moves
    assert [(m.before, m.after, m.hops) for m in moves] == [("perch/here", "trout/here", len(hops))]


def test_the_same_question_has_the_same_answer() -> None:
    policy = only("salmon")
    again = Learned(priced().traffic, [priced().fleet], draws=200)
    told = compare(again, chooser(Policy.model_validate(policy), as_recorded)).total
    assert told == priced().under(policy).total


def test_every_model_alone() -> None:
    held = []
    for model in MODELS:
        comparison = priced().under(only(model))
        _, good = truth(comparison)
        told = comparison.total.quality
        assert told is not None
        held.append(told.after.low - 1e-9 <= good <= told.after.high + 1e-9)
    assert sum(held) >= len(MODELS) - 1


@pytest.mark.parametrize(
    ("strategy", "least", "most"),
    [
        ({"kind": "panel", "models": 3}, 1.3, 2.5),
        ({"kind": "race", "models": 2}, 1.05, 2.0),
    ],
)
def test_who_is_asked_together_is_paid_for(
    strategy: dict[str, object], least: float, most: float
) -> None:
    """Beside the cheapest, whom others follow only where it is wrong."""
    same = {"require": {"models": ["trout", "salmon", "perch"]}}
    alone = priced().under({"routes": [{"name": "alone", **same}]}).total.cost
    several = priced().under({"routes": [{"name": "several", **same, "strategy": strategy}]})
    change = several.total.cost
    assert alone is not None
    assert change is not None
    assert least < change.after.mean / alone.after.mean < most
    assert several.count("exact") == 0


def test_of_a_cascade_nothing_is_said_where_nobody_has_said_how_sure_it_is() -> None:
    policy = {"routes": [{"name": "sure", "strategy": "cascade"}]}
    comparison = priced().under(policy)
    assert comparison.count("unknown") > REQUESTS / 2
    assert comparison.total.hops == REQUESTS - comparison.count("unknown")


def test_without_checks_quality_is_what_the_predictor_says() -> None:
    found = priced()
    hops = tuple(
        replace(one, hop=replace(one.hop, validated=None), observed=())
        for one in found.traffic.hops
        if one.decision.strategy == "single" and len(one.attempts) == 1
    )
    learned = Learned(Traffic(since=0, until=1, hops=hops), draws=200)
    comparison = compare(learned, chooser(Policy.model_validate(only("whale")), as_recorded))
    told = comparison.total.quality
    assert comparison.told_by == {None: len(hops)}
    assert told is not None
    said = [one.context.estimates["whale/here"].mean for one in hops]
    assert told.after.mean == pytest.approx(float(np.mean(said)), abs=0.03)
    assert 0.1 < told.after.width < 0.5  # an error of the predictor is common to all


def test_grades_go_before_checks_where_there_are_enough() -> None:
    drafts = [o for o in priced().traffic.hops if o.answer and o.profile.task == "draft"]
    answered = [one.answer.model for one in drafts if one.answer]
    liked = max(set(answered), key=answered.count)
    graded = tuple(
        replace(
            one,
            hop=replace(one.hop, validated=None),
            observed=(
                Observed(
                    value=0.8 if one.answer.model == liked else 0.4,
                    by="feedback",
                    deployment=one.answer.deployment,
                    model=one.answer.model,
                ),
            ),
        )
        for one in drafts
        if one.answer is not None
    )
    learned = Learned(Traffic(since=0, until=1, hops=graded), draws=200)
    comparison = compare(learned, chooser(Policy.model_validate(only(liked)), as_recorded))
    assert comparison.told_by == {"feedback": len(graded)}
    told = comparison.total.quality
    assert told is not None
    was = np.mean([0.8 if model == liked else 0.4 for model in answered])
    assert told.before.low == told.before.high == pytest.approx(float(was))
    assert told.by.mean > 0
