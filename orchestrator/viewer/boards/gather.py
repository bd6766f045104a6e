"""The numbers of a board: money from the ledger, everything else from the traces."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.calling.health.incident_store import incidents
from orchestrator.calling.spending.report import Costs
from orchestrator.tracing.totals import Range
from orchestrator.viewer.boards.values import Numbers

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh


def gathered(mesh: Mesh, span: Range) -> Numbers:
    """Read all of it. Money is what `mesh costs` says of the same span, to the micro-dollar.

    Raises:
        StorageError: something cannot be read.
    """
    costs: dict[tuple[float, str], Costs] = {}
    for (hour, model), found in _costs(mesh, span, "hour", "model"):
        began = datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC).timestamp()
        key = (began // span.step_s * span.step_s, model)
        costs[key] = costs.get(key, Costs()) + found
    tags: dict[str, Costs] = {}
    for (tag,), found in _costs(mesh, span, "tag"):
        tags[tag] = tags.get(tag, Costs()) + found
    lasted = incidents(mesh.health_store, since=span.since)
    return Numbers(
        span=span,
        costs=costs,
        tags=tags,
        totals=mesh.store.totals(span),
        incidents=[one for one in lasted if one.started < span.until],
    )


def _costs(mesh: Mesh, span: Range, *by: str) -> Iterator[tuple[tuple[str, ...], Costs]]:
    """The ledger's groups, of one workspace where only that may be seen."""
    names = by if span.workspace is None else (*by, "workspace")
    for group, costs in mesh.costs(names, since=span.since, until=span.until).rows:
        if span.workspace is None or group[-1] == span.workspace:
            yield group[: len(by)], costs
