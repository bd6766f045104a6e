"""What every `SharedCounters` must do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from orchestrator.project.protocols import CountAnswer, CountAsk, Counted, SharedCounters
from orchestrator.testing._loop import in_a_loop

LIMIT = 100


def _ask(
    *,
    name: str = "calls",
    lasts_s: float | None = 60.0,
    stated: Mapping[int, int] | None = None,
    whole: bool = False,
    want: int = 0,
    least: int = 0,
    more: int = 0,
) -> CountAsk:
    return CountAsk(
        name=name,
        limit=LIMIT,
        lasts_s=lasts_s,
        stated=stated or {},
        whole=whole,
        want=want,
        least=least,
        more=more,
    )


class SharedCountersConformance:
    """Say how the counters are made. Times are real, since those of a server are."""

    def make(self) -> SharedCounters:
        """Counters that have counted nothing; `more_of` makes others that share with them."""
        raise NotImplementedError

    def more_of(self, counters: SharedCounters) -> SharedCounters:
        """As another process would reach the same counters."""
        raise NotImplementedError

    async def one(self, counters: SharedCounters, member: str, ask: CountAsk) -> CountAnswer:
        """The answer to a single ask."""
        return (await counters.exchange(member, [ask])).answers[0]

    @in_a_loop
    async def test_all_together_are_never_granted_more_than_the_limit(self) -> None:
        """Whoever asks, and however many at once: exactly the limit is granted."""
        first = self.make()
        all_of_them = [first, self.more_of(first), self.more_of(first)]
        found = await asyncio.gather(
            *(
                self.one(counters, f"member-{i}", _ask(want=3, more=5))
                for _ in range(20)
                for i, counters in enumerate(all_of_them)
            )
        )
        assert sum(answer.granted for answer in found) == LIMIT
        await _close(*all_of_them)

    @in_a_loop
    async def test_what_is_left_is_granted_in_part(self) -> None:
        """Who wants more than is left gets what is left, unless that is of no use."""
        counters = self.make()
        await self.one(counters, "a", _ask(want=LIMIT - 10))
        refused = await self.one(counters, "b", _ask(want=30, least=11))
        assert (refused.granted, refused.left) == (0, 10)
        in_part = await self.one(counters, "b", _ask(want=30, least=10))
        assert (in_part.granted, in_part.left) == (10, 0)
        await _close(counters)

    @in_a_loop
    async def test_beyond_the_need_a_part_of_what_is_left_is_granted(self) -> None:
        """`more` is granted in a measure of what is left, and says that it may come back."""
        counters = self.make()
        plenty = await self.one(counters, "a", _ask(want=1, more=LIMIT))
        assert 1 < plenty.granted <= 1 + LIMIT // 2
        rest = await self.one(counters, "b", _ask(want=plenty.left - 1))
        assert rest.left == 1
        last = await self.one(counters, "b", _ask(want=1, more=LIMIT))
        assert last.granted == 1
        refused = await self.one(counters, "b", _ask(want=1))
        assert refused.granted == 0
        assert refused.soon_s > 0
        await _close(counters)

    @in_a_loop
    async def test_saying_it_again_changes_nothing(self) -> None:
        """What is stated is absolute."""
        counters = self.make()
        granted = await self.one(counters, "a", _ask(want=40))
        for _ in range(3):
            again = await self.one(counters, "a", _ask(stated={granted.slot: 40}))
            assert again.left == LIMIT - 40
        less = await self.one(counters, "a", _ask(stated={granted.slot: 25}))
        assert less.left == LIMIT - 25
        other = await self.one(counters, "b", _ask(stated={granted.slot: 75}))
        assert other.left == 0
        await _close(counters)

    @in_a_loop
    async def test_a_whole_statement_forgets_the_rest(self) -> None:
        """A process that does not know what became of its last ask states all that it has."""
        counters = self.make()
        granted = await self.one(counters, "a", _ask(want=40))
        stated = {granted.slot - 2: 10}
        assert (await self.one(counters, "a", _ask(stated=stated))).left == LIMIT - 50
        assert (await self.one(counters, "a", _ask(stated=stated, whole=True))).left == LIMIT - 10
        await _close(counters)

    @in_a_loop
    async def test_more_than_the_limit_may_be_stated(self) -> None:
        """What was used counts, whether there was room or not."""
        counters = self.make()
        slot = (await self.one(counters, "a", _ask(want=1))).slot
        over = await self.one(counters, "a", _ask(stated={slot: LIMIT + 50}, want=1))
        assert (over.granted, over.left) == (0, -50)
        await _close(counters)

    @in_a_loop
    async def test_a_refusal_says_when_how_much_leaves(self) -> None:
        """In order, and all of it."""
        counters = self.make()
        slot = (await self.one(counters, "a", _ask(want=LIMIT))).slot
        await self.one(counters, "a", _ask(stated={slot - 20: 30, slot: LIMIT - 30}))
        refused = await self.one(counters, "b", _ask(want=1))
        assert [count for _, count in refused.leaving] == [30, LIMIT - 30]
        first_s, second_s = (seconds for seconds, _ in refused.leaving)
        assert 0 < first_s < second_s <= 62
        await _close(counters)

    @in_a_loop
    async def test_what_has_left_the_window_counts_no_more(self) -> None:
        """A window ends."""
        counters = self.make()
        assert (await self.one(counters, "a", _ask(lasts_s=0.1, want=LIMIT))).granted == LIMIT
        refused = await self.one(counters, "b", _ask(lasts_s=0.1, want=1))
        assert refused.granted == 0
        await asyncio.sleep(refused.leaving[-1][0] + 0.01)
        assert (await self.one(counters, "b", _ask(lasts_s=0.1, want=LIMIT))).granted == LIMIT
        await _close(counters)

    @in_a_loop
    async def test_what_is_held_counts_until_it_is_given_back(self) -> None:
        """Limits on what is held at once know no window."""
        counters = self.make()
        held = await self.one(counters, "a", _ask(lasts_s=None, want=LIMIT))
        assert held.granted == LIMIT
        stays = _ask(lasts_s=None, stated={0: LIMIT})
        assert (await self.one(counters, "a", stays)).left == 0
        assert (await self.one(counters, "b", _ask(lasts_s=None, want=1))).granted == 0
        assert (await self.one(counters, "a", _ask(lasts_s=None, stated={0: 60}))).left == 40
        assert (await self.one(counters, "b", _ask(lasts_s=None, want=50))).granted == 40
        await _close(counters)

    @in_a_loop
    async def test_limits_of_other_names_are_others(self) -> None:
        """One exchange may be about several limits; each counts for itself."""
        counters = self.make()
        asks = [_ask(name=name, want=LIMIT) for name in ("x", "y")]
        found = await counters.exchange("a", asks)
        assert [answer.granted for answer in found.answers] == [LIMIT, LIMIT]
        await _close(counters)

    @in_a_loop
    async def test_who_takes_part_is_counted(self) -> None:
        """Each process has a rank of its own among all, until it leaves."""
        counters = self.make()
        found: list[Counted] = []
        for name in ("a", "b", "c", "a", "b"):
            found.append(await counters.exchange(name, []))
        assert {(one.copies, one.rank) for one in found[2:]} == {(3, 0), (3, 1), (3, 2)}
        await counters.leave("a")
        assert (await counters.exchange("c", [])).copies == 2
        await _close(counters)


async def _close(*all_of_them: SharedCounters) -> None:
    for counters in all_of_them:
        await counters.close()
