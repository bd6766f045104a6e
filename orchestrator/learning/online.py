"""Learning while serving: only the answer that was given is ever judged.

What a model is worth on a kind of request is what the fleet declares of it, moved by what was seen:
how it does in general, how hard that kind is for all, and how it does there beside both. Each part
is Gaussian and shrunk towards nothing by how far such parts usually lie apart, so that an answer
says as much as it can of what was not asked (two-way random effects: S. Searle, G. Casella and
C. McCulloch, Variance components, 1992, chapter 7, solved by going round the parts).

Kinds are regions of the readings of the first requests: they are found anew each time as many more
have come, until there are enough of them, and need no judgement.

Who is asked is who is expected to be worth most; a stated share of requests goes to whoever is
worth most in a draw from what is still possible (Thompson sampling: W. Thompson, Biometrika 25,
1933), so that nobody is given up for good by bad luck.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchestrator.errors import UserError
from orchestrator.learning.features import Features, features_for
from orchestrator.learning.regions import STYLE_WEIGHT
from orchestrator.types import Estimate

FORMAT = 1
OF_MODEL, OF_KIND, OF_BOTH = 0.1**2, 0.2**2, 0.1**2
"""How far models, kinds of requests, and models on a kind usually lie apart, squared."""
NOISE = 0.17
"""The variance of one judgement around what is expected."""
SHARE = 0.05
"""Of the requests, so many are explored with."""
KINDS, FIRST, LAST = 16, 40, 640
"""At most so many kinds; they are found from so many requests on, and for the last time with so
many."""
EACH = 20
"""Requests for each kind."""
_ROUNDS, _K_MEANS_ROUNDS = 2, 12
_SEED = 5


@dataclass(slots=True, kw_only=True)
class Online:
    """What was learned until now; changed by `met` and `observe` alone. Not for several threads.

    Args:
        models: by name.
        declared: what the fleet says of each before anything was seen, 0..1.
        meaning: how many numbers of a reading are the embedding's, `Reader.meaning`.
    """

    models: tuple[str, ...]
    declared: np.ndarray
    meaning: int
    early: list[np.ndarray] = field(default_factory=list)
    """Readings of the first requests, until kinds are found for the last time."""
    judged: list[tuple[np.ndarray, int, float]] = field(default_factory=list)
    """Until then, also the judged answers: reading, place of the model, score."""
    features: Features | None = None
    centres: np.ndarray | None = None
    """Of the kinds, shape `(kinds, numbers)`."""
    counts: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    """Judged answers, shape `(models, kinds)`."""
    sums: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    """Their scores."""
    _of_model: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _of_kind: np.ndarray = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        if not len(self.counts):
            self.counts, self.sums = (np.zeros((len(self.models), 1)) for _ in range(2))
        self._solve()

    def met(self, reading: np.ndarray) -> None:
        """A request has come."""
        n = len(self.early)
        if n >= LAST:
            return
        self.early.append(np.asarray(reading, dtype=np.float32))
        due = FIRST
        while due < n + 1:
            due *= 2
        if n + 1 == due:
            self._find_kinds()

    def observe(self, reading: np.ndarray, model: str, score: float) -> None:
        """The answer of a model to a request was judged.

        Raises:
            UserError: the score is not in 0..1.
        """
        if not 0 <= score <= 1:
            raise UserError(f"score: {score:g} is not within 0 (bad) and 1 (good)")
        place = self.models.index(model)
        if len(self.early) < LAST:
            self.judged.append((np.asarray(reading, dtype=np.float32), place, float(score)))
        self._add(self._kind(reading), place, float(score))
        self._solve()

    def estimates(self, reading: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What to expect of each model on a request, and how far that may be off; 0..1."""
        kind = self._kind(reading)
        n = self.counts[:, kind]
        apart = OF_BOTH / (OF_BOTH + NOISE / np.maximum(n, 1e-9))
        off = self.sums[:, kind] / np.maximum(n, 1e-9) - self.declared
        usual = self._of_model + self._of_kind[kind]
        mean = self.declared + usual + np.where(n > 0, apart * (off - usual), 0.0)
        weight = (self.counts > 0) / (OF_BOTH + NOISE / np.maximum(self.counts, 1e-9))
        doubt = 1 / (1 / OF_MODEL + weight.sum(axis=1))
        own = np.where(n > 0, apart * NOISE / np.maximum(n, 1), OF_BOTH)
        return np.clip(mean, 0.0, 1.0), np.sqrt(own + (1 - apart) ** 2 * doubt)

    def expected(
        self, reading: np.ndarray, chance: np.random.Generator | None = None
    ) -> dict[str, Estimate]:
        """By model, for `Context.estimates`.

        Args:
            chance: of a request that is explored with: means are drawn from what is possible.
        """
        mean, sd = self.estimates(reading)
        if chance is not None:
            mean = np.clip(mean + sd * chance.normal(size=len(mean)), 0.0, 1.0)
        return {
            model: Estimate(mean=float(m), sd=float(s))
            for model, m, s in zip(self.models, mean, sd, strict=True)
        }

    def _kind(self, reading: np.ndarray) -> int:
        if self.centres is None or self.features is None:
            return 0
        place = self.features.places(np.asarray(reading)[None], STYLE_WEIGHT)[0]
        return int(((self.centres - place) ** 2).sum(axis=1).argmin())

    def _find_kinds(self) -> None:
        """Find kinds in the requests that came, and count anew by them."""
        rows = np.stack(self.early)
        self.features = features_for(rows, self.meaning)
        places = self.features.places(rows, STYLE_WEIGHT)
        self.centres = _k_means(places, int(np.clip(len(rows) // EACH, 1, KINDS)))
        self.counts, self.sums = (np.zeros((len(self.models), len(self.centres))) for _ in "ns")
        for reading, place, score in self.judged:
            self._add(self._kind(reading), place, score)
        if len(self.early) >= LAST:
            self.judged = []
        self._solve()

    def _add(self, kind: int, place: int, score: float) -> None:
        self.counts[place, kind] += 1
        self.sums[place, kind] += score

    def _solve(self) -> None:
        """The parts of models and of kinds, from what was seen of both together."""
        n = np.maximum(self.counts, 1e-9)
        weight = (self.counts > 0) / (OF_BOTH + NOISE / n)
        off = np.where(self.counts > 0, self.sums / n - self.declared[:, None], 0.0)
        kind = np.zeros(self.counts.shape[1])
        for _ in range(_ROUNDS):
            left = (weight * (off - kind)).sum(axis=1)
            model = left / (1 / OF_MODEL + weight.sum(axis=1))
            left = (weight * (off - model[:, None])).sum(axis=0)
            kind = left / (1 / OF_KIND + weight.sum(axis=0))
        self._of_model, self._of_kind = model, kind

    # ── to be kept ───────────────────────────────────────────────────────────────────────

    def to_bytes(self) -> bytes:
        """Everything, as an .npz archive."""
        early = np.stack(self.early) if self.early else np.zeros((0, 0), np.float32)
        said = [reading for reading, _, _ in self.judged]
        about = {
            "format": FORMAT,
            "models": self.models,
            "meaning": self.meaning,
            "judged": [(place, score) for _, place, score in self.judged],
        }
        arrays: dict[str, Any] = {
            "about": np.array(json.dumps(about)),
            "declared": self.declared,
            "early": early,
            "judged": np.stack(said) if said else early[:0],
            "counts": self.counts,
            "sums": self.sums,
        }
        if self.centres is not None:
            arrays["centres"] = self.centres
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Online:
        """What `to_bytes` wrote.

        Raises:
            UserError: it is something else.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as saved:
                about = json.loads(str(saved["about"]))
                if about["format"] != FORMAT:
                    raise UserError(f"the learned state has format {about['format']}, not {FORMAT}")
                arrays = {name: saved[name] for name in saved.files}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"this is no learned state ({error})") from error
        early, centres = arrays["early"], arrays.get("centres")
        last = FIRST * 2 ** int(np.log2(max(len(early) / FIRST, 1)))
        return cls(
            models=tuple(about["models"]),
            declared=arrays["declared"],
            meaning=about["meaning"],
            early=list(early),
            judged=[
                (row, place, score)
                for row, (place, score) in zip(arrays["judged"], about["judged"], strict=True)
            ],
            features=None if centres is None else features_for(early[:last], about["meaning"]),
            centres=centres,
            counts=arrays["counts"],
            sums=arrays["sums"],
        )


def _k_means(places: np.ndarray, count: int) -> np.ndarray:
    """Centres of regions, shape `(count, numbers)` (S. Lloyd, Least squares quantization in PCM,
    IEEE Transactions on Information Theory 28, 1982)."""
    centres = places[np.random.default_rng(_SEED).choice(len(places), count, replace=False)]
    for _ in range(_K_MEANS_ROUNDS):
        near = ((centres**2).sum(axis=1) - 2 * places @ centres.T).argmin(axis=1)
        for kind in np.unique(near):
            centres[kind] = places[near == kind].mean(axis=0)
    return centres
