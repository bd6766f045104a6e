"""How well passages support a claim, and what they say against it. No language model is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from math import exp, log
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE, Alignment, ClaimAligner
from orchestrator.evidence.gates import Finding, findings, missing_names, strange_words
from orchestrator.evidence.language.reading import Reading, read
from orchestrator.evidence.language.similarity import SAME_ROOT
from orchestrator.evidence.numbers import missing
from orchestrator.evidence.passage_index import Located, PassageIndex, index_of
from orchestrator.evidence.values import Citation, Claim, ClaimCheck, Passage
from orchestrator.project.protocols import Embedder
from orchestrator.types import ClaimStatus

if TYPE_CHECKING:
    import numpy as np

BY = "claim-gates"
SUPPORTED = 0.5
_WINDOW = 3
_CANDIDATES = 16
_STATES_COVER = 0.8
_ON_SUBJECT = 0.4
_NEAREST = 4
_DENIES = re.compile(
    r"\b(?:un(?!der|i|til)|non-?|impos|inval|illeg|inel|incap|insuf|disa[bglp])\w{3}"
    r"|\b(?:only|prohibit|forbid|ban|free of|lack|fail|refus|den[iy]|avoid|prevent|few"
    r"|little|hardly|rarely|too|stop|instead|rather)\w*",
    re.IGNORECASE,
)
"""Words by which a sentence may deny without a negation."""
_LEAST_CONTAINMENT = 0.55

# python scripts/fit_support.py FOLDER, on the dev sets of AttributionBench (Apache-2.0), WiCE
# (annotations ODC-BY) and RAGTruth (MIT). Balanced accuracy, 5-fold by passage / set held out:
# AttributionBench 0.675 / 0.664, WiCE 0.712 / 0.691, RAGTruth QA 0.742 / 0.745, summary
# 0.644 / 0.614, data-to-text 0.612 / 0.582.
INTERCEPT = -0.15
COEFFICIENTS = {
    "containment": 0.767,
    "alignment": 0.423,
    "pairs": 1.358,
    "cosine": 1.124,
    "numbers": -1.649,
    "names": -0.92,
    "length": -0.541,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the score is made of; all in 0..1 but `length`, the logarithm of the claim's words."""

    containment: float = 0.0
    """Weighted share of the claim's content words in the best window of three sentences."""
    alignment: float = 0.0
    """Mean over the claim's content words of the best cosine with a word of the passages."""
    pairs: float = 0.0
    """Share of its neighbouring words that are neighbours, or next but one, in a sentence."""
    cosine: float = 0.0
    """The best cosine of the whole claim with a sentence."""
    numbers: float = 0.0
    """Share of the claim's quantities that no passage states."""
    names: float = 0.0
    """Share of its names that no passage mentions."""
    length: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """`score` in 0..1; `best` is the window that carries the claim best, if there is any."""

    score: float
    best: Citation | None
    reason: str
    features: Features


def support(claim_text: str, passages: Sequence[Passage], embedder: Embedder) -> Support:
    """How well the passages support the claim.

    The score is a logistic function of `Features`; `SUPPORTED` is the point at which it was
    fitted to divide. Thresholds differ between kinds of text: calibrate where it matters.
    """
    return _support(ClaimAligner(claim_text, index_of(passages, embedder)))


def check_claim(claim: Claim, passages: Sequence[Passage], embedder: Embedder) -> ClaimCheck:
    """Supported, contradicted or unsupported, with the sentence that decides.

    `contradicted`: a sentence about the same thing differs in a number, date, name, negation or
    modal verb. That holds also where another passage states the claim: then the sources
    contradict each other, and the reason names both files.
    """
    aligner = ClaimAligner(claim.text, index_of(passages, embedder))
    found = [aligner.align(n) for n in aligner.candidates(_CANDIDATES)]
    stating = next((a for a in found if _states(a)), None)
    against = _against(found, stating)
    if against is not None:
        alignment, finding = against
        reason = finding.reason
        if stating is not None:
            reason = f"the sources disagree: {stating.at.file} supports it, but {reason}"
        return _check(claim, "contradicted", reason, alignment.at.citation(finding.reason))
    held = _support(aligner)
    absent = _absent(aligner)
    if absent:
        return _check(claim, "unsupported", absent, held.best)
    if stating is not None:
        return _check(claim, "supported", f"{stating.at.file} says so", stating.at.citation())
    absent = _undenied(aligner, found) or _elsewhere(aligner, held.best)
    if absent:
        return _check(claim, "unsupported", absent, held.best)
    if held.score < SUPPORTED or held.features.containment < _LEAST_CONTAINMENT:
        return _check(claim, "unsupported", _unmentioned(aligner) or held.reason, held.best)
    return _check(claim, "supported", held.reason, held.best)


