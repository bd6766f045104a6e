"""How well passages support a claim, and what they say against it. No language model is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE, Alignment, ClaimAligner, aligner_of
from orchestrator.evidence.gates import Finding, findings, missing_names, strange_words
from orchestrator.evidence.language.reading import read
from orchestrator.evidence.language.similarity import SAME_ROOT
from orchestrator.evidence.numbers import missing
from orchestrator.evidence.passage_index import Located, PassageIndex, index_of
from orchestrator.evidence.relations.signals import Signal, relations, strong
from orchestrator.evidence.scoring.features import features
from orchestrator.evidence.scoring.model import SupportModel, shipped
from orchestrator.evidence.values import Citation, Claim, ClaimCheck, Passage, ReasonKind
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

BY = "claim-gates"
SUPPORTED = 0.5
_WINDOW = 3
_CANDIDATES = 16
_STATES_COVER = 0.8
_ON_SUBJECT = 0.4
_NEAREST = 4
_NEAR = 0.3
_SAYS = re.compile(
    r'says "(?P<source>.+?)", the claim says (?:"(?P<claim>.+)"|the opposite)', re.DOTALL
)
"""How a finding of the gates is worded."""
_DENIES = re.compile(
    r"\b(?:un(?!der|i|til)|non-?|impos|inval|illeg|inel|incap|insuf|disa[bglp])\w{3}"
    r"|\b(?:only|prohibit|forbid|ban|free of|lack|fail|refus|den[iy]|avoid|prevent|few"
    r"|little|hardly|rarely|too|stop|instead|rather)\w*",
    re.IGNORECASE,
)
"""Words by which a sentence may deny without a negation."""
_LEAST_CONTAINMENT = 0.55


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that a claim says and the passages do not; `reason` is a sentence for a person."""

    kind: ReasonKind
    claim_says: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """`score` in 0..1; `best` is the window that carries the claim best, if there is any.

    `containment` is the weighted share of the claim's content words that stands in it, and
    `lack` a number or name that no passage has.
    """

    score: float
    best: Citation | None
    reason: str
    containment: float = 0.0
    lack: Lack | None = None


def support(
    claim_text: str,
    passages: Sequence[Passage],
    embedder: Embedder,
    model: SupportModel | None = None,
) -> Support:
    """How well the passages support the claim.

    The score is the probability of the model, of the shipped one where none is given.
    """
    model = model or shipped()
    aligner = aligner_of(claim_text, index_of(passages, embedder))
    return _support(aligner, probability(claim_text, passages, embedder, model), _absent(aligner))


def check_claim(
    claim: Claim,
    passages: Sequence[Passage],
    embedder: Embedder,
    model: SupportModel | None = None,
) -> ClaimCheck:
    """Supported, contradicted or unsupported, with the sentence that decides.

    `contradicted`: a sentence about the same thing differs in a number, date, name, negation or
    modal verb. That holds also where another passage states the claim: then the sources
    contradict each other, and the reason names both files.

    `probability` is the scorer's alone: a claim that a gate contradicts may well look supported.
    """
    model = model or shipped()
    aligner = aligner_of(claim.text, index_of(passages, embedder))
    found = [aligner.align(n) for n in aligner.candidates(_CANDIDATES, _NEAR)]
    stating = next((a for a in found if _states(a)), None)
    check = ClaimCheck(
        claim=claim.id,
        text=claim.text,
        status="supported",
        by=BY,
        probability=probability(claim.text, passages, embedder, model),
    )
    against = _against(found, stating)
    if against is not None:
        return _contradicted(check, *against, stating)
    swap = strong(relations(aligner))
    if swap is not None:
        return _swapped(check, swap)
    lack = _absent(aligner)
    if lack is None and stating is not None:
        return check.model_copy(
            update={"reason": f"{stating.at.file} says so", "against": stating.at.citation()}
        )
    held = _support(aligner, check.probability or 0.0, lack)
    lack = lack or _undenied(aligner, found) or _elsewhere(aligner, held.best)
    if lack is None and not _enough(held, model):
        little = Lack(kind="little_support", claim_says="", reason=held.reason)
        lack = _unmentioned(aligner) or little
    if lack is None:
        return check.model_copy(update={"reason": held.reason, "against": held.best})
    update = {"status": "unsupported", "reason": lack.reason, "kind": lack.kind}
    return check.model_copy(update={**update, "claim_says": lack.claim_says, "against": held.best})


def _enough(held: Support, model: SupportModel) -> bool:
    return held.score >= model.threshold() and held.containment >= _LEAST_CONTAINMENT


def probability(
    claim: str, passages: Sequence[Passage], embedder: Embedder, model: SupportModel
) -> float:
    """That the claim is supported, by the scorer alone; 0 where there is nothing to compare."""
    values = features([claim], passages, embedder)
    return float(model.probability(values)[0]) if values.any() else 0.0


