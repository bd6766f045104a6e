"""What share of planted mutations each signal catches, at a stated share of false alarms.

False alarms are the unmutated supported claims that the same signal flags at the same threshold. A
threshold, and the weights of the signals taken together, are fitted on folds without the passages
that they are measured on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING

from orchestrator.evaluation.crosscheck.files import ClaimRow, folds, groups, passages_of
from orchestrator.evaluation.crosscheck.metrics import intervals
from orchestrator.evaluation.crosscheck.mutations import KINDS, Mutation, mutate
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.crosscheck.table import for_each, prepare

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.evidence.scoring.model import SupportModel
    from orchestrator.project.protocols import Embedder

ALARMS = 0.10
"""The share of false alarms where a kind asks for no other."""
_RESAMPLES = 400
_RIDGE = 1e-3
_NEWTON = 40


@dataclass(frozen=True, slots=True)
class _Asked:
    """The signals that are to catch a kind of mutation, at which share of false alarms, and what
    share of them is asked for. Several signals are fitted together on all of the `kinds`."""

    signals: tuple[str, ...]
    alarms: float = ALARMS
    at_least: float | None = None
    kinds: tuple[str, ...] = ()


_SWAPPED = _Asked(
    ("swapped_number", "swapped_date"),
    at_least=0.6,
    kinds=("number_swapped", "number_swapped_any", "date_swapped"),
)
_ELSEWHERE = _Asked(
    ("unmentioned", "absent_number", "absent_name"),
    at_least=0.9,
    kinds=("citation_nearest", "citation_random"),
)
_ASKED: Mapping[str, _Asked] = {
    "number_foreign": _Asked(("absent_number",), 0.03, 0.93),
    "number_swapped": _SWAPPED,
    "number_swapped_any": _SWAPPED,
    "date_swapped": _SWAPPED,
    "unit_changed": _Asked(("absent_number",)),
    "name_foreign": _Asked(("absent_name",), at_least=0.97),
    "name_swapped": _Asked(("swapped_name",), at_least=0.4),
    "names_exchanged": _Asked(("roles",), at_least=0.4),
    "subject_object": _Asked(("roles",)),
    "negation_inserted": _Asked(("negation",)),
    "negation_removed": _Asked(("negation",)),
    "antonym": _Asked(("antonym",)),
    "clause_appended": _Asked(("unmentioned",)),
    "place_appended": _Asked(("absent_name",)),
    "citation_nearest": _ELSEWHERE,
    "citation_random": _ELSEWHERE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim, mutated or not; `row` is what is checked, `kind` is empty for an original."""

    row: ClaimRow
    kind: str
    corpus: str
    group: str
    fold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """The cases with what each signal says, all arrays of one row a case. `strength` has the
    columns `names`; `scorer` is one minus the probability of being supported."""

    cases: tuple[Case, ...]
    names: tuple[str, ...]
    strength: np.ndarray
    scorer: np.ndarray


def plant(
    files: Mapping[str, Sequence[ClaimRow]],
    embedder: str,
    model: SupportModel,
    *,
    seed: int = 0,
    most: int = 400,
    k: int = 5,
    on_progress: OnProgress = silent,
) -> Planted:
    """Mutate the supported claims of each file, and look at them and at the originals.

    Args:
        files: labelled claims, by the name that each file is shown under.
        embedder: the name of the one that is used for checking.
        model: the scorer.
        seed: of the mutations and of the folds.
        most: how many mutations of a kind are drawn from a file.
        k: the number of folds.
        on_progress: is told how far it is.
    """
    import numpy as np

    from orchestrator.evidence.relations.signals import RELATIONS

    cases = _cases(files, seed, most, k)
    rows = [case.row for case in cases]

    def told(done: int) -> None:
        on_progress("signals", done, len(rows))

    graded = np.stack(for_each(rows, embedder, _graded, told))
    table = prepare({"": rows}, embedder, on_progress=on_progress)
    return Planted(
        cases=tuple(cases),
        names=RELATIONS,
        strength=graded,
        scorer=1 - model.probability(table.features),
    )


