"""What a claim states: numbers, names, yes or no of a record, and in which manner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import log1p
from typing import TYPE_CHECKING

from orchestrator.evidence.language.lexicon import STOP_WORDS, word_set
from orchestrator.evidence.language.reading import read
from orchestrator.evidence.language.words import stem
from orchestrator.evidence.passage_index import PassageIndex
from orchestrator.evidence.relations.signals import Relation, Signal
from orchestrator.evidence.scoring.compared import EXACT, Compared
from orchestrator.evidence.scoring.passages import NEGATION
from orchestrator.evidence.scoring.words import DIGITS, number, tokens

if TYPE_CHECKING:
    import numpy as np

_READ = 2000  # characters of a claim whose names and quantities are read
_NEIGHBOURS = 3
_NEIGHBOUR_REACH = 12
_SAME = 0.95
_FLAG_NAMED = 0.75
_NEW = 0.7
_CUES = {
    "hedges": r"may|might|could|can|possibly|perhaps|likely|potentially|suggests?|appears?|seems?"
    r"|generally|typically|usually|often|sometimes",
    "advises": r"important to|worth noting|note that|recommended|advisable|consult|depending on"
    r"|may vary|essential|crucial|ensure|overall|in conclusion|in summary",
    "of_passages": r"passages?|provided|given (?:information|text|context)|mention\w*",
    "praises": r"great|excellent|perfect|delicious|cozy|friendly|popular|unique|variety"
    r"|wide range|praised?|amazing|wonderful|beautiful|highly|ideal|must-visit|welcoming|vibrant"
    r"|charming|casual|family|atmosphere|ambiance|ambience",
    "attributes": r"customers?|reviewers?|reviews?|diners|patrons|guests|visitors|some|others|many"
    r"|several|one",
    "sweeping": r"all|every|always|only|most|first|best|largest|never|entire|each|any|both|must",
    "reasons": r"because|due to|since|so that|led to|leads? to|resulting|therefore|caus\w+"
    r"|in order to|as a result|thanks to|allow\w*|making",
}
"""What claims are said with; a word count each."""
_CUE_PATTERNS = {n: re.compile(rf"\b(?:{p})\b", re.IGNORECASE) for n, p in _CUES.items()}
_SAYS_NOTHING = re.compile(
    r"(?:not|n['’]t|no) (?:\w+ ){0,3}(?:mention|provide|specif|state|clear|enough|explicit"
    r"|information|contain)|unable to answer|cannot be (?:answered|determined)",
    re.IGNORECASE,
)
_LEADS_IN = re.compile(
    r"(?:however|overall|additionally|furthermore|moreover|in addition|in conclusion|in summary"
    r"|finally|also|therefore|thus|as a result|while|despite|although|it is important"
    r"|it's important|it is worth|note that|please note|based on|according to)\b",
    re.IGNORECASE,
)
_RELATIONS: dict[str, tuple[Relation, ...]] = {
    "absent_number": ("absent_number",),
    "absent_name": ("absent_name",),
    "swapped": ("swapped_number", "swapped_date"),
    "exchanged": ("swapped_name", "roles"),
    "antonym": ("antonym",),
    "negation": ("negation",),
}
_COMMON = word_set(
    """
a an and are as at be by for from had has have he her his in is it its of on or she that the
their they this to was were which who will with
"""
)
_TELLING_STOPS = STOP_WORDS - _COMMON


def number_features(c: Compared, index: PassageIndex) -> Iterator[tuple[str, float]]:
    """Numbers that no passage states, and numbers that stand with something else there."""
    digits = {d.replace(",", "") for d in DIGITS.findall(c.text)}
    stated = digits | {number(word) for word in c.words if not word[0].isdigit()} - {""}
    lost = stated - c.passages.numbers
    yield "numbers_absent", len(lost) / max(1, len(stated))
    quantities = read(c.text[:_READ]).quantities
    gone = index.absent(quantities)
    yield "quantities_absent", len(gone) / max(1, len(quantities))
    yield "number_elsewhere", _elsewhere(c, c.numerals)
    yield "number_neighbours", _neighbours(c, c.numerals)


def name_features(c: Compared) -> Iterator[tuple[str, float]]:
    """Names that no passage mentions, and names that stand with something else there."""
    names = read(c.text[:_READ]).names
    held = [[stem(w.text) in c.passages.by_stem for w in name] for name in names]
    yield "names_absent", sum(not any(h) for h in held) / max(1, len(names))
    yield "names_partly_absent", sum(not all(h) for h in held) / max(1, len(names))
    capitals = c.capitals & c.content
    yield "name_elsewhere", _elsewhere(c, capitals)
    yield "name_neighbours", _neighbours(c, capitals)


def _elsewhere(c: Compared, chosen: np.ndarray) -> float:
    """By how much the worst-placed chosen word's own sentences carry less than the best one."""
    if not chosen.any():
        return 0.0
    carried = c.carried[1]
    best = [carried[row >= EXACT].max(initial=0.0) for row in c.to_units[chosen]]
    return float(min(best) - carried.max())


