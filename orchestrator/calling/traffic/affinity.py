"""Which deployment most likely still holds the beginning of a prompt in its provider's cache.

Providers keep what they have read of a prompt for some minutes and charge less for the same
beginning. So each call leaves behind, for every leading part of its messages, who has read it and
how long it was. Parts are known by a chain of keyed hashes; no text is kept, and the key does not
outlive the process.

What a provider reports corrects it: each time that it held nothing of what was expected, as with
one that caches only what it is told to, half as much is expected of it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import CallRequest
from orchestrator.calling.attempt import prompt_tokens
from orchestrator.project.protocols import Clock
from orchestrator.records import Attempt
from orchestrator.types import Deployment, Outcome, as_json

KEPT_S = 300.0
"""How long providers keep what nobody asks for again: five to ten minutes, as they say."""
LEAST_TOKENS = 1024
"""The shortest beginning that hosted providers cache."""
MOST_PARTS = 20_000
"""Leading parts that are remembered; beyond that the one that was read longest ago goes."""
READ = frozenset(
    {Outcome.OK, Outcome.UNSURE, Outcome.INVALID_OUTPUT, Outcome.UNSAFE, Outcome.EMPTY}
)
"""The provider has read the whole prompt."""


@dataclass(frozen=True, slots=True)
class _Read:
    tokens: int
    at: float


class Affinity:
    """What was read where, lately. Thread-safe; the memory is bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._parts: OrderedDict[bytes, dict[str, _Read]] = OrderedDict()
        """By the hash of a leading part, the one that was read last at the end."""
        self._shortest = 0
        """Tokens of the shortest part that is remembered, as they are counted here."""
        self._holds: dict[str, float] = {}
        """The share of what was expected that a deployment's cache really held, in 0..1."""

    def cached(self, request: CallRequest) -> Mapping[str, int]:
        """How many tokens of the prompt each deployment most likely holds; those with any."""
        if not self._parts or prompt_tokens(request) < self._shortest:
            return {}
        parts = [name for name, _ in self._leading(request)]
        with self._lock:
            found = self._longest(parts)
            return {id: round(n * self._holds.get(id, 1.0)) for id, n in found.items()}

    def saw(self, request: CallRequest, deployment: Deployment, attempt: Attempt) -> None:
        """An attempt is over, which may have left the prompt in the provider's cache."""
        if attempt.outcome not in READ or not caches(deployment):
            return
        least = LEAST_TOKENS if deployment.hosting == "hosted" else 1
        if 0 < attempt.usage.input < least and not attempt.usage.estimated:
            return
        scale = _scale(request, attempt)
        parts = list(self._leading(request))
        with self._lock:
            now = self._clock.monotonic()
            self._learn([name for name, _ in parts], deployment, attempt)
            for name, counted in parts:
                tokens = round(counted * scale)
                if tokens >= least:
                    self._shortest = min(self._shortest, counted) if self._parts else counted
                    self._parts.setdefault(name, {})[deployment.id] = _Read(tokens, now)
                    self._parts.move_to_end(name)
            self._forget(now)

    def _leading(self, request: CallRequest) -> Iterator[tuple[bytes, int]]:
        """The hash of each leading part of the prompt with its tokens, the shortest first."""
        # What stands before the messages: other tools or another schema make another prompt.
        name = self._hash(b"", [request.tools, request.schema])
        tokens = prompt_tokens(CallRequest(messages=(), tools=request.tools))
        for message in request.messages:
            name = self._hash(name, message)
            tokens += prompt_tokens(CallRequest(messages=(message,)))
            yield name, tokens

    def _hash(self, before: bytes, value: Any) -> bytes:
        text = json.dumps(as_json(value), sort_keys=True)
        return hashlib.blake2b(before + text.encode(), key=self._key, digest_size=16).digest()

    # ── under the lock ───────────────────────────────────────────────────────────────────

    def _longest(self, parts: Sequence[bytes]) -> dict[str, int]:
        """The tokens of the longest of the leading parts that each deployment has read lately."""
        since = self._clock.monotonic() - KEPT_S
        return {
            deployment: read.tokens
            for name in parts  # the shortest first: a longer one takes its place
            for deployment, read in self._parts.get(name, {}).items()
            if read.at > since
        }

    def _learn(self, parts: Sequence[bytes], deployment: Deployment, attempt: Attempt) -> None:
        expected, usage = self._longest(parts).get(deployment.id, 0), attempt.usage
        if not expected or not usage.input or usage.estimated:
            return
        # Servers of one's own often cache and do not say so.
        if usage.cached_input or deployment.hosting == "hosted":
            held = min(1.0, usage.cached_input / expected)
            self._holds[deployment.id] = (self._holds.get(deployment.id, 1.0) + held) / 2

    def _forget(self, now: float) -> None:
        while self._parts:
            latest = max(read.at for read in next(iter(self._parts.values())).values())
            if latest > now - KEPT_S and len(self._parts) <= MOST_PARTS:
                return
            self._parts.popitem(last=False)


def caches(deployment: Deployment) -> bool:
    """Whether it matters what its cache holds: it charges less for it, or is one's own server."""
    if deployment.hosting == "self":
        return not deployment.any_length and deployment.via != "llamacpp"
    price = deployment.price
    if price is None or price.cache_read is None or price.input is None:
        return False
    return price.cache_read < price.input


def _scale(request: CallRequest, attempt: Attempt) -> float:
    """By how much the provider counts more tokens than we do."""
    if attempt.continued or attempt.kind == "repair":
        return 1.0  # it was sent more than the request
    counted = prompt_tokens(request)
    known = attempt.usage.input and not attempt.usage.estimated
    return attempt.usage.input / counted if known and counted else 1.0
