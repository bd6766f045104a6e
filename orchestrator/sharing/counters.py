"""Limits that are kept in Valkey or Redis. Satisfies `protocols.SharedCounters`.

A window is a hash with one field for each slot of time and process, a limit on what is held at once
one field for each process. Only the process itself changes its fields, in absolute numbers. Times
are the server's.

A server that came back without its memory learns again from the processes what each has used. Until
all had the time for that (`SETTLE_S`), each gets no more than its fair share.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from orchestrator.project.protocols import CountAnswer, CountAsk, Counted
from orchestrator.sharing.client import Script, Shared
from orchestrator.sharing.rules import (
    HOLD_S,
    LEASE_S,
    MEMBER_S,
    PART,
    RETURN_S,
    SETTLE_S,
    SLOT_S,
)

_LUA = """
local SLOT, HOLD, MEMBER, LEASE, SETTLE, RETURN, PART = @CONSTANTS@
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local said = cjson.decode(ARGV[1])
local me = said.member

redis.call('ZADD', KEYS[1], now + MEMBER, me)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], 60000)
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(members)
local copies, rank = #members, 0
for i, name in ipairs(members) do if name == me then rank = i - 1 end end

local memory = redis.call('HGET', KEYS[2], 'id')
if not memory then
  memory = said.fresh
  redis.call('HSET', KEYS[2], 'id', memory)
end
if said.memory ~= '' and said.memory ~= memory then
  redis.call('HSET', KEYS[2], 'settled', string.format('%.6f', now + SETTLE))
  local known = tonumber(redis.call('HGET', KEYS[2], 'copies') or '0')
  redis.call('HSET', KEYS[2], 'copies', math.max(known, said.copies))
end
-- Who speaks from an older memory is first to state everything.
local anew = said.memory ~= '' and said.memory ~= memory
local settled = tonumber(redis.call('HGET', KEYS[2], 'settled') or '0')
local sharers = 0
if now < settled then
  sharers = math.max(copies, tonumber(redis.call('HGET', KEYS[2], 'copies') or '0'))
end

local function share(limit)
  local part = math.floor(limit / sharers)
  if rank < limit % sharers then part = part + 1 end
  return part
end

local current = math.floor(now / SLOT)
local answers = {}
for i, ask in ipairs(said.asks) do
  local key, lasts = KEYS[2 + i], ask.lasts
  local stays = lasts > 0 and (lasts + HOLD + 2 * SLOT) or LEASE
  local stated = {}
  for _, pair in ipairs(ask.stated) do stated[pair[1]] = pair[2] end
  local sum, own, kept = 0, 0, {}
  local soon = 0
  local all = redis.call('HGETALL', key)
  for j = 1, #all, 2 do
    local field, count = all[j], tonumber(all[j + 1])
    if field == '#' then
      soon = count - now
    else
      local colon = string.find(field, ':', 1, true)
      local slot, who = tonumber(string.sub(field, 1, colon - 1)), string.sub(field, colon + 1)
      local leaves
      if lasts > 0 then
        leaves = (slot + 1) * SLOT + HOLD + lasts
      else
        -- The slot of what is held is when it was last stated.
        leaves = (slot + 1) * SLOT + LEASE
      end
      local mine = who == me
      if leaves <= now or (mine and (ask.whole or lasts == 0 or stated[slot])) then
        redis.call('HDEL', key, field)
      else
        sum = sum + count
        if mine then own = own + count end
        kept[#kept + 1] = {leaves - now, count}
      end
    end
  end
  for slot, count in pairs(stated) do
    local place = lasts > 0 and slot or current
    local leaves = (place + 1) * SLOT + HOLD + lasts
    if count ~= 0 and (lasts == 0 or leaves > now) then
      redis.call('HSET', key, place .. ':' .. me, count)
      sum, own = sum + count, own + count
      if lasts > 0 then kept[#kept + 1] = {leaves - now, count} end
    end
  end
  local free = ask.limit - sum
  if sharers > 0 then free = math.min(free, share(ask.limit) - own) end
  local granted = math.max(math.min(ask.want, free), 0)
  if anew or granted < ask.least then granted = 0 end
  local short = granted < ask.want
  local left = free - granted
  local extra = math.max(math.min(ask.more, math.floor(left / (PART * copies))), 0)
  if not short and not anew and extra > 0 then
    granted, left = granted + extra, left - extra
    redis.call('HSET', key, '#', string.format('%.6f', now + RETURN))
  end
  if granted > 0 then redis.call('HINCRBY', key, current .. ':' .. me, granted) end
  redis.call('PEXPIRE', key, math.ceil(stays * 1000))
  local leaving = {}
  if short and lasts > 0 then
    if now < settled then
      leaving[1] = {settled - now, math.max(ask.limit - sum, 0)}
    else
      if granted > 0 then
        kept[#kept + 1] = {(current + 1) * SLOT + HOLD + lasts - now, granted}
      end
      table.sort(kept, function(a, b) return a[1] < b[1] end)
      leaving = kept
    end
  end
  answers[i] = {granted, current, left, leaving, short and math.max(soon, 0) or 0}
end
return cjson.encode({answers, string.format('%.6f', now), copies, rank, memory, anew})
"""

_constants = (SLOT_S, HOLD_S, MEMBER_S, LEASE_S, SETTLE_S, RETURN_S, PART)
_EXCHANGE = Script(_LUA.replace("@CONSTANTS@", ", ".join(map(str, _constants))))
_LEAVE = Script("return redis.call('ZREM', KEYS[1], ARGV[1])")


class SharedServerCounters:
    """Satisfies `protocols.SharedCounters` on a server that the processes share."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._memory = ""
        """Which memory of the server the last answer came from."""
        self._copies = 1

    async def exchange(self, member: str, asks: Sequence[CountAsk]) -> Counted:
        """See `protocols.SharedCounters`."""
        said = {
            "member": member,
            "memory": self._memory,
            "fresh": secrets.token_hex(4),
            "copies": self._copies,
            "asks": [_said(ask) for ask in asks],
        }
        keys = ["members", "memory", *(f"count:{ask.name}" for ask in asks)]
        text = await self._shared.run(_EXCHANGE, keys, [json.dumps(said, separators=(",", ":"))])
        answers, now, copies, rank, self._memory, anew = json.loads(text)
        self._copies = copies
        return Counted(
            answers=[_answer(*found) for found in answers],
            now=float(now),
            copies=copies,
            rank=rank,
            anew=anew,
        )

    async def leave(self, member: str) -> None:
        """See `protocols.SharedCounters`."""
        await self._shared.run(_LEAVE, ["members"], [member])

    async def close(self) -> None:
        """Nothing of its own is open."""


def _said(ask: CountAsk) -> dict[str, Any]:
    return {
        "limit": ask.limit,
        "lasts": ask.lasts_s or 0,
        "stated": list(ask.stated.items()),
        "whole": ask.whole,
        "want": ask.want,
        "least": ask.least,
        "more": ask.more,
    }


def _answer(granted: int, slot: int, left: int, leaving: Any, soon_s: float) -> CountAnswer:
    # An empty table of Lua is an object in JSON.
    pairs = [(float(s), int(count)) for s, count in leaving] if leaving else []
    return CountAnswer(
        granted=int(granted), slot=int(slot), left=int(left), leaving=pairs, soon_s=float(soon_s)
    )
