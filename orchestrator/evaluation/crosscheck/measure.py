"""What verdicts on labelled claims are worth: figures with intervals, file by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evaluation.crosscheck.baselines import BASELINES
from orchestrator.evaluation.crosscheck.claims import Verdicts
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.crosscheck.table import Table

if TYPE_CHECKING:
    import numpy as np

PERCENT = f"{metrics.PREVALENCE:.0%}"
ACCURACY = tuple(f"accuracy, {share:.0%} left out" for share in metrics.LEFT_OUT)
BALANCED = tuple(f"balanced accuracy, {share:.0%} left out" for share in metrics.LEFT_OUT)
ALONE = tuple(f"{signal} alone" for signal in BASELINES)
GAINS = tuple(f"gain over {signal}" for signal in BASELINES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The figures of a file, or of one source of it, by name.

    What cannot be measured (a part with one label only has no balanced accuracy) is left out.
    """

    file: str
    source: str
    """Empty for the whole file."""
    supported: int
    unsupported: int
    groups: int
    """How many independent sets of passages the claims stand on; they are what is resampled."""
    figures: Mapping[str, Value]

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.file}: {self.source}" if self.source else self.file

    @property
    def claims(self) -> int:
        """How many there are."""
        return self.supported + self.unsupported

    @property
    def better_signal(self) -> str:
        """That of the single signals which does best here; the first where none was measured."""
        known = [s for s, name in zip(BASELINES, ALONE, strict=True) if name in self.figures]
        return max(known, key=lambda s: self.figures[f"{s} alone"].value, default=BASELINES[0])


def measure(
    verdicts: Verdicts,
    *,
    seed: int = 0,
    resamples: int = metrics.RESAMPLES,
    on_progress: OnProgress = silent,
) -> list[Part]:
    """Every file of the table, and its sources where it has several."""
    parts = list(_parts(verdicts.table))
    found = []
    for done, (file, source, here) in enumerate(parts):
        on_progress("intervals", done, len(parts))
        found.append(_part(file, source, verdicts.where(here), seed, resamples))
    return found


def gain(before: Verdicts, after: Verdicts, *, seed: int = 0) -> Value:
    """The paired difference in balanced accuracy, `after` less `before`, on the same claims."""
    import numpy as np

    labels, old, new = before.table.labels, before.said, after.said

    def difference(rows: np.ndarray) -> np.ndarray:
        now = metrics.balanced_accuracy(labels[rows], new[rows])
        return np.array([now - metrics.balanced_accuracy(labels[rows], old[rows])])

    value = difference(np.arange(len(labels)))[0]
    low, high = metrics.intervals(difference, before.table.groups, seed=seed)[0]
    return Value(value=float(value), low=float(low), high=float(high))


def _parts(table: Table) -> Iterator[tuple[str, str, np.ndarray]]:
    import numpy as np

    for file in dict.fromkeys(table.corpora.tolist()):
        here = table.corpora == file
        yield file, "", np.flatnonzero(here)
        sources = dict.fromkeys(table.sources[here].tolist())
        if len(sources) > 1:
            for source in sources:
                yield file, source, np.flatnonzero(here & (table.sources == source))


def _part(file: str, source: str, verdicts: Verdicts, seed: int, resamples: int) -> Part:
    import numpy as np

    table, said, probability = verdicts.table, verdicts.said, verdicts.probability
    labels, beside = table.labels, verdicts.beside
    sure = metrics.certainty(probability, verdicts.threshold)

    def figures(rows: np.ndarray) -> np.ndarray:
        single = beside[rows] if beside is not None else None
        found = _figures(labels[rows], said[rows], probability[rows], sure[rows], single)
        return np.array(list(found.values()))

    at = _figures(labels, said, probability, sure, beside)
    spread = metrics.intervals(figures, table.groups, seed=seed, resamples=resamples)
    return Part(
        file=file,
        source=source,
        supported=int((labels == 1).sum()),
        unsupported=int((labels == 0).sum()),
        groups=len(set(table.groups.tolist())),
        figures={
            name: Value(value=value, low=float(low), high=float(high))
            for (name, value), (low, high) in zip(at.items(), spread, strict=True)
            if not isnan(value)
        },
    )


def _figures(
    labels: np.ndarray,
    said: np.ndarray,
    probability: np.ndarray,
    sure: np.ndarray,
    beside: np.ndarray | None,
) -> dict[str, float]:
    """All figures of some claims; the names and their order do not depend on the claims."""
    whole = metrics.balanced_accuracy(labels, said)
    found = {
        "balanced accuracy": whole,
        "AUC": metrics.auc(labels, probability),
        f"precision at {PERCENT}": metrics.precision_at(labels, said),
    }
    if beside is not None:
        single = [metrics.balanced_accuracy(labels, column) for column in beside.T]
        found |= dict(zip(ALONE, single, strict=True))
        found |= {name: whole - value for name, value in zip(GAINS, single, strict=True)}
    for share, plain, balanced in zip(metrics.LEFT_OUT, ACCURACY, BALANCED, strict=True):
        stays = metrics.kept(sure, share)
        found[plain] = metrics.accuracy(labels[stays], said[stays])
        found[balanced] = metrics.balanced_accuracy(labels[stays], said[stays])
    found["calibration error"] = metrics.calibration_error(labels, probability)
    found["Brier score"] = metrics.brier(labels, probability)
    return found


# ── shown ────────────────────────────────────────────────────────────────────────────────

_TABLES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "told apart",
        ("balanced accuracy", "AUC", f"precision at {PERCENT}"),
        f"precision at {PERCENT}: of the claims that are refused, the share rightly so if {PERCENT}"
        " of all were unsupported (by Bayes, from both error rates at the threshold).",
    ),
    (
        "beside single signals",
        (*ALONE, *GAINS),
        "balanced accuracy of one signal alone, its threshold from the same training claims, and "
        "the paired difference on the same claims.",
    ),
    ("accuracy with the least certain left out", ACCURACY, ""),
    ("balanced accuracy with the least certain left out", BALANCED, ""),
    (
        "calibration",
        ("calibration error", "Brier score"),
        f"calibration error: {metrics.BINS} bins of equal width.",
    ),
)


def reports(parts: Sequence[Part], how: str) -> list[Report]:
    """The figures as tables with a row for each part; `how` says in the titles who judged."""
    return [
        Report(
            title=f"{how}: {title}",
            figures=tuple(_shown(part, name, title) for part in parts for name in _of(part, names)),
            notes=(*([note] if note else []), *(_counted(parts) if title == _TABLES[0][0] else [])),
        )
        for title, names, note in _TABLES
        if any(_of(part, names) for part in parts)
    ]


def _counted(parts: Sequence[Part]) -> list[str]:
    return [
        f"{p.name}: {p.supported:,} supported and {p.unsupported:,} unsupported claims on "
        f"{p.groups:,} sets of passages."
        for p in parts
    ]


def _of(part: Part, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in part.figures]


def _shown(part: Part, name: str, title: str) -> Figure:
    held = part.figures[name]
    short = name.partition(", ")[2] if title.endswith("left out") else name
    return measured(short, held.value, (held.low, held.high), n=part.claims, of=part.name)


def as_json(part: Part) -> dict[str, Any]:
    """The part as plain JSON content."""
    return {
        "file": part.file,
        "source": part.source or None,
        "supported": part.supported,
        "unsupported": part.unsupported,
        "groups": part.groups,
        "figures": {
            name: {"value": held.value, "low": _number(held.low), "high": _number(held.high)}
            for name, held in part.figures.items()
        },
    }


def _number(value: float) -> float | None:
    return None if isnan(value) else value
