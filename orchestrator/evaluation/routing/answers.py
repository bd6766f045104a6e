"""What models said, in short: column `answer` of recorded outcomes, as votes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.calling.agreement import ballot
from orchestrator.errors import UserError
from orchestrator.evaluation.routing.files import OUTCOMES, lines_of
from orchestrator.evaluation.routing.values import Recorded

if TYPE_CHECKING:
    import numpy as np


def read_votes(folder: Path, recorded: Recorded) -> np.ndarray:
    """Equal numbers in a row are equal answers; shape as `recorded.scores`.

    An answer that the source does not say equals no other.

    Raises:
        UserError: the outcomes have no answers.
    """
    import numpy as np

    plain = folder / f"{recorded.name}{OUTCOMES}"
    path = plain if plain.exists() else folder / f"{plain.name}.gz"
    row = {query.id: i for i, query in enumerate(recorded.queries)}
    column = {model: i for i, model in enumerate(recorded.models)}
    votes = np.tile(-1 - np.arange(len(column)), (len(row), 1))
    known: list[dict[str, int]] = [{} for _ in row]
    lines = csv.reader(line for _, line in lines_of(path))
    head = next(lines, [])
    if "answer" in head:
        place, of_id, of_model = (head.index(name) for name in ("answer", "id", "model"))
        for cells in lines:
            i, j = row.get(cells[of_id]), column.get(cells[of_model])
            if i is not None and j is not None and cells[place].strip():
                votes[i, j] = known[i].setdefault(ballot(cells[place]), len(known[i]))
    if not any(known):
        raise UserError(f"{path}: a cascade needs a column 'answer', what each model said in short")
    return votes
