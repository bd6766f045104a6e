"""What every treasury must do: hand out parts of caps, and never more than all of them."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.calling.spending.caps import Cap, caps_of
from orchestrator.calling.spending.treasury import Ask, Treasury
from orchestrator.project.policy_schema import Budget
from orchestrator.testing.stores import charge

NOW = 1_700_000_000.0


def cap(usd: float, **declared: str) -> Cap:
    """The cap of the project, a day."""
    budget = Budget.model_validate({"per": "project", "window": "day", "usd": usd, **declared})
    (found,) = caps_of((budget,), charge("run", "m/d"), NOW)
    return found


THOUSAND = cap(0.001)
"""A thousand micro-dollars."""


class TreasuryConformance:
    """Say how the treasury is made; what one process took is there for the next."""

    def make(self) -> Treasury:
        """As a process finds it; comes several times for the same accounts."""
        raise NotImplementedError

    def close(self, treasury: Treasury) -> None:
        """Let go of what the treasury holds."""
        treasury.close()

    def test_needs_are_granted_to_the_last_unit_and_no_further(self) -> None:
        """The first come first, each in whole or not at all."""
        treasury = self.make()
        (told,) = treasury.exchange("a", [ask(needs=(600, 500, 400))], NOW)
        assert (told.taken, told.granted, told.committed) == (1000, 1000, 1000)
        assert told.short
        (told,) = treasury.exchange("b", [ask(needs=(1,))], NOW)
        assert (told.granted, told.committed, told.short) == (0, 1000, True)
        self.close(treasury)

    def test_an_ask_that_is_repeated_changes_nothing(self) -> None:
        """Its answer may have been lost: what counts is what the holder says that it has."""
        treasury = self.make()
        for _ in range(3):
            (told,) = treasury.exchange("a", [ask(needs=(300,))], NOW)
            assert (told.taken, told.committed) == (300, 300)
        self.close(treasury)

    def test_what_is_given_back_is_there_for_others(self) -> None:
        """Whoever says that less is taken than before gives the rest back."""
        treasury = self.make()
        treasury.exchange("a", [ask(needs=(1000,))], NOW)
        treasury.exchange("a", [ask(taken=400, keeps=False)], NOW)
        (told,) = treasury.exchange("b", [ask(needs=(600,))], NOW)
        assert (told.granted, told.committed, told.short) == (600, 1000, False)
        self.close(treasury)

    def test_for_calls_to_come_there_is_a_share_of_what_is_left(self) -> None:
        """One in two for a single holder, one in four for each of two; towards the end none."""
        treasury = self.make()
        (told,) = treasury.exchange("a", [ask(needs=(10,), like=5000)], NOW)
        assert (told.granted, told.tight) == (500, False)
        (told,) = treasury.exchange("b", [ask(needs=(10,), like=5000)], NOW)
        assert (told.granted, told.tight) == (125, False)
        (told,) = treasury.exchange("b", [ask(taken=125, needs=(360,), like=5000)], NOW)
        assert (told.granted, told.tight) == (360, True)
        self.close(treasury)

    def test_who_holds_more_than_calls_need_is_asked_to_give_it_back(self) -> None:
        """As soon as another is short; and not any more when it has."""
        treasury = self.make()
        treasury.exchange("a", [ask(needs=(10,), like=5000)], NOW)
        other = self.make()
        (told,) = other.exchange("b", [ask(needs=(700,))], NOW)
        assert (told.short, told.pending) == (True, True)
        assert treasury.asked("a") == frozenset({THOUSAND.account})
        assert other.asked("b") == frozenset()
        treasury.exchange("a", [ask(taken=10, keeps=False)], NOW)
        assert treasury.asked("a") == frozenset()
        (told,) = other.exchange("b", [ask(needs=(700,))], NOW)
        assert (told.granted, told.short) == (700, False)
        (told,) = other.exchange("b", [ask(taken=700, needs=(700,))], NOW)
        assert (told.short, told.pending) == (True, False)
        self.close(treasury)
        self.close(other)

    def test_what_was_overdrawn_is_counted_whatever_is_left(self) -> None:
        """A call may cost more than was reserved for it."""
        treasury = self.make()
        treasury.exchange("a", [ask(needs=(1000,))], NOW)
        (told,) = treasury.exchange("a", [ask(taken=1000, free=-50)], NOW)
        assert (told.taken, told.committed) == (1050, 1050)
        self.close(treasury)

    def test_the_limit_may_change(self) -> None:
        """It is no part of the account."""
        treasury = self.make()
        treasury.exchange("a", [ask(needs=(1000,))], NOW)
        (told,) = treasury.exchange("b", [ask(of=cap(0.0015), needs=(500,))], NOW)
        assert (told.granted, told.committed) == (500, 1500)
        self.close(treasury)


def ask(
    of: Cap = THOUSAND,
    taken: int = 0,
    free: int = 0,
    needs: Sequence[int] = (),
    like: int = 0,
    *,
    keeps: bool = True,
) -> Ask:
    """What a holder says."""
    return Ask(cap=of, taken=taken, free=free, needs=tuple(needs), like=like, keeps=keeps)