def score(features: Features) -> float:
    """The logistic formula over the features."""
    total = INTERCEPT + sum(
        COEFFICIENTS[f.name] * getattr(features, f.name) for f in fields(features)
    )
    return 1 / (1 + exp(-max(-30.0, min(30.0, total))))


def _support(aligner: ClaimAligner) -> Support:
    features, window = _features(aligner)
    if window is None:
        return Support(
            score=0.0, best=None, reason="the passages say nothing on it", features=features
        )
    value = score(features)
    absent = _absent(aligner)
    share = f"{features.containment:.0%} of its words stand together in {window[0].file}"
    return Support(
        score=value,
        best=_citation(window, aligner.index),
        reason=absent or share,
        features=features,
    )


def _features(aligner: ClaimAligner) -> tuple[Features, list[Located] | None]:
    import numpy as np

    index, words = aligner.index, aligner.claim.content
    if not words or not index.sentences:
        return Features(), None
    weights = index.weights(words)
    weights = weights / weights.sum()
    forms = np.where(aligner.similarities >= SAME_ROOT - 0.001, aligner.similarities, 0.0)
    raw = np.maximum(index.vocabulary.similarities(words, raw=True), forms)
    best, chosen = -1.0, tuple[int, ...]()
    for window in _windows(index.sentences):
        columns = np.concatenate([index.columns[i] for i in window])
        context = index.context_columns[window[0]]
        found = np.maximum(_top(forms, columns), 0.7 * _top(forms, context))
        value = float((found * weights).sum())
        if value > best:
            best, chosen = value, window
    embedded = index.embedder.embed([aligner.claim.text])[0]
    readings = [s.reading for s in index.sentences]
    lost = missing(aligner.claim.quantities, [q for r in readings for q in r.quantities])
    unnamed = missing_names(aligner.claim, _with_headings(aligner.index))
    features = Features(
        containment=best,
        alignment=float(raw.max(axis=1, initial=0.0).mean()),
        pairs=_pairs(aligner),
        cosine=float((index.sentence_vectors @ embedded).max()),
        numbers=len(lost) / max(1, len(aligner.claim.quantities)),
        names=len(unnamed) / max(1, len(aligner.claim.names)),
        length=log(len(aligner.claim.words) + 1),
    )
    return features, _narrowed(forms, weights, chosen, index)


def _pairs(aligner: ClaimAligner) -> float:
    held = set[tuple[str, str]]()
    for sentence in aligner.index.sentences:
        stems = [w.stem for w in sentence.reading.words if w.is_content or w.is_number]
        held.update(pairwise(stems), zip(stems, stems[2:], strict=False))
    stems = [w.stem for w in aligner.claim.words if w.is_content or w.is_number]
    mine = list(pairwise(stems))
    return sum(pair in held for pair in mine) / max(1, len(mine))


