"""What every predictor must do."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.project.protocols import Predictor
from orchestrator.types import Deployment, TaskProfile


class PredictorConformance:
    """Say how the predictor is made."""

    DEPLOYMENTS = tuple(
        Deployment(
            id=f"{model}/api",
            model=model,
            family=family,
            tier="mid",
            via="openai",
            target=model,
            provider="stand-in",
            hosting="hosted",
            tasks=tasks,
        )
        for model, family, tasks in (
            ("able", "one", {"draft": 0.9, "*": 0.5}),
            ("unknown", "two", {}),
            ("exact", None, {"math": 1.0}),
        )
    )
    PROFILE = TaskProfile(task="draft")

    def make(self) -> Predictor:
        """A new predictor."""
        raise NotImplementedError

    def test_every_candidate_has_an_estimate(self) -> None:
        """By deployment id, a quality in 0..1 with a standard deviation that is not negative."""
        predictor = self.make()
        assert predictor.version
        found = predictor.predict(self.PROFILE, self.DEPLOYMENTS)
        assert set(found) == {d.id for d in self.DEPLOYMENTS}
        for estimate in found.values():
            assert 0 <= estimate.mean <= 1
            assert estimate.sd >= 0

    def test_the_same_question_has_the_same_answer(self) -> None:
        """A decision is computed again from its record; the order of candidates says nothing."""
        predictor = self.make()
        found = predictor.predict(self.PROFILE, self.DEPLOYMENTS)
        assert predictor.predict(self.PROFILE, self.DEPLOYMENTS[::-1]) == found
        assert predictor.predict(replace(self.PROFILE), self.DEPLOYMENTS) == found

    def test_nobody_is_no_mistake(self) -> None:
        """Without candidates there are no estimates."""
        assert dict(self.make().predict(self.PROFILE, ())) == {}
