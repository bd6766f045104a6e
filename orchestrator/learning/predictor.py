"""The predictor that learns: the fleet's declarations, moved by the answers that were seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.errors import InternalError
from orchestrator.learning.levels import NOTHING, Levels, Tally, levels
from orchestrator.routing.predict import prior
from orchestrator.types import Deployment, Estimate, TaskProfile

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.learning.quality import TextPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """How good one answer was."""

    model: str
    task: str
    score: float
    """0..1."""
    weight: float = 1.0
    """How much it counts: 1 for a judged answer, less for a weak sign of quality."""


class LearnedPredictor:
    """A `protocols.Predictor` that starts as `PriorPredictor` and moves with what it observes.

    Model and task count at once, in the time of a few divisions; what texts say comes from a
    `TextPart` that was learned elsewhere. Not to be shared between threads.

    Args:
        tallies: what was observed before, by model and task.
        text: what texts say; nothing where absent.
    """

    def __init__(
        self,
        tallies: Mapping[tuple[str, str], Tally] | None = None,
        text: TextPart | None = None,
    ) -> None:
        self._tallies = {
            place: Tally(t.n, t.total, t.squares) for place, t in (tallies or {}).items()
        }
        self._text = text
        self._known: tuple[Sequence[Deployment], Levels] | None = None
        self._answers: dict[str, Mapping[str, Estimate]] = {}
        self._version: str | None = None

    @property
    def version(self) -> str:
        """Changes with everything that is learned; `prior` before anything is."""
        if self._version is None:
            self._version = self._digest()
        return self._version

    def _digest(self) -> str:
        if not self._tallies and self._text is None:
            return "prior"
        digest = sha256()
        for (model, task), tally in sorted(self._tallies.items()):
            digest.update(f"{model}\0{task}\0{tally.n!r}\0{tally.total!r}\n".encode())
        if self._text is not None:
            digest.update(self._text.digest())
        return f"learned-{digest.hexdigest()[:12]}"

    @property
    def tallies(self) -> Mapping[tuple[str, str], Tally]:
        """What was observed, by model and task."""
        return MappingProxyType(self._tallies)

    @property
    def text(self) -> TextPart | None:
        """What texts say, if anything."""
        return self._text

    def observe(self, observation: Observation) -> None:
        """Learn from one answer.

        Raises:
            InternalError: the score is not in 0..1, or the weight is not above 0.
        """
        score, weight = observation.score, observation.weight
        if not (0 <= score <= 1 and isfinite(weight) and weight > 0):
            raise InternalError(f"an observation needs a score in 0..1 and a weight: {observation}")
        place = observation.model, observation.task
        self._tallies.setdefault(place, Tally()).add(score, weight)
        self._known = self._version = None

    def predict(
        self,
        profile: TaskProfile,
        candidates: Sequence[Deployment],
        reading: np.ndarray | None = None,
    ) -> Mapping[str, Estimate]:
        """The expected quality of each candidate, by deployment id.

        Args:
            reading: one row of `Reader.read` of the request; without it, and before a text part
                is known, all requests of a task are alike and get the same object.
        """
        known = self._levels(candidates)
        usual = self._answers.get(profile.task)
        if usual is None:
            task = profile.task
            found = {d.id: known.estimate(d.model, task, prior(d, task)) for d in candidates}
            usual = self._answers[task] = MappingProxyType(found)
        if reading is None or self._text is None:
            return usual
        return self._text.move(usual, {d.id: d.model for d in candidates}, reading)

    def _levels(self, candidates: Sequence[Deployment]) -> Levels:
        """What the tallies say under the priors of these deployments; kept until more is known."""
        if self._known is not None and self._known[0] is candidates:
            return self._known[1]
        of_model: dict[str, Deployment] = {}
        for deployment in candidates:
            of_model.setdefault(deployment.model, deployment)
        # A model of other times says nothing of a fleet that has no prior for it.
        seen = {place: tally for place, tally in self._tallies.items() if place[0] in of_model}
        found = levels(seen, lambda model, task: prior(of_model[model], task)) if seen else NOTHING
        self._known, self._answers = (candidates, found), {}
        return found
