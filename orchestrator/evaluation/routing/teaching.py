"""From recorded outcomes to a learned state of the models of a fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.routing.values import Recorded
from orchestrator.routing.predict import prior
from orchestrator.types import Deployment, Estimate

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.learning.predictor import LearnedPredictor
    from orchestrator.project.protocols import Embedder

_OFTEN = 500


def teach(
    recorded: Recorded,
    names: Mapping[str, str],
    deployments: Sequence[Deployment],
    embedder: Embedder,
    on_progress: OnProgress = silent,
) -> tuple[LearnedPredictor, str]:
    """What these outcomes teach, and the name of the reader that it was learned with.

    Other models than those of the fleet teach too where they answered every query: those that were
    trained alike fail alike.

    Args:
        names: of models in the records, and what they are called in the fleet; others keep theirs.

    Raises:
        UserError: no model of the fleet stands in the records.
    """
    import numpy as np

    from orchestrator.learning.predictor import LearnedPredictor, slice_of
    from orchestrator.learning.quality import UNKNOWN, Answers, learn, tallied
    from orchestrator.learning.reading import Reader
    from orchestrator.routing.profile import Profiler

    fleet = {d.model: d for d in deployments}
    models, scores = _columns(recorded, names, fleet)
    reader = Reader(embedder)
    profiler = Profiler(embedder, reads=reader.read_one)
    profiles = []
    for number, query in enumerate(recorded.queries):
        if number % _OFTEN == 0:
            on_progress("reading prompts", number, len(recorded.queries))
        profiles.append(profiler.profile(query.prompt))
    answers = Answers(
        models=models,
        tasks=tuple(map(slice_of, profiles)),
        readings=np.stack([np.asarray(profile.reading) for profile in profiles]),
        scores=scores,
    )

    def declared(model: str, task: str) -> Estimate:
        return prior(fleet[model], task) if model in fleet else UNKNOWN

    on_progress("learning", 0, 1)
    text = learn(answers, reader.meaning, declared).text
    return LearnedPredictor(tallied(answers), text), reader.name


def _columns(
    recorded: Recorded, names: Mapping[str, str], fleet: Mapping[str, Deployment]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The models to learn from by their names in the fleet, and their scores."""
    import numpy as np

    called = [names.get(model, model) for model in recorded.models]
    whole = ~np.isnan(recorded.scores).any(axis=0)
    kept = [i for i, model in enumerate(called) if model in fleet or whole[i]]
    if not any(called[i] in fleet for i in kept):
        raise UserError(
            f"{recorded.name}: none of its models is in the fleet ({', '.join(recorded.models)}); "
            "name them with --as RECORDED=MODEL"
        )
    return tuple(called[i] for i in kept), recorded.scores[:, kept]
