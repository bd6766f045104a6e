"""Which gateways of a project run on this machine, as other processes see them.

Each has a file in the storage folder, which it holds locked for as long as it lives. So a file
that nobody holds is of one that has died, whatever process has its number now.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from orchestrator.errors import RunError, StorageError
from orchestrator.storage.operations import Operation, Operations, operation

FOLDER = "gateways"
RELOAD_S = 120.0
"""How long a reload may take, in all workers."""
ASK_S = 3.0
"""How long a gateway may take to say whether it is ready."""
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One gateway."""

    pid: int
    machine: str
    address: str
    since: float
    """Seconds since the epoch."""

    @property
    def name(self) -> str:
        """On record."""
        return f"gateway {self.machine}:{self.pid}"

    @property
    def here(self) -> bool:
        """Whether it can be sent a signal."""
        return self.machine == socket.gethostname()


def storage_of(root: Path) -> Path:
    """The storage folder, also of a project with mistakes: they are for the gateway to say."""
    from orchestrator.project._files import Source
    from orchestrator.project._read import read_source
    from orchestrator.project.schema import Settings

    file = root / "mesh.yaml"
    settings = None
    if file.exists():
        settings = read_source(Source("mesh.yaml", file, str(file), True), os.environ, []).declared
    path = Path((settings or Settings()).storage.path).expanduser()
    return path if path.is_absolute() else root / path


class RunningFile:
    """This gateway's own file; gone after `close`."""

    def __init__(self, storage: Path, address: str) -> None:
        self.running = Running(
            pid=os.getpid(), machine=socket.gethostname(), address=address, since=time.time()
        )
        self._path = storage / FOLDER / f"{self.running.machine}-{os.getpid()}.json"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
            _lock(self._file)
            self.tell({})
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error}") from error

    def tell(self, facts: Mapping[str, Any]) -> None:
        """Write what others may want to know."""
        told = self.running
        about = {"pid": told.pid, "machine": told.machine, "address": told.address}
        self._file.seek(0)
        self._file.truncate()
        json.dump({**about, "since": told.since, **facts}, self._file)
        self._file.flush()

    def close(self) -> None:
        """Nobody finds it any more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()


def running(storage: Path) -> tuple[Running, ...]:
    """Those that live, the oldest first. Files of dead ones are removed."""
    found = []
    for path in sorted((storage / FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, KeyError), path.open("r+", encoding="utf-8") as file:
            if _is_free(file):
                path.unlink(missing_ok=True)
                continue
            said = json.load(file)
            found.append(Running(**{name: said[name] for name in Running.__dataclass_fields__}))
    return tuple(sorted(found, key=lambda one: one.since))


def _lock(file: IO[str]) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_free(file: IO[str]) -> bool:
    try:
        _lock(file)
    except BlockingIOError:
        return False
    except ImportError:  # Windows, where no service runs
        return True
    return True


def ask_reload(operations: Operations, gateway: Running, who: str, why: str = "") -> str:
    """Ask a gateway to read its project anew; the id of the record that will say what came of it.

    Raises:
        RunError: it is on another machine, or of another user.
    """
    if not gateway.here:
        raise RunError(
            f"{gateway.name} runs on another machine: say `mesh reload` there, or send "
            f"POST {gateway.address}/admin/reload with an admin key"
        )
    asked = operation("reload", gateway.name, who, why=why, result="asked")
    operations.add(asked)
    try:
        os.kill(gateway.pid, signal.SIGHUP)
    except OSError as error:
        operations.finish(asked.id, "failed", {"problems": [str(error)]})
        raise RunError(f"{gateway.name} cannot be asked: {error.strerror}") from error
    return asked.id


def answer(operations: Operations, id: str, wait_s: float = RELOAD_S) -> Operation:
    """The record, as soon as it says what came of it. Blocks.

    Raises:
        RunError: that did not happen in time.
    """
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        found = operations.get(id)
        if found is not None and found.result != "asked":
            return found
        time.sleep(_LOOK_S)
    raise RunError(f"the gateway did not answer within {wait_s:.0f} s; its log says why")


def readiness(url: str) -> tuple[str, ...]:
    """Why a gateway is not ready for requests; nothing where it is. Blocks, for seconds at most."""
    target = urlsplit(url if "://" in url else f"http://{url}")
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    # Who listens on all addresses is asked on one that there always is.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(target.hostname or "", target.hostname or "")
    try:
        connection = kind(host, target.port, timeout=ASK_S)
        try:
            connection.request("GET", f"{target.path.rstrip('/')}/health/ready")
            said = json.loads(connection.getresponse().read(100_000))
        finally:
            connection.close()
        return tuple(map(str, said["reasons"]))
    except (OSError, http.client.HTTPException) as error:
        return (f"it does not answer ({error})",)
    except (ValueError, KeyError, TypeError):
        return ("what answers there is no gateway",)
