"""What is known of the deployments' health, shared by copies of a service on several machines.

Each machine keeps its file (`store`); beside it, what changes goes to a server at once, and comes
from there with a hint or after a second. Newer knowledge from elsewhere is noted in the file, too,
so that commands on this machine show it. Where the server is gone each copy goes by what it knows,
and tells what it has learned when the server is back.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from orchestrator.calling.health.machine import State
from orchestrator.calling.health.store import HealthStore, Stored, StoredNumbers, StoredState
from orchestrator.errors import StorageError
from orchestrator.sharing.client import Script, Shared
from orchestrator.types import as_json, from_json

PAUSE_S = 1.0
"""Between two looks where no hint came."""
AT_ONCE_S = 0.02
"""What changes within such a time is told together."""
TOPIC = "health"

_EXCHANGE = Script("""
local said, news = cjson.decode(ARGV[1]), false
for deployment, one in pairs(said.states) do
  local known = redis.call('HGET', KEYS[1], deployment)
  if not known or tonumber(cjson.decode(known).changed) <= tonumber(one.changed) then
    redis.call('HSET', KEYS[1], deployment, one.text)
    news = true
  end
end
if news then
  redis.call('HINCRBY', KEYS[3], 'states', 1)
  redis.call('PUBLISH', KEYS[4], said.who)
end
for deployment, one in pairs(said.numbers) do
  local calls = redis.call('HINCRBY', KEYS[2], 'calls:' .. deployment, one.calls)
  redis.call('HSET', KEYS[2], 'text:' .. deployment, one.text)
  redis.call('HINCRBY', KEYS[3], 'numbers', 1)
end
local answer, versions = {}, {}
for i, name in ipairs({'states', 'numbers'}) do
  versions[i] = redis.call('HGET', KEYS[3], name) or '0'
  if versions[i] ~= said.versions[i] then answer[name] = redis.call('HGETALL', KEYS[i]) end
