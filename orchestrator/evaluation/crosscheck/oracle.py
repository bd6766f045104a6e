"""Checkers with known faults, and what a pipeline that asks them must then come to.

An `Oracle` knows which claims are true and errs at rates that are given; two of them err together
as much as is given. So what the pipeline should accept, refuse and leave open can be worked out,
and held against what it really does, over HTTP and through the checker's role.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import TYPE_CHECKING, Literal

from orchestrator.evaluation.crosscheck.report import Figure, Report
from orchestrator.evidence.values import ClaimCheck
from orchestrator.roles.checking.merging import DOUBT, NOWHERE

if TYPE_CHECKING:
    import numpy as np

Gates = Literal["against", "for", "open", "doubt"]
"""What gates and scorer leave to the checkers: nothing, they are against the claim and final; they
support it; they do not see it; they do not see it and the scorer finds it unlikely."""
CHANCE = 0.001
"""How seldom a right pipeline may fall outside of an interval."""
_CERTAIN = f"{1 - CHANCE:.1%} of right pipelines"
_DIGITS = 13  # hexadecimal, of a hash: 52 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """A checker that knows the labels, and its faults."""

    sensitivity: float
    """How often it supports a claim that is supported, 0..1."""
    specificity: float
    """How often it does not support one that is not, canaries included."""
    no_verdict: float = 0.0
    """How often it leaves a claim out of its answer."""

    def supports(self, label: int) -> float:
        """How likely it says `supported` where it gives a verdict."""
        return self.sensitivity if label else 1 - self.specificity

    @property
    def counts(self) -> float:
        """How likely its verdict on a claim counts: it gives one, and does not pass the canary."""
        passes = (1 - self.no_verdict) * (1 - self.specificity)
        return (1 - self.no_verdict) * (1 - passes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One or two oracles, and how much they err together.

    `common` is the weight of a common cause: on that share of the claims both follow the same
    chance, on the others each its own. For two of equal rates it is the correlation of their
    errors among claims of one label.
    """

    name: str
    oracles: tuple[Oracle, ...]
    common: float = 0.0
    seed: int = 0

    def says(self, checker: int, claim: str, label: int) -> bool | None:
        """Whether a checker supports a claim, always the same; `None`: it says nothing of it."""
        own = self.oracles[checker]
        if self._chance(claim, "silent", checker) < own.no_verdict:
            return None
        together = self._chance(claim, "common") < self.common
        chance = self._chance(claim, "shared") if together else self._chance(claim, "own", checker)
        return chance < own.supports(label)

    def _chance(self, *of: object) -> float:
        """Uniform in 0..1, by a hash: a replay says the same."""
        text = "\n".join(map(str, (self.seed, *of)))
        digits = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
        return int(digits, 16) / float(16**_DIGITS)


@dataclass(frozen=True, slots=True)
class Expected:
    """How likely a claim ends as supported, as decided at all, and as decided rightly."""

    supported: float
    decided: float
    right: float


def expected(setting: Setting, gates: Gates, label: int) -> Expected:
    """What must come of a claim, in closed form.

    Let p_i be how likely checker i supports the claim (its sensitivity, or 1 - specificity), and
    c_i how likely its verdict counts: (1 - v)(1 - (1 - v)(1 - s)) with v the no-verdict rate and s
    the specificity, for a batch is thrown away where its canary is passed, which is a claim of its
    own. With one checker all say yes with y = p, all say no with n = 1 - p. With two and a common
    cause of weight w (a mixture of the upper Fréchet bound and independence; M. Fréchet, Sur les
    tableaux de corrélation dont les marges sont données, 1951)

        y = w min(p1, p2) + (1 - w) p1 p2
        n = w min(1 - p1, 1 - p2) + (1 - w) (1 - p1) (1 - p2)

    and c = c1 c2. Where they differ, or one does not count, nobody decides. So

    | gates and scorer | supported | refused |
    | --- | --- | --- |
    | against it | 0 | 1 |
    | for it | c y | 0: a checker that says no differs from them |
    | do not see it | c y | c n |
    | do not see it, and doubt it | 0 | c n |

    decided is the sum of both, right the one that the label names, and the share of decided claims
    that are right is the accuracy: the sum of `right` over that of `decided`.
    """
    yes, no, counts = _unanimous(setting, label)
    supported = {"against": 0.0, "for": counts * yes, "open": counts * yes, "doubt": 0.0}[gates]
    refused = {"against": 1.0, "for": 0.0, "open": counts * no, "doubt": counts * no}[gates]
    return Expected(supported, supported + refused, supported if label else refused)


