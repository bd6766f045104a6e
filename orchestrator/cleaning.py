"""What has been kept for too long is removed: every store by its own rule, all of them together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.parts import Parts
    from orchestrator.storage.sweep import Report


def clean(
    parts: Parts,
    *,
    dry_run: bool,
    older_than_days: float | None,
    max_mb: int | None,
    unfinished: bool,
    progress: Callable[[str], None],
) -> Report:
    """See `Mesh.gc`."""
    from orchestrator.caching.sweep import remove_answers
    from orchestrator.calling.health.sweep import HealthSweep
    from orchestrator.calling.sweep import LedgerSweep
    from orchestrator.evidence.sources.sweep import VectorSweep
    from orchestrator.graph.journal import JournalStore
    from orchestrator.graph.sweep import JournalSweep, LockSweep
    from orchestrator.guard.auditing.retention import AuditSweep
    from orchestrator.storage import sweep
    from orchestrator.tracing.sweep import TraceSweep

    folder, declared = parts.storage, parts.project.settings.storage
    if not folder.exists():
        return sweep.Report(stores=(), dry_run=dry_run, before=0, after=0)
    most = declared.max_mb if max_mb is None else max_mb
    with sweep.only_one(folder), closing(JournalStore(folder)) as journals:
        journal = JournalSweep(journals, folder / "journal.sqlite", unfinished)
        locks = LockSweep(folder / "runs")
        limits = sweep.limits(declared.keep_days, parts.clock.now(), older_than_days)
        traces = TraceSweep(
            folder if declared.database else folder / "traces.sqlite",
            database=declared.database,
        )
        expired = traces.expired(_class_limits(parts, limits.now))
        limits = dataclasses.replace(limits, expired=expired)
        if not dry_run:
            remove_answers(folder / "cache.sqlite", sorted(expired))
        stores = sweep.Stores(
            traces=traces,
            journal=journal,
            others=(
                LedgerSweep(folder / "ledger.sqlite"),
                HealthSweep(folder / "health.sqlite"),
                VectorSweep(folder / "vectors"),
                sweep.Backups(folder),
                AuditSweep(parts.audit.chain.folder),
                locks,
            ),
        )
        return sweep.sweep_all(
            folder,
            stores,
            dataclasses.replace(limits, protected=journal.protected(limits.runs)),
            max_bytes=None if most is None else most * sweep.MEGABYTE,
            dry_run=dry_run,
            alone=locks.nobody_runs,
            progress=progress,
        )


def _class_limits(parts: Parts, now: float) -> dict[str, float]:
    """From before when traces go, by class of data: of a class, and of all stricter ones."""
    found: dict[str, float] = {}
    days: float | None = None
    for name in parts.project.policy.data_classes:
        declared = parts.project.settings.storage.keep_days.by_class.get(name)
        days = min((d for d in (days, declared) if d is not None), default=None)
        if days is not None:
            found[name] = now - days * 86_400
    return found
