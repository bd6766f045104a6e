"""The process that holds the service together: it forks, restarts, reloads and ends the others.

It makes no threads and answers no requests. Nothing that another process can do makes it wait:
signals and messages wake its loop, and everything else is a moment at which to look again.
"""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestrator.gateway.serve.channel import Channel
from orchestrator.gateway.serve.children import Child, fork, in_words
from orchestrator.gateway.serve.reloading import Reloading

QUICK_S = 5.0
"""A worker that lives shorter than this has died at once."""
QUICK_DEATHS = 3
"""So many of these in a row, and the service ends."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
"""Before a process is started again: doubled each time that it dies at once."""
AFTER_DRAIN_S = 10.0
"""How much longer than requests may take a process gets to write what it holds."""
TWICE_S = 1.0
"""A second signal that comes sooner is taken for the first: some send both SIGINT and SIGTERM."""
_LOG = logging.getLogger("orchestrator.gateway")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(slots=True)
class _Slot:
    """A process that there is always to be."""

    name: str
    work: Callable[[Channel], None]
    child: Child | None = None
    deaths: int = 0
    """At once, in a row."""
    due: float | None = 0.0
    """When to start it; `None`: it runs."""


@dataclass(slots=True)
class Supervisor:
    """See the module.

    Args:
        worker: what a worker of that number does; returns when it has ended well.
        workers: how many.
        recorder: what moves the records on; `None`: nobody does.
        reloading: the project, and what is asked of it.
        listener: closed as soon as nobody is to connect any more.
        drain_s: for how long accepted requests may go on.
        on_ready: told once, when all workers serve for the first time, what each of them said.
    """

    worker: Callable[[int, Channel], None]
    workers: int
    recorder: Callable[[Channel], None] | None
    reloading: Reloading
    listener: socket.socket
    drain_s: float
    on_ready: Callable[[Mapping[int, Mapping[str, Any]]], None]
    _slots: list[_Slot] = field(default_factory=list)
    _facts: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    _told: bool = False
    _stopping: bool = False
    _told_at: float = float("-inf")
    _kill_at: float = float("inf")
    _problem: str = ""
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self) -> str:
        """Serve until a signal ends it.

        Returns:
            Why it could not go on; empty where it was told to end.
        """
        for number in range(1, self.workers + 1):
            self._slots.append(_Slot(f"worker {number}", self._work_of(number)))
        if self.recorder is not None:
            self._slots.append(_Slot("recorder", self.recorder))
        with self._woken_by_signals() as woken:
            self._selector.register(woken, selectors.EVENT_READ, None)
            while not self._stopping or self._alive():
                self._start_what_is_due()
                for key, _ in self._selector.select(self._pause_s()):
                    if key.data is None:
                        self._signalled(woken.recv(4096))
                    else:
                        self._listen(key.data)
                self._reap()
                self.reloading.look(self._running())
                self._end_who_does_not()
            self._selector.close()
        return self._problem

    def _work_of(self, number: int) -> Callable[[Channel], None]:
        return lambda channel: self.worker(number, channel)

    @contextmanager
    def _woken_by_signals(self) -> Iterator[socket.socket]:
        """A socket that gets a byte for each signal."""
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            ours.close()
            theirs.close()

    # ── starting ─────────────────────────────────────────────────────────────────────────

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.due is not None and slot.due <= now and not self._stopping:
                others = [s.child.channel for s in self._slots if s.child is not None]
                slot.child, slot.due = fork(slot.name, slot.work, others, _SIGNALS), None
                self._selector.register(slot.child.channel, selectors.EVENT_READ, slot)

    def _listen(self, slot: _Slot) -> None:
        child = slot.child
        assert child is not None
        messages = child.channel.receive()
        if messages is None:
            self._selector.unregister(child.channel)  # its end is told by the system
            return
        number = self._slots.index(slot) + 1
        for message in messages:
            if "ready" in message:
                child.ready, self._facts[number] = True, message["ready"]
                if len(self._facts) == self.workers and not self._told:
                    self._told = True
                    self.on_ready(self._facts)
            else:
                self.reloading.heard(child.pid, message)

    # ── ending ───────────────────────────────────────────────────────────────────────────

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGHUP in numbers and not self._stopping:
            self.reloading.ask()
        if signal.SIGTERM not in numbers and signal.SIGINT not in numbers:
            return
        now = time.monotonic()
        if not self._stopping:
            self._told_at = now
            _LOG.info("draining: accepted requests are answered, at most %.0f s", self.drain_s)
            self._stop()
        elif now - self._told_at > TWICE_S:
            _LOG.warning("told to end a second time: what is under way is cut off")
            self._kill_at = now

    def _stop(self) -> None:
        self._stopping = True
        self.listener.close()
        self._kill_at = min(self._kill_at, time.monotonic() + self.drain_s + AFTER_DRAIN_S)
        for slot in self._slots[: self.workers]:
            if slot.child is not None:
                slot.child.signal(signal.SIGTERM)
        self._stop_recorder()

    def _stop_recorder(self) -> None:
        """After the workers, since it writes what they leave behind."""
        if any(slot.child for slot in self._slots[: self.workers]):
            return
        for slot in self._slots[self.workers :]:
            if slot.child is not None and not slot.child.told:
                slot.child.signal(signal.SIGTERM)
                self._kill_at = max(self._kill_at, time.monotonic() + AFTER_DRAIN_S)

    def _reap(self) -> None:
        for slot in self._slots:
            child = slot.child
            if child is None or (status := child.ended()) is None:
                continue
            if child.channel.fileno() in self._selector.get_map():
                self._selector.unregister(child.channel)
            child.channel.close()
            slot.child = None
            self._died(slot, child, status)
        if self._stopping:
            self._stop_recorder()

    def _died(self, slot: _Slot, child: Child, status: int) -> None:
        if self._stopping:
            if status not in (0, -signal.SIGTERM):  # told before it had begun
                _LOG.error("%s (%d) %s", slot.name, child.pid, in_words(status))
            return
        now = time.monotonic()
        quick = now - child.since < QUICK_S
        slot.deaths = slot.deaths + 1 if quick else 0
        pause_s = min(FIRST_PAUSE_S * 2.0**slot.deaths, LONGEST_PAUSE_S)
        words = in_words(status)
        if slot.deaths >= QUICK_DEATHS and slot is not self._recorder:
            self._problem = (
                f"{slot.name} died {slot.deaths} times in a row as soon as it was started "
                f"(at last it {words}): the service ends; its log says why"
            )
            self._stop()
            return
        _LOG.error("%s (%d) %s; started again in %.1f s", slot.name, child.pid, words, pause_s)
        slot.due = now + pause_s

    @property
    def _recorder(self) -> _Slot | None:
        return self._slots[self.workers] if len(self._slots) > self.workers else None

    def _end_who_does_not(self) -> None:
        if self._stopping and time.monotonic() >= self._kill_at:
            for slot in self._slots:
                if slot.child is not None:
                    _LOG.error("%s (%d) does not end, and is killed", slot.name, slot.child.pid)
                    slot.child.signal(signal.SIGKILL)
            self._kill_at = float("inf")

    # ── looking ──────────────────────────────────────────────────────────────────────────

    def _alive(self) -> bool:
        return any(slot.child is not None for slot in self._slots)

    def _running(self) -> dict[int, Child]:
        """The workers, by number."""
        found = enumerate(self._slots[: self.workers], 1)
        return {number: slot.child for number, slot in found if slot.child is not None}

    def _pause_s(self) -> float | None:
        """Until the next moment at which something is to be done by itself."""
        moments = [slot.due for slot in self._slots if slot.due is not None and not self._stopping]
        moments += [self._kill_at] if self._kill_at != float("inf") else []
        moments += [moment] if (moment := self.reloading.next_look()) is not None else []
        return max(0.0, min(moments) - time.monotonic()) if moments else None
