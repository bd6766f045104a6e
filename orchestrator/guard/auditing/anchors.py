"""Places that take heads and do not give them back: a file, a program, the system's log, a URL."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.guard.auditing.heads import SentHead

if TYPE_CHECKING:
    from orchestrator.project.audit_schema import Anchor

PATIENCE_S = 10.0
"""For a program, or a server."""
Send = Callable[[SentHead], None]
"""Raises `OSError` where the head did not arrive."""


def places_of(anchor: Anchor, root: Path) -> tuple[tuple[str, Send], ...]:
    """The declared places, each with a name for a person.

    Args:
        root: of the project; a relative path is one of it.
    """
    found: list[tuple[str, Send]] = []
    if anchor.file is not None:
        path = root / Path(anchor.file).expanduser()
        found.append((str(path), lambda head: _to_file(path, head)))
    if anchor.command:
        command = anchor.command
        found.append((command[0], lambda head: _to_command(command, root, head)))
    if anchor.syslog:
        found.append(("syslog", _to_syslog))
    if anchor.url is not None:
        url = anchor.url
        found.append((urlsplit(url).hostname or "url", lambda head: _to_url(url, head)))
    return tuple(found)


def _to_file(path: Path, head: SentHead) -> None:
    """With O_APPEND and nothing else, which is all that a file with `chattr +a` allows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        data = f"{head.line}\n".encode()
        if os.write(file, data) != len(data):
            raise OSError("only a part of the head could be written")
        os.fsync(file)
    finally:
        os.close(file)


def _to_command(command: Sequence[str], root: Path, head: SentHead) -> None:
    try:
        ended = subprocess.run(
            list(command),
            input=f"{head.line}\n".encode(),
            cwd=root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{command[0]} took longer than {PATIENCE_S:.0f} s") from None
    if ended.returncode:
        raise OSError(f"{command[0]} ended with {ended.returncode}")


def _to_syslog(head: SentHead) -> None:
    if sys.platform == "win32":
        raise OSError("this system has no syslog")
    import syslog

    syslog.openlog("mesh-audit", syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_NOTICE, head.line)


def _to_url(url: str, head: SentHead) -> None:
    request = urllib.request.Request(
        url,
        data=head.line.encode(),
        headers={"Content-Type": "application/json", "User-Agent": "model-mesh-orchestrator"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"HTTP {error.code}") from None
    except ValueError as error:
        raise OSError(str(error)) from error