def _unanimous(setting: Setting, label: int) -> tuple[float, float, float]:
    """How likely all say yes, all say no, and all count."""
    shares = [oracle.supports(label) for oracle in setting.oracles]
    counts, yes, no = 1.0, 1.0, 1.0
    for oracle, share in zip(setting.oracles, shares, strict=True):
        counts, yes, no = counts * oracle.counts, yes * share, no * (1 - share)
    together, w = min(shares), setting.common
    return (
        w * together + (1 - w) * yes,
        w * min(1 - share for share in shares) + (1 - w) * no,
        counts,
    )


# ── what the pipeline did ────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one claim."""

    label: int
    gates: Gates
    status: str

    @property
    def decided(self) -> bool:
        return self.status != "unverified"

    @property
    def right(self) -> bool:
        return self.decided and (self.status == "supported") == bool(self.label)


def outcome(check: ClaimCheck, label: int) -> Outcome:
    """Of a finding with its votes, from which it is read what gates and scorer had found."""
    gate = next(vote for vote in check.votes if vote.checker == "gates")
    scorer = next((v.probability for v in check.votes if v.probability is not None), None)
    gates: Gates = "open"
    if gate.status == "contradicted" or (gate.status == "unsupported" and gate.kind in NOWHERE):
        gates = "against"
    elif gate.status == "supported":
        gates = "for"
    elif gate.status == "unsupported" and scorer is not None and scorer < DOUBT:
        gates = "doubt"
    return Outcome(label, gates, check.status)


def held_against(setting: Setting, outcomes: Sequence[Outcome]) -> Report:
    """Coverage, abstention and accuracy beside what they must be, each with an exact interval.

    The numbers of supported, decided and right claims are sums of independent trials, of which
    those of one label and one finding of the gates are alike: their distribution is the
    convolution of binomial ones. `met` is false where a number has a probability below `CHANCE`
    of being so far out. Accuracy is taken among the claims that were decided.
    """
    kinds = sorted({(o.label, o.gates) for o in outcomes})
    counted = {kind: sum((o.label, o.gates) == kind for o in outcomes) for kind in kinds}
    decided = {kind: _count(outcomes, kind, "decided") for kind in kinds}
    chances = {kind: expected(setting, kind[1], kind[0]) for kind in kinds}
    rights = [
        (decided[k], chances[k].right / chances[k].decided if chances[k].decided else 0.0)
        for k in kinds
    ]
    n, many = len(outcomes), sum(decided.values())
    accepted = sum(o.status == "supported" for o in outcomes)
    right = sum(o.right for o in outcomes)
    covered = [(counted[k], chances[k].decided) for k in kinds]
    open_ = [(counted[k], 1 - chances[k].decided) for k in kinds]
    supported = [(counted[k], chances[k].supported) for k in kinds]
    figures = (
        _figure("accuracy of what is decided", right, many, rights),
        _figure("coverage", many, n, covered),
        _figure("abstention", n - many, n, open_),
        _figure("accepted", accepted, n, supported),
    )
    faults = "; ".join(
        f"sensitivity {o.sensitivity:g}, specificity {o.specificity:g}, no verdict {o.no_verdict:g}"
        for o in setting.oracles
    )
    together = f"; correlation of their errors {setting.common:g}" if setting.common else ""
    note = (
        f"Checkers: {faults}{together}. Bars: what follows, and the range in which {_CERTAIN} lie."
    )
    return Report(title=f"Oracle: {setting.name}", figures=figures, notes=(note,))


def strata(setting: Setting, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, int, float, int]]:
    """For each kind of claim and result: its name, how many, how likely, how many there are."""
    for label, gates in sorted({(o.label, o.gates) for o in outcomes}):
        chance = expected(setting, gates, label)
        own = [o for o in outcomes if (o.label, o.gates) == (label, gates)]
        supported = sum(o.status == "supported" for o in own)
        yield f"{label}/{gates} supported", supported, chance.supported, len(own)
        yield f"{label}/{gates} decided", sum(o.decided for o in own), chance.decided, len(own)


