"""The measurements, on pairs small enough to be counted by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.embedding.static_embedder import StaticEmbedder
from orchestrator.errors import UserError
from orchestrator.evaluation.caching.judged import by_similarity, doubt, judge, pairs_report
from orchestrator.evaluation.caching.pairs import Pair, Topic, read_pairs, read_topics
from orchestrator.evaluation.caching.speed import many, speed_report
from orchestrator.evaluation.caching.traffic import a_day, traffic_report
from orchestrator.evaluation.crosscheck.report import Report

EMBEDDER = StaticEmbedder()
ROWS = [
    ("How do I wax a sledge?", "How can I wax a sledge?", True, "same"),
    ("How do I wax a sledge?", "Sledge waxing for beginners, a guide", True, "same"),
    ("How do I wax a sledge?", "How do I wax 2 sledges?", False, "number"),
    ("Who sells sledges?", "Who sells skis?", False, "word"),
]
TOPIC = Topic(
    name="wax",
    same=("How do I wax a sledge?", "How can I wax a sledge?"),
    near=("How do I paint a sledge?",),
)


def pairs(split: str) -> list[Pair]:
    return [
        Pair(left=a, right=b, same=same, kind=kind, seed="s", split=split)
        for a, b, same, kind in ROWS
    ]


def value(report: Report, name: str, of: str = "") -> float:
    [figure] = [f for f in report.figures if f.name == name and f.of == of]
    return figure.value


def test_hits_and_wrong_hits_are_counted() -> None:
    judged = judge(pairs("held"), EMBEDDER)
    assert [j.hit for j in judged] == [True, False, False, False]
    report = pairs_report([*pairs("fit"), *pairs("held")], EMBEDDER)
    assert value(report, "hits on paraphrases", "held") == 0.5
    assert value(report, "wrong hits on near misses", "held") == 0.0
    assert report.met


def test_the_doubt_is_jeffreys_upper_end() -> None:
    judged = judge(pairs("fit"), EMBEDDER)
    bad, hits, upper = doubt(judged)
    assert (bad, hits) == (0, 1)
    assert upper == pytest.approx(0.8532, abs=2e-3)  # R: qbeta(0.975, 0.5, 1.5)


def test_similarity_alone_takes_the_lowest_threshold_that_keeps_the_bound() -> None:
    judged = judge(pairs("fit"), EMBEDDER)
    threshold, right, wrong, hits = by_similarity(judged, judged)
    assert wrong <= 0.01 * max(1, hits)
    assert hits == sum(j.similarity >= threshold for j in judged) == right + wrong


def test_a_day_is_the_same_for_the_same_seed_and_recurs() -> None:
    day = list(a_day([TOPIC], 200, 3))
    assert day == list(a_day([TOPIC], 200, 3))
    assert len({one.workspace for one in day}) == 5
    assert 60 < sum(one.meant == "wax" for one in day) < 120


def test_traffic_is_answered_from_its_own_workspace_and_rightly() -> None:
    report = traffic_report([TOPIC], EMBEDDER, requests=150)
    assert value(report, "hits") > 0.3
    assert value(report, "semantic hits") > 0
    assert value(report, "wrong of all hits") == 0
    assert value(report, "answers of another workspace") == 0


def test_look_ups_are_timed_among_different_texts() -> None:
    assert len(set(many(pairs("held"), 300))) == 300
    report = speed_report(pairs("held"), EMBEDDER, entries=60)
    assert value(report, "look-up, p99") >= value(report, "look-up, median") > 0


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no pairs\.jsonl"):
        read_pairs(tmp_path)
    (tmp_path / "pairs.jsonl").write_text('{"left": "a"}\n')
    with pytest.raises(UserError, match=r"pairs\.jsonl:1: no pair"):
        read_pairs(tmp_path)
    (tmp_path / "topics.jsonl").write_text("not json\n")
    with pytest.raises(UserError, match=r"topics\.jsonl:1: no topic"):
        read_topics(tmp_path)


def test_what_is_shipped_can_be_read_and_the_sides_share_no_seed() -> None:
    folder = Path(__file__).parents[3] / "evals" / "cache"
    found = read_pairs(folder)
    sides: dict[str, set[str]] = {}
    for pair in found:
        sides.setdefault(pair.split, set()).add(pair.seed)
    assert len(found) >= 1_000
    assert not sides["fit"] & sides["held"]
    assert len(read_topics(folder)) > 50


def test_the_command_says_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [vars_of(p) for p in (*pairs("fit"), *pairs("held"))]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    topic = {"name": TOPIC.name, "same": list(TOPIC.same), "near": list(TOPIC.near)}
    (tmp_path / "topics.jsonl").write_text(json.dumps(topic) + "\n")
    page = tmp_path / "page.md"
    options = ["--entries", "0", "--requests", "40", "--out", str(page)]
    monkeypatch.setattr(sys, "argv", ["mesh", "eval", "cache", str(tmp_path), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "# The cache of answers" in page.read_text()
    assert "A day of recurring traffic" in page.read_text()


def vars_of(pair: Pair) -> dict[str, Any]:
    return {name: getattr(pair, name) for name in Pair.__dataclass_fields__}
