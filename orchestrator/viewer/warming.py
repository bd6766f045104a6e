"""What the first pages would wait for, loaded beside them once the pages are served."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.errors import MeshError
from orchestrator.viewer.pages import templates

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh
    from orchestrator.tracing.store import TraceStore

_NEWEST = 20
_SHORT = 100
"""Hops of a trace that is read for this: a long one would take the pages' time."""


def warm(mesh: Mesh) -> None:
    """Open the traces, read a short one as its pages do, and compile all templates."""
    with suppress(MeshError):  # a page will say it
        _read(mesh.store)
    environment = templates()
    for name in environment.list_templates():
        environment.get_template(name)


def _read(store: TraceStore) -> None:
    from orchestrator.tracing.diagnosis import diagnose

    newest = store.traces(_NEWEST)
    sums = store.sums([trace.id for trace in newest])
    for trace in newest:
        if trace.id in sums and sums[trace.id].hops <= _SHORT:
            ids = [hop.id for hop in store.brief(trace.id)]
            diagnose(trace, store.some_hops(trace.id, ids))
            return