end
answer.versions = versions
return cjson.encode(answer)
""")


class SharedHealth:
    """Satisfies `store.HealthMemory`, with the file of this machine and a server that copies share.

    Thread-safe; talks to the server in the event loop in which it is first used.
    """

    def __init__(self, file: HealthStore, shared: Shared) -> None:
        self._file, self._shared = file, shared
        self._lock = threading.Lock()
        self._states: dict[str, StoredState] = {}
        self._numbers: dict[str, StoredNumbers] = {}
        self._elsewhere = Stored()
        self._merged: tuple[Stored | None, Stored, Stored] = (None, Stored(), Stored())
        self._versions = ["0", "0"]
        self._pid = 0
        self._home: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        shared.subscribe(TOPIC, self._hinted)

    def latest(self) -> Stored:
        """What all copies knew a moment ago."""
        self._at_home()
        file, elsewhere = self._file.latest(), self._elsewhere
        if file is not self._merged[0] or elsewhere is not self._merged[1]:
            self._merged = (file, elsewhere, _merged(file, elsewhere))
        return self._merged[2]

    def keep_state(self, deployment: str, state: StoredState) -> None:
        """Write it soon, unless somebody has written a newer one."""
        self._file.keep_state(deployment, state)
        with self._lock:
            self._states[deployment] = state
        self._look_in(AT_ONCE_S)

    def keep_numbers(self, deployment: str, numbers: StoredNumbers) -> None:
        """Write them with the next look; the calls are added to those of others."""
        self._file.keep_numbers(deployment, numbers)
        with self._lock:
            waiting = self._numbers.get(deployment)
            calls = numbers.calls + (waiting.calls if waiting else 0)
            self._numbers[deployment] = replace(numbers, calls=calls)

    async def close(self) -> None:
        """Tell what waits to be told. The file is closed by who made it."""
        if self._home is not asyncio.get_running_loop():
            self._closed = True
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._closed = True
        if self._task is not None:
            await self._task
        await self._exchange()

    # ── in the home loop ─────────────────────────────────────────────────────────────────

    def _at_home(self) -> asyncio.AbstractEventLoop | None:
        home = self._home
        if home is not None and self._pid == os.getpid() and not home.is_closed():
            return home
        try:
            self._home, self._pid = asyncio.get_running_loop(), os.getpid()
        except RuntimeError:  # a command that only looks: the file has to do
            return None
        self._alarm = self._task = None
        self._look()
        return self._home

    def _hinted(self, _: str) -> None:
        self._look_in(AT_ONCE_S)

    def _look_in(self, seconds: float) -> None:
        """From any thread: look in so long, or before that."""
        home = self._at_home()
        if home is None or self._closed:
            return

        def set_alarm() -> None:
            at = home.time() + seconds
            if self._alarm is None or self._alarm.cancelled() or self._alarm.when() > at:
                if self._alarm is not None:
                    self._alarm.cancel()
                self._alarm = home.call_at(at, self._look)

        home.call_soon_threadsafe(set_alarm)

    def _look(self) -> None:
        self._alarm = None
        if self._task is None and self._home is not None and not self._closed:
            self._task = self._home.create_task(self._exchange())
            self._task.add_done_callback(self._looked)

    def _looked(self, _: asyncio.Task[None]) -> None:
        self._task = None
        if self._alarm is None:
            self._look_in(PAUSE_S)

    async def _exchange(self) -> None:
        with self._lock:
            states, self._states = self._states, {}
            numbers, self._numbers = self._numbers, {}
        said = {
            "who": str(os.getpid()),
            "versions": self._versions,
            "states": {
                name: {"changed": f"{state.changed:.6f}", "text": _text(state)}
                for name, state in states.items()
            },
            "numbers": {
                name: {"calls": found.calls, "text": _text(found)}
                for name, found in numbers.items()
            },
        }
        keys = ["breakers", "numbers", "versions", TOPIC]
        try:
            answer = json.loads(await self._shared.run(_EXCHANGE, keys, [json.dumps(said)]))
        except StorageError:
            self._told_later(states, numbers)
            return
        self._versions = answer["versions"]
        if "states" in answer:
            self._learn(_states(answer["states"]))
        if "numbers" in answer:
            found = _numbers(answer["numbers"])
            self._elsewhere = replace(self._elsewhere, numbers=found)

    def _told_later(
        self, states: Mapping[str, StoredState], numbers: Mapping[str, StoredNumbers]
    ) -> None:
        with self._lock:
            self._states = {**states, **self._states}
            for name, found in numbers.items():
                newer = self._numbers.get(name)
                calls = found.calls + (newer.calls if newer else 0)
                self._numbers[name] = replace(newer or found, calls=calls)

    def _learn(self, states: Mapping[str, StoredState]) -> None:
        known = self._file.latest().states
        for name, state in states.items():
            if name not in known or state.changed > known[name].changed:
                self._file.keep_state(name, state)
        self._elsewhere = replace(self._elsewhere, states=states)


def _merged(file: Stored, elsewhere: Stored) -> Stored:
    """The newer of each; of calls the most that anybody counted."""
    states, numbers = dict(file.states), dict(file.numbers)
    for name, state in elsewhere.states.items():
        if name not in states or state.changed > states[name].changed:
            states[name] = state
    for name, found in elsewhere.numbers.items():
        own = numbers.get(name, found)
        newer = found if found.at >= own.at else own
        numbers[name] = replace(newer, calls=max(found.calls, own.calls))
    return replace(file, states=states, numbers=numbers)


def _pairs(flat: Any) -> dict[str, str]:
    """A hash as the server tells it; an empty one is an object in JSON."""
    return dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}


def _states(flat: Any) -> dict[str, StoredState]:
    found = {}
    for name, text in _pairs(flat).items():
        with suppress(ValueError):  # of another version of the program; pydantic's are such, too
            value = json.loads(text)
            state = from_json(State, value["state"])
            found[name] = StoredState(
                changed=value["changed"], account=value["account"], state=state
            )
    return found


def _numbers(flat: Any) -> dict[str, StoredNumbers]:
    pairs, found = _pairs(flat), {}
    for key, text in pairs.items():
        kind, _, name = key.partition(":")
        if kind == "text":
            value = json.loads(text)
            calls = int(pairs.get(f"calls:{name}", "0"))
            found[name] = StoredNumbers(at=value["at"], calls=calls, numbers=value["numbers"])
    return found


def _text(value: StoredState | StoredNumbers) -> str:
    return json.dumps(as_json(value), separators=(",", ":"))
