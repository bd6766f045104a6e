"""One shared limit as one process sees it. Counts like `calling.traffic.rates.Window`."""

from __future__ import annotations

from collections import deque
from math import inf

from orchestrator.project.protocols import CountAnswer, CountAsk
from orchestrator.sharing.rules import HOLD_S, LEASE_S, SLOT_S

IDLE_S = 0.05
"""What was not touched for so long goes back."""
ASK_S = 0.25
"""An answer comes within this time; and after a refusal nobody asks again so soon."""
ALONE_S = 1.0
"""When to come back where nothing can be told since the counters are gone."""
AHEAD_S = 0.25
"""What the present pace needs in this time is asked for beyond what is needed at once."""
PACE_S = 0.02
"""A pace is measured over no shorter time."""


class Pool:
    """What is at hand of one limit. Everything here happens under `Pools.lock`.

    Args:
        lasts_s: seconds that what is granted counts for; `None`: as long as it is held.
        offset: from the monotonic scale to that of the slots, as far as it is known.
    """

    __slots__ = (
        "__weakref__",
        "_allowed",
        "_answered_at",
        "_asked",
        "_chunks",
        "_dirty",
        "_known_left",
        "_lasts_s",
        "_least",
        "_leaving",
        "_lost_at",
        "_name",
        "_offset",
        "_own",
        "_refused_until",
        "_share",
        "_soon_at",
        "_taken",
        "_touched",
        "_want",
        "_whole",
        "at_hand",
        "counts",
        "limit",
        "reserved",
        "why_refused",
    )

    def __init__(self, name: str, limit: int, lasts_s: float | None, offset: float) -> None:
        self.limit = limit
        self.at_hand = 0
        """Granted and not used."""
        self.counts = 0
        """All that counts against the limit by this process: used, and at hand."""
        self.reserved = 0
        """Of what is at hand: for those who waited for it, and come for it in a moment."""
        self.why_refused = ""
        """Why nothing passes while the counters are gone; empty: what was told passes."""
        self._name, self._lasts_s, self._offset = name, lasts_s, offset
        self._chunks: deque[list[float]] = deque()
        """Slot, use until, amount."""
        self._own: dict[int, int] = {}
        self._dirty: set[int] = set()
        self._whole = True
        self._want = self._least = self._asked = self._taken = 0
        self._known_left = limit
        self._leaving: list[tuple[float, int]] = []
        self._refused_until = self._touched = self._answered_at = -inf
        self._soon_at = -inf
        self._share: int | None = None
        """Of the limit, while the counters are gone."""
        self._lost_at = -inf
        self._allowed = limit
        """What may be taken of what was left when they went."""

    # ── as a window ──────────────────────────────────────────────────────────────────────

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until there is room for `amount`, 0.0 where there is now.

        A guess where only an answer of the counters can tell (`asks`).
        """
        if self._chunks:
            self._drop_late(now)
        if amount <= self.at_hand - self.reserved:
            return 0.0
        if self._share is not None:
            return 0.0 if amount <= self._free_alone(now) else self._wait_alone(amount, now)
        if now >= self._refused_until:
            return ASK_S
        short = amount + self.reserved - self.at_hand - max(self._known_left, 0)
        return max(self._leaves_in_s(short, now), IDLE_S)

    def asks(self, amount: int, now: float) -> bool:
        """Whether there is too little, and the counters may have more."""
        if self._share is not None or self._soon_at <= now < self._refused_until:
            return False
        self._drop_late(now)
        return amount > self.at_hand - self.reserved

    def take(self, amount: int, now: float) -> int:
        """Count `amount`; the slot that it is counted in."""
        self._taken += amount
        self._touched = now
        return self._take(amount, now)

    def correct(self, slot: int, change: int, now: float) -> None:
        """What was counted in `slot` was less by so much; or more, which is counted now."""
        if change > 0:
            self._take(change, now)
        elif change < 0 and slot in self._own:
            self._back(slot, -change, now)

    def left(self, now: float) -> float:
        """The share of the limit that is free, in 0..1, as far as it is known."""
        if self._share is not None:
            return max(0.0, min(1.0, self._free_alone(now) / max(self._share, 1)))
        back = sum(count for at, count in self._leaving if at <= now)
        return max(0.0, min(1.0, (self._known_left + self.at_hand + back) / self.limit))

    def is_idle(self, now: float) -> bool:
        """Whether nothing is counted here any more."""
        self._forget(now)
        return not self.counts and not self._want

    @property
    def is_tight(self) -> bool:
        """Whether others may wait for what is given back."""
        return self._share is None and self._known_left <= 0

    # ── for `Pools` ──────────────────────────────────────────────────────────────────────

    @property
    def is_alone(self) -> bool:
        """Whether it goes on without the counters."""
        return self._share is not None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for more."""
        return self._want > 0

    def wants(self, amount: int) -> None:
        """Somebody waits for so much."""
        self._want += amount
        self._least = amount if self._least == 0 else min(self._least, amount)

    def say(self, now: float) -> CountAsk:
        """What is said and wanted in an exchange that begins now."""
        self._drop_late(now)
        self._forget(now)
        held = self._lasts_s is None
        if self._whole or held:
            stated = dict(self._own)
        else:
            stated = {slot: self._own.get(slot, 0) for slot in self._dirty}
        want = max(self._want - max(self.at_hand - self.reserved, 0), 0)
        past_s = max(now - self._answered_at, PACE_S)
        more = int(self._taken / past_s * AHEAD_S) if want and past_s < 1.0 else 0
        ask = CountAsk(
            name=self._name,
            limit=self.limit,
            lasts_s=self._lasts_s,
            stated=stated,
            whole=self._whole,
            want=want,
            least=min(self._least, want),
            more=more,
        )
        self._want, self._least, self._asked = 0, 0, want
        self._dirty.clear()
        self._whole = True  # until the answer is there, nobody knows what became of it
        return ask

    def answered(self, answer: CountAnswer, server: float, sent: float, now: float) -> None:
        """An exchange that began at `sent` is over."""
        self._share, self.why_refused = None, ""
        self._whole = False
        self._offset = server - now
        self._known_left, self._answered_at, self._taken = answer.left, now, 0
        self._leaving = [(now + in_s, count) for in_s, count in answer.leaving]
        late = self._lasts_s is not None and now >= sent + HOLD_S
        refused = answer.granted < self._asked and not (answer.granted and late)
        self._refused_until = now + ASK_S if refused else -inf
        self._soon_at = now + answer.soon_s if answer.soon_s > 0 else -inf
        if answer.granted > 0:
            slot = 0 if self._lasts_s is None else answer.slot
            until = inf if self._lasts_s is None else sent + HOLD_S
            self._chunks.append([slot, until, answer.granted])
            self.at_hand += answer.granted
            self._count(slot, answer.granted)
            self._touched = now

    def soon_s(self, amount: int, now: float) -> float:
        """In how many seconds to ask a second time before it is refused; 0: not at all."""
        if self._share is not None or amount <= self.at_hand - self.reserved:
            return 0.0
        return max(self._soon_at - now, 0.0)

    def tidy(self, now: float) -> bool:
        """Give back what was not touched for a moment; whether there is something to say."""
        self._drop_late(now)
        if self.at_hand and now - self._touched >= IDLE_S:
            self.give_back()
        return bool(self._dirty) and self._share is None

    def give_back(self) -> None:
        """All that is at hand."""
        while self._chunks:
            slot, _, amount = self._chunks.popleft()
            self._uncount(int(slot), int(amount))
        self.at_hand = 0

    def state_all(self) -> None:
        """The counters have lost what was stated."""
        self._whole = True

    def alone(self, copies: int, rank: int, now: float, why: str, refused: bool) -> None:
        """Go on without the counters, with this process's fair share of the limit.

        The shares of all add up to the limit. What was left when the counters went is shared in
        the same way, so that what others had used by then counts until it leaves the window.
        """
        if self._share is None:
            unused = self.at_hand
            self.give_back()
            self._lost_at = now
            left = max(self._known_left, 0)
            self._allowed = _part(left, copies, rank) + unused
        self._share = 0 if refused else _part(self.limit, copies, rank)
        self.why_refused = why if refused else ""
        self._want = self._least = 0
        self._whole = True

    def _free_alone(self, now: float) -> int:
        assert self._share is not None
        self._forget(now)
        free = self._share - self.counts
        lasts_s = LEASE_S if self._lasts_s is None else self._lasts_s
        return min(free, self._allowed) if now < self._lost_at + lasts_s else free

    def _wait_alone(self, amount: int, now: float) -> float:
        assert self._share is not None
        excess = amount + self.counts - self._share
        if not self._share or self._lasts_s is None or amount > self._share or excess <= 0:
            return ALONE_S
        for slot, count in sorted(self._own.items()):
            excess -= count
            if excess <= 0:
                return max(self._leaves(slot) - now, IDLE_S)
        return ALONE_S

    def _take(self, amount: int, now: float) -> int:
        """From what is at hand; the rest counts in addition, as who takes it has to."""
        self._drop_late(now)
        slot, rest = self._slot(now), amount
        while rest and self._chunks:
            chunk = self._chunks[0]
            slot, used = int(chunk[0]), min(rest, int(chunk[2]))
            chunk[2] -= used
            rest -= used
            self.at_hand -= used
            if not chunk[2]:
                self._chunks.popleft()
        if rest:
            slot = self._slot(now)
            self._count(slot, rest)
            self._dirty.add(slot)
            self._allowed -= rest
        return slot

    def _back(self, slot: int, amount: int, now: float) -> None:
        amount = min(amount, self._own[slot])
        chunk = self._chunks[-1] if self._chunks else None
        if self._share is not None:
            self._uncount(slot, amount)
            self._allowed += amount
        elif self._lasts_s is None:
            self.at_hand += amount
            self._touched = now
            if chunk is None:
                self._chunks.append([slot, inf, amount])
            else:
                chunk[2] += amount
        elif chunk is not None and chunk[0] == slot and now < chunk[1]:
            chunk[2] += amount
            self.at_hand += amount
        else:
            self._uncount(slot, amount)

    def _count(self, slot: int, amount: int) -> None:
        self._own[slot] = self._own.get(slot, 0) + amount
        self.counts += amount

    def _uncount(self, slot: int, amount: int) -> None:
        if slot in self._own:
            self._own[slot] -= amount
            self.counts -= amount
            self._dirty.add(slot)

    def _drop_late(self, now: float) -> None:
        while self._chunks and now >= self._chunks[0][1]:
            slot, _, amount = self._chunks.popleft()
            self.at_hand -= int(amount)
            self._uncount(int(slot), int(amount))

    def _forget(self, now: float) -> None:
        """What has left the window."""
        if self._lasts_s is None:
            return
        while self._own and self._leaves(slot := next(iter(self._own))) <= now:
            self.counts -= self._own.pop(slot)

    def _leaves(self, slot: int) -> float:
        """On the monotonic scale."""
        return (slot + 1) * SLOT_S + HOLD_S + (self._lasts_s or 0.0) - self._offset

    def _slot(self, now: float) -> int:
        return 0 if self._lasts_s is None else int((now + self._offset) / SLOT_S)

    def _leaves_in_s(self, excess: int, now: float) -> float:
        """Until so much of what others and this process have used has left the window."""
        if not self._leaving:
            return ALONE_S
        whole = max(excess - 1, 0) // self.limit
        excess -= whole * self.limit
        until = now
        for at, count in self._leaving:
            if excess <= 0:
                break
            excess -= count
            until = at
        return until - now + whole * (self._lasts_s or 0.0)


def _part(amount: int, copies: int, rank: int) -> int:
    """Of one of so many; the parts of all add up to the amount."""
    return amount // copies + (rank < amount % copies)