def _count(outcomes: Iterable[Outcome], kind: tuple[int, Gates], what: str) -> int:
    return sum(bool(getattr(o, what)) for o in outcomes if (o.label, o.gates) == kind)


def _figure(name: str, found: int, n: int, parts: Sequence[tuple[int, float]]) -> Figure:
    low, high = central(parts)
    mean = sum(size * p for size, p in parts)
    total = max(1, n)
    return Figure(
        name=name,
        value=found / total,
        n=n,
        bar=f"{mean / total:.3f} ({low / total:.3f} to {high / total:.3f})",
        met=low <= found <= high,
    )


def central(parts: Sequence[tuple[int, float]], chance: float = CHANCE) -> tuple[int, int]:
    """Within what a sum of binomial counts lies but for `chance`, half of it at each end.

    Args:
        parts: number of trials and probability of each.
    """
    import numpy as np

    whole = np.ones(1)
    for size, p in parts:
        whole = np.convolve(whole, _binomial(size, p))
    below = np.cumsum(whole)
    low = int(np.searchsorted(below, chance / 2))
    high = int(np.searchsorted(below, 1 - chance / 2))
    return low, min(high, len(whole) - 1)


def _binomial(n: int, p: float) -> np.ndarray:
    """The probabilities of 0 to n successes."""
    import numpy as np

    if p <= 0 or p >= 1:
        certain = np.zeros(n + 1)
        certain[n if p >= 1 else 0] = 1.0
        return certain
    ways = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(n + 1)]
    return np.array([exp(w + k * log(p) + (n - k) * log(1 - p)) for k, w in enumerate(ways)])


# ── claims of which all is known ─────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Fact:
    """A claim by rule, with a source of its own. Its label is given, and not read from it."""

    claim: str
    source: str
    label: int


def facts(n: int, seed: int = 0) -> list[Fact]:
    """Claims of three forms: word for word in their source, not in it, and with a wrong number.

    Half of the first two are labelled 0, as if their source had been misread: what the gates find
    is known all the same, and what the oracles say depends on the label alone.
    """
    return [_fact(i, seed) for i in range(n)]


def _fact(i: int, seed: int) -> Fact:
    number, place = 100 + (37 * i + 11 * seed) % 800, _place(i)
    stored = f"The depot in {place} stores {number} barrels of oil."
    source = (
        f"{stored} The yard in {place} was paved in {1900 + (13 * i) % 90}. "
        f"The gate in {place} opens at {6 + i % 4} in the morning."
    )
    label = (i // 4) % 2
    match i % 4:
        case 0 | 1:
            return Fact(stored, source, label)
        case 2:
            return Fact(f"The depot in {place} is guarded by trained dogs.", source, label)
    return Fact(stored.replace(str(number), str(number + 3)), source, 0)


_BEGINNINGS = ("Bal", "Cor", "Dun", "Els", "Far", "Gor", "Hul", "Kes", "Lom", "Mar", "Nor", "Pel")
_MIDDLES = ("a", "e", "i", "o", "u", "ar", "en", "il", "or", "und")
_ENDS = ("bridge", "burg", "dale", "field", "ford", "ham", "holm", "stead", "ton", "wick")


def _place(i: int) -> str:
    first, rest = i % len(_BEGINNINGS), i // len(_BEGINNINGS)
    second, third = rest % len(_MIDDLES), rest // len(_MIDDLES) % len(_ENDS)
    return f"{_BEGINNINGS[first]}{_MIDDLES[second]}{_ENDS[third]}"


def labels_of(given: Iterable[Fact]) -> Mapping[str, int]:
    """Claim → label; a text that is not in it is a canary, and false."""
    return {fact.claim: fact.label for fact in given}


_GOOD = Oracle(sensitivity=0.9, specificity=0.85)
_FAIR = Oracle(sensitivity=0.8, specificity=0.75, no_verdict=0.1)
SETTINGS = (
    Setting(name="one good checker", oracles=(_GOOD,), seed=1),
    Setting(name="one fair checker, silent on a tenth", oracles=(_FAIR,), seed=2),
    Setting(name="two of different kinds", oracles=(_GOOD, _FAIR), seed=3),
    Setting(name="two that err together", oracles=(_GOOD, _GOOD), common=0.6, seed=4),
)
"""What is measured by default: rates about those of published judges, and what two are worth."""
