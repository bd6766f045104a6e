"""A small client for Valkey or Redis: scripts, hints, and what happens when it is gone.

Everything that is shared is changed by a script, which the server carries out as one step. A hint
(publish, subscribe) only says that a look is worth it; it may be lost, and nothing relies on it.

Nobody waits long: a call may take a second, and after the first that fails nothing is
sent any more until the server answers again, which is tried in the background.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from orchestrator.errors import StorageError

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_S = 1.0
CALL_S = 1.0
"""The longest that anything waits for an answer."""
TURNS = 16
"""Of the event loop after that. Where the loop was busy, the answer may be there already."""
CONNECTIONS = 8
"""Of one process at once; further calls wait for one of them, within `CALL_S`."""
AGAIN_S = 0.05
"""After a failure the first try to reach the server again; each further one waits twice as long."""
AGAIN_AT_MOST_S = 1.0
_LOG = logging.getLogger("orchestrator.sharing")

T = TypeVar("T")
Argument = str | int | float | bytes
Callback = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Script:
    """Lua that the server carries out as one step. Sent once, then called by its hash."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", sha)


class Shared:
    """One project's part of a server. Belongs to the event loop that uses it first.

    Connects by itself at the first call; calls from other loops are carried out in that one. May be
    made before a fork, if it is used after it.

    Args:
        url: redis, rediss, valkey, valkeys or unix.
        project: stands before every key and topic, so that two projects never mix.
    """

    def __init__(self, url: str, *, project: str) -> None:
        self._url, self._prefix = url, f"mesh:{{{project}}}:"
        self._secrets = _secrets_of(url)
        self.address = _address(url)
        """Where the server is, without what is secret in its URL."""
        self._callbacks: dict[str, list[Callback]] = {}
        self._changes: list[Callable[[bool], None]] = []
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._home: asyncio.AbstractEventLoop | None = None
        self._client: Redis | None = None
        self._gone = ""
        self._closed = False
        self._returning: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    # ── what is asked ────────────────────────────────────────────────────────────────────

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
        """What the script returns: integers, texts, lists of them, or `None`.

        Args:
            keys: the script's `KEYS`, without the prefix of the project, which is added here.
            args: the script's `ARGV`.

        Raises:
            StorageError: the server cannot be reached or refuses; at once where it is known.
        """
        return await self._at_home(lambda client: self._run(client, script, keys, args))

    async def run_all(
        self, calls: Sequence[tuple[Script, Sequence[str], Sequence[Argument]]]
    ) -> list[Any]:
        """The same for several scripts in one round trip, one after the other.

        Raises:
            StorageError: as `run`; some of them may have been carried out.
        """
        return await self._at_home(lambda client: self._run_all(client, calls))

    async def publish(self, topic: str, text: str) -> None:
        """Hand `text` to whoever has subscribed to `topic`, in this process or another.

        Raises:
            StorageError: as `run`.
        """
        await self._at_home(lambda client: client.publish(self._prefix + topic, text))

    def subscribe(self, topic: str, callback: Callback) -> None:
        """Have `callback` called with each text published to `topic`, in the home loop.

        It is called with an empty text when others may have been lost: at the first connection, and
        when the server is back. It must return at once. May be called before there is a loop; then
        the first `run` or `open` begins to listen.
        """
        self._callbacks.setdefault(topic, []).append(callback)
        if self._listening is not None and self._home is not None:
            self._home.call_soon_threadsafe(self._listen_anew)

    def on_change(self, callback: Callable[[bool], None]) -> None:
        """Have `callback` called with `False` when the server is gone, `True` when it is back."""
        self._changes.append(callback)

    @property
    def available(self) -> bool:
        """Whether the last that was heard of the server was good; true before the first call."""
        return not self._gone

    @property
    def problem(self) -> str | None:
        """Why the server cannot be used, in words; `None` where it can."""
        return self._gone or None

    async def open(self) -> None:
        """Connect, and listen. Fails silently: `available` tells, and it is tried again."""
        with suppress(StorageError):
            await self._at_home(lambda client: client.ping())

    async def close(self) -> None:
        """End the connections. Nothing can be asked after that."""
        if self._home is None or self._pid != os.getpid() or self._home.is_closed():
            self._closed = True
            return
        await self._in(self._home, self._close())

    # ── carried out in the home loop ─────────────────────────────────────────────────────

    async def _at_home(self, ask: Callable[[Redis], Awaitable[T]]) -> T:
        if self._gone and self._pid == os.getpid():
            raise StorageError(self._gone)
        here = asyncio.get_running_loop()
        if self._home is None or self._pid != os.getpid() or self._home.is_closed():
            self._move_in(here)
        assert self._home is not None
        answer: T = await self._in(self._home, self._ask(ask))
        return answer

    async def _in(self, loop: asyncio.AbstractEventLoop, work: Any) -> Any:
        if loop is asyncio.get_running_loop():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    def _move_in(self, here: asyncio.AbstractEventLoop) -> None:
        """Connections of another process or of a loop that has ended are left to themselves."""
        closed = self._closed
        self._begin()
        self._home, self._closed = here, closed

    async def _ask(self, ask: Callable[[Redis], Awaitable[T]]) -> T:
        from redis.exceptions import RedisError

        if self._closed:
            raise StorageError(f"the connection to {self.address} was closed")
        try:
            if self._client is None:
                await self._connect()
            assert self._client is not None
            async with _at_most(CALL_S):
                return await ask(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._failed(error) from error

    async def _connect(self) -> None:
        client = self._new_client()
        self._client = client
        async with _at_most(CONNECT_S):
            await client.ping()
        if self._callbacks:
            self._listen_anew()

    def _new_client(self, *, patient: bool = False) -> Redis:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        url = self._url
        for ours, known in (("valkeys://", "rediss://"), ("valkey://", "redis://")):
            url = known + url.removeprefix(ours) if url.startswith(ours) else url
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                # Every use is within `_at_most`, but for the wait for hints.
                timeout=None,
                socket_connect_timeout=CONNECT_S if patient else None,
                socket_timeout=None,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                protocol=2,
            )
        except ValueError as error:
            raise StorageError(f"shared.url is none ({self._without_secrets(error)})") from error
        return Redis.from_pool(pool)

    async def _run(
        self, client: Redis, script: Script, keys: Sequence[str], args: Sequence[Argument]
    ) -> Any:
        from redis.exceptions import NoScriptError

        given = [*(self._prefix + key for key in keys), *args]
        try:
            return await client.evalsha(script.sha, len(keys), *given)
        except NoScriptError:  # the first time, and after each start of the server
            return await client.eval(script.text, len(keys), *given)

    async def _run_all(
        self,
        client: Redis,
        calls: Sequence[tuple[Script, Sequence[str], Sequence[Argument]]],
    ) -> list[Any]:
        from redis.exceptions import NoScriptError

        async def sent() -> list[Any]:
            async with client.pipeline(transaction=False) as line:
                for script, keys, args in calls:
                    line.evalsha(
                        script.sha, len(keys), *(self._prefix + key for key in keys), *args
                    )
                return list(await line.execute(raise_on_error=False))

        answers = await sent()
        for place, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                answers[place] = await self._run(client, *calls[place])
            elif isinstance(answer, Exception):
                raise answer
        return answers

    async def _close(self) -> None:
        self._closed = True
        tasks = [t for t in (self._returning, self._listening) if t is not None]
        self._returning = self._listening = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._hang_up()

    async def _hang_up(self) -> None:
        from redis.exceptions import RedisError

        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose(close_connection_pool=True)

    # ── gone, and back ───────────────────────────────────────────────────────────────────

    def _failed(self, error: Exception) -> StorageError:
        """The error in words; the server counts as gone, unless only this call was wrong."""
        why = f"{self.address} cannot be used: {self._without_secrets(error)}"
        if _is_about_the_call(error):
            return StorageError(why)
        if not self._gone and not self._closed:
            self._gone = why
            _LOG.warning("%s; what is shared goes on as `shared.when_gone` says", why)
            self._returning = asyncio.get_running_loop().create_task(self._come_back())
            self._tell(False)
        return StorageError(why)

    async def _come_back(self) -> None:
        from redis.exceptions import RedisError

        pause_s = AGAIN_S
        while True:
            await self._hang_up()
            await asyncio.sleep(pause_s * random.uniform(0.75, 1.0))
            pause_s = min(2 * pause_s, AGAIN_AT_MOST_S)
            try:
                await self._connect()
            except (RedisError, OSError, TimeoutError):
                continue
            self._gone = ""
            _LOG.warning("%s is back", self.address)
            self._returning = None
            self._tell(True)
            return

    def _tell(self, available: bool) -> None:
        for callback in self._changes:
            callback(available)

    def _without_secrets(self, error: Exception) -> str:
        text = str(error) or type(error).__name__
        if isinstance(error, TimeoutError) and not str(error):
            text = f"no answer within {CALL_S} s"
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    # ── hints ────────────────────────────────────────────────────────────────────────────

    def _listen_anew(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        if not self._closed:
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        from redis.exceptions import RedisError

        client = self._new_client(patient=True)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as line:
                await line.subscribe(*(self._prefix + topic for topic in self._callbacks))
                for topic in tuple(self._callbacks):
                    self._hand_out(topic, "")
                async for message in line.listen():
                    self._hand_out(message["channel"].removeprefix(self._prefix), message["data"])
        except (RedisError, OSError) as error:
            self._failed(error)  # `_come_back` listens anew
        finally:
            with suppress(RedisError, OSError):
                await client.aclose(close_connection_pool=True)

    def _hand_out(self, topic: str, text: str) -> None:
        for callback in self._callbacks.get(topic, ()):
            callback(text)


@asynccontextmanager
async def _at_most(seconds: float) -> AsyncIterator[None]:
    """`TimeoutError` after so long, and after a few turns of the loop beyond it.

    A loop that was busy for longer than that meets the alarm and the answer in the same turn, and
    it takes some more until the answer is read.
    """
    loop = asyncio.get_running_loop()
    alarm: asyncio.Handle

    def ring(turns: int) -> None:
        nonlocal alarm
        if turns:
            alarm = loop.call_soon(ring, turns - 1)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        alarm = loop.call_later(seconds, ring, TURNS)
        try:
            yield
        finally:
            alarm.cancel()


def _is_about_the_call(error: Exception) -> bool:
    """The server works; it does not like what it was asked."""
    from redis.exceptions import (
        AuthenticationError,
        NoPermissionError,
        OutOfMemoryError,
        ReadOnlyError,
        ResponseError,
    )

    unusable = (AuthenticationError, NoPermissionError, OutOfMemoryError, ReadOnlyError)
    return isinstance(error, ResponseError) and not isinstance(error, unusable)


def _secrets_of(url: str) -> tuple[str, ...]:
    """What no message may hold, as it stands in the URL and as it is meant."""
    from urllib.parse import parse_qs, unquote

    parts = urlsplit(url)
    found = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    return tuple(dict.fromkeys(s for p in found for s in (p, unquote(p)) if s))


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    scheme = "valkey" if parts.scheme.startswith("valkey") else "redis"
    return f"{scheme}://{parts.hostname or 'localhost'}:{parts.port or 6379}"
