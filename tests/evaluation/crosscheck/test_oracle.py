"""Checkers of known faults behind a real endpoint: the pipeline does what follows from them."""

from __future__ import annotations

from itertools import product

import pytest

from orchestrator import Mesh
from orchestrator.evaluation.crosscheck.checkers import ballots, measure
from orchestrator.evaluation.crosscheck.oracle import (
    SETTINGS,
    Gates,
    Oracle,
    Outcome,
    Setting,
    central,
    expected,
    facts,
    held_against,
    labels_of,
    strata,
)
from orchestrator.evaluation.crosscheck.oracle_service import carried_out
from orchestrator.types import ClaimStatus

SURE = Oracle(sensitivity=1, specificity=1)
GOOD, FAIR = SETTINGS[2].oracles


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
async def test_the_pipeline_does_what_follows(setting: Setting) -> None:
    found = await carried_out(setting, 96, Mesh.load)
    report = held_against(setting, found)
    assert len(found) == 96
    assert report.met, [f"{f.name}: {f.text}, {f.bar}" for f in report.figures]
    assert {o.gates for o in found} >= {"for", "against"}
    for name, count, chance, of in strata(setting, found):
        low, high = central([(of, chance)])
        assert low <= count <= high, f"{name}: {count} of {of}, {chance:.3f} expected"


@pytest.mark.slow
async def test_perfect_checkers_are_wrong_nowhere_that_gates_leave_open() -> None:
    setting = Setting(name="perfect", oracles=(SURE,))
    found = await carried_out(setting, 32, Mesh.load)
    assert all(o.right for o in found if o.decided)
    assert {o.status for o in found if o.gates == "for" and o.label} == {"supported"}
    assert {o.status for o in found if o.gates == "for" and not o.label} == {"unverified"}


@pytest.mark.slow
async def test_who_says_yes_to_everything_decides_nothing() -> None:
    setting = Setting(name="yes", oracles=(Oracle(sensitivity=1, specificity=0),))
    found = await carried_out(setting, 32, Mesh.load)
    assert {o.status for o in found if o.gates != "against"} == {"unverified"}


# ── the closed form ──────────────────────────────────────────────────────────────────────


def _drawn(setting: Setting, gates: Gates, label: int, n: int = 40_000) -> tuple[float, float]:
    """Supported and decided by drawing many times what the docstring says in words."""
    supported = decided = 0
    for i in range(n):
        said = [setting.says(c, f"claim {i}", label) for c in range(len(setting.oracles))]
        canaries = [setting.says(c, f"canary {i} {c}", 0) for c in range(len(setting.oracles))]
        if gates == "against":
            decided += 1
        elif None in said or any(canaries) or len(set(said)) > 1:
            continue
        elif said[0]:
            supported += gates in ("for", "open")
            decided += gates in ("for", "open")
        else:
            decided += gates in ("open", "doubt")
    return supported / n, decided / n


@pytest.mark.parametrize("gates", ["against", "for", "open", "doubt"])
def test_the_closed_form_is_what_drawing_gives(gates: Gates) -> None:
    for common, label in product((0.0, 0.6), (0, 1)):
        setting = Setting(name="s", oracles=(GOOD, FAIR), common=common, seed=7)
        supported, decided = _drawn(setting, gates, label, 8000)
        chance = expected(setting, gates, label)
        assert supported == pytest.approx(chance.supported, abs=0.02)
        assert decided == pytest.approx(chance.decided, abs=0.02)


def test_the_weight_of_the_common_cause_is_the_correlation_of_errors() -> None:
    setting = Setting(name="s", oracles=(GOOD, GOOD), common=0.6, seed=3)
    labels = [n % 2 for n in range(3000)]
    votes: list[dict[str, ClaimStatus]] = [
        {
            str(c): "supported" if setting.says(c, f"claim {n}", label) else "unsupported"
            for c in (0, 1)
        }
        for n, label in enumerate(labels)
    ]
    found = measure(ballots(votes, list(range(3000)), labels))
    [error] = [f for f in found.figures if f.name == "error correlation"]
    assert error.low is not None
    assert error.high is not None
    assert error.low <= 0.6 <= error.high


def test_a_pipeline_that_does_otherwise_is_found_out() -> None:
    setting = Setting(name="s", oracles=(GOOD,))
    all_accepted = [Outcome(n % 2, "for", "supported") for n in range(100)]
    assert not held_against(setting, all_accepted).met


def test_the_interval_of_a_sum_of_binomials() -> None:
    assert central([(10, 0.5)], 0.05) == (2, 8)
    assert central([(5, 0.5), (5, 0.5)], 0.05) == (2, 8)
    assert central([(10, 1.0), (10, 0.0)]) == (10, 10)


def test_claims_by_rule_are_all_different() -> None:
    given = facts(400)
    assert len(labels_of(given)) == 400
    assert {f.label for f in given} == {0, 1}
