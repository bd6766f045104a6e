"""What a claim ties together otherwise than its passages: swapped numbers, exchanged names, …

Each signal is graded: `strength` is how likely a claim like this was changed in this way, had one
of two been changed. Across corpora it holds as a rank and not as a frequency: how often claims are
wrong differs from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, get_args

from orchestrator.evidence.alignment import ALIKE, ClaimAligner
from orchestrator.evidence.language.similarity import SAME_ROOT
from orchestrator.evidence.numbers import MOMENTS
from orchestrator.evidence.passage_index import Located
from orchestrator.evidence.relations.absent import Absent, absent_names, absent_numbers
from orchestrator.evidence.relations.fit import Gaps
from orchestrator.evidence.relations.mentions import Mention
from orchestrator.evidence.relations.places import Field, Places, field_of
from orchestrator.evidence.relations.polarity import denial, opposites
from orchestrator.evidence.relations.weights import Weights, shipped
from orchestrator.evidence.values import ReasonKind

if TYPE_CHECKING:
    import numpy as np

Relation = Literal[
    "absent_number",
    "absent_name",
    "swapped_number",
    "swapped_date",
    "swapped_name",
    "roles",
    "antonym",
    "negation",
    "unmentioned",
]
RELATIONS: tuple[Relation, ...] = get_args(Relation)
_KINDS: dict[Relation, ReasonKind] = {
    "absent_number": "missing_number",
    "absent_name": "missing_name",
    "swapped_number": "swapped",
    "swapped_date": "swapped",
    "swapped_name": "swapped",
    "roles": "roles",
    "antonym": "antonym",
    "negation": "negation",
    "unmentioned": "unmentioned",
}
_DECIDES: dict[Relation, str] = {
    "swapped_number": "number",
    "swapped_date": "number",
    "roles": "roles",
}
_ALL = 0.999
_HOPELESS = 6.0
"""By how much two names may fit worse in each other's place before the words that the exchange
changes are looked at; they can make up for no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A disagreement of a claim with its passages."""

    relation: Relation
    strength: float
    """0..1."""
    claim_says: str
    source_says: str
    """Empty where the passages say nothing of it."""
    at: Located | None
    """The sentence that says otherwise."""
    reason: str
    """A sentence for a person."""

    @property
    def kind(self) -> ReasonKind:
        """The sort of reason that it is for a rejection."""
        return _KINDS[self.relation]


def relations(aligner: ClaimAligner) -> tuple[Signal, ...]:
    """All graded disagreements of a claim with the passages of its index, strongest first.

    They are kept beside the aligner: the scorer and the gates both look at them.
    """
    return aligner.beside(_relations)


def _relations(aligner: ClaimAligner) -> tuple[Signal, ...]:
    weights, field = shipped(), field_of(aligner.index)
    found = [*_absent(aligner, field)]
    if aligner.claim.words and aligner.index.sentences:
        gaps = Gaps(aligner, field)
        tried = tries(gaps, weights)
        found += _swapped(tried, aligner, weights)
        found += _roles(tried, gaps, aligner, weights)
        found += _antonyms(gaps, aligner, weights)
        found += _negation(aligner, weights)
        found += _unmentioned(aligner, field)
    return tuple(sorted(found, key=lambda s: -s.strength))


def strengths(signals: Sequence[Signal]) -> dict[Relation, float]:
    """The strongest signal of each relation, 0 where there is none; keys in order `RELATIONS`."""
    found: dict[Relation, float] = dict.fromkeys(RELATIONS, 0.0)
    for signal in signals:
        found[signal.relation] = max(found[signal.relation], signal.strength)
    return found


def strong(signals: Sequence[Signal]) -> Signal | None:
    """The strongest signal that by itself makes a claim contradicted: numbers, dates and roles that
    hardly a supported claim has so surely. `None` where there is none."""
    least = shipped().strong
    found = [s for s in signals if (key := _DECIDES.get(s.relation)) and s.strength > least[key]]
    return max(found, key=lambda s: s.strength, default=None)


def _absent(aligner: ClaimAligner, field: Field) -> Iterator[Signal]:
    claim, present = aligner.claim, field.present
    kinds: tuple[tuple[Relation, str, list[Absent]], ...] = (
        ("absent_number", "states", absent_numbers(claim, present)),
        ("absent_name", "mentions", absent_names(claim, present)),
    )
    for relation, verb, those in kinds:
        for one in those:
            yield Signal(
                relation=relation,
                strength=one.strength,
                claim_says=one.text,
                source_says="",
                at=None,
                reason=f'no passage {verb} "{one.text}"',
            )


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A gap that its own mention fills in the passages, with how well each mention fills it."""

    gap: Mention
    places: Places
    parts: np.ndarray
    fits: np.ndarray
    own: np.ndarray
    """Which mentions are the gap's own."""

    @property
    def best_own(self) -> float:
        return float(self.fits[self.own].max())

    def rivals(self, others: Sequence[Tried]) -> np.ndarray:
        """Which mentions are of something that the claim does not mention: a claim may say two
        things of one subject."""
        found: np.ndarray = ~self.own & self.places.sure
        for other in others:
            if other is not self and other.gap.kind == self.gap.kind:
                found = found & ~other.own
        return found


