"""Weights from a hub on loopback: downloaded once, and every failure named."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestrator.calling.transports.hub import download
from orchestrator.errors import AttemptError
from orchestrator.fleet.weights import HubFile
from orchestrator.types import Outcome

WEIGHTS = b"GGUF" + b"\x00" * 2000
COMMIT = "a" * 40
FILE = HubFile(repo="owner/model", file="model.gguf")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as a download of one file takes."""

    downloads = 0

    def do_HEAD(self) -> None:
        self._reply()

    def do_GET(self) -> None:
        if self._reply():
            type(self).downloads += 1
            self.wfile.write(WEIGHTS)

    def _reply(self) -> bool:
        repo, file = self.path.split("/resolve/main/")
        error = {"/owner/model": "", "/owner/gated": "GatedRepo"}.get(repo, "RepoNotFound")
        if not error and file != FILE.file:
            error = "EntryNotFound"
        self.send_response({"": 200, "GatedRepo": 403}.get(error, 404))
        if error:
            self.send_header("X-Error-Code", error)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"weights-1"')
        self.send_header("Content-Length", "0" if error else str(len(WEIGHTS)))
        self.end_headers()
        return not error

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    Hub.downloads = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    yield {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(tmp_path / "cache")}
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_file_is_downloaded_once(
    env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = await asyncio.to_thread(download, FILE, env)
    assert first.read_bytes() == WEIGHTS
    assert await asyncio.to_thread(download, FILE, env) == first
    assert Hub.downloads == 1
    assert capsys.readouterr().err == "", "no bar where nobody looks"


def test_a_terminal_sees_a_bar(
    env: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    download(FILE, env)
    shown = capsys.readouterr()
    assert "model.gguf" in shown.out + shown.err


@pytest.mark.parametrize(
    ("hub", "outcome", "said"),
    [
        (HubFile(repo="owner/gated", file="model.gguf"), Outcome.AUTH, "HF_TOKEN"),
        (HubFile(repo="owner/gone", file="model.gguf"), Outcome.AUTH, "owner/gone"),
        (HubFile(repo="owner/model", file="x.gguf"), Outcome.INVALID_REQUEST, "no file x.gguf"),
    ],
)
def test_what_the_hub_refuses_is_named(
    env: dict[str, str], hub: HubFile, outcome: Outcome, said: str
) -> None:
    with pytest.raises(AttemptError, match=said) as caught:
        download(hub, env)
    assert caught.value.outcome is outcome


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path)}
    with pytest.raises(AttemptError, match="name its path") as caught:
        download(FILE, env)
    assert caught.value.outcome is Outcome.UNREACHABLE


def test_offline_by_wish_asks_nobody(env: dict[str, str]) -> None:
    with pytest.raises(AttemptError, match="HF_HUB_OFFLINE is set"):
        download(FILE, {**env, "HF_HUB_OFFLINE": "1"})
    assert Hub.downloads == 0
