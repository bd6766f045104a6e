"""Replays what is on record: the same output, no call, no cost, and every difference told."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.errors import MeshError, SourceError
from orchestrator.evidence.sources.library import Library
from orchestrator.graph.active import Caller
from orchestrator.graph.changes import changes, describe
from orchestrator.graph.journal import JournalStore, RunRecord
from orchestrator.graph.opening import Opening
from orchestrator.graph.runs import Runs
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Project
from orchestrator.records import Hop, Trace
from orchestrator.replay.calls import repeat_call
from orchestrator.replay.one_run import OneRun
from orchestrator.replay.recorded import Record, read_record
from orchestrator.replay.redecide import Policies, redecide
from orchestrator.replay.repeating import Repeat, asked_now, to_its_end
from orchestrator.replay.stand_ins import Overlaid, Recording, no_library, without_world
from orchestrator.replay.values import ChangedSource, Replayed
from orchestrator.roles.services import Services
from orchestrator.tracing.diff import diff_traces
from orchestrator.tracing.redact import Mask, redact_hop, redact_trace
from orchestrator.tracing.store import TraceStore
from orchestrator.types import FleetSnapshot, LogRule

_MS = re.compile(r'("ms": ?)[0-9.eE+-]+')
_WHOLE = LogRule()


@dataclass(slots=True)
class _Came:
    """What came of going through it again."""

    trace: Trace
    hops: dict[str, Hop]
    calls: int = 0


@dataclass(slots=True, kw_only=True)
class Replayer:
    """Replays the traces of one project. Writes nothing, and calls nobody."""

    services: Services
    registry: Registry
    store: TraceStore
    journals: Callable[[], JournalStore | None]
    """Those of the runs; `None` where none was ever kept."""
    policies: Policies
    library: Callable[[], Library]
    """Of the documents, for what is carried out again."""
    _fleets: dict[str, FleetSnapshot | None] = field(default_factory=dict)
    _documents: dict[tuple[str, int, int], str] = field(default_factory=dict)
    """The hashes of documents, as they are."""

    async def replay(self, wanted: str) -> Replayed:
        """Go through the trace with that id (or the only one that begins so) again.

        Raises:
            UnknownNameError, UserError: no such trace, or several.
            RunError: what a replay needs of it is not on record; the message says why.
        """
        start = time.perf_counter()
        record = read_record(self.store, self.journals(), wanted)
        came = self._call(record) if record.is_call else await self._run(record)
        return self._compared(record, came, start)

    # ── going through it ─────────────────────────────────────────────────────────────────

    def _call(self, record: Record) -> _Came:
        trace, hops = repeat_call(record, self.services)
        return _Came(trace, {hop.id: hop for hop in hops})

    async def _run(self, record: Record) -> _Came:
        trace = record.trace
        made, recording, transports = without_world(
            self.services, self.fleet_of(record), record.hops, trace.started_at
        )
        repeat = Repeat(record)
        run = run_record(record, self.services.project, trace.id)
        opening = Opening(
            services=made,
            registry=Overlaid(self.registry, repeat.around),
            journals=OneRun(run),
            library=no_library(),
            store=self.store,
            repeats=repeat,
        )
        task = asyncio.ensure_future(
            Runs(opening=opening).resume(trace.id, Caller(on_question=repeat.answer))
        )
        ended = await to_its_end(task, repeat)
        again = _end_of(task, recording, trace)
        if record.cut_off and again.status != "failed":  # it is compared as far as it went
            again = replace(again, status=trace.status, error=trace.error, answer=trace.answer)
        elif not ended:
            places = ", ".join(dict.fromkeys(asking.node for asking in repeat.unknown))
            again = replace(again, error=f"it waits for what is not on record: {places}")
        hops = {**recording.hops, **asked_now(record, repeat)}
        return _Came(again, hops, transports.touched)

    def fleet_of(self, record: Record) -> FleetSnapshot:
        """The fleet that the run saw; where it is not on record, that of now."""
        hashes = [h.decision.fleet_hash for h in record.hops if h.decision]
        for hash in dict.fromkeys([*hashes, record.trace.fleet_hash]):
            found = self._snapshot(hash)
            if found is not None:
                return found
        return self.services.fleet()

    def _snapshot(self, hash: str) -> FleetSnapshot | None:
        if hash not in self._fleets:
            self._fleets[hash] = self.store.snapshot(hash)
        return self._fleets[hash]

    # ── comparing ────────────────────────────────────────────────────────────────────────

    def _compared(self, record: Record, came: _Came, start: float) -> Replayed:
        mask, trace = Mask(), record.trace
        by_id = {hop.id: hop for hop in record.hops}
        now = [_as_recorded(hop, by_id.get(hop.id), mask) for hop in came.hops.values()]
        before, after, unreached = list(record.hops), now, list[Hop]()
        if trace.status != "ok":  # not everything that had begun has come to its end
            both = by_id.keys() & came.hops.keys()
            unreached = [hop for hop in (*before, *after) if hop.id not in both]
            before = [hop for hop in before if hop.id in both]
            after = [hop for hop in after if hop.id in both]
        else:
            stopped = [h for h in before if h.status == "cancelled" and h.id not in came.hops]
            unreached, before = stopped, [hop for hop in before if hop not in stopped]
        again = redact_trace(came.trace, _WHOLE, mask)
        plain = [replace(hop, output=_timeless(hop.output)) for hop in before]
        ordered = sorted(after, key=lambda hop: (hop.started_at, hop.node))
        return Replayed(
            trace=trace,
            again=again,
            hops=record.hops,
            diff=diff_traces(trace, plain, again, ordered),
            unreached=tuple(unreached),
            sources=self._changed(record),
            decisions=redecide(record.hops, self._snapshot, self.policies),
            edits=edits(self.services.project, record),
            calls=came.calls,
            cut_off=record.cut_off,
            ms=(time.perf_counter() - start) * 1000,
        )

    def _changed(self, record: Record) -> tuple[ChangedSource, ...]:
        found = []
        for file, hash in sorted(record.sources().items()):
            now = self._hash_of(file)
            if now != hash:
                why = now if now.startswith("it ") else "it was edited since the run read it"
                found.append(ChangedSource(file=file, why=why))
        return tuple(found)

    def _hash_of(self, file: str) -> str:
        """Of the document as it is now, or why it cannot be read."""
        from orchestrator.evidence.sources.documents import load_document

        try:
            found = Path(file).stat()
            key = (str(Path(file).absolute()), found.st_mtime_ns, found.st_size)
            if key not in self._documents:
                self._documents[key] = load_document(file).hash
        except (SourceError, OSError):
            where = "" if Path(file).is_absolute() else f" from {Path.cwd()}"
            return f"it cannot be read any more{where}"
        return self._documents[key]


def run_record(record: Record, project: Project, run: str) -> RunRecord:
    """The run as a journal would have it, under the id `run`."""
    request = {**record.request, "thread": None, "project": None}
    return RunRecord(
        id=run,
        graph=record.trace.graph,
        project_hash=project.hash,
        started_at=record.trace.started_at,
        request=request,
    )


def edits(project: Project, record: Record) -> tuple[str, ...]:
    """What of the project was edited since, in words; as exactly as it is on record."""
    trace = record.trace
    if trace.project_hash == project.hash:
        return ()
    graph = project.graphs.get(trace.graph)
    if record.project and graph is not None:
        return changes(record.project, describe(project, graph))
    said = ["the project was edited since"]
    if trace.policy_hash != project.policy_hash:
        said.append(f"policy.yaml: it is another than {trace.policy_hash[:8]}")
    return tuple(said)


def _end_of(task: asyncio.Future[Any], recording: Recording, trace: Trace) -> Trace:
    """The trace of the replay. What it failed with stands there, as in the recorded one."""
    error: BaseException | None = None
    with suppress(asyncio.CancelledError):
        error = task.exception()
    found = recording.trace
    if found is None or (isinstance(error, MeshError) and found.status == "running"):
        # It did not even begin: its graph is gone, or another.
        found = replace(trace, status="failed", answer=None, verdict=None, error=str(error))
    return replace(found, started_at=trace.started_at, ms=trace.ms, log=trace.log)


def _as_recorded(hop: Hop, known: Hop | None, mask: Mask) -> Hop:
    """The hop as it would be stored, at the recorded time."""
    found = redact_hop(hop, _WHOLE, mask)
    found = replace(found, output=_timeless(found.output))
    if known is None:
        return found
    return replace(found, started_at=known.started_at, ms=known.ms)


def _timeless(text: str | None) -> str | None:
    """Without how long it took."""
    return text and _MS.sub(r"\g<1>0", text)