def _cases(files: Mapping[str, Sequence[ClaimRow]], seed: int, most: int, k: int) -> list[Case]:
    """All originals, and a draw of the mutations of each kind."""
    every = [(name, row) for name, rows in files.items() for row in rows]
    numbers = groups([row for _, row in every])
    dealt = folds(numbers, [row.source for _, row in every], k, seed)
    place = {(n, r.id): (g, f) for (n, r), g, f in zip(every, numbers, dealt, strict=True)}
    cases = []
    for name, rows in files.items():
        found: dict[str, list[Mutation]] = {kind: [] for kind in KINDS}
        for mutation in mutate(rows, seed=seed):
            found[mutation.kind].append(mutation)
        made = [(row.id, "", row) for row in rows if row.label == 1]
        for kind, those in found.items():
            drawn = random.Random(f"{seed}:{name}:{kind}").sample(those, min(most, len(those)))
            made += [(m.row.id, kind, m.as_row()) for m in drawn]
        for origin, kind, row in made:
            group, fold = place[name, origin]
            cases.append(Case(row=row, kind=kind, corpus=name, group=group, fold=fold))
    return cases


@lru_cache(maxsize=1)
def _embedder(name: str) -> Embedder:
    from orchestrator.embedding.load import load_embedder

    return load_embedder(name)


def _graded(rows: Sequence[ClaimRow], embedder: str) -> np.ndarray:
    """The strength of each relation in each row; rows are sorted by their passages."""
    import numpy as np

    from orchestrator.evidence.alignment import ClaimAligner
    from orchestrator.evidence.passage_index import index_of
    from orchestrator.evidence.relations.signals import relations, strengths

    found = []
    for _, same in groupby(rows, key=lambda row: row.passages):
        own = list(same)
        index = index_of(passages_of(own[0]), _embedder(embedder))
        for row in own:
            found.append(list(strengths(relations(ClaimAligner(row.claim, index))).values()))
    return np.array(found, dtype=np.float64)


# ── what is caught ───────────────────────────────────────────────────────────────────────


def reports(planted: Planted, *, seed: int = 0) -> list[Report]:
    """What is asked, then all kinds over all files, then file by file."""
    import numpy as np

    corpora = list(dict.fromkeys(case.corpus for case in planted.cases))
    whole = np.ones(len(planted.cases), dtype=bool)
    parts = [("all files", whole)]
    if len(corpora) > 1:
        own = np.array([case.corpus for case in planted.cases])
        parts += [(name, own == name) for name in corpora]
    together = _fitted(planted, planted.names)
    figures = {name: _figures(planted, together, here, seed) for name, here in parts}
    asked = tuple(
        measured(
            f"{figure.of} at {_ASKED[figure.of].alarms:.0%}",
            figure.value,
            (figure.low or 0.0, figure.high or 0.0),
            n=figure.n,
            at_least=_ASKED[figure.of].at_least,
        )
        for figure in figures["all files"]
        if figure.name == "signal" and figure.of in _ASKED and _ASKED[figure.of].at_least
    )
    return [
        Report(title="Asked of the deterministic signals", figures=asked),
        *(
            Report(title=f"Mutations caught: {name}", figures=tuple(found), notes=_NOTES)
            for name, found in figures.items()
        ),
    ]


_NOTES = (
    "signal: the one made for the kind, at 3 % false alarms for number_foreign and 10 % for the "
    "others; strict: at that share of only the claims of which the signal says anything; together: "
    "all signals; scorer: the probability. The row unmutated has the measured false alarms at 10 % "
    "of the signals together and of the scorer. Shares of the mutations, with 95 % intervals by "
    "passages; thresholds and weights were fitted on other folds.",
    "The signals themselves ship with weights that were learned once, from supported claims of the "
    "corpora named in evidence/relations/weights.json; scripts/fit_relations.py says what they are "
    "worth on a corpus held out.",
)


