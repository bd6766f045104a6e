"""Retention: what goes, when, and how the files become smaller afterwards.

Each store knows what of it is old (`Sweep`); `sweep_all` goes through them, keeps to the quota, and
gives the space back. Nothing that a run still needs is removed, and nothing here waits for a run
or makes one wait for more than a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import ceil, inf, nextafter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orchestrator.errors import StorageError, UserError
from orchestrator.storage.compact import compact, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.project.schema import KeepDays

DAY = 86_400.0
MEGABYTE = 1_000_000
FOR_THE_QUOTA = "for the quota"
_ROUNDS = 8
"""How often the oldest traces are removed and the rest is measured, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may go: everything of a kind from before its moment; `None`: nothing of that kind."""

    now: float
    """Seconds since the epoch, like all moments here."""
    traces: float | None
    runs: float | None
    threads: float | None
    ledger: float | None
    vectors: float | None
    backups: float | None
    incidents: float | None = None
    audit: float | None = None
    expired: frozenset[str] = frozenset()
    """Runs whose class of data may be kept for a shorter time, which is over."""
    protected: frozenset[str] = frozenset()
    """Runs that can still be resumed: nothing of theirs goes."""


def limits(keep: KeepDays, now: float, older_than_days: float | None = None) -> Limits:
    """The moments for each kind: as declared, or one for all of them."""

    def before(days: float | None) -> float | None:
        days = days if older_than_days is None else older_than_days
        return None if days is None else now - days * DAY

    return Limits(
        now=now,
        traces=before(keep.traces),
        runs=before(keep.runs),
        threads=before(keep.threads),
        ledger=before(keep.ledger),
        vectors=before(keep.vectors),
        backups=before(keep.backups),
        incidents=before(keep.incidents),
        audit=None if keep.audit is None else now - keep.audit * DAY,  # never by --older-than
    )


class Sweep(Protocol):
    """A store that can say and remove what is old in it."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> Path:
        """Its file or folder."""
        ...

    def size(self) -> int:
        """Bytes on the disk."""
        ...

    def sweep(self, limits: Limits, *, dry_run: bool) -> Mapping[str, int]:
        """Remove what is old; how many of what. With `dry_run` it only counts."""
        ...


class Traces(Sweep, Protocol):
    """The store that gives way when there is too much of everything."""

    def removable(self, limits: Limits) -> int:
        """How many traces may go for the quota."""
        ...

    def remove_oldest(self, count: int, limits: Limits) -> tuple[int, float]:
        """Remove that many, the oldest first; how many there were, and when the last began."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All that a folder holds."""

    traces: Traces
    journal: Sweep
    """Gives way together with the traces of its runs."""
    others: Sequence[Sweep] = ()

    @property
    def all(self) -> tuple[Sweep, ...]:
        """In the order in which they are swept: what others ask about comes first."""
        return (self.journal, self.traces, *self.others)


@dataclass(slots=True, kw_only=True)
class StoreReport:
    """What became of one store. Sizes are bytes; with a dry run `after` is `before`."""

    name: str
    path: Path
    before: int
    after: int
    removed: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int) -> None:
        """So many more were removed."""
        if number:
            self.removed[what] = self.removed.get(what, 0) + number


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a sweep has done, or would do."""

    stores: tuple[StoreReport, ...]
    dry_run: bool
    before: int
    """Bytes of the whole storage folder."""
    after: int
    over: int = 0
    """Bytes that are still above the quota, since nothing more may go."""


def sweep_all(
    folder: Path,
    stores: Stores,
    limits: Limits,
    *,
    max_bytes: int | None = None,
    dry_run: bool = False,
    alone: Callable[[], bool] = lambda: True,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Sweep every store, keep to the quota, and compact.

    Args:
        alone: whether no run goes on; files that can only shrink as a whole shrink only then.
        progress: told the name of the store that comes now.

    Raises:
        StorageError: a store cannot be read or written.
    """
    total = size_of(folder)
    reports = []
    for store in stores.all:
        if not store.path.exists():
            continue
        progress(store.name)
        size = store.size()
        removed = {k: n for k, n in store.sweep(limits, dry_run=dry_run).items() if n}
        if not dry_run:
            compact(store.path, alone=alone)
        if size or removed:
            after = store.size()
            report = StoreReport(name=store.name, path=store.path, before=size, after=after)
            report.removed.update(removed)
            reports.append(report)
    result = Report(stores=tuple(reports), dry_run=dry_run, before=total, after=size_of(folder))
    if max_bytes is None:
        return result
    progress("quota")
    quota = _Quota(folder, stores, max_bytes, alone)
    over = quota.estimate(result, limits) if dry_run else quota.keep(result, limits)
    return replace(result, after=size_of(folder), over=max(0, over))


