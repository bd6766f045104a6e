"""Faults planted into really recorded traces: how many are named first, and no false alarm.

`scripts/bench_diagnosis.py` prints the whole table.
"""

from __future__ import annotations

import pytest

from orchestrator.tracing.diagnosis import diagnose
from tests.tracing.planted.recorded import HANDBOOK, LIBRARY, Case, Hosted, record
from tests.tracing.planted.sample import KINDS, judge, sample

EACH, SEED, BAR = 10, 7, 45


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """Traces of the demo graphs over the library's handbook, and their likenesses."""
    found = record(tmp_path_factory.mktemp("recorded"), LIBRARY[:5], HANDBOOK)
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "mesh.yaml").write_text("embedder: static\n", "utf-8")
    hosted = Hosted(folder)
    return [*found, *(hosted.likeness(case, seed) for seed, case in enumerate(found))]


def test_healthy_traces_raise_no_alarm(cases: list[Case]) -> None:
    alarms = [(c[0].question, found.sentence) for c in cases if (found := diagnose(*c)).culprit]
    assert not alarms


def test_of_fifty_unseen_faults_the_wrong_hop_is_named_first_in_forty_five(
    cases: list[Case],
) -> None:
    judged = [
        judge(fault) for kind in KINDS for fault in sample(cases, kind, EACH, SEED, developed=False)
    ]
    assert len(judged) == 50
    missed = [j.fault.form.name for j in judged if not j.first]
    assert len(judged) - len(missed) >= BAR, missed


def test_a_planted_fault_is_the_only_difference(cases: list[Case]) -> None:
    """It is the fault that raises the alarm."""
    fault = next(iter(sample(cases, "silent_fallback", 1, SEED, developed=False)))
    healthy = next(c for c in cases if {h.id for h in c[1]} == {h.id for h in fault.hops})
    assert diagnose(*healthy).culprit is None
    assert judge(fault).first
