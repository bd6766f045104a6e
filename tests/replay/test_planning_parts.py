"""What a plan is made of: lengths, odds, calls with what fails, loops, and how wide a range is."""

from __future__ import annotations

import random
from collections import Counter
from math import exp, log
from typing import Any

import numpy as np
import pytest

from orchestrator.graph.edges import find_edges
from orchestrator.money import Price, PriceStep
from orchestrator.project.schema import Graph
from orchestrator.replay.planning.asking import Member, Pace, Use, ask, paces
from orchestrator.replay.planning.bounds import bounds_of
from orchestrator.replay.planning.calibrate import FEWEST, Correction, Spread, correction
from orchestrator.replay.planning.history import Call, Execution, Inputs, Past, parts_of
from orchestrator.replay.planning.lengths import AnswerModel, Lengths, PromptModel
from orchestrator.replay.planning.odds import Failing, Odds, likeness
from orchestrator.replay.planning.outline import Pattern, Step
from orchestrator.replay.planning.simulate import Simulation
from orchestrator.tracing.steps import UsedCall
from orchestrator.types import Outcome

DECLARED = PromptModel(constant=50.0, of_texts=1.0, of_sources=0.0, of_upstream=1.0, sd=0.35)
PRICE = Price(input=1_000_000, output=10_000_000)  # 1 and 10 dollars a million tokens
SURE = Failing(ends=1.0, paid=1.0, again=0.0)


def used(output: int = 100, **more: Any) -> UsedCall:
    given: dict[str, Any] = {
        "deployment": "m/api",
        "model": "m",
        "outcome": Outcome.OK,
        "kind": "first",
        "ms": 100.0,
        "input": 200,
        "cached_input": 0,
        "output": output,
        "cost_micro_usd": 10,
    }
    return UsedCall(**{**given, **more})


def made(prompt: int = 100, texts: float = 10.0, upstream: float = 0.0, *calls: UsedCall) -> Call:
    attempts = calls or (used(),)
    return Call("draft", "", 0, "author", prompt, attempts, Inputs(texts), upstream)


