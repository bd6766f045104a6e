"""Allowances for the processes of several machines, through Valkey or Redis.

Of each account the server knows what every holder took and did not give back, spent or not; their
sum is what is committed. A process that has died is set down to what it has spent, by whoever books
its spool on its machine. What a machine holds that never comes back stays committed until the
window ends: nobody else can know what it has spent.

The server is gone: what is held already may be spent, a call that needs more is refused with
`OverBudgetError`, and to give back waits. It is back with nothing in memory: for `SILENCE_S` it
grants nothing, in which all who hold something say so again, and each machine says what its
processes have spent before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.calling.spending.lines import SCHEMA
from orchestrator.calling.spending.treasury import Ask, FileTreasury, Told
from orchestrator.errors import OverBudgetError, StorageError
from orchestrator.sharing.client import Script, Shared
from orchestrator.storage.sqlite import connect

SILENCE_S = 1.5
"""How long a server that has lost everything, or is new, grants nothing; longer than `POLL_S`."""
POLL_S = 0.5
"""How often a process makes sure that the server still knows what it holds."""
PATIENCE_S = 3.0
"""A holder that is asked to give back and says nothing for so long is not waited for any more."""
AGAIN_S = 1.0
"""When it is worth asking again after the server was gone."""
T = TypeVar("T")
_EPOCH = "money-epoch"
_KEPT_S = 86_400
"""How long an account is kept after its window has ended."""
_ANSWER_S = 5.0
"""More than the client itself ever waits."""

_EXCHANGE = Script("""
local hash, epoch, held = KEYS[1], KEYS[2], KEYS[3]
local ask = cjson.decode(ARGV[1])
local moment = redis.call('TIME')
local now = moment[1] * 1000 + math.floor(moment[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local born = tonumber(redis.call('GET', epoch))
if not born then
  born = now
  redis.call('SET', epoch, whole(now))
end
-- What stands there: t:OWNER what it took, l:OWNER it keeps more than its calls need, a:OWNER since
-- when it is asked to give back.
local taken, others, loose, asked, holders = ask.taken, 0, {}, {}, 1
local fields = redis.call('HGETALL', hash)
for n = 1, #fields, 2 do
  local what, who = string.sub(fields[n], 1, 1), string.sub(fields[n], 3)
  local value = tonumber(fields[n + 1])
  if what == 'a' then asked[who] = value
  elseif who == ask.owner then -- it says itself what it took
  elseif what == 't' then others = others + value
  else
    loose[who] = true
    holders = holders + 1
  end
end
local silent = now - born < ask.silence_ms
local left = silent and 0 or ask.limit - others - taken
-- The same as `treasury.granted`.
local fit, fits, first = 0, true, 1
for n, need in ipairs(ask.needs) do
  if n == 1 or need > first then first = need end
  if fit + need <= left + ask.free then fit = fit + need else fits = false end
end
local needed, share = math.max(fit - ask.free, 0), math.floor(left / (2 * holders))
local tight = not ask.keeps or share < first
local grant = needed
if not tight then grant = math.max(needed, math.min(ask.like, share)) end
redis.call('HSET', hash, 't:' .. ask.owner, whole(taken + grant))
if tight then redis.call('HDEL', hash, 'l:' .. ask.owner)
else redis.call('HSET', hash, 'l:' .. ask.owner, 1) end
if not ask.keeps then redis.call('HDEL', hash, 'a:' .. ask.owner) end
local pending = silent and not fits
for who in pairs(fits and {} or loose) do
  if not asked[who] then redis.call('HSET', hash, 'a:' .. who, whole(now)) end
  if asked[who] and now - asked[who] > ask.patience_ms then
    redis.call('HDEL', hash, 'l:' .. who, 'a:' .. who)
  else pending = true end
end
redis.call('EXPIRE', hash, ask.kept_s)
redis.call('SADD', held, ask.account)
redis.call('EXPIRE', held, ask.kept_s)
return {whole(taken + grant), whole(grant), whole(others + taken + grant), tight and 1 or 0,
  fits and 0 or 1, pending and 1 or 0, whole(born)}
""")
_ASKED = Script("""
local found = {redis.call('GET', KEYS[1]) or '0'}
for n = 2, #KEYS do
  if redis.call('HEXISTS', KEYS[n], 'a:' .. ARGV[1]) == 1 then table.insert(found, n - 2) end
end
return found
""")
_SAY = Script("""
if ARGV[3] == 'new' then redis.call('HSETNX', KEYS[1], 't:' .. ARGV[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], 't:' .. ARGV[1], ARGV[2])
  redis.call('HDEL', KEYS[1], 'l:' .. ARGV[1], 'a:' .. ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
""")
_HELD = Script("return redis.call('SMEMBERS', KEYS[1])")
_FORGET = Script("return redis.call('DEL', KEYS[1])")


class SharedTreasury:
    """Over Valkey or Redis. Satisfies `treasury.Treasury`; see above.

    Args:
        shared: a client of its own, which is closed with it: it lives in a thread of its own.
        path: the ledger's file on this machine. Runs, which go on where their journal lies, are
            counted there.
        silence_s: how long a server that remembers nothing grants nothing.
    """

    def __init__(self, shared: Shared, path: Path, *, silence_s: float = SILENCE_S) -> None:
        self._shared, self._path, self._silence_s = shared, path, silence_s
        self._runs = FileTreasury(path)
        self._born = ""
        """When the server began to remember, as it says itself."""
        self._loose: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def exchange(self, owner: str, asks: Sequence[Ask], now: float) -> Sequence[Told]:
        """See `Treasury`."""
        ours = [ask for ask in asks if not ask.cap.of_run]
        told = iter(self._exchange(owner, ours, now) if ours else ())
        runs = iter(
            self._runs.exchange(owner, [ask for ask in asks if ask.cap.of_run], now)
            if len(ours) < len(asks)
            else ()
        )
        return [next(runs if ask.cap.of_run else told) for ask in asks]

    def asked(self, owner: str) -> frozenset[str] | None:
        """See `Treasury`."""
        accounts = sorted(self._loose)
        keys = [_EPOCH, *(_hash(account) for account in accounts)]
        born, *found = self._call(self._shared.run(_ASKED, keys, [owner]))
        if self._born and born != self._born:
            return None
        return frozenset(accounts[int(n)] for n in found)

    def ended(self, owner: str, spent: Mapping[str, int]) -> None:
        """See `Treasury`."""
        held = self._call(self._shared.run(_HELD, [_held(owner)]))
        self._say(owner, {**dict.fromkeys(held, 0), **spent}, "over")
        self._call(self._shared.run(_FORGET, [_held(owner)]))

    def close(self) -> None:
        """Close the connection and end its thread."""
        self._runs.close()
        if self._loop is None or self._thread is None:
            return
        with contextlib.suppress(StorageError, OverBudgetError):
            self._call(self._shared.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def _exchange(self, owner: str, asks: Sequence[Ask], now: float) -> list[Told]:
        calls = []
        for ask in asks:
            account = ask.cap.account
            said = {
                "owner": owner,
                "account": account,
                "taken": ask.taken,
                "limit": ask.limit,
                "free": ask.free,
                "like": ask.like,
                "keeps": ask.keeps,
                "needs": ask.needs,
                "silence_ms": self._silence_s * 1000,
                "patience_ms": PATIENCE_S * 1000,
                "kept_s": int(max(ask.cap.ends - now, 0)) + _KEPT_S,
            }
            keys = (_hash(account), _EPOCH, _held(owner))
            calls.append((_EXCHANGE, keys, (json.dumps(said),)))
        answers = self._call(self._shared.run_all(calls))
        found = []
        for ask, answer in zip(asks, answers, strict=True):
            taken, granted, committed, tight, short, pending, born = answer
            (self._loose.discard if tight else self._loose.add)(ask.cap.account)
            found.append(
                Told(
                    taken=int(taken),
                    granted=int(granted),
                    committed=int(committed),
                    tight=bool(tight),
                    short=bool(short),
                    pending=bool(pending),
                )
            )
            if born != self._born:
                self._born = born
                self._remind(owner, now)
        return found

    def _remind(self, owner: str, now: float) -> None:
        """The server is new to this process: say what others of this machine have spent."""
        with closing(connect(self._path, SCHEMA, wait_s=30)) as db:
            rows = db.execute(
                "SELECT owner, account, spent FROM allowance"
                " WHERE owner <> ? AND owner IN (SELECT owner FROM estate) AND account > ?",
                (owner, f"{int(now):010}"),
            ).fetchall()
        for other, account, spent in rows:
            self._say(other, {account: spent}, "new")

    def _say(self, owner: str, spent: Mapping[str, int], why: str) -> None:
        calls = [
            (_SAY, (_hash(account),), (owner, amount, why, 40 * _KEPT_S))
            for account, amount in spent.items()
        ]
        if calls:
            self._call(self._shared.run_all(calls))

    def _call(self, asked: Coroutine[Any, Any, T]) -> T:
        """Wait for the server, in the loop of its own."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="ledger-shared", daemon=True
                )
                self._thread.start()
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result(_ANSWER_S)
        except (StorageError, TimeoutError) as error:
            raise OverBudgetError(
                f"nobody can say what is left of the budgets: {error}. What this process holds of "
                "them is used up, and it takes more as soon as the server answers",
                retry_after_s=AGAIN_S,
            ) from error


def _hash(account: str) -> str:
    return f"money:{account}"


def _held(owner: str) -> str:
    return f"money-held:{owner}"