def _neighbours(c: Compared, chosen: np.ndarray) -> float:
    """How well the words around the worst-placed chosen word stand around it in the passages."""
    import numpy as np

    content = c.content_at
    asked = np.flatnonzero(chosen[content]).tolist()
    if not asked:
        return 1.0
    near, close = c.near, c.close(_NEIGHBOUR_REACH)
    weights, worst = c.heavy[content], 1.0
    for i in asked:
        beside = [
            j
            for j in range(max(0, i - _NEIGHBOURS), min(len(content), i + _NEIGHBOURS + 1))
            if j != i and not (c.capitals[content[i]] and c.capitals[content[j]])
        ]
        there = near[i] >= _SAME
        if not beside:
            continue
        if not there.any():
            return 0.0
        found = weights[beside] @ close[np.array(beside)][:, there]
        worst = min(worst, float(found.max() / weights[beside].sum()))
    return worst


def relation_features(signals: Sequence[Signal]) -> Iterator[tuple[str, float]]:
    """What the passages tie together otherwise than the claim: the strongest of each sort."""
    for name, those in _RELATIONS.items():
        yield name, max((s.strength for s in signals if s.relation in those), default=0.0)


def record_features(c: Compared) -> Iterator[tuple[str, float]]:
    """Yes-or-no values of a record that the claim speaks of: how many it states otherwise."""
    against = for_it = unknown = 0
    known, by_word = c.passages.vocabulary, c.to_vocabulary
    for flag in c.passages.flags:
        columns = [known[w] for w in flag.words if w in known]
        if not columns or by_word[:, columns].max(axis=0).min() < _FLAG_NAMED:
            continue
        at = int(by_word[:, columns[0]].argmax())
        no = NEGATION.search(" ".join(c.words[max(0, at - 6) : at + 4])) is not None
        if flag.state is None:
            unknown += 1
        elif flag.state is no:
            against += 1
        else:
            for_it += 1
    yield "flags_against", float(against)
    yield "flags_unknown", float(unknown)
    yield "flags_agreed", float(for_it)


def manner_features(c: Compared, claim: str) -> Iterator[tuple[str, float]]:
    """With which words the claim speaks."""
    for name, pattern in _CUE_PATTERNS.items():
        yield f"cue_{name}", log1p(len(pattern.findall(claim)))
    yield "cue_says_nothing", float(_SAYS_NOTHING.search(claim) is not None)
    yield "cue_leads_in", float(_LEADS_IN.match(claim.strip()) is not None)
    yield "cue_commas", log1p(claim.count(","))
    yield "cue_cites", float(c.text != claim)
    yield "ends", float(claim.rstrip()[-1:] in '.!?"”')
    at = c.place(1)
    beside = c.passages.negated[max(0, at - 1) : at + 2]
    denies = NEGATION.search(claim) is not None
    yield "negations", float(len(NEGATION.findall(claim)))
    yield "denies_alone", float(denies and not beside.any())
    telling = [w in _TELLING_STOPS for w in c.words]
    yield (
        "stops_absent",
        log1p(sum(t and a < EXACT for t, a in zip(telling, c.around, strict=True))),
    )


def size_features(c: Compared) -> Iterator[tuple[str, float]]:
    """How long claim and passages are, where the best window stands, how alike the whole is."""
    import numpy as np

    yield "claim_words", log1p(len(c.words))
    yield "claim_rarity", float(c.rarity[c.content].mean())
    yield "units", log1p(len(c.passages))
    yield "words", log1p(len(c.passages.words))
    yield "window_place", c.place(3) / len(c.passages)
    own = c.rarity @ c.rows
    own /= np.linalg.norm(own) + 1e-9
    yield "cosine", float((c.passages.window_vectors @ own).max())
    yield "returned", _returned(c)


def _returned(c: Compared) -> float:
    """Weighted share of the best sentence that stands in the claim."""
    at, p = c.place(1), c.passages
    ids = p.ids[p.bounds[at] : p.bounds[at + 1]]
    ids = ids[p.content[ids]]
    if not len(ids):
        return 0.0
    weights = p.rarity[ids]
    return float(c.to_vocabulary[:, ids].max(axis=0) @ weights / weights.sum())


def question_features(c: Compared, question: Sequence[str]) -> Iterator[tuple[str, float]]:
    """What of the claim only repeats the question, and how well the rest is found."""
    import numpy as np

    if not question:
        found = float(c.best @ c.weights)
        yield from (("asked", 0.0), ("asked_gain", 0.0), ("beyond_question", found))
        return
    alike = c.rows @ c.passages.vectors.of(question).T
    stems = [stem(w) for w in question]
    for i, mine in enumerate(c.stems):
        for j, other in enumerate(stems):
            if mine == other:
                alike[i, j] = 1.0
    repeated = alike.max(axis=1)
    yield "asked", float(repeated @ c.weights)
    yield "asked_gain", float((np.maximum(c.best, repeated) - c.best) @ c.weights)
    new = c.heavy * (repeated < _NEW) + 1e-6
    yield "beyond_question", float(c.best @ new / new.sum())


def question_words(question: str) -> list[str]:
    """The words of a question, each once."""
    return list(dict.fromkeys(tokens(question)))
