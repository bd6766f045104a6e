"""How often the cache gives a wrong answer to a near miss, and a right one to a paraphrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrator.evaluation.caching.bench import Bench
from orchestrator.evaluation.caching.pairs import FIT, HELD, Pair, of_split
from orchestrator.evaluation.crosscheck.report import Figure, Report, rate
from orchestrator.project.protocols import Embedder

MOST_WRONG = 0.01
LEAST_HITS = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair and what became of it. `hit`: the right one was given the left one's answer."""

    pair: Pair
    hit: bool
    similarity: float


def judge(pairs: Sequence[Pair], embedder: Embedder) -> list[Judged]:
    """Each pair in a cache that holds the left one alone.

    A hit that is held back to be explored counts as one: it is what the rules allow that is
    measured here.
    """
    with TemporaryDirectory(prefix="mesh-cache-") as folder:
        bench = Bench(Path(folder), embedder)
        tenants = [f"pair-{number}" for number in range(len(pairs))]
        bench.keep([(p.left, t, "yes") for p, t in zip(pairs, tenants, strict=True)])
        found = [bench.ask(p.right, t, "t") for p, t in zip(pairs, tenants, strict=True)]
        bench.cache.close()
    vectors = [embedder.embed([p.left, p.right]) for p in pairs]
    return [
        Judged(pair, (one.hit or one.untrusted) is not None, float(v[0] @ v[1]))
        for pair, one, v in zip(pairs, found, vectors, strict=True)
    ]


def doubt(judged: Sequence[Judged]) -> tuple[int, int, float]:
    """Wrong hits and all hits, and the upper end of the 95 % interval of their ratio (Jeffreys).

    What `caching.trust.DOUBT` is to be, from the side that may be fitted on.
    """
    hits = [j for j in judged if j.hit]
    bad = sum(not j.pair.same for j in hits)
    return bad, len(hits), _jeffreys_upper(bad, len(hits))


def _jeffreys_upper(bad: int, n: int) -> float:
    """The 97.5 % point of Beta(bad + 1/2, n - bad + 1/2), by its distribution summed on a grid."""
    import numpy as np

    grid = np.linspace(0, 1, 200_001)[1:-1]
    log = (bad - 0.5) * np.log(grid) + (n - bad - 0.5) * np.log1p(-grid)
    mass = np.cumsum(np.exp(log - log.max()))
    return float(grid[np.searchsorted(mass, 0.975 * mass[-1])])


def by_similarity(fit: Sequence[Judged], held: Sequence[Judged]) -> tuple[float, int, int, int]:
    """The same by similarity alone: the lowest threshold that keeps to `MOST_WRONG` of the hits on
    the fit side; on the held side then hits on paraphrases, wrong hits, and all hits."""
    order = sorted(fit, key=lambda j: -j.similarity)
    bad, threshold = 0, 1.0 + 1e-6
    for place, one in enumerate(order, 1):
        bad += not one.pair.same
        if bad <= MOST_WRONG * place:
            threshold = one.similarity
    hits = [j for j in held if j.similarity >= threshold]
    right = sum(j.pair.same for j in hits)
    return threshold, right, len(hits) - right, len(hits)


def pairs_report(pairs: Sequence[Pair], embedder: Embedder) -> Report:
    """Figures of the held side, with the bars; those of the fit side beside them."""
    fit, held = (judge(of_split(pairs, side), embedder) for side in (FIT, HELD))
    figures = [*_side(held, "held", bars=True), *_side(fit, "fit", bars=False)]
    kinds = sorted({j.pair.kind for j in held if not j.pair.same})
    for kind in kinds:
        own = [j for j in held if j.pair.kind == kind]
        figures.append(rate("wrong hits", sum(j.hit for j in own), len(own), of=f"held: {kind}"))
    threshold, right, bad, hits = by_similarity(fit, held)
    same = sum(j.pair.same for j in held)
    part = f"held: cosine alone, from {threshold:.3f}"
    figures.append(rate("hits on paraphrases", right, same, of=part))
    figures.append(rate("wrong of all hits", bad, hits, of=part))
    wrong, all_, upper = doubt(fit)
    seeds = len({j.pair.seed for j in held}), len({j.pair.seed for j in fit})
    notes = (
        f"Fitted and looked at: {len(fit)} pairs of {seeds[1]} seeds; held: {len(held)} of "
        f"{seeds[0]}, to which nothing was fitted.",
        f"Prior doubt of an entry (caching.trust.DOUBT), from the fit side: {wrong} of {all_} hits "
        f"wrong, upper end of the 95 % interval {upper:.4f}.",
    )
    return Report(title="Paraphrases and near misses", figures=tuple(figures), notes=notes)


def _side(judged: Sequence[Judged], name: str, *, bars: bool) -> list[Figure]:
    same = [j for j in judged if j.pair.same]
    other = [j for j in judged if not j.pair.same]
    hits, bad = sum(j.hit for j in same), sum(j.hit for j in other)
    most, least = (MOST_WRONG, LEAST_HITS) if bars else (None, None)
    return [
        rate("hits on paraphrases", hits, len(same), of=name, at_least=least),
        rate("wrong hits on near misses", bad, len(other), of=name, at_most=most),
        rate("wrong of all hits", bad, hits + bad, of=name, at_most=most),
    ]
