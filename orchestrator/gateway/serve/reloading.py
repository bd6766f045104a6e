"""What the supervisor does when the project is to be read anew.

It reads and checks the project itself, first: a bad one reaches no worker. Then every worker is
told the hash of the good one, takes it over, and says so; the record has what each of them said.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import StorageError, UserError
from orchestrator.gateway.serve.channel import Message
from orchestrator.gateway.serve.children import Child
from orchestrator.gateway.serve.options import ServeOptions
from orchestrator.gateway.serve.reload import changes, load_successor, problems_of
from orchestrator.project.load import LoadedProject
from orchestrator.storage.operations import Operation, Operations, keep_policy, operation, os_user

ANSWER_S = 60.0
"""How long a worker may take."""
LOOK_S = 1.0
"""Between two looks at the declared files, with `--watch`."""
ATTEMPTS = 3
"""How often it begins anew where the files change while it is at work."""
_LOG = logging.getLogger("orchestrator.gateway")
_EDITED = "the project was edited again in the meantime"


@dataclass(slots=True)
class _Round:
    """One reload that is under way."""

    asked: tuple[Operation, ...]
    number: int
    attempt: int
    """1, or more where the files changed while it was at work."""
    before: LoadedProject
    waiting: dict[int, int]
    """The number of each worker that has not answered, by its process."""
    until: float
    said: dict[int, str] = field(default_factory=dict)
    """By the worker's number: `done`, or what went wrong."""


@dataclass(slots=True)
class Reloading:
    """The project as it is, and how it becomes another.

    Args:
        name: of this service on record.
    """

    loaded: LoadedProject
    env: Mapping[str, str]
    options: ServeOptions
    operations: Operations
    name: str
    _asked: bool = False
    _round: _Round | None = None
    _rounds: int = 0
    _files: Mapping[Path, int] = field(default_factory=dict)
    _changed: Mapping[Path, int] | None = None
    _look_at: float = 0.0

    def ask(self) -> None:
        """Somebody wants it; see `look`."""
        self._asked = True

    def look(self, workers: Mapping[int, Child]) -> None:
        """Begin what was asked for, or end what has been waited for long enough."""
        if self.options.watch:
            self._watch()
        under_way = self._round
        if under_way is None:
            if self._asked:
                self._asked = False
                self._begin(self._whose(), workers)
            return
        alive = {child.pid for child in workers.values()}
        late = time.monotonic() > under_way.until
        for pid in list(under_way.waiting):
            if pid not in alive:  # whoever takes its place is forked with the new project
                self._said(under_way, pid, "done")
            elif late:
                self._said(under_way, pid, f"did not answer within {ANSWER_S:.0f} s")
        if not under_way.waiting:
            self._finish(under_way, workers)

    def heard(self, pid: int, message: Message) -> None:
        """A worker has answered."""
        under_way = self._round
        if under_way is not None and message.get("reloaded") == under_way.number:
            self._said(under_way, pid, message["problem"] or "done")

    def next_look(self) -> float | None:
        """When `look` has something to do by itself, on the monotonic clock."""
        if self._asked:
            return 0.0
        if self._round is not None:
            return self._round.until if self._round.waiting else 0.0
        return self._look_at if self.options.watch else None

    # ── one reload ───────────────────────────────────────────────────────────────────────

    def _whose(self) -> tuple[Operation, ...]:
        """What was asked for on record; a signal or an edited file is put there."""
        try:
            asked = self.operations.asked("reload", self.name)
            if not asked:
                why = "a declared file changed" if self._changed is not None else "SIGHUP"
                one = operation("reload", self.name, os_user(), why=why, result="asked")
                self.operations.add(one)
                asked = (one,)
        except StorageError as error:
            _LOG.error("the reload is not on record: %s", error)
            asked = ()
        self._changed = None
        return asked

    def _begin(
        self, asked: tuple[Operation, ...], workers: Mapping[int, Child], attempt: int = 1
    ) -> None:
        before = self.loaded
        try:
            after = load_successor(self.options.root, self.env, before.project)
        except UserError as error:
            self._refuse(asked, problems_of(error))
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on as it was
            _LOG.exception("the project cannot be read")
            self._refuse(asked, [f"{type(error).__name__}: {error}"])
            return
        try:
            keep_policy(self.operations, after)
        except StorageError as error:
            _LOG.error("the policy is not kept: %s", error)
        self.loaded = after
        self._rounds += 1
        waiting = {child.pid: number for number, child in workers.items()}
        until = time.monotonic() + ANSWER_S
        self._round = _Round(asked, self._rounds, attempt, before, waiting, until)
        for child in workers.values():
            child.channel.send({"reload": self._rounds, "hash": after.project.hash})

    def _refuse(self, asked: tuple[Operation, ...], problems: list[str]) -> None:
        _LOG.error("the reload is refused, and the old project stays:\n%s", "\n".join(problems))
        self._record(asked, "refused", self.loaded, {"problems": problems})

    def _said(self, under_way: _Round, pid: int, what: str) -> None:
        number = under_way.waiting.pop(pid, None)
        if number is not None:
            under_way.said[number] = what

    def _finish(self, done: _Round, workers: Mapping[int, Child]) -> None:
        self._round = None
        said = {str(number): what for number, what in sorted(done.said.items())}
        if _EDITED in said.values() and done.attempt < ATTEMPTS:
            self._begin(done.asked, workers, done.attempt + 1)
            return
        failed = {number: what for number, what in said.items() if what != "done"}
        project = self.loaded.project
        details = {**changes(done.before.project, project), "workers": said}
        if failed:
            details["problems"] = [f"worker {number}: {what}" for number, what in failed.items()]
            _LOG.error("the reload failed in some workers: %s", details["problems"])
        else:
            _LOG.info("reloaded: project %s, policy %s", project.hash, project.policy_hash)
        self._record(done.asked, "failed" if failed else "done", done.before, details)

    def _record(
        self, asked: tuple[Operation, ...], result: Any, before: LoadedProject, details: Any
    ) -> None:
        try:
            for one in asked:
                hashes = before.project.hash, self.loaded.project.hash
                self.operations.finish(one.id, result, details, *hashes)
        except StorageError as error:
            _LOG.error("the reload is not on record: %s", error)

    # ── watching ─────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        """Ask for it when files have changed, and have not changed again since the last look."""
        if time.monotonic() < self._look_at or self._round is not None:
            return
        self._look_at = time.monotonic() + LOOK_S
        now = _stamps(self.options.root)
        if not self._files:
            self._files = now
        elif now != self._files:
            if now == self._changed:
                self._files = now
                self.ask()
            else:
                self._changed = now


def _stamps(root: Path) -> dict[Path, int]:
    """When each file of the project was written last."""
    found = {}
    for pattern in ("*.yaml", "*.py", "agents/*", "graphs/*", "evals/*.yaml"):
        for path in root.glob(pattern):
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:
                continue
    return found