@dataclass(frozen=True, slots=True)
class _Quota:
    folder: Path
    stores: Stores
    most: int
    """Bytes."""
    alone: Callable[[], bool]

    def over(self) -> int:
        return size_of(self.folder) - self.most

    def keep(self, report: Report, limits: Limits) -> int:
        """Remove the oldest traces, and the journals of their runs, until the folder fits.

        Copies from before an upgrade go first: they hold the same runs a second time.

        Returns:
            How many bytes it is still over.
        """
        traces, journal = self.stores.traces, self.stores.journal
        lines = {line.path: line for line in report.stores}
        if self.over() > 0:
            self._drop_copies(report, limits)
        for _ in range(_ROUNDS):
            count = self._share(limits)
            if not count:
                break
            removed, until = traces.remove_oldest(count, limits)
            self._note(lines[traces.path], "traces", removed)
            if journal.path in lines:
                until = nextafter(until, inf)  # the last one, too
                older = replace(limits, runs=max(limits.runs or 0.0, until), threads=None)
                found = journal.sweep(older, dry_run=False)
                self._note(lines[journal.path], "runs", found.get("runs", 0))
        return self.over()

    def _drop_copies(self, report: Report, limits: Limits) -> None:
        for store in self.stores.others:
            if isinstance(store, Backups):
                found = store.sweep(replace(limits, backups=inf), dry_run=False)
                for line in (line for line in report.stores if line.name == store.name):
                    line.count(f"copies {FOR_THE_QUOTA}", found.get("copies", 0))
                    line.after = store.size()

    def _note(self, line: StoreReport, what: str, removed: int) -> None:
        line.count(f"{what} {FOR_THE_QUOTA}", removed)
        compact(line.path, alone=self.alone)
        line.after = size_of(line.path)

    def estimate(self, report: Report, limits: Limits) -> int:
        """What `keep` would remove; how many bytes would be over if all traces were gone."""
        count = self._share(limits)
        for line in report.stores:
            if line.path == self.stores.traces.path:
                line.count(f"traces {FOR_THE_QUOTA}", count)
        return self.over() - self._giving_way()

    def _share(self, limits: Limits) -> int:
        """How many traces take the space that is missing, if all are equally large."""
        over, traces = self.over(), self.stores.traces
        left = traces.removable(limits) if over > 0 and traces.path.exists() else 0
        return min(left, ceil(left * over / max(1, self._giving_way())))

    def _giving_way(self) -> int:
        return self.stores.traces.size() + self.stores.journal.size()


@dataclass(frozen=True, slots=True)
class Backups:
    """The copies that were made before an upgrade of a schema."""

    path: Path
    name: str = "backups"

    def size(self) -> int:
        return sum(file.stat().st_size for file in self._files())

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.sqlite.v*.bak"))

    def sweep(self, limits: Limits, *, dry_run: bool) -> Mapping[str, int]:
        """Copies from before the moment."""
        if limits.backups is None:
            return {}
        old = [f for f in self._files() if f.stat().st_mtime < limits.backups]
        for file in () if dry_run else old:
            file.unlink(missing_ok=True)
        return {"copies": len(old)}


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the right to sweep the folder.

    Raises:
        UserError: another process sweeps it now.
        StorageError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / "gc.lock", blocking=False):
            yield
    except Timeout:
        raise UserError(f"another process cleans up {folder} now; try again later") from None
    except OSError as error:
        raise StorageError(f"{folder} cannot be cleaned up: {error}") from error
