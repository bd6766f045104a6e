"""The predictor that learns: the fleet's declarations, moved by the answers that were seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.errors import InternalError
from orchestrator.learning.levels import NOTHING, Levels, Tally, levels
from orchestrator.routing.predict import prior
from orchestrator.types import Deployment, Estimate, TaskProfile

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.learning.quality import TextPart
_GUESSED = frozenset(("rule", "embedding", "default"))


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
        self._usual: dict[tuple[str, str], Mapping[str, Estimate]] = {}
        """By the profile's task and the slice of the levels."""
        self._numbers: dict[tuple[str, str], np.ndarray] = {}
        """Likewise the means and variances of what is usual, in the order of the candidates."""
        self._columns: Any = None
        """For each candidate its place in what the text moves, and whether that moves it."""
        self._moved: Any = None
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
        self, profile: TaskProfile, candidates: Sequence[Deployment]
    ) -> Mapping[str, Estimate]:
        """The expected quality of each candidate, by deployment id.

        Where the profile has no reading (a row of `Reader.read`), and before a text part is known,
        all requests of a task are alike and get the same object.
        """
        known, text, reading = self._levels(candidates), self._text, profile.reading
        reads = text is not None and reading is not None
        place = profile.task, slice_of(profile) if reads else profile.task
        usual = self._usual.get(place)
        if usual is None:
            found = {d.id: _usual(known, d, *place) for d in candidates}
            usual = self._usual[place] = MappingProxyType(found)
        if text is None or reading is None or not usual:
            return usual
        return self._text_says(text, usual, place, reading)

    def _text_says(
        self,
        text: TextPart,
        usual: Mapping[str, Estimate],
        place: tuple[str, str],
        reading: Sequence[float],
    ) -> Mapping[str, Estimate]:
        import numpy as np

        numbers = self._numbers.get(place)
        if numbers is None:
            numbers = np.array([(e.mean, e.sd**2) for e in usual.values()]).T
            self._numbers[place] = numbers
        shift, variance = text.moved(np.asarray(reading)[None])
        moved = self._moved
        means = np.clip(numbers[0] + moved * shift[0, self._columns], 0.0, 1.0).tolist()
        doubts = np.sqrt(numbers[1] + moved * variance[0, self._columns]).tolist()
        made = {
            id: Estimate(mean=mean, sd=sd)
            for id, mean, sd in zip(usual, means, doubts, strict=True)
        }
        return MappingProxyType(made)

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
        self._known, self._usual, self._numbers = (candidates, found), {}, {}
        if self._text is not None:
            import numpy as np

            self._columns = self._text.columns([d.model for d in candidates])
            self._moved = np.array([float(not d.deterministic) for d in candidates])
        return found


def slice_of(profile: TaskProfile) -> str:
    """Under which task an answer counts for a predictor that reads texts: none where the task was
    guessed, since the guess tells less than the text that it comes from."""
    said = profile.features.get("task")
    return "" if said is not None and said.origin in _GUESSED else profile.task


def _usual(known: Levels, deployment: Deployment, task: str, within: str) -> Estimate:
    """Of a program that nobody has judged what is declared: how far off others were says nothing
    of it, and it finds no text hard."""
    declared = prior(deployment, task)
    if deployment.deterministic and deployment.model not in known.known:
        return declared
    return known.estimate(deployment.model, within, declared)
