"""Tells somebody elsewhere of an incident, without anybody here waiting for it."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from queue import Empty, Full, Queue
from typing import Any
from urllib.parse import urlsplit

TRIES = 3
PAUSE_S = 1.0
"""Before the second try; each further one waits twice as long."""
PATIENCE_S = 5.0
"""For one try, and for what is on its way when the process ends."""
WAITING = 100
"""More events than that are not kept for a receiver that is slow."""
_LOG = logging.getLogger("orchestrator.incidents")


class Webhook:
    """Posts JSON to an address, in the order of the events. Nothing here ever raises.

    Args:
        url: never shown, since its path is often a secret; messages name the host alone.
        pause_s: before the second try.
        headers: further ones for a body, as a signature of it; asked anew for every try.
    """

    def __init__(
        self,
        url: str,
        *,
        pause_s: float = PAUSE_S,
        headers: Callable[[bytes], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self._url, self._pause_s, self._headers = url, pause_s, headers
        self._host = urlsplit(url).hostname or ""
        self._queue: Queue[Mapping[str, Any]] = Queue(WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def send(self, event: Mapping[str, Any]) -> None:
        """Hand it over; it goes out in a thread of its own."""
        try:
            self._queue.put_nowait(event)
        except Full:
            _LOG.warning("%s is too slow: an event was not sent", self._host)
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
                self._thread.start()

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Wait a moment for what is on its way; further tries come without a pause."""
        with self._lock:
            thread = self._thread
        self._stopping.set()
        if thread is not None:
            thread.join(patience_s)

    def _work(self) -> None:
        while True:
            try:
                event = self._queue.get_nowait()
            except Empty:
                with self._lock:
                    if self._queue.empty():
                        self._thread = None
                        return
                continue
            self._deliver(event)

    def _deliver(self, event: Mapping[str, Any]) -> None:
        body = json.dumps(event).encode()
        for attempt in range(TRIES):
            if attempt:
                self._stopping.wait(self._pause_s * 2.0 ** (attempt - 1))
            problem = self._post(body)
            if not problem:
                return
        _LOG.warning("%s did not take an event: %s", self._host, problem)

    def _post(self, body: bytes) -> str:
        """What went wrong; empty where it was taken."""
        request = urllib.request.Request(
            self._url,
            data=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "model-mesh-orchestrator",
                **self._headers(body),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return f"HTTP {error.code}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            return str(getattr(error, "reason", error))