def member(*, failing: Failing = SURE, price: Price | None = PRICE, answer: float = 100) -> Member:
    return Member(
        deployment="m/api",
        price=price,
        counted=1.0,
        cached=0.0,
        answer=AnswerModel(log(answer), 0.0, 0.0, 0.0, 4000),
        failing=failing,
        pace=Pace(10.0, 1.0, 0.0),
        context=8000,
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# ── lengths ──────────────────────────────────────────────────────────────────────────────


def test_without_records_what_is_declared_counts() -> None:
    lengths = Lengths([])
    assert lengths.prompt("draft", "author", DECLARED) == DECLARED
    assert lengths.answer("draft", "author", "m", 300, None).expected(100) == pytest.approx(300)
    assert lengths.counted_by("m") == 1.0


def test_few_records_move_it_a_little_and_many_settle_it() -> None:
    few = Lengths([made(100, 10, 0, used(1200))] * 2)
    many = Lengths([made(100, 10, 0, used(1200))] * 100)
    one, other = (ls.answer("draft", "author", "m", 300, None).expected(100) for ls in (few, many))
    assert 300 < one < other
    assert other == pytest.approx(1200, rel=0.02)
    spreads = [ls.answer("draft", "author", "m", 300, None).sd for ls in (few, many)]
    assert spreads[1] < spreads[0] < 0.7


def test_an_answer_is_no_longer_than_it_may_be() -> None:
    model = Lengths([]).answer("draft", "author", "m", 3000, 500)
    assert model.expected(100) == 500
    assert model.draw(np.full(100, 100.0), rng()).max() == 500


def test_a_prompt_is_a_sum_whose_shares_are_learned() -> None:
    random_ = random.Random(1)
    calls = []
    for _ in range(200):
        texts, upstream = random_.uniform(50, 500), random_.uniform(100, 900)
        calls.append(made(round(80 + texts + 2 * upstream), texts, upstream))
    model = Lengths(calls).prompt("draft", "author", DECLARED)
    assert model.expected(Inputs(200.0), 400.0) == pytest.approx(1080, rel=0.02)
    assert model.of_upstream == pytest.approx(2.0, rel=0.05)
    assert model.sd < 0.1


def test_what_its_provider_counts_and_caches_is_learned() -> None:
    lengths = Lengths([made(100, 1, 0, used(input=130, cached_input=65))] * 50)
    assert lengths.counted_by("m") == pytest.approx(1.3, rel=0.02)
    assert lengths.cached_share("draft", "author", "m/api") == pytest.approx(0.5)


# ── odds ─────────────────────────────────────────────────────────────────────────────────


def past(rounds: int = 0, *, target: str = "", texts: float = 100.0, parts: int = 1) -> Past:
    run = Past(f"{rounds}{target}{texts}{parts}", Inputs(texts, 0.0, parts), 10, 10.0)
    run.executions["judge"] = [Execution(first=n == 0) for n in range(rounds + 1)]
    if target:
        run.executions[target] = [Execution(first=True)]
    return run


def test_how_often_a_run_goes_back_is_counted_round_by_round() -> None:
    odds = Odds([past(0)] * 60 + [past(1)] * 30 + [past(2)] * 10)
    assert odds.sent_back("judge", 0) == pytest.approx(0.4, abs=0.01)
    assert odds.sent_back("judge", 1) == pytest.approx(0.25, abs=0.02)
    assert Odds([]).sent_back("judge", 0) == pytest.approx(1 / 3)


def test_which_way_is_taken_is_counted() -> None:
    odds = Odds([past(target="short")] * 9 + [past(target="long")])
    assert odds.chosen(["short", "long"]) == pytest.approx([9.5 / 11, 1.5 / 11])


def test_what_fails_is_paid_for_where_it_was() -> None:
    bad = used(outcome=Outcome.INVALID_OUTPUT)
    down = used(0, outcome=Outcome.OVERLOADED, cost_micro_usd=0)
    calls = [made(100, 1, 0, bad, used(deployment="n/api"))] * 20
    calls += [made(100, 1, 0, down, used())] * 20 + [made()] * 60
    run = Past("r", Inputs(1), 1, 1.0, calls=calls)
    found = Odds([run]).failing("author", "m/api", step=False)
    assert found.ends == pytest.approx(80 / 120, abs=0.03)
    assert found.paid == pytest.approx(0.5, abs=0.02)
    assert found.again == pytest.approx(0.5, abs=0.03)
    assert Odds([]).failing("author", "m/api", step=False).ends > 0.95
    assert Odds([]).failing("author", "m/api", step=True).ends == pytest.approx(0.6)


def test_runs_with_like_inputs_say_more() -> None:
    runs = [past(texts=100), past(texts=5000), past(texts=100, parts=4)]
    same, longer, more = likeness(runs, Inputs(100.0))
    assert same == pytest.approx(1.05)
    assert longer < 0.1
    assert more < 0.1


def test_how_many_things_a_question_asks_for() -> None:
    assert parts_of("What is said of leave?") == 1
    assert parts_of("What is said of leave? Who pays? How much is 3 times 4?") == 3
    assert parts_of("") == 1


# ── calls ────────────────────────────────────────────────────────────────────────────────


def test_a_call_costs_its_prompt_and_its_answer() -> None:
    asked = ask(Use(agent="a", prompt=DECLARED, members=(member(),)), np.full(5, 1000.0), rng())
    assert asked.cost == pytest.approx(np.full(5, 1000 * 1 + 100 * 10))
    assert asked.answer == pytest.approx(np.full(5, 100.0))
    assert asked.ms == pytest.approx(np.full(5, 110.0))


def test_who_is_asked_at_once_is_paid_for_in_full() -> None:
    three = (member(), member(answer=200), member(answer=300))
    use = Use(agent="a", prompt=DECLARED, members=three, at_once=3, first_wins=True)
    asked = ask(use, np.full(4, 1000.0), rng())
    assert asked.cost == pytest.approx(np.full(4, 3 * 1000 + 600 * 10))
    assert asked.ms == pytest.approx(np.full(4, 110.0))


def test_after_a_failure_the_next_is_asked_and_both_are_paid_for() -> None:
    never = Failing(ends=0.0, paid=1.0, again=0.0)
    use = Use(agent="a", prompt=DECLARED, members=(member(failing=never), member(answer=50)))
    asked = ask(use, np.full(4, 1000.0), rng())
    assert asked.cost == pytest.approx(np.full(4, 2 * 1000 + 150 * 10))
    assert asked.answer == pytest.approx(np.full(4, 50.0))
    free = Failing(ends=0.0, paid=0.0, again=1.0)
    tried = ask(Use(agent="a", prompt=DECLARED, members=(member(failing=free),)), np.ones(4), rng())
    assert tried.cost == pytest.approx(np.zeros(4))
    assert tried.ms == pytest.approx(np.full(4, 3 * 110.0))


def test_long_prompts_are_charged_by_the_step_of_the_price() -> None:
    dear = Price(input=2_000_000, output=20_000_000)
    stepped = Price(input=1_000_000, output=10_000_000, steps=(PriceStep(above=500, price=dear),))
    costs = member(price=stepped).cost(np.array([400.0, 600.0]), np.array([10.0, 10.0]))
    assert costs == pytest.approx([500.0, 1400.0])


def test_how_long_a_deployment_takes_is_learned_from_what_it_took() -> None:
    seen = [("m/api", float(n), 50.0 + 2.0 * n) for n in range(10, 200, 10)]
    found = paces(seen, {"m/api": None, "n/api": Pace(1.0, 1.0)})
    assert found["m/api"] is not None
    assert found["m/api"].token_ms == pytest.approx(2.0)
    assert found["m/api"].first_ms == pytest.approx(50.0)
    assert found["n/api"] == Pace(1.0, 1.0)


# ── runs ─────────────────────────────────────────────────────────────────────────────────

LOOP = Graph.model_validate(
    {
        "name": "loop",
        "input": {"question": "text"},
        "nodes": {
            "draft": {"agent": "author", "of": "question"},
            "judge": {
                "function": "judge",
                "from": ["draft"],
                "to": {"again": "draft", "short": "brief", "long": "essay"},
                "at_most": 2,
            },
            "brief": {"agent": "author", "of": "judge"},
            "essay": {"agent": "author", "of": "judge"},
            "answer": {"function": "pass", "from": ["brief", "essay"]},
        },
        "output": "answer",
    }
)


def drawn(runs: list[Past]) -> tuple[Any, dict[str, Step]]:
    edges = find_edges(LOOP)
    use = Use(agent="author", prompt=PromptModel(100.0, 0, 0, 0, 0.0), members=(member(),))
    steps = {
        name: Step(
            node=name,
            kind="agent" if node.agent else "function",
            uses={"author": use} if node.agent else {},
            first=(Pattern({"author": 1}),) if node.agent else (),
            later=(Pattern({"author": 1}),) if node.agent else (),
        )
        for name, node in LOOP.nodes.items()
    }
    simulation = Simulation(LOOP, edges, steps, Odds(runs), Inputs(10.0))
    return simulation.draw(2000), steps


def test_loops_go_round_as_often_as_they_may_and_one_way_is_taken() -> None:
    runs = [past(2, target="brief")] * 50 + [past(0, target="essay")] * 50
    found, _ = drawn(runs)
    costs = Counter(found.cost.round().tolist())
    assert set(costs) == {2200.0, 3300.0, 4400.0}  # one to three drafts, and one of the others
    assert costs[4400.0] / 2000 == pytest.approx(0.5, abs=0.05)
    assert found.times["draft"] == pytest.approx(2.0, abs=0.1)
    assert found.times["brief"] + found.times["essay"] == pytest.approx(1.0)
    assert found.ms.max() == pytest.approx(4 * 110.0)


def test_the_same_is_drawn_again() -> None:
    one, other = (drawn([past(1)] * 5)[0] for _ in range(2))
    assert one.cost.tolist() == other.cost.tolist()


def test_the_least_and_the_most_hold_whatever_is_drawn() -> None:
    found, steps = drawn([past(2, target="brief")] * 20 + [past(0, target="essay")] * 20)
    bounds = bounds_of(LOOP, find_edges(LOOP), steps, Inputs(10.0))
    least = sum(b.least for b in bounds.values())
    most = sum(b.most or 0.0 for b in bounds.values())
    assert bounds["brief"].least == 0.0  # another way may be taken
    assert bounds["draft"].least == pytest.approx(1100.0)
    # Three rounds, each asked once and twice again, the answer as long as it may be.
    assert bounds["draft"].most == pytest.approx(3 * 3 * (100 + 4000 * 10))
    assert least <= found.cost.min()
    assert found.cost.max() <= most


# ── how wide a range is ──────────────────────────────────────────────────────────────────


def test_a_range_is_stretched_to_hold_what_it_says() -> None:
    random_ = random.Random(3)

    def one() -> tuple[Spread, float]:
        middle = exp(random_.gauss(0, 1))
        return Spread(middle / 1.2, middle, middle * 1.2), middle * exp(random_.gauss(0.2, 0.3))

    learned = correction([one() for _ in range(150)])
    assert learned.shift == pytest.approx(0.2, abs=0.06)
    assert learned.stretch > 2
    later = [one() for _ in range(1000)]
    held = [learned.of(s).low <= true <= learned.of(s).high for s, true in later]
    assert 0.85 < sum(held) / len(held) < 0.98


def test_a_range_that_is_too_wide_is_narrowed_and_few_runs_say_nothing() -> None:
    pairs = [(Spread(0.01, 1.0, 100.0), exp(n / 200)) for n in range(-40, 40)]
    found = correction(pairs).of(pairs[0][0])
    assert found.high < 10
    assert found.low > 0.1
    assert correction(pairs[: FEWEST - 1]) == Correction()
    assert Correction().of(pairs[0][0]) == pairs[0][0]
