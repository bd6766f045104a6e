"""Expected quality of a deployment, from what the fleet declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orchestrator.types import WORDLESS, Deployment, Estimate, TaskProfile, Tier

_BY_TIER: Mapping[Tier, float] = {"nano": 0.15, "small": 0.55, "mid": 0.7, "frontier": 0.8}

# How far a declared number may be off, by where it comes from. A deterministic model does the
# same thing every time, so its declared quality is the surest; a tier says the least.
_SD_DETERMINISTIC = 0.03
_SD_TASK = 0.08
_SD_ANY_TASK = 0.15
_SD_TIER = 0.2


def serves(deployment: Deployment, task: str) -> bool:
    """Whether the fleet says that it takes this task: by name, or with `"*"` if it is one that is
    answered in words."""
    return task in deployment.tasks or ("*" in deployment.tasks and task not in WORDLESS)


def prior(deployment: Deployment, task: str) -> Estimate:
    """The declared quality for the task, for `"*"`, or else that of its tier."""
    tasks = deployment.tasks
    if task in tasks:
        sd = _SD_DETERMINISTIC if deployment.deterministic else _SD_TASK
        return Estimate(mean=tasks[task], sd=sd)
    if "*" in tasks:
        return Estimate(mean=tasks["*"], sd=_SD_ANY_TASK)
    return Estimate(mean=_BY_TIER[deployment.tier], sd=_SD_TIER)


class PriorPredictor:
    """A `protocols.Predictor` that knows nothing but the fleet's declarations."""

    version = "prior"

    def __init__(self) -> None:
        self._of: Sequence[Deployment] = ()
        self._known: dict[str, Mapping[str, Estimate]] = {}

    def predict(
        self, profile: TaskProfile, candidates: Sequence[Deployment]
    ) -> Mapping[str, Estimate]:
        """The prior of each candidate, by deployment id; the same object for the same question."""
        if candidates is not self._of:
            self._of, self._known = candidates, {}
        known = self._known.get(profile.task)
        if known is None:
            found = {d.id: prior(d, profile.task) for d in candidates}
            known = self._known[profile.task] = MappingProxyType(found)
        return known