def _swapped(check: ClaimCheck, swap: Signal) -> ClaimCheck:
    """A number or a name of the claim that the passages tie to something else."""
    return check.model_copy(
        update={
            "status": "contradicted",
            "kind": swap.kind,
            "reason": swap.reason,
            "claim_says": swap.claim_says,
            "source_says": swap.source_says,
            "against": swap.at.citation(swap.reason) if swap.at else None,
        }
    )


def _contradicted(
    check: ClaimCheck, alignment: Alignment, finding: Finding, stating: Alignment | None
) -> ClaimCheck:
    reason = finding.reason
    if stating is not None:
        reason = f"the sources disagree: {stating.at.file} supports it, but {reason}"
    said = _SAYS.search(finding.reason)
    return check.model_copy(
        update={
            "status": "contradicted",
            "reason": reason,
            "kind": finding.gate,
            "claim_says": said["claim"] if said and said["claim"] else check.text,
            "source_says": said["source"] if said else alignment.at.text,
            "against": alignment.at.citation(finding.reason),
        }
    )


def _support(aligner: ClaimAligner, score: float, lack: Lack | None) -> Support:
    if not aligner.claim.content or not aligner.index.sentences:
        return Support(score=0.0, best=None, reason="the passages say nothing on it")
    containment, window = _best_window(aligner)
    return Support(
        score=score,
        best=_citation(window, aligner.index),
        reason=lack.reason
        if lack
        else f"{containment:.0%} of its words stand together in {window[0].file}",
        containment=containment,
        lack=lack,
    )


def _best_window(aligner: ClaimAligner) -> tuple[float, list[Located]]:
    """The window that holds most of the claim, and the weighted share that it holds."""
    import numpy as np

    index = aligner.index
    weights = aligner.weights / aligner.weights.sum()
    forms = np.where(aligner.similarities >= SAME_ROOT - 0.001, aligner.similarities, 0.0)
    own = index.best_of(forms)
    reach, place = own.copy(), index.passage_numbers
    last, going = np.arange(len(place)), np.ones(len(place), dtype=bool)
    for away in range(1, min(_WINDOW, len(place))):  # a window crosses no end of a passage
        going = going[:-1] & (place[:-away] == place[away:])
        wider = np.maximum(reach[:, :-away], own[:, away:])
        reach[:, :-away] = np.where(going, wider, reach[:, :-away])
        last[:-away] += going
    shares = weights @ np.maximum(reach, 0.7 * index.best_of_context(forms))
    first = int(shares.argmax())
    chosen = range(first, int(last[first]) + 1)
    return float(shares[first]), _narrowed(own, weights, chosen, index)


def _narrowed(
    own: np.ndarray, weights: np.ndarray, chosen: Sequence[int], index: PassageIndex
) -> list[Located]:
    """The window without the sentences at its ends that carry nothing of the claim."""
    window = list(chosen)

    def together(part: Sequence[int]) -> float:
        return float(weights @ own[:, list(part)].max(axis=1))

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


def _absent(aligner: ClaimAligner) -> Lack | None:
    """The number or name of the claim that no passage has."""
    claim, index = aligner.claim, aligner.index
    if lost := index.absent(claim.quantities):
        said = lost[0].text.strip()
        return Lack(kind="missing_number", claim_says=said, reason=f'no passage states "{said}"')
    if all({w.text.lower(), w.stem} & index.forms for w in claim.words if w.text[0].isupper()):
        return None
    unnamed = missing_names(claim, index.readings, index.singulars)
    unnamed = unnamed or strange_words(claim, index.readings, index.forms)
    if not unnamed:
        return None
    said = unnamed[0]
    return Lack(kind="missing_name", claim_says=said, reason=f'no passage mentions "{said}"')


def _elsewhere(aligner: ClaimAligner, best: Citation | None) -> Lack | None:
    """The day or month of the claim that is not said of what it speaks of."""
    named = [q for q in aligner.claim.quantities if q.is_named_day]
    lost = missing(named, read(best.quote).quantities if best else ())
    if not lost:
        return None
    said = lost[0].text
    return Lack(kind="date", claim_says=said, reason=f'no passage says "{said}" of it')


def _undenied(aligner: ClaimAligner, found: Sequence[Alignment]) -> Lack | None:
    """What the claim denies and no sentence on the subject does."""
    if not aligner.claim.negations:
        return None
    near = [a for a in found if a.cover >= _ON_SUBJECT][:_NEAREST]
    if any(a.at.reading.negations or _DENIES.search(a.at.reading.text) for a in near):
        return None
    said = aligner.claim.negations[0].word
    return Lack(kind="negation", claim_says=said, reason=f'no passage says "{said}" of it')


def _unmentioned(aligner: ClaimAligner) -> Lack | None:
    """The heaviest word of the claim that no passage has in any form."""
    best = aligner.similarities.max(axis=1, initial=0.0)
    lost = [w for w, value in zip(aligner.claim.content, best, strict=True) if value < ALIKE]
    if not lost:
        return None
    said = max(lost, key=lambda w: aligner.index.weight(w.stem)).text
    return Lack(kind="unmentioned", claim_says=said, reason=f'the passages do not mention "{said}"')


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
