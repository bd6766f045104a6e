"""How well each number or name of the passages fits the place of one in the claim.

The claim with one of its numbers or names left out is a gap. Every number (name) of the passages
is tried in it: the words around the gap are looked for around that mention, near ones and heavy
ones counting more, on the same side or on either. The weights of the seven parts are learned so
that on supported claims the mention that really stands there wins (a conditional logit model,
D. McFadden 1974); no mutation is needed for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.evidence.alignment import ALIKE, ClaimAligner
from orchestrator.evidence.relations.mentions import (
    Mention,
    listed,
    mentions,
    passive,
    positions,
)
from orchestrator.evidence.relations.places import FAR, NEAR, Field, Places

if TYPE_CHECKING:
    import numpy as np

PARTS = ("near_same_side", "near", "far", "anywhere", "before", "after", "far_same_side", "unit")
"""What a fit is made of, each in 0..1: shares of the weight of the claim's words that stand near
or far of the mention (on the same side of it), at all within reach; whether the words directly
before and after are the same; whether the unit is."""
_TINY = 1e-6


class Gaps:
    """One claim's numbers and names as gaps, and its words as found around those of a field."""

    def __init__(self, aligner: ClaimAligner, field: Field) -> None:
        import numpy as np

        self.field = field
        self.reading = aligner.claim
        words = self.reading.words
        stems = {w.stem for w in words}
        known = self.reading.named | (stems & field.known) | (stems & field.perhaps)
        self.mentions = mentions(self.reading, known)
        self._places = np.array(
            [i for i, w in enumerate(words) if w.is_content or w.is_number], dtype=np.intp
        )
        self._weights = aligner.index.weights([words[i] for i in self._places.tolist()])
        self._at = np.array(positions(self.reading.text, words), dtype=np.float32)
        self._found = _found(aligner, field, self._places)
        self._stands = self._found.any(axis=0)
        self._sides: dict[str, tuple[np.ndarray, ...]] = {}
        self._views: dict[int, _View] = {}

    def fits(self, gap: Mention, places: Places) -> np.ndarray:
        """`PARTS` for each of the mentions, shape (mentions, parts)."""
        return self._parts(gap, places, self._around(places), slice(None))

    def exchanged(self, gap: Mention, other: Mention, which: np.ndarray) -> np.ndarray:
        """`PARTS` for some of the names, had the two changed their places in the claim."""
        places = self.field.names
        around = tuple(values[:, which] for values in self._around(places))
        mine, theirs = self._rows(gap), self._rows(other)
        if mine.any() and theirs.any():
            for values in around:
                values[theirs] = values[mine].max(axis=0)
        return self._parts(gap, places, around, which)

    def listed(self, one: Mention, other: Mention) -> bool:
        """Whether two names of the claim stand in one list, so that their order says nothing."""
        return listed(self.reading, one, other, self.mentions)

    def _rows(self, mention: Mention) -> np.ndarray:
        rows: np.ndarray = (self._places >= mention.first) & (self._places < mention.end)
        return rows

    def _around(self, places: Places) -> tuple[np.ndarray, ...]:
        """For each word of the claim and each mention how surely the word stands left and right
        of it, on both scales, and at all; each of shape (words, mentions)."""
        import numpy as np

        if places.kind not in self._sides:
            left = self._beside(places.left, places.left_near, places.left_far)
            right = self._beside(places.right, places.right_near, places.right_far)
            self._sides[places.kind] = (
                left[0], right[0], left[1], right[1], np.maximum(left[2], right[2])
            )  # fmt: skip
        return self._sides[places.kind]

    def _beside(self, columns: np.ndarray, *scales: np.ndarray) -> list[np.ndarray]:
        """On one side of the mentions the largest value of each word of the claim, on each of the
        scales and on none. Few of the words beside a mention stand in the claim, so that only
        those are looked at."""
        import numpy as np

        shape = (len(self._places), len(columns))
        places = np.flatnonzero(self._stands.take(columns))
        if not len(places):
            return [np.zeros(shape, dtype=np.float32, order="F")] * (len(scales) + 1)
        mentions = places // columns.shape[1]
        begins = np.flatnonzero(np.diff(mentions, prepend=-1))
        mentions = mentions[begins]
        values = self._found.take(columns.ravel()[places], axis=1)
        sides = []
        for weighted in (*(values * scale.ravel()[places] for scale in scales), values):
            best = np.zeros(shape, dtype=np.float32, order="F")
            best[:, mentions] = np.maximum.reduceat(weighted, begins, axis=1)
            sides.append(best)
        return sides

    def _parts(
        self,
        gap: Mention,
        places: Places,
        around: Sequence[np.ndarray],
        which: np.ndarray | slice,
    ) -> np.ndarray:
        import numpy as np

        view = self._view(gap)
        side = view.is_left[:, None] ^ (places.passive[which] ^ view.turned)
        left_near, right_near, left_far, right_far, anywhere = around
        parts = np.empty((anywhere.shape[1], len(PARTS)), dtype=np.float32)
        parts[:, 0] = view.near @ np.where(side, left_near, right_near)
        parts[:, 1] = view.near @ np.maximum(left_near, right_near)
        parts[:, 2] = view.far @ np.maximum(left_far, right_far)
        parts[:, 3] = view.shares @ anywhere
        parts[:, 4] = places.before[which] == view.before
        parts[:, 5] = places.after[which] == view.after
        parts[:, 6] = view.far @ np.where(side, left_far, right_far)
        parts[:, 7] = places.unit[which] == view.unit
        return parts

    def _view(self, gap: Mention) -> _View:
        """The claim as seen from one of its gaps."""
        import numpy as np

        known = self._views.get(gap.first)
        if known is not None:
            return known
        is_left = self._places < gap.first
        at, words, columns = self._at, self.reading.words, self.field.columns
        apart = np.where(
            is_left, at[gap.first] - at[self._places], at[self._places] - at[gap.end - 1]
        )
        weights = np.where(self._rows(gap), 0.0, self._weights)
        view = _View(
            is_left=is_left,
            near=_shares(weights * np.exp(-apart / NEAR)),
            far=_shares(weights * np.exp(-apart / FAR)),
            shares=_shares(weights),
            before=columns.get(words[gap.first - 1].stem, -1) if gap.first else -1,
            after=columns.get(words[gap.end].stem, -1) if gap.end < len(words) else -1,
            unit=self.field.units.get(gap.quantity.unit, -1) if gap.quantity else -1,
            turned=gap.kind == "name" and passive(words, gap),
        )
        self._views[gap.first] = view
        return view


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """Of each word of the claim its side of a gap and its shares of the weight, and what stands
    directly at the gap, as columns of the field."""

    is_left: np.ndarray
    near: np.ndarray
    far: np.ndarray
    shares: np.ndarray
    before: int
    after: int
    unit: int
    turned: bool


def _shares(weights: np.ndarray) -> np.ndarray:
    shares: np.ndarray = weights / (weights.sum() + _TINY)
    return shares


def _found(aligner: ClaimAligner, field: Field, places: np.ndarray) -> np.ndarray:
    """How alike each content word or number of the claim is to each column, 0..1.

    Names and numbers only to themselves; other words also to what is like them.
    """
    import numpy as np

    words, content = aligner.claim.words, aligner.claim.content
    named = aligner.claim.named
    soft = {w.start: i for i, w in enumerate(content) if w.stem not in named}
    alike = aligner.similarities
    found = np.zeros((len(places), field.nothing + 1), dtype=np.float32)
    for row, i in enumerate(places):
        word = words[i]
        at = soft.get(word.start)
        if at is not None:
            found[row, : alike.shape[1]] = np.where(alike[at] >= ALIKE, alike[at], 0.0)
        column = field.columns.get(word.stem)
        if column is not None:
            found[row, column] = 1.0
    return found