def _top(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    result: np.ndarray = values[:, columns].max(axis=1, initial=0.0)
    return result


def _windows(sentences: Sequence[Located]) -> Iterator[tuple[int, ...]]:
    """Runs of up to three sentences that follow each other in one passage."""
    for i, first in enumerate(sentences):
        window = [i]
        for j in range(i + 1, min(i + _WINDOW, len(sentences))):
            if sentences[j].passage != first.passage or sentences[j].file != first.file:
                break
            window.append(j)
        yield tuple(window)


def _narrowed(
    forms: np.ndarray,
    weights: np.ndarray,
    chosen: Sequence[int],
    index: PassageIndex,
) -> list[Located]:
    """The window without the sentences at its ends that carry nothing of the claim."""
    window = list(chosen)

    def together(part: Sequence[int]) -> float:
        import numpy as np

        return float(
            (_top(forms, np.concatenate([index.columns[i] for i in part])) * weights).sum()
        )

    whole = together(window)
    single = max(window, key=lambda i: together([i]))
    if together([single]) >= 0.95 * whole:
        return [index.sentences[single]]
    while len(window) > 1 and together(window[:-1]) >= 0.98 * whole:
        window.pop()
    while len(window) > 1 and together(window[1:]) >= 0.98 * whole:
        window.pop(0)
    return [index.sentences[i] for i in window]


def _citation(window: Sequence[Located], index: PassageIndex) -> Citation:
    first, last = window[0], window[-1]
    passage = next(p for p in index.passages if p.id == first.passage and p.file == first.file)
    quote = passage.text[first.start - passage.start : last.end - passage.start]
    return first.citation().model_copy(update={"end": last.end, "quote": quote})


def _with_headings(index: PassageIndex) -> list[Reading]:
    return [s.reading for s in index.sentences] + [read(p.heading) for p in index.passages]


def _absent(aligner: ClaimAligner) -> str:
    """The number or name of the claim that no passage has, as a sentence; else empty."""
    readings = _with_headings(aligner.index)
    lost = missing(aligner.claim.quantities, [q for r in readings for q in r.quantities])
    if lost:
        return f'no passage states "{lost[0].text.strip()}"'
    unnamed = missing_names(aligner.claim, readings) or strange_words(aligner.claim, readings)
    return f'no passage mentions "{unnamed[0]}"' if unnamed else ""


def _elsewhere(aligner: ClaimAligner, best: Citation | None) -> str:
    """The day or month of the claim that is not said of what it speaks of; else empty."""
    named = [q for q in aligner.claim.quantities if q.is_named_day]
    lost = missing(named, read(best.quote).quantities if best else ())
    return f'no passage says "{lost[0].text}" of it' if lost else ""


def _undenied(aligner: ClaimAligner, found: Sequence[Alignment]) -> str:
    """Where the claim denies something that no sentence on the subject denies: that, in words."""
    if not aligner.claim.negations:
        return ""
    near = [a for a in found if a.cover >= _ON_SUBJECT][:_NEAREST]
    if any(a.at.reading.negations or _DENIES.search(a.at.reading.text) for a in near):
        return ""
    return f'no passage says "{aligner.claim.negations[0].word}" of it'


def _unmentioned(aligner: ClaimAligner) -> str:
    """The heaviest word of the claim that no passage has in any form, as a sentence; else empty."""
    best = aligner.similarities.max(axis=1, initial=0.0)
    lost = [w for w, value in zip(aligner.claim.content, best, strict=True) if value < ALIKE]
    if not lost:
        return ""
    heaviest = max(lost, key=lambda w: aligner.index.weight(w.stem))
    return f'the passages do not mention "{heaviest.text}"'


def _states(alignment: Alignment) -> bool:
    """Whether the sentence says all of the claim, and nothing otherwise."""
    return (
        alignment.cover >= _STATES_COVER
        and not missing(alignment.claim.quantities, alignment.at.reading.quantities)
        and not findings(alignment)
        and bool(alignment.claim.negations) == bool(alignment.source.negations)
    )


def _against(
    found: Sequence[Alignment], stating: Alignment | None
) -> tuple[Alignment, Finding] | None:
    """The finding that counts most: where a sentence states the claim, only a strict one does."""
    others = [a for a in found if stating is None or a.at is not stating.at]
    every = [(a, f) for a in others for f in findings(a) if stating is None or f.strict]
    return max(every, key=lambda x: (x[1].strict, x[0].cover + x[0].back), default=None)


def _check(claim: Claim, status: ClaimStatus, reason: str, against: Citation | None) -> ClaimCheck:
    return ClaimCheck(
        claim=claim.id, text=claim.text, status=status, reason=reason, by=BY, against=against
    )
