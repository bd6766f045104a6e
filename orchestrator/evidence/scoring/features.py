"""What the scorer looks at: numbers that say how a claim stands to its passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import aligner_of
from orchestrator.evidence.passage_index import PassageIndex, index_of
from orchestrator.evidence.relations.signals import relations
from orchestrator.evidence.scoring.alignment import (
    LOST_AXES,
    clause_features,
    lost_features,
    order_features,
    word_features,
)
from orchestrator.evidence.scoring.compared import Compared
from orchestrator.evidence.scoring.passages import words_of
from orchestrator.evidence.scoring.stated import (
    manner_features,
    name_features,
    number_features,
    question_features,
    question_words,
    record_features,
    relation_features,
    size_features,
)
from orchestrator.evidence.values import Passage
from orchestrator.project.protocols import Embedder

if TYPE_CHECKING:
    import numpy as np

NAMES: tuple[str, ...] = (
    "alignment", "alignment_median", "lower_weakest", "lower_window_1", "absent_weight",
    "unlike_around", "exact_window_1", "exact_window_5", "exact_window_3_rare",
    "window_1_quarter", "window_3_quarter", "window_2_weakest", "all_window_1", "all_window_3",
    "second_sentence", "copied_pairs", "copied_triples", "phrase_median", "phrase_weakest",
    "phrase_window", "ordered", "ordered_weakest", "dense", "pairs_quarter", "clause_first",
    "clause_last", "numbers_absent", "quantities_absent", "number_elsewhere",
    "number_neighbours", "names_absent", "names_partly_absent", "name_elsewhere",
    "name_neighbours", "absent_number", "absent_name", "swapped", "exchanged", "antonym",
    "negation", "flags_against", "flags_unknown", "flags_agreed", "cue_hedges", "cue_advises",
    "cue_of_passages", "cue_praises", "cue_attributes", "cue_sweeping", "cue_reasons",
    "cue_says_nothing", "cue_leads_in", "cue_commas", "cue_cites", "ends", "negations",
    "denies_alone", "stops_absent", "claim_words", "claim_rarity", "units", "words",
    "window_place", "cosine", "returned", "asked", "asked_gain", "beyond_question",
    *(f"lost_{axis}" for axis in range(LOST_AXES)),
)  # fmt: skip
"""In the order of the columns of `features`."""


def features(
    claims: Sequence[str], passages: Sequence[Passage], embedder: Embedder, question: str = ""
) -> np.ndarray:
    """The features of each claim, float32, shape `(len(claims), len(NAMES))`.

    Of a claim or passages without any word all are 0.
    """
    import numpy as np

    index = index_of(passages, embedder)
    held, asked = words_of(index), question_words(question)
    rows = np.zeros((len(claims), len(NAMES)), dtype=np.float32)
    # Matrix products may flag what they read beside a matrix; no value comes of it.
    with np.errstate(invalid="ignore"):
        for row, claim in zip(rows, claims, strict=True):
            compared = Compared(claim, held)
            if compared.words and len(held):
                row[:] = [value for _, value in _of(compared, claim, asked, index)]
    return rows


def _of(
    c: Compared, claim: str, question: Sequence[str], index: PassageIndex
) -> Iterator[tuple[str, float]]:
    yield from word_features(c)
    yield from order_features(c)
    yield from clause_features(c)
    yield from number_features(c, index)
    yield from name_features(c)
    yield from relation_features(relations(aligner_of(claim, index)))
    yield from record_features(c)
    yield from manner_features(c, claim)
    yield from size_features(c)
    yield from question_features(c, question)
    yield from lost_features(c)