def tries(gaps: Gaps, weights: Weights) -> list[Tried]:
    """The gaps of a claim that the passages can fill with the claim's own number or name."""
    found = []
    for gap in gaps.mentions:
        places = gaps.field.of(gap.kind)
        own = places.same(gap)
        if own.any():
            parts = gaps.fits(gap, places)
            found.append(Tried(gap, places, parts, parts @ weights.parts(gap.kind), own))
    return found


def _swapped(tried: Sequence[Tried], aligner: ClaimAligner, weights: Weights) -> Iterator[Signal]:
    """Gaps that the mention of something else fits better than the claim's own."""
    import numpy as np

    for one in tried:
        rivals = one.rivals(tried)
        if not rivals.any():
            continue
        best = int(np.flatnonzero(rivals)[one.fits[rivals].argmax()])
        margin = float(one.fits[best]) - one.best_own
        quantity = one.gap.quantity
        relation: Relation = "swapped_name"
        if quantity is not None:
            relation = "swapped_date" if quantity.unit in MOMENTS else "swapped_number"
        strength = weights.strength(one.gap.kind, margin, one.best_own)
        yield _differs(aligner, relation, strength, one.gap.text, one.places, best)


def _roles(
    tried: Sequence[Tried], gaps: Gaps, aligner: ClaimAligner, weights: Weights
) -> Iterator[Signal]:
    """Pairs of names that fit better in each other's place."""
    parts = weights.parts("name")
    names = [t for t in tried if t.gap.kind == "name"]
    for one, other in combinations(names, 2):
        margin, place = exchange(one, other, gaps, parts)
        if place is None:
            continue
        at = aligner.index.sentences[one.places.sentence[place]]
        yield Signal(
            relation="roles",
            strength=weights.strength("roles", margin),
            claim_says=f"{one.gap.text} … {other.gap.text}",
            source_says=f"{other.gap.text} … {one.gap.text}",
            at=at,
            reason=f'{at.file} has "{other.gap.text}" where the claim has "{one.gap.text}", '
            "and the other way round",
        )


def exchange(one: Tried, other: Tried, gaps: Gaps, parts: np.ndarray) -> tuple[float, int | None]:
    """By how much two names fit better once exchanged, and where the second one stands then; no
    place where that need not be asked."""
    import numpy as np

    if set(one.gap.stems) & set(other.gap.stems) or gaps.listed(one.gap, other.gap):
        return 0.0, None
    mine = np.flatnonzero(one.own & ~other.own)
    theirs = np.flatnonzero(other.own & ~one.own)
    if not len(mine) or not len(theirs):
        return 0.0, None
    stated = float(one.fits[mine].max() + other.fits[theirs].max())
    if float(one.fits[theirs].max() + other.fits[mine].max()) < stated - _HOPELESS:
        return 0.0, None
    first = gaps.exchanged(one.gap, other.gap, theirs) @ parts
    second = gaps.exchanged(other.gap, one.gap, mine) @ parts
    return float(first.max() + second.max()) - stated, int(theirs[first.argmax()])


def _antonyms(gaps: Gaps, aligner: ClaimAligner, weights: Weights) -> Iterator[Signal]:
    for one in opposites(gaps):
        margin, own, best = one.margin(weights.parts("name"))
        strength = weights.strength("antonym", margin, own)
        yield _differs(aligner, "antonym", strength, one.word.text, one.places, best)


def _negation(aligner: ClaimAligner, weights: Weights) -> Iterator[Signal]:
    found = denial(aligner)
    if found is not None:
        margin, word, number = found
        at = aligner.index.sentences[number]
        theirs = at.reading.negations[0].word if at.reading.negations else ""
        whose = "the claim" if word else at.file
        yield Signal(
            relation="negation",
            strength=weights.strength("negation", margin, float(bool(word))),
            claim_says=word,
            source_says=theirs,
            at=at,
            reason=f'only {whose} says "{word or theirs}" of it',
        )


def _unmentioned(aligner: ClaimAligner, field: Field) -> Iterator[Signal]:
    """The weight of the claim's words that stand in no three sentences together."""
    import numpy as np

    claim, index = aligner.claim, aligner.index
    if not claim.content:
        return
    weights = aligner.weights
    names = claim.named
    named = np.array([w.stem in names for w in claim.content], dtype=bool)
    least = np.where(named, SAME_ROOT, ALIKE)[:, None]  # one name is not another that is like it
    found = np.where(aligner.similarities >= least, aligner.similarities, 0.0)
    covers = field.covers(found, weights)
    share = float(covers.max()) / float(weights.sum())
    if share >= _ALL:
        return
    lost = np.where(found.max(axis=1, initial=0.0) > 0, 0.0, weights)
    word = claim.content[int(lost.argmax())].text if lost.any() else ""
    reason = f'the passages do not mention "{word}"' if word else ""
    yield Signal(
        relation="unmentioned",
        strength=min(1.0, 1 - share),
        claim_says=word,
        source_says="",
        at=index.sentences[int(covers.argmax())],
        reason=reason or f"only {share:.0%} of its words stand together in the passages",
    )


def _differs(
    aligner: ClaimAligner, relation: Relation, strength: float, says: str, places: Places, best: int
) -> Signal:
    at = aligner.index.sentences[places.sentence[best]]
    instead = places.mentions[best].text
    return Signal(
        relation=relation,
        strength=strength,
        claim_says=says,
        source_says=instead,
        at=at,
        reason=f'{at.file} says "{instead}" of it, the claim says "{says}"',
    )
