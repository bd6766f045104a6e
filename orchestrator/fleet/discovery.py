"""Looking for OpenAI-compatible servers on this machine. Loopback only, nothing else ever."""

from __future__ import annotations

import http.client
import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from urllib.parse import urlsplit

PROBE_SECONDS = 0.3
_MOST_BYTES = 1_000_000
_NOT_CHAT = ("embed", "rerank", "whisper")

Probe = Callable[[str], tuple[str, ...] | None]
"""From a base URL to the names of the models that are served there; `None`: nobody answers."""


def is_loopback(endpoint: str) -> bool:
    """Whether the URL's host is this machine."""
    try:
        host = urlsplit(endpoint).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def probe_models(endpoint: str) -> tuple[str, ...] | None:
    """The models that `GET endpoint/models` lists; asked once in the life of the process.

    Proxies and redirects are not followed: the request never leaves the machine.
    """
    if not is_loopback(endpoint):
        return None
    url = urlsplit(endpoint)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(url.hostname or "", url.port, timeout=PROBE_SECONDS)
    except ValueError:  # a port that is no number
        return None
    try:
        connection.request("GET", url.path.rstrip("/") + "/models")
        response = connection.getresponse()
        body = response.read(_MOST_BYTES) if response.status == http.client.OK else b""
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return _names(body)


def _names(body: bytes) -> tuple[str, ...] | None:
    try:
        listed = json.loads(body)["data"]
        return tuple(str(entry["id"]) for entry in listed)
    except (ValueError, KeyError, TypeError):
        return None


def chat_model(names: Iterable[str]) -> str:
    """The first that looks like a chat model; empty where there is none."""
    return next((n for n in names if not any(word in n.lower() for word in _NOT_CHAT)), "")


def probe_all(endpoints: Iterable[str], probe: Probe) -> Mapping[str, tuple[str, ...] | None]:
    """Asks all at once, so that together they take no longer than the slowest."""
    distinct = sorted(set(endpoints))
    if not distinct:
        return {}
    with ThreadPoolExecutor(max_workers=len(distinct)) as pool:
        return dict(zip(distinct, pool.map(probe, distinct), strict=True))
