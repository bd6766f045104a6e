"""`mesh fleet refresh` over a project: asks its providers, and keeps what they said beside it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import StorageError, UnknownNameError
from orchestrator.fleet.providers import Ask, ask, source_of
from orchestrator.fleet.refresh import Refresh, document, refresh
from orchestrator.project._files import REFRESHED
from orchestrator.storage.operations import operation
from orchestrator.types import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.mesh import Mesh


def ask_providers(
    mesh: Mesh, provider: str | None, env: Mapping[str, str], ask: Ask = ask
) -> Refresh:
    """What the providers of the fleet list now. Blocks, at most about ten seconds.

    Args:
        provider: ask only this one.

    Raises:
        UnknownNameError: no deployment is reached through it.
    """
    from orchestrator.fleet.prices import price_list

    deployments = mesh.fleet().deployments
    names = {d.id: place.name for d in deployments if (place := source_of(d)) is not None}
    if provider is not None and provider not in names.values():
        raise UnknownNameError("provider", provider, sorted(set(names.values())))
    project = mesh.project
    return refresh(
        [d for d in deployments if provider in (None, names.get(d.id))],
        project.fleet,
        project.refreshed,
        env,
        price_list(),
        datetime.fromtimestamp(time.time(), UTC).date(),
        ask,
    )


def keep(mesh: Mesh, found: Refresh, who: str) -> None:
    """Write `fleet.refreshed.yaml`, and put it on record.

    Raises:
        StorageError: it cannot be written.
    """
    path = Path(mesh.project.root) / REFRESHED
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(document(found.refreshed), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    details = {"asked": as_json(found.asked), "findings": as_json(found.findings)}
    words = f"{len(found.findings)} findings"
    before = mesh.project.refreshed.asked
    mesh.operations.add(
        operation(
            "refresh",
            REFRESHED,
            who,
            before=f"asked on {before}" if before else "never asked",
            after=f"asked on {found.refreshed.asked}, {words}",
            details=details,
        )
    )
