"""All keys and allotments in memory, and a thread that keeps them as the store has them.

**How soon.** Every 0.4 s one row of the store is read, and what has changed only where its number
has: a key that is revoked anywhere is refused here within half a second. What is changed through
this process holds before the change is answered, and a hint (`wake`, from Valkey) has the thread
look at once. A hint may be lost, and nothing relies on it.

**Where the store cannot be read.** Keys that are known go on as they were for five minutes: longer
than a managed database takes to fail over, and as long as a revocation may be missed at most. After
that every key is refused with 503, since nobody can tell whether it is still good. A key that is
not known is refused all the time. Both are on record in the log of `orchestrator.keys`. Budgets and
limits that are known hold all the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, TypeVar

from orchestrator.errors import KeyRefusedError, MeshError
from orchestrator.gateway.keys.secret import START, hash_of, is_whole
from orchestrator.gateway.keys.store import News, Seen

if TYPE_CHECKING:
    from orchestrator.gateway.keys.records import Allotment, KeyRecord, Secret
    from orchestrator.gateway.keys.store import KeyStore
    from orchestrator.gateway.keys.values import Key
    from orchestrator.project.policy_schema import Budget, CallerLimit
    from orchestrator.project.protocols import Clock
    from orchestrator.sharing.client import Shared
    from orchestrator.types import Caller

LOOK_S = 0.4
UNREAD_S = 300.0
"""How long keys are good that could not be looked after."""
NOTE_S = 60.0
"""How often it is written when keys were last used."""
TOPIC = "keys"
"""Where copies of the service tell each other that something has changed."""
_LOG = logging.getLogger("orchestrator.keys")

T = TypeVar("T")
_Known = dict[tuple[str, str], tuple[T, ...]]
"""By whose they are: `("user", "ana")`."""


class _Held:
    """One secret as it stands in memory."""

    __slots__ = ("ends", "key", "noted_at", "secret", "used_at")

    def __init__(self, key: Key, secret: Secret) -> None:
        self.key, self.secret = key, secret
        ends = (key.expires_at, secret.ends_at)
        self.ends = min((at for at in ends if at is not None), default=inf)
        if key.revoked_at is not None:
            self.ends = -inf  # also where the clock of who revoked it is ahead of this one
        self.used_at = self.noted_at = secret.used_at or 0.0


class StoredRing:
    """The keys of a store: a `KeyRing`, and the `Allotments` beside them.

    May be made before a fork, opens nothing, and is started after it.

    Args:
        unread_s: see `UNREAD_S`.
    """

    def __init__(self, store: KeyStore, clock: Clock, *, unread_s: float = UNREAD_S) -> None:
        self.store, self._clock, self._unread_s = store, clock, unread_s
        self._held: dict[bytes, _Held] = {}
        self._hashes: dict[str, tuple[bytes, ...]] = {}
        self._budgets: _Known[Budget] = {}
        self._limits: _Known[CallerLimit] = {}
        self._seen = Seen()
        self._good_until = -inf
        self._failing = False
        self._noted_at = self._clock.monotonic()
        self._looking = threading.Lock()
        self._wake = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None

    # ── asked in every request ───────────────────────────────────────────────────────────

    def find(self, secret: str) -> Key:
        """See `KeyRing`. Notes that the key was used."""
        held = self._held.get(hash_of(secret))
        now = self._clock.now()
        if held is None or now >= held.ends or self._clock.monotonic() > self._good_until:
            raise self._refused(secret, held, now)
        held.used_at = now
        return held.key

    def budgets(self, caller: Caller) -> Sequence[Budget]:
        """See `protocols.Allotments`. The same objects each time, until they change."""
        return _of(self._budgets, caller) if self._budgets else ()

    def limits(self, caller: Caller) -> Sequence[CallerLimit]:
        """See `protocols.Allotments`. The same objects each time, until they change."""
        return _of(self._limits, caller) if self._limits else ()

    def secrets_of(self, id: str) -> tuple[tuple[bytes, Key], ...]:
        """The hashes of the secrets of that key which are good now, each with the key."""
        now = self._clock.now()
        if self._clock.monotonic() > self._good_until:
            return ()
        held = [(hash, self._held.get(hash)) for hash in self._hashes.get(id, ())]
        return tuple((hash, h.key) for hash, h in held if h is not None and now < h.ends)

    def _refused(self, secret: str, held: _Held | None, now: float) -> KeyRefusedError:
        if held is None:
            if self._failing and is_whole(secret):
                return _unavailable("whether this key is good cannot be told now")
            return KeyRefusedError(_not_found(secret), status=401, code="invalid_key")
        key = held.key
        name = f"key '{key.name}' ({key.id})" if key.name else f"key {key.id}"
        if key.revoked_at is not None:
            text = f"{name} was revoked on {moment(key.revoked_at)}; ask for a new one"
            return KeyRefusedError(text, status=401, code="revoked_key")
        if key.expires_at is not None and key.expires_at <= now:
            text = f"{name} expired on {moment(key.expires_at)}; ask for a new one"
            return KeyRefusedError(text, status=401, code="expired_key")
        ended = held.secret.ends_at
        if ended is not None and ended <= now:
            text = f"this secret of {name} was replaced, and ended on {moment(ended)}; use the new"
            return KeyRefusedError(f"{text} one", status=401, code="expired_key")
        return _unavailable("whether this key is still good cannot be told now")

    # ── kept up to date ──────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Read all, and begin to watch.

        Raises:
            StorageError: the store cannot be read; who does not know its keys does not begin.
        """
        self._look()
        self.store.on_change(self.refresh)
        self._thread = threading.Thread(target=self._watch, name="mesh-keys", daemon=True)
        self._thread.start()

    def share(self, shared: Shared) -> None:
        """Tell other copies of what is changed here, and hear of it from them at once.

        To be called in the event loop that the service runs in.
        """
        loop = asyncio.get_running_loop()

        async def publish() -> None:
            with contextlib.suppress(MeshError):  # the others look by themselves
                await shared.publish(TOPIC, "")

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the service ends
                asyncio.run_coroutine_threadsafe(publish(), loop)

        shared.subscribe(TOPIC, lambda _: self.wake())
        self.store.on_change(tell)

    def wake(self) -> None:
        """Something may have changed: look now. Returns at once; callable from everywhere."""
        self._wake.set()

    def refresh(self) -> None:
        """Look now, in this thread; returns when it is done. Raises nothing."""
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - who stopped looking would serve revoked keys
            if not self._failing:
                _LOG.warning("%s; known keys are good for %.0f s more", error, self._unread_s)
            self._failing = True
        else:
            if self._failing:
                _LOG.warning("the keys can be read again")
            self._failing = False

    def close(self) -> None:
        """Stop watching, and write when the keys were last used."""
        self._ended = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._note_used(0.0)
        self.store.close()

    def _watch(self) -> None:
        while not self._ended:
            self._wake.wait(LOOK_S)
            self._wake.clear()
            self.refresh()
            self._note_used(NOTE_S)

    def _look(self) -> None:
        with self._looking:
            asked_at = self._clock.monotonic()
            news = self.store.since(self._seen)
            if news is not None:
                self._take(news)
            self._good_until = asked_at + self._unread_s

    def _take(self, news: News) -> None:
        if news.whole:
            self._keep_only(news)
        for record in news.keys:
            self._take_key(record)
        for allotment in news.allotments:
            self._take_allotment(allotment)
        self._seen = news.seen

    def _keep_only(self, news: News) -> None:
        """Forget what another store said, or a state of this one that was taken back."""
        ids = {record.key.id for record in news.keys}
        for id in [id for id in self._hashes if id not in ids]:
            for hash in self._hashes.pop(id):
                self._held.pop(hash, None)
        named = {(one.per, one.name) for one in news.allotments}
        for subject in [s for s in {**self._budgets, **self._limits} if s not in named]:
            self._budgets.pop(subject, None)
            self._limits.pop(subject, None)

    def _take_key(self, record: KeyRecord) -> None:
        fresh = {secret.hash: _Held(record.key, secret) for secret in record.secrets}
        for hash, held in fresh.items():
            old = self._held.get(hash)
            if old is not None:
                held.used_at, held.noted_at = old.used_at, old.noted_at
        # One step each for who asks meanwhile: the old is replaced before anything is taken away.
        self._held.update(fresh)
        for hash in self._hashes.get(record.key.id, ()):
            if hash not in fresh:
                self._held.pop(hash, None)
        self._hashes[record.key.id] = tuple(fresh)

    def _take_allotment(self, allotment: Allotment) -> None:
        subject = (allotment.per, allotment.name)
        budgets, limits = allotment.budgets(), allotment.limits()
        _put(self._budgets, subject, budgets)
        _put(self._limits, subject, limits)

    def _note_used(self, every_s: float) -> None:
        """Write when keys were last used, if it is time to."""
        now = self._clock.monotonic()
        if now - self._noted_at < every_s:
            return
        self._noted_at = now
        used = {
            hash: (held, held.used_at)
            for hash, held in list(self._held.items())
            if held.used_at > held.noted_at
        }
        with contextlib.suppress(MeshError):  # tried again a minute later
            self.store.used({hash: at for hash, (_, at) in used.items()})
            for held, at in used.values():
                held.noted_at = at


def moment(at: float) -> str:
    """A moment for a person, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _not_found(secret: str) -> str:
    if not secret.startswith(START):
        return f"this is no key of this gateway; its keys begin with '{START}'"
    if not is_whole(secret):
        return "this key is not whole: a character is missing, added or wrong; copy it again"
    return "this key is not known here; ask for one with `mesh keys create`"


def _unavailable(what: str) -> KeyRefusedError:
    text = f"{what}, since the keys cannot be read; try again in a moment"
    return KeyRefusedError(text, status=503, code="keys_unavailable")


def _of(known: _Known[T], caller: Caller) -> tuple[T, ...]:
    of_key = known.get(("key", caller.key), ())
    of_user = known.get(("user", caller.user), ())
    return of_key + of_user + known.get(("workspace", caller.workspace), ())


def _put(known: _Known[T], subject: tuple[str, str], values: tuple[T, ...]) -> None:
    if values:
        known[subject] = values
    else:
        known.pop(subject, None)
