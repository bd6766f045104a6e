"""Who judges labelled claims, what each may have seen, and what the figures are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.errors import UserError
from orchestrator.evaluation.crosscheck import claims as judging
from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evaluation.crosscheck.baselines import Baselines
from orchestrator.evaluation.crosscheck.calibrate import calibrate
from orchestrator.evaluation.crosscheck.curve import curve, svg
from orchestrator.evaluation.crosscheck.files import ClaimRow, read_claims
from orchestrator.evaluation.crosscheck.measure import GAINS, Part, measure, reports
from orchestrator.evaluation.crosscheck.refusals import refuse_too_few
from orchestrator.evaluation.crosscheck.table import Table, explain, prepare
from orchestrator.evidence.scoring.model import shipped

from .claim_files import claims, write


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[ClaimRow]]:
    folder = tmp_path_factory.mktemp("claims")
    towns = write(folder / "towns.jsonl", claims(40))
    both = [*claims(15, "north", start=60), *claims(15, "south", start=80)]
    return {"towns": read_claims(towns), "both": read_claims(write(folder / "both.jsonl", both))}


@pytest.fixture(scope="module")
def table(rows: dict[str, list[ClaimRow]]) -> Table:
    return prepare(rows, "static")


def test_a_table_holds_every_claim_in_order(table: Table) -> None:
    assert len(table.rows) == len(table.features) == 140
    assert [r.id for r in table.rows[:3]] == ["towns-0-1", "towns-0-0", "towns-1-1"]
    assert table.corpora[79:81].tolist() == ["towns", "both"]
    assert table.sources[80] == "north"
    assert table.labels.sum() == 70
    assert len(set(table.groups)) == 70


def test_workers_find_what_one_process_finds(
    rows: dict[str, list[ClaimRow]], table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.evaluation.crosscheck.table._ALONE", 10)
    monkeypatch.setattr("orchestrator.evaluation.crosscheck.table._processors", lambda: 2)
    told: list[tuple[str, int, int]] = []
    again = prepare({"towns": rows["towns"]}, "static", on_progress=lambda *t: told.append(t))
    assert (again.features == table.features[:80]).all()
    assert told[-1] == ("features", 80, 80)


def test_kept_features_are_used_for_the_same_claims_only(
    rows: dict[str, list[ClaimRow]], table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    towns = {"towns": rows["towns"]}
    prepare(towns, "static", cache=tmp_path)
    [kept] = tmp_path.iterdir()
    calls: list[int] = []
    real = Baselines.of

    def counted(self: Baselines, claim: str) -> tuple[float, float]:
        calls.append(1)
        return real(self, claim)

    monkeypatch.setattr(Baselines, "of", counted)
    assert (prepare(towns, "static", cache=tmp_path).features == table.features[:80]).all()
    assert not calls
    other = [replace(rows["towns"][0], claim="Another."), *rows["towns"][1:]]
    prepare({"towns": other}, "static", cache=tmp_path)
    assert len(calls) == 80
    assert kept in (held := sorted(tmp_path.iterdir()))
    assert len(held) == 2


# ── who judges ───────────────────────────────────────────────────────────────────────────


def test_no_claim_is_judged_by_a_model_that_saw_its_passages(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[set[str]] = []
    real = judging.fitted

    def seen(train: Table, **more: Any) -> object:
        fits.append(set(train.groups.tolist()))
        return real(train, **more)

    monkeypatch.setattr(judging, "fitted", seen)
    said = judging.cross_validated(table, k=4, seed=3)
    assert len(fits) == 4
    whole = set(table.groups.tolist())
    unseen = [whole - fit for fit in fits]
    assert set.union(*unseen) == whole
    assert sum(map(len, unseen)) == len(whole)
    assert set(said.said.tolist()) <= {0, 1}


def test_training_claims_on_measured_passages_are_left_out(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []
    real = judging.fitted

    def seen(train: Table, **more: Any) -> object:
        fits.append(len(train.rows))
        return real(train, **more)

    monkeypatch.setattr(judging, "fitted", seen)
    towns = table.where(table.corpora == "towns")
    judging.trained(table, towns)
    assert fits == [60]


def test_each_file_is_judged_by_the_others(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[set[str]] = []
    real = judging.fitted

    def seen(train: Table, **more: Any) -> object:
        fits.append(set(train.corpora.tolist()))
        return real(train, **more)

    monkeypatch.setattr(judging, "fitted", seen)
    judging.left_out(table)
    assert fits == [{"towns"}, {"both"}]


# ── what it is worth ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def crossed(table: Table) -> judging.Verdicts:
    return judging.cross_validated(table, k=5, seed=0)


@pytest.fixture(scope="module")
def parts(crossed: judging.Verdicts) -> list[Part]:
    return measure(crossed, resamples=200)


def test_files_are_measured_and_their_sources(parts: list[Part]) -> None:
    assert [p.name for p in parts] == ["towns", "both", "both: north", "both: south"]
    assert [(p.supported, p.unsupported, p.groups) for p in parts[:2]] == [(40, 40, 40), (30,) * 3]
    for part in parts:
        for held in part.figures.values():
            assert held.low <= held.high


def test_figures_can_be_worked_out_anew_from_the_predictions(
    crossed: judging.Verdicts, parts: list[Part]
) -> None:
    lines = list(judging.predictions(crossed, [(False, "")] * 140))[:80]
    labels = crossed.table.labels[:80]
    said = np.array([line["supported"] for line in lines]).astype(int)
    probability = np.array([line["probability"] for line in lines])
    threshold = np.array([line["threshold"] for line in lines])
    figures = {name: held.value for name, held in parts[0].figures.items()}
    assert figures["balanced accuracy"] == metrics.balanced_accuracy(labels, said)
    assert figures["AUC"] == metrics.auc(labels, probability)
    assert figures["Brier score"] == metrics.brier(labels, probability)
    stays = metrics.kept(metrics.certainty(probability, threshold), 0.3)
    left = metrics.balanced_accuracy(labels[stays], said[stays])
    assert figures["balanced accuracy, 30% left out"] == left
    assert ((probability >= threshold) == said).all()


def test_the_gain_is_a_paired_difference(crossed: judging.Verdicts, parts: list[Part]) -> None:
    assert crossed.beside is not None
    labels = crossed.table.labels[:80]
    alone = metrics.balanced_accuracy(labels, crossed.beside[:80, 0])
    figures = parts[0].figures
    whole = figures["balanced accuracy"].value
    assert figures["alignment alone"].value == alone
    assert figures[GAINS[0]].value == pytest.approx(whole - alone)
    other = figures["containment alone"].value
    assert parts[0].better_signal == ("alignment" if alone >= other else "containment")


def test_where_nothing_was_trained_nothing_stands_beside(table: Table) -> None:
    [towns, *_] = measure(judging.judged(table, shipped()), resamples=50)
    assert "balanced accuracy" in towns.figures
    assert not any("alone" in name for name in towns.figures)
    titles = [r.title for r in reports([towns], "shipped")]
    assert titles[0] == "shipped: told apart"
    assert not any("beside" in title for title in titles)


def test_a_part_with_one_label_has_the_figures_that_it_can_have(table: Table) -> None:
    true = table.where(table.labels == 1)
    [towns, *_] = measure(judging.judged(true, shipped()), resamples=50)
    assert "Brier score" in towns.figures
    assert "AUC" not in towns.figures
    assert not {"balanced accuracy", "precision at 2%"} & towns.figures.keys()


def test_reasons_stand_beside_what_they_are_about(
    rows: dict[str, list[ClaimRow]], table: Table, crossed: judging.Verdicts
) -> None:
    found = explain(rows["towns"], "static")
    assert len(found) == 80
    # Claim 2 is true, claim 3 states a year that its passage does not.
    assert "1808" in found[3][1]
    assert "1808" not in found[2][1]
    told = list(judging.predictions(crossed, [(True, "no")] * 140))
    assert all((line["reason"] == "") == line["supported"] for line in told)


def test_a_curve_begins_with_all_claims_and_is_drawn(
    crossed: judging.Verdicts, parts: list[Part]
) -> None:
    points = curve(crossed.where(crossed.table.corpora == "towns"))
    assert points[0] == (1, parts[0].figures["balanced accuracy"].value)
    assert dict(points)[0.6] == parts[0].figures["balanced accuracy, 40% left out"].value
    drawn = ElementTree.fromstring(svg({"towns": points, "<both>": [(1, 0.5), (0.5, 1.0)]}))
    lines = [e.get("points") for e in drawn.iter() if e.tag.endswith("polyline")]
    # From the lower left corner of the axes to the upper right one.
    assert lines[1] == "48.0,280.0 448.0,20.0"
    assert "<both>" in [e.text for e in drawn.iter()]


# ── single signals ───────────────────────────────────────────────────────────────────────


def test_single_signals_by_hand() -> None:
    passages = ["The ferry leaves at noon. It is red. Nobody pays. The captain sings."]
    signals = Baselines(passages, load_embedder("static"))
    # Six words; the best three sentences hold: the, ferry, leaves, at, noon.
    alignment, containment = signals.of("The blue ferry leaves at noon.")
    assert containment == pytest.approx(5 / 6)
    # Three content words (a time is one), of which all but `blue` stand there.
    assert 0.5 < alignment < 1
    assert signals.of("The ferry leaves.")[0] == pytest.approx(1, abs=1e-3)
    # `ferry` and `sings` are four sentences apart.
    assert signals.of("ferry sings")[1] == 0.5
    assert signals.of("...") == (0, 0)
    assert Baselines([], load_embedder("static")).of("The ferry.") == (0, 0)


# ── a corpus of one's own ────────────────────────────────────────────────────────────────


def test_a_calibration_is_measured_on_claims_that_it_has_not_seen(table: Table) -> None:
    found = calibrate(table, shipped(), "towns", k=3, seed=1)
    crossed = judging.cross_validated(found.after.table, k=3, seed=1)
    assert (found.after.probability == crossed.probability).all()
    # A run knows of no source, and its claims are judged as these were.
    whole = judging.fitted(found.after.table, seed=1, name="towns")
    features = table.features
    assert (found.model.probability(features) == whole.probability(features, "towns")).all()
    assert found.model.threshold() == whole.threshold("towns")
    labels = table.labels
    after = metrics.balanced_accuracy(labels, found.after.said)
    before = metrics.balanced_accuracy(labels, found.before.said)
    assert found.gain.value == pytest.approx(after - before)
    assert found.gain.low <= found.gain.value <= found.gain.high


def row(i: int, label: int, passage: str) -> ClaimRow:
    return ClaimRow(id=str(i), source="s", question="", claim="c", passages=(passage,), label=label)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row(i, 1, str(i)) for i in range(200)], "no claim is unsupported"),
        ([row(i, 0, str(i)) for i in range(200)], "no claim is supported"),
        (
            [row(i, i % 20 == 0, str(i)) for i in range(200)],
            "10 claims are supported, and at least",
        ),
        ([row(i, i % 2, str(i % 7)) for i in range(200)], "on 7 different sets of passages"),
    ],
)
def test_too_few_claims_are_refused(rows: list[ClaimRow], said: str) -> None:
    with pytest.raises(UserError, match=said):
        refuse_too_few(rows, 5)