def _figures(planted: Planted, together: np.ndarray, here: np.ndarray, seed: int) -> list[Figure]:
    import numpy as np

    kinds = np.array([case.kind for case in planted.cases])
    group = np.array([case.group for case in planted.cases])
    found = []
    for kind in ("", *KINDS):
        chosen = here & (kinds == kind)
        if not chosen.any():
            continue
        flags = {
            "together": _flags(planted, together, here, ALARMS),
            "scorer": _flags(planted, planted.scorer, here, ALARMS),
        }
        if kind:
            asked = _ASKED[kind]
            signal = _fitted(planted, asked.signals, asked.kinds or (kind,))
            columns = [planted.names.index(name) for name in asked.signals]
            such = planted.strength[:, columns].max(axis=1) > 0
            flags = {
                "signal": _flags(planted, signal, here, asked.alarms),
                "strict": _flags(planted, signal, here, asked.alarms, such=such),
                **flags,
            }
        values = np.column_stack([flag[chosen] for flag in flags.values()]).astype(float)
        spans = intervals(partial(_shares, values), group[chosen], seed=seed, resamples=_RESAMPLES)
        for i, name in enumerate(flags):
            low, high = spans[i]
            found.append(
                measured(
                    name,
                    float(values[:, i].mean()),
                    (float(low), float(high)),
                    n=int(chosen.sum()),
                    of=kind or "unmutated",
                )
            )
    return found


def _shares(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    shares: np.ndarray = values[rows].mean(axis=0)
    return shares


def _flags(
    planted: Planted,
    score: np.ndarray,
    here: np.ndarray,
    alarms: float,
    such: np.ndarray | None = None,
) -> np.ndarray:
    """Which cases score above the threshold of the other folds; False outside `here`."""
    import numpy as np

    fold = np.array([case.fold for case in planted.cases])
    plain = here & np.array([not case.kind for case in planted.cases])
    if such is not None:
        plain = plain & such
    flagged = np.zeros(len(score), dtype=bool)
    for number in np.unique(fold):
        train = np.sort(score[plain & (fold != number)])
        above = int(alarms * len(train))
        cut = train[len(train) - above - 1] if len(train) else 0.0
        flagged |= here & (fold == number) & (score > cut)
    return flagged


def _fitted(planted: Planted, names: Sequence[str], kinds: Sequence[str] = KINDS) -> np.ndarray:
    """Some signals as one that is to catch mutations of some kinds: a logistic formula over how
    rare each signal's strength is among the originals, and the rarest one; fitted on the other
    folds. Kinds and files weigh the same, and so do originals and mutations."""
    import numpy as np

    strength = planted.strength[:, [planted.names.index(name) for name in names]]
    if len(names) == 1:
        return strength[:, 0]
    fold = np.array([case.fold for case in planted.cases])
    y = np.array([float(bool(case.kind)) for case in planted.cases])
    used = np.array([case.kind in ("", *kinds) for case in planted.cases])
    part = np.unique([f"{c.corpus} {c.kind}" for c in planted.cases], return_inverse=True)[1]
    total = np.zeros(len(y))
    for number in np.unique(fold):
        train = used & (fold != number)
        rare = _rarity(strength, strength[train & (y == 0)])
        x = np.column_stack([np.ones(len(y)), rare, rare.max(axis=1)])
        weight = 1 / np.maximum(1, np.bincount(part[train], minlength=part.max() + 1))[part]
        weight[~train] = 0.0
        for label in (0.0, 1.0):
            weight[y == label] /= max(1e-9, weight[y == label].sum())
        total[fold == number] = (x @ _logistic(x, y, weight))[fold == number]
    return total


def _logistic(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The coefficients of a weighted logistic regression with a little ridge, by Newton."""
    import numpy as np

    beta = np.zeros(x.shape[1])
    for _ in range(_NEWTON):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(len(beta))
        beta -= np.linalg.solve(hessian, x.T @ (weight * (p - y)) + _RIDGE * beta)
    return beta


def _rarity(strength: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """The negative logarithm of the share of the originals in which each signal is as strong."""
    import numpy as np

    n = len(originals)
    columns = []
    for own, all_of_it in zip(originals.T, strength.T, strict=True):
        below = np.searchsorted(np.sort(own), all_of_it, side="left")
        columns.append(-np.log((n - below + 1) / (n + 1)))
    return np.column_stack(columns)
