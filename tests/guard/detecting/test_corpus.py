"""The measurement of `make bench-guard`, small."""

from __future__ import annotations

from orchestrator.guard.detecting.detect import Detectors
from orchestrator.project.guard_schema import Detection
from tests.guard.corpus import FORMATS, UNNAMED, corpus

TEXTS = corpus(200, seed=3)


def test_the_corpus_is_the_same_for_the_same_seed_and_says_where_things_stand() -> None:
    assert corpus(200, seed=3) == TEXTS
    assert corpus(200, seed=4) != TEXTS
    assert {p.format.name for text in TEXTS for p in text.planted} == {f.name for f in FORMATS}
    assert all(p.end > p.start for text in TEXTS for p in text.planted)


def test_what_is_planted_is_found_and_little_else() -> None:
    detectors = Detectors(Detection(), ("internal", "confidential", "pii"))
    missed, right, findings = [], 0, 0
    for text in TEXTS:
        found = detectors.find(text.text)
        findings += len(found)
        for one in text.planted:
            met = [f for f in found if f.start < one.end and one.start < f.end]
            right += sum(f.kind in one.format.kinds for f in met)
            whole = any(f.start <= one.start and one.end <= f.end for f in met)
            if one.format.sure and not one.name.endswith(UNNAMED) and not whole:
                missed.append(text.text[one.start : one.end])
    assert missed == []
    assert right / findings >= 0.97
