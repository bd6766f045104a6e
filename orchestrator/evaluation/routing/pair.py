"""Two models: which queries go to the strong one, and what each share of them buys.

Definitions of RouteLLM (I. Ong et al., RouteLLM: learning to route LLMs with preference data,
arXiv 2406.18665, section 3.2), over the curve of the mean score as the share of the queries that
the strong model answers goes from 0 to 1, in the order that a router gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NAMES = ("APGR", "CPT50", "CPT80")


class Pair:
    """A router's order on recorded outcomes.

    Args:
        priority: how much each query gains by the strong model, in any unit; the highest go there
            first. Equal ones go together, so that of them each is as likely as another.
        weak: the weak model's score of each query.
        strong: that of the strong one.
    """

    names = NAMES

    def __init__(self, priority: np.ndarray, weak: np.ndarray, strong: np.ndarray) -> None:
        import numpy as np

        self._order = np.argsort(-priority, kind="stable")
        ranked = priority[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._weak, self._gain = weak[self._order], (strong - weak)[self._order]

    def figures(self, weights: np.ndarray | None = None) -> np.ndarray:
        """APGR, CPT50 and CPT80; each query counts as often as `weights` says."""
        import numpy as np

        share, recovered = self.recovered(weights)
        if not np.isfinite(recovered).all():
            return np.full(len(NAMES), np.nan)
        area = np.trapezoid(recovered, share)
        return np.array([area, *(threshold(share, recovered, x) for x in (0.5, 0.8))])

    def recovered(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The points of the curve: shares of strong calls, and the performance gap recovered (PGR).

        PGR = (score - weak) / (strong - weak): 0 where all go to the weak model, 1 where all go to
        the strong one, and more where each gets what it is better at.
        """
        import numpy as np

        w = np.ones(len(self._order)) if weights is None else weights[self._order]
        share = np.r_[0.0, np.cumsum(np.add.reduceat(w, self._starts))]
        gain = np.r_[0.0, np.cumsum(np.add.reduceat(w * self._gain, self._starts))]
        with np.errstate(divide="ignore", invalid="ignore"):
            return share / share[-1], gain / gain[-1]

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares of strong calls, and the mean scores."""
        share, recovered = self.recovered()
        weak, gap = float(self._weak.mean()), float(self._gain.mean())
        return share, weak + recovered * gap


def threshold(share: np.ndarray, recovered: np.ndarray, least: float) -> float:
    """CPT: the least share of strong calls that recovers so much of the gap."""
    import numpy as np

    at = int(np.argmax(recovered >= least))
    if at == 0:
        return 0.0 if recovered[0] >= least else float("nan")
    (a0, a1), (r0, r1) = share[at - 1 : at + 1], recovered[at - 1 : at + 1]
    return float(a0 + (a1 - a0) * (least - r0) / (r1 - r0))
