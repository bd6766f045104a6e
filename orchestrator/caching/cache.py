"""The cache of answers: look one up, keep one, learn whether it was right to give it again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.caching.keys import Key
from orchestrator.caching.nearest import Nearest
from orchestrator.caching.store import AnswerStore
from orchestrator.caching.trust import wrong
from orchestrator.caching.values import About, Drop, Entry, HitLine, New, Seen
from orchestrator.caching.verifying.compare import compare
from orchestrator.project.protocols import Embedder
from orchestrator.types import CacheRule

if TYPE_CHECKING:
    import numpy as np

HitKind = Literal["exact", "semantic"]

NEAR = 0.55
"""The least cosine of texts that are compared: of the paraphrases that the verifier lets through
nearly all are nearer, and what is further costs time."""
LOOKED_AT = 4
"""The nearest so many are compared."""
EXPLORED = 0.02
"""The share of semantic hits that are not given, so that their entries go on being tested."""
_WRITTEN_AT = 64  # hits
_SWEPT_EVERY = 256  # answers that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An answer that may be given again."""

    entry: Entry
    kind: HitKind
    similarity: float
    """The cosine of the two texts; 1 for the very same request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look-up brought: a hit; or the answer to a request that asks for the same, which is
    not trusted enough and can be learned of; or neither."""

    hit: Hit | None = None
    untrusted: Hit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer that was paid for."""

    trace_id: str
    text: str
    about: About
    cost_micro_usd: int | None
    ms: float


class AnswerCache:
    """Answers that were given before. Thread-safe; every method may wait for a disk.

    Args:
        embedder: a function, since exact matches alone need none.
        now: seconds since the epoch.
        vote: a text that is equal for answers that say the same; see `calling.agreement.vote`.
    """

    def __init__(
        self,
        store: AnswerStore,
        embedder: Callable[[], Embedder],
        now: Callable[[], float],
        vote: Callable[[str], str],
    ) -> None:
        self.store = store
        self._embedder = embedder
        self._now = now
        self._vote = vote
        self._nearest: Nearest | None = None
        self._lock = threading.Lock()
        self._told: list[HitLine] = []
        self._kept = 0

    def look_up(self, key: Key, rule: CacheRule, trace_id: str) -> Found:
        """The answer to this request, or to one that asks for the same.

        Raises:
            StorageError: the database cannot be read.
        """
        entry = self.store.exact(key.exact, self._now())
        if entry is not None:
            return Found(hit=Hit(entry=entry, kind="exact", similarity=1.0))
        if rule.mode != "semantic" or not key.text:
            return Found()
        found = self._near(key)
        if found is None:
            return Found()
        hit, seen = found
        trusted = wrong(hit.similarity, seen) <= rule.error_rate
        if not trusted or _explores(trace_id, hit.entry.id):
            return Found(untrusted=hit)
        return Found(hit=hit)

    def _near(self, key: Key) -> tuple[Hit, tuple[Seen, ...]] | None:
        """The nearest text that asks for the same."""
        nearest, vector = self._index(key), self._vector(key.text)
        near = [(id, s) for id, s in nearest.near(key.partition, vector, LOOKED_AT) if s >= NEAR]
        held = self.store.good(key.partition, [id for id, _ in near], self._now())
        for id, similarity in near:
            if id not in held:
                nearest.forget(key.partition, id)
                continue
            entry, seen = held[id]
            if not compare(key.text, entry.text).differs:
                return Hit(entry=entry, kind="semantic", similarity=similarity), seen
        return None

    def _index(self, key: Key) -> Nearest:
        """With all that this and other processes have kept so far."""
        import numpy as np

        with self._lock:
            if self._nearest is None:
                self._nearest = Nearest(self._embedder().dimensions)
            nearest = self._nearest
        new = self.store.vectors(key.partition, self._embedder().name, nearest.last(key.partition))
        if new:
            rows = np.frombuffer(b"".join(v for _, v in new), dtype=np.float16)
            vectors = rows.reshape(len(new), -1).astype(np.float32)
            nearest.add(key.partition, [id for id, _ in new], vectors)
        return nearest

    def _vector(self, text: str) -> np.ndarray:
        found: np.ndarray = self._embedder().embed([text])[0]
        return found

    def used(self, hit: Hit, key: Key, trace_id: str, ms: float) -> HitLine:
        """Note that it was given again; written with others, or when the cache is closed.

        Args:
            ms: what it took this time.
        """
        entry = hit.entry
        line = HitLine(
            entry=entry.id,
            tenant=key.tenant,
            trace_id=trace_id,
            kind=hit.kind,
            at=self._now(),
            similarity=hit.similarity,
            saved_micro_usd=entry.cost_micro_usd,
            saved_ms=max(0.0, entry.ms - ms),
        )
        with self._lock:
            self._told.append(line)
            full = len(self._told) >= _WRITTEN_AT
        if full:
            self.flush()
        return line

    def keep(self, key: Key, rule: CacheRule, given: Given) -> None:
        """Keep an answer."""
        self.keep_all([(key, given)], rule)

    def keep_all(self, answers: Sequence[tuple[Key, Given]], rule: CacheRule) -> None:
        """Keep several at once, all or none of them."""
        now = self._now()
        self.store.put([self._new(key, rule, given, now) for key, given in answers])
        with self._lock:
            sweep = (self._kept + len(answers)) // _SWEPT_EVERY > self._kept // _SWEPT_EVERY
            self._kept += len(answers)
        if sweep:
            self.store.drop(Drop(before=now))

    def _new(self, key: Key, rule: CacheRule, given: Given, now: float) -> New:
        import numpy as np

        semantic = rule.mode == "semantic" and bool(key.text)
        return New(
            key=key,
            trace_id=given.trace_id,
            space=self._embedder().name if semantic else "",
            vector=self._vector(key.text).astype(np.float16).tobytes() if semantic else None,
            answer=given.text,
            about=given.about,
            cost_micro_usd=given.cost_micro_usd,
            ms=given.ms,
            made_at=now,
            expires_at=now + rule.ttl_s,
        )

    def learn(self, untrusted: Hit, text: str) -> bool | None:
        """The model was asked although an answer was at hand: whether both say the same.

        Returns:
            `None` where that cannot be told: long texts are seldom equal and yet both right.
        """
        said, kept = self._vote(text), self._vote(untrusted.entry.answer)
        if said != kept and not _comparable(text, untrusted.entry.answer):
            return None
        same = said == kept
        self.store.learn(
            untrusted.entry.id, Seen(score=untrusted.similarity, correct=same), self._now()
        )
        return same

    def feedback(self, trace_id: str, *, correct: bool) -> int:
        """See `learn_of`."""
        self.flush()
        return learn_of(self.store, trace_id, correct=correct, now=self._now())

    def flush(self) -> None:
        """Write down the hits that were noted."""
        with self._lock:
            lines, self._told = self._told, []
        self.store.tell(lines)

    def close(self) -> None:
        """Write what is left, and close the database."""
        self.flush()
        self.store.close()


def learn_of(store: AnswerStore, trace_id: str, *, correct: bool, now: float) -> int:
    """Somebody says whether the answer of a trace was right; returns of how many kept answers that
    says something.

    An entry whose answer was given to other words learns it. A wrong answer that was given to the
    very same request is dropped, and so is what the trace itself has left behind.
    """
    lines = store.hits_of(trace_id)
    for line in lines:
        if line.kind == "semantic":
            store.learn(line.entry, Seen(score=line.similarity, correct=correct), now)
        elif not correct:
            store.drop(Drop(entry=line.entry))
    return len(lines) + (0 if correct else store.drop(Drop(trace_id=trace_id)))


_SHORT = 12  # words


def _comparable(left: str, right: str) -> bool:
    """Whether two answers that differ in their letters may be held to say different things."""
    return all(len(text.split()) <= _SHORT or text.lstrip()[:1] in "{[" for text in (left, right))


def _explores(trace_id: str, entry: int) -> bool:
    """By a hash and no die: the same request is decided in the same way when it is replayed."""
    drawn = hashlib.blake2b(f"{trace_id}/{entry}".encode(), digest_size=4).digest()
    return int.from_bytes(drawn, "big") < EXPLORED * 2**32
