"""Learns `orchestrator/evidence/relations/weights.json` and says what it is worth.

    python scripts/fit_relations.py FILE… [--write]

A FILE holds labelled claims (see `mesh eval mutations --help`); only the supported ones are used.
First the weights of a fit: of all mentions of a number or name in the passages, the claim's own is
to win its place in the claim (conditional logit). Then the grades: a logistic function of the
margin that tells claims that were changed from those that were not. Every corpus weighs the same.

`--write` writes the file; without it, only the figures of corpora that were held out are printed:
the share of the changed claims above the score that a tenth of that corpus's own supported claims
exceeds (all of them; only those that have such a number or name).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from orchestrator.embedding.load import load_embedder
from orchestrator.evaluation.crosscheck.files import ClaimRow, read_claims
from orchestrator.evaluation.crosscheck.mutations import MutationKind, mutate
from orchestrator.evidence.alignment import ClaimAligner
from orchestrator.evidence.passage_index import index_of
from orchestrator.evidence.relations.fit import PARTS, Gaps
from orchestrator.evidence.relations.places import field_of
from orchestrator.evidence.relations.polarity import Opposite, denial, opposites
from orchestrator.evidence.relations.signals import tries
from orchestrator.evidence.relations.weights import FILE, Weights, shipped
from orchestrator.evidence.values import Passage

LICENCE = (
    "Learned from the dev sets of AttributionBench (Apache-2.0, with attribution to its component "
    "sets), WiCE (annotations ODC-BY) and RAGTruth (MIT)."
)
CHANGES: dict[str, tuple[MutationKind, ...]] = {
    "number": ("number_swapped", "number_swapped_any", "date_swapped"),
    "name": ("name_swapped",),
    "roles": ("names_exchanged",),
    "antonym": ("antonym",),
    "negation": ("negation_inserted", "negation_removed"),
}
_LONGEST = 20_000  # characters of passages; longer ones cost much and teach no more
_MOST = 400  # mutations of one kind from one corpus
_ALARMS, _ENOUGH = 0.005, 80  # originals above a strong signal; claims of a corpus that count
_TURNS, _NEWTON, _RIDGE = 300, 40, 1e-3


@dataclass
class Seen:
    """One claim, original or changed: its corpus, what was changed, and what was measured."""

    corpus: str
    change: str
    gaps: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    """For each gap its kind, the parts of each mention, which are its own, which are rivals."""
    pairs: list[tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]] = field(default_factory=list)
    opposites: list[Opposite] = field(default_factory=list)
    denied: tuple[float, float] | None = None


def main(arguments: list[str]) -> int:
    files = [Path(a) for a in arguments if a != "--write"]
    if not files:
        print(__doc__)
        return 2
    claims = [(row.source, row) for file in files for row in read_claims(file)]
    seen = look(claims)
    for corpus in dict.fromkeys(s.corpus for s in seen):
        tell(corpus, learn([s for s in seen if s.corpus != corpus]), seen)
    if "--write" in arguments:
        FILE.write_text(json.dumps(as_json(learn(seen)), indent=2) + "\n", encoding="utf-8")
    return 0


def look(claims: Sequence[tuple[str, ClaimRow]]) -> list[Seen]:
    """Measure a sample of the supported claims and of their mutations, passage by passage."""
    embedder = load_embedder("static")
    work: list[tuple[str, str, str, tuple[str, ...]]] = []
    for corpus in dict.fromkeys(c for c, _ in claims):
        rows = [r for c, r in claims if c == corpus and sum(map(len, r.passages)) <= _LONGEST]
        work += [(corpus, "", r.claim, r.passages) for r in rows if r.label == 1]
        counts: Counter[str] = Counter()
        names = {kind: change for change, kinds in CHANGES.items() for kind in kinds}
        for mutation in mutate(rows, kinds=tuple(names)):
            change = names[mutation.kind]
            counts[change] += 1
            if counts[change] <= _MOST:
                work.append((corpus, change, mutation.claim, mutation.passages))
    work.sort(key=lambda w: w[3])
    seen = []
    for corpus, change, claim, texts in work:
        passages = [
            Passage(id=f"p{i}", file=f"{i}.txt", start=0, end=len(t), text=t, doc_hash=str(i))
            for i, t in enumerate(texts)
        ]
        seen.append(_seen(corpus, change, ClaimAligner(claim, index_of(passages, embedder))))
    return seen


def _seen(corpus: str, change: str, aligner: ClaimAligner) -> Seen:
    """Everything about one claim that does not depend on the weights."""
    seen = Seen(corpus, change)
    if not aligner.claim.words or not aligner.index.sentences:
        return seen
    places = field_of(aligner.index)
    gaps = Gaps(aligner, places)
    tried = tries(gaps, shipped())
    seen.gaps = [(t.gap.kind, t.parts, t.own, t.rivals(tried)) for t in tried]
    for one, other in combinations([t for t in tried if t.gap.kind == "name"], 2):
        mine = np.flatnonzero(one.own & ~other.own)
        theirs = np.flatnonzero(other.own & ~one.own)
        alike = set(one.gap.stems) & set(other.gap.stems) or gaps.listed(one.gap, other.gap)
        if len(mine) and len(theirs) and not alike:
            changed = (
                gaps.exchanged(one.gap, other.gap, theirs),
                gaps.exchanged(other.gap, one.gap, mine),
            )
            seen.pairs.append((changed, (one.parts[mine], other.parts[theirs])))
    seen.opposites = list(opposites(gaps))
    denied = denial(aligner)
    if denied is not None:
        seen.denied = (denied[0], float(bool(denied[1])))
    return seen


def learn(seen: Sequence[Seen]) -> Weights:
    """The weights of the fits from the originals, then the grades from both."""
    fit = {kind: _choose(kind, seen) for kind in ("number", "name")}
    bare = Weights(fit=fit, grade={}, strong={})
    graded = replace(bare, grade={c: _grade(c, seen, bare) for c in CHANGES})
    return replace(graded, strong={c: _strong(c, seen, graded) for c in CHANGES})


def _strong(change: str, seen: Sequence[Seen], weights: Weights) -> float:
    """The strength that few originals exceed, in the corpus where most do."""
    plain = [s for s in seen if not s.change]
    sizes = Counter(s.corpus for s in plain)
    cuts = [
        np.quantile(scores(change, [s for s in plain if s.corpus == corpus], weights), 1 - _ALARMS)
        for corpus, size in sizes.items()
        if size >= _ENOUGH
    ]
    return round(float(max(cuts, default=1.0)), 3)


def measured(change: str, one: Seen, weights: Weights) -> list[tuple[float, ...]]:
    """What the grade of a change looks at, for each place of the claim where it may have been."""
    if change in ("number", "name"):
        found: list[tuple[float, ...]] = []
        for kind, parts, own, rivals in one.gaps:
            if kind == change and rivals.any():
                fits = parts @ weights.parts(kind)
                best = float(fits[own].max())
                found.append((float(fits[rivals].max()) - best, best))
        return found
    if change == "roles":
        parts = weights.parts("name")
        return [
            (sum(float((m @ parts).max()) for m in a) - sum(float((m @ parts).max()) for m in b),)
            for a, b in one.pairs
        ]
    if change == "antonym":
        return [o.margin(weights.parts("name"))[:2] for o in one.opposites]
    return [one.denied] if one.denied else []


def _choose(kind: str, seen: Sequence[Seen]) -> tuple[float, ...]:
    """Conditional logit: the weights, none below zero, under which own mentions win their gaps."""
    parts, own, corpus = list[np.ndarray](), list[np.ndarray](), list[str]()
    gap: list[np.ndarray] = []
    for one in seen:
        for found, each, mine, rivals in one.gaps if not one.change else ():
            if found == kind and rivals.any():
                keep = mine | rivals
                parts.append(each[keep])
                own.append(mine[keep])
                gap.append(np.full(int(keep.sum()), len(gap)))
                corpus.append(one.corpus)
    counts = Counter(corpus)
    share = np.array([1 / counts[c] for c in corpus]) / len(counts)
    x, y, g = np.concatenate(parts), np.concatenate(own), np.concatenate(gap)
    weights, step, square = np.full(len(PARTS), 2.0), np.zeros(len(PARTS)), np.zeros(len(PARTS))
    for turn in range(1, _TURNS + 1):  # Adam, D. P. Kingma and J. Ba 2015
        score = x @ weights
        top = np.full(len(gap), -np.inf)
        np.maximum.at(top, g, score)
        each = np.exp(score - top[g])
        every = each / np.bincount(g, each)[g]
        right = each * y / np.maximum(np.bincount(g, each * y)[g], 1e-12)
        slope = ((every - right) * share[g]) @ x + _RIDGE * weights
        step = 0.9 * step + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        change = step / (1 - 0.9**turn) / (np.sqrt(square / (1 - 0.99**turn)) + 1e-8)
        weights = np.maximum(weights - 0.1 * change, 0.0)
    return tuple(round(float(w), 3) for w in weights)


def _grade(change: str, seen: Sequence[Seen], weights: Weights) -> tuple[float, ...]:
    """Logistic regression of changed or not; a changed claim counts by its highest margin."""
    rows, label, corpus = [], [], []
    for one in seen:
        if one.change not in ("", change):
            continue
        found = measured(change, one, weights)
        chosen = found if not one.change else sorted(found)[-1:]
        rows += chosen
        label += [float(bool(one.change))] * len(chosen)
        corpus += [one.corpus] * len(chosen)
    counts = Counter(zip(corpus, label, strict=True))
    share = np.array([1 / counts[key] for key in zip(corpus, label, strict=True)])
    share /= share.sum()
    x, y = np.column_stack([np.ones(len(rows)), np.array(rows)]), np.array(label)
    beta = np.zeros(x.shape[1])
    ridge = np.diag([0.0, *[_RIDGE] * (x.shape[1] - 1)])
    for _ in range(_NEWTON):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = (x * (share * p * (1 - p))[:, None]).T @ x + ridge
        beta -= np.linalg.solve(hessian, x.T @ (share * (p - y)) + ridge @ beta)
    return tuple(round(float(b), 3) for b in beta)


def scores(change: str, some: Sequence[Seen], weights: Weights) -> np.ndarray:
    """The strongest grade of each claim."""
    return np.array(
        [
            max((weights.strength(change, *m) for m in measured(change, s, weights)), default=0.0)
            for s in some
        ]
    )


def tell(corpus: str, weights: Weights, seen: Sequence[Seen]) -> None:
    """What weights learned without a corpus are worth on it."""
    here = [s for s in seen if s.corpus == corpus]
    words = []
    for change in CHANGES:
        score = {
            c: scores(change, [s for s in here if s.change == c], weights) for c in ("", change)
        }
        if len(score[change]):
            some = score[""][score[""] > 0]
            cuts = [np.quantile(part, 0.9) if len(part) else 1.0 for part in (score[""], some)]
            shares = "/".join(f"{(score[change] > cut).mean():.2f}" for cut in cuts)
            words.append(f"{change} {shares} of {len(score[change])}")
    print(f"{corpus:22} {', '.join(words)}")


def as_json(weights: Weights) -> dict[str, object]:
    """The file's content."""
    return {
        "made_by": "python scripts/fit_relations.py FILE… --write",
        "source": LICENCE,
        "fit": {k: dict(zip(PARTS, w, strict=True)) for k, w in weights.fit.items()},
        "grade": weights.grade,
        "strong": weights.strong,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
