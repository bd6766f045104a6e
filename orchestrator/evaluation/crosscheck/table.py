"""What the scorer sees of labelled claims: features, worked out once, on all processors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator.evaluation.crosscheck.files import ClaimRow, groups, passages_of
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent

if TYPE_CHECKING:
    import numpy as np

    from orchestrator.project.protocols import Embedder

V = TypeVar("V")

_PER_TASK = 40
"""Claims of one task of a worker: enough to outweigh handing it over."""
_ALONE = 400
"""Claims up to which starting workers costs more than they bring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Claims of some files with what is known of them; all arrays have a place for each claim."""

    rows: tuple[ClaimRow, ...]
    corpora: np.ndarray
    """The name of the file that each claim comes from."""
    sources: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    """Claims of one group share passages, so nothing may be fitted on one and measured on the
    other."""
    features: np.ndarray
    """Shape (claims, features), as `evidence.scoring` makes them."""
    baselines: np.ndarray
    """Shape (claims, 2), in the order of `BASELINES`."""

    def where(self, chosen: np.ndarray) -> Table:
        """The claims that `chosen` (row numbers, or True and False) names."""
        import numpy as np

        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Table(
            rows=tuple(self.rows[i] for i in numbers),
            corpora=self.corpora[numbers],
            sources=self.sources[numbers],
            labels=self.labels[numbers],
            groups=self.groups[numbers],
            features=self.features[numbers],
            baselines=self.baselines[numbers],
        )


def prepare(
    files: Mapping[str, Sequence[ClaimRow]],
    embedder: str,
    *,
    cache: Path | None = None,
    on_progress: OnProgress = silent,
) -> Table:
    """Works out the features of all claims; about a minute for a thousand long passages.

    Args:
        files: the claims of each file, by the name that it is shown under.
        embedder: the name of the one that scores claims, as it stands in `mesh.yaml`.
        cache: a folder in which the features of each file are kept, under a hash of its claims, of
            the code that makes the features, and of the embedder; none where absent.
    """
    import numpy as np

    rows = [row for own in files.values() for row in own]
    total, parts, done = len(rows), [], 0
    for own in files.values():
        kept = cache / f"{_key(own, embedder)}.npz" if cache else None
        found = _load(kept) if kept else None
        if found is None:
            found = _work_out(own, embedder, partial(_tell, on_progress, "features", total, done))
            if kept:
                _keep(kept, found)
        parts.append(found)
        done += len(own)
    both = np.concatenate(parts)
    return Table(
        rows=tuple(rows),
        corpora=np.array([name for name, own in files.items() for _ in own]),
        sources=np.array([row.source for row in rows]),
        labels=np.array([row.label for row in rows]),
        groups=np.array(groups(rows)),
        features=both[:, :-2],
        baselines=both[:, -2:].astype(np.float64),
    )


def _tell(on_progress: OnProgress, what: str, total: int, before: int, done: int) -> None:
    on_progress(what, before + done, total)


def _work_out(
    rows: Sequence[ClaimRow], embedder: str, on_done: Callable[[int], None]
) -> np.ndarray:
    """Features and baselines of each row, float32, shape (rows, features + 2)."""
    import numpy as np

    return np.stack(for_each(rows, embedder, _values, on_done))


def explain(
    rows: Sequence[ClaimRow], embedder: str, *, on_progress: OnProgress = silent
) -> list[tuple[bool, str]]:
    """What the scorer found on each claim: whether that speaks against it, and a sentence.

    As slow as `prepare`.
    """
    on_done = partial(_tell, on_progress, "reasons", len(rows), 0)
    return for_each(rows, embedder, _reasons, on_done)


# ── on all processors ────────────────────────────────────────────────────────────────────


def for_each(
    rows: Sequence[ClaimRow],
    embedder: str,
    work: Callable[[Sequence[ClaimRow], str], Iterable[V]],
    on_done: Callable[[int], None],
) -> list[V]:
    """What `work` finds on each row; it gets rows sorted by their passages, a few at a time."""
    tasks, found = list(_tasks(rows)), dict[int, V]()
    for numbers, values in _carried_out(tasks, rows, embedder, work):
        found.update(zip(numbers, values, strict=True))
        on_done(len(found))
    return [found[i] for i in range(len(rows))]


def _tasks(rows: Sequence[ClaimRow]) -> Iterator[list[int]]:
    """Row numbers, those on the same passages together."""

    def same(i: int) -> tuple[tuple[str, ...], str]:
        return rows[i].passages, rows[i].question

    task: list[int] = []
    for _, numbers in groupby(sorted(range(len(rows)), key=same), key=same):
        task += numbers
        if len(task) >= _PER_TASK:
            yield task
            task = []
    if task:
        yield task


def _carried_out(
    tasks: Sequence[list[int]],
    rows: Sequence[ClaimRow],
    embedder: str,
    work: Callable[[Sequence[ClaimRow], str], Iterable[V]],
) -> Iterator[tuple[list[int], Iterable[V]]]:
    workers = min(_processors(), len(tasks))
    if workers < 2 or len(rows) <= _ALONE:
        for task in tasks:
            yield task, work([rows[i] for i in task], embedder)
        return
    from multiprocessing import get_context

    # Started anew and not forked: the parent may hold threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[Iterable[V]], list[int]] = {
            pool.submit(work, [rows[i] for i in task], embedder): task for task in tasks
        }
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:  # Ctrl-C too: what waits must not run on
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@lru_cache(maxsize=1)
def _embedder(name: str) -> Embedder:
    from orchestrator.embedding.load import load_embedder

    return load_embedder(name)


def _values(rows: Sequence[ClaimRow], embedder_name: str) -> np.ndarray:
    """Of rows sorted by passages and question, float32."""
    import numpy as np

    from orchestrator.evaluation.crosscheck.baselines import Baselines
    from orchestrator.evidence.scoring.features import features

    found, embedder = [], _embedder(embedder_name)
    for _, same in groupby(rows, key=lambda row: (row.passages, row.question)):
        own = list(same)
        claims, first = [row.claim for row in own], own[0]
        seen = features(claims, passages_of(first), embedder, first.question)
        single = Baselines(first.passages, embedder)
        beside = np.array([single.of(claim) for claim in claims], dtype=np.float32)
        found.append(np.hstack([seen, beside]))
    return np.concatenate(found)


def _reasons(rows: Sequence[ClaimRow], embedder_name: str) -> list[tuple[bool, str]]:
    """Of rows sorted by passages."""
    from orchestrator.evidence.scoring.model import shipped
    from orchestrator.evidence.scoring.score import score

    found: list[tuple[bool, str]] = []
    for _, same in groupby(rows, key=lambda row: row.passages):
        own = list(same)
        claims, passages = [row.claim for row in own], passages_of(own[0])
        scored = score(claims, passages, _embedder(embedder_name), shipped())
        found += [(s.kind is not None, s.reason) for s in scored]
    return found


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# ── kept features ────────────────────────────────────────────────────────────────────────


def _key(rows: Sequence[ClaimRow], embedder: str) -> str:
    sha = hashlib.sha256(f"{_version()} {_embedder(embedder).name}".encode())
    for row in rows:
        for text in (row.claim, row.question, *row.passages):
            raw = text.encode("utf-8", "surrogatepass")
            sha.update(len(raw).to_bytes(8, "big") + raw)
        sha.update(b"end")
    return sha.hexdigest()[:24]


@lru_cache(maxsize=1)
def _version() -> str:
    """Of all code and data that features come from: figures of an older version are none."""
    import orchestrator.evidence

    sha = hashlib.sha256(Path(__file__).with_name("baselines.py").read_bytes())
    root = Path(orchestrator.evidence.__path__[0])
    for file in sorted(root.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            sha.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return sha.hexdigest()


def _load(file: Path) -> np.ndarray | None:
    import numpy as np

    if not file.is_file():
        return None
    with np.load(file) as held:
        values: np.ndarray = held["values"]
        return values


def _keep(file: Path, values: np.ndarray) -> None:
    import numpy as np

    from orchestrator.errors import StorageError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = file.with_suffix(f".{os.getpid()}.npz")
        np.savez(whole, values=values)
        whole.replace(file)  # what Ctrl-C leaves half written has another name
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror or error}") from error
