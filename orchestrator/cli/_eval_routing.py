"""What `mesh eval routing` measures besides a router of prompts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.evaluation.crosscheck.progress import OnProgress
    from orchestrator.evaluation.crosscheck.report import Report
    from orchestrator.evaluation.routing.plan import Plan
    from orchestrator.evaluation.routing.values import Recorded


def cascades(
    folder: Path, sets: Iterable[Recorded], plan: Plan, project: Path, on_progress: OnProgress
) -> list[Report]:
    """Cheap models whose answers agree, and a strong one where they do not."""
    from orchestrator.evaluation.routing.answers import read_votes
    from orchestrator.evaluation.routing.cascade import measure_cascade, with_members
    from orchestrator.evaluation.routing.predicting import Learned
    from orchestrator.mesh import Mesh

    embedder = Mesh.load(project).embedder
    found: list[Report] = []
    for recorded in sets:
        own = with_members(recorded, plan)
        votes = read_votes(folder, own)
        learned = Learned(embedder, own, on_progress)
        found += measure_cascade(own, votes, plan, learned, on_progress)
    return found


def cold_starts(
    folder: Path, sets: Iterable[Recorded], plan: Plan, project: Path, on_progress: OnProgress
) -> list[Report]:
    """Nothing known at the beginning, and only the given answer judged."""
    from orchestrator.evaluation.routing.cascade import with_members
    from orchestrator.evaluation.routing.online import Cold, measure_online
    from orchestrator.learning.reading import Reader
    from orchestrator.mesh import Mesh

    reader = Reader(Mesh.load(project).embedder)
    found: list[Report] = []
    for recorded in sets:
        own = with_members(recorded, plan)
        readings = reader.read([query.prompt for query in own.queries])
        cold = Cold(own, readings, reader.meaning, _votes(folder, own))
        found.append(measure_online(cold, plan.seed, on_progress))
    return found


def day(
    folder: Path, sets: Iterable[Recorded], plan: Plan, project: Path, on_progress: OnProgress
) -> list[Report]:
    """Requests of all sets, against always asking the strong model."""
    from orchestrator.errors import UserError
    from orchestrator.evaluation.routing.day import measure_day, priced, traffic
    from orchestrator.evaluation.routing.predicting import Learned
    from orchestrator.mesh import Mesh

    embedder = Mesh.load(project).embedder
    known = [own for recorded in sets if (own := priced(recorded)) is not None]
    if not known:
        raise UserError(f"{folder}: of no set it is known what models cost")
    made = []
    for own in known:
        learned = Learned(embedder, own, on_progress)
        made.append(traffic(own, _votes(folder, own), plan, learned, on_progress))
    return measure_day(made, plan)


def _votes(folder: Path, own: Recorded) -> np.ndarray | None:
    """`None` where it is not recorded what models said."""
    from orchestrator.errors import UserError
    from orchestrator.evaluation.routing.answers import read_votes

    try:
        return read_votes(folder, own)
    except UserError:
        return None
