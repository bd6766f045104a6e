"""Forked processes: how one begins, and how it ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from orchestrator.errors import MeshError
from orchestrator.gateway.serve.channel import Channel

_LOG = logging.getLogger("orchestrator.gateway")


@dataclass(slots=True)
class Child:
    """One that lives, or has just ended."""

    pid: int
    channel: Channel
    since: float = field(default_factory=time.monotonic)
    ready: bool = False
    told: bool = False
    """To end."""

    def signal(self, number: int) -> None:
        """Nothing happens where it has ended."""
        self.told = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def ended(self) -> int | None:
        """The exit code, negative for the signal that ended it; `None` while it lives."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None


def fork(
    name: str,
    work: Callable[[Channel], None],
    others: Sequence[Channel],
    signals: Sequence[signal.Signals],
) -> Child:
    """Start a process that does `work` and ends.

    Args:
        others: ends of channels that are not its own.
        signals: that the parent handles. The process ends by SIGTERM until it handles it itself,
            and does not hear of Ctrl-C, which is for the parent.
    """
    ours, theirs = Channel.pair()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # None of them may come between the fork and the moment at which the child is itself.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return Child(pid, ours)
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        for number in signals:
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for channel in (ours, *others):
            channel.close()
        work(theirs)
        code = 0
    except MeshError as error:
        _LOG.error("%s: %s", name, error)
        code = error.exit_code
    except BaseException:  # noqa: BLE001 - a process of its own: whatever it is, there is nobody above to tell
        _LOG.exception("%s failed", name)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def in_words(status: int) -> str:
    """How it ended: `was ended by SIGKILL`."""
    if status >= 0:
        return f"ended with code {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
