"""What every source of single callers' budgets and limits must do."""

from __future__ import annotations

from orchestrator.calling.callers import holds_for
from orchestrator.project.protocols import Allotments
from orchestrator.types import Caller


class AllotmentsConformance:
    """Say how allotments are made of which `caller` has a budget and a limit."""

    caller = Caller(workspace="lab", user="ana", key="key_of_ana")
    """Has at least one budget and one limit."""
    other = Caller(workspace="elsewhere", user="ben", key="key_of_ben")
    """Has none."""

    def make(self) -> Allotments:
        """Allotments of `caller`, and of nobody who is like `other`."""
        raise NotImplementedError

    def test_what_binds_a_caller_is_found(self) -> None:
        """Budgets and limits of a caller are told, and tell whom they are of."""
        allotments = self.make()
        budgets, limits = allotments.budgets(self.caller), allotments.limits(self.caller)
        assert len(budgets) > 0
        assert len(limits) > 0
        for match in (*(b.match for b in budgets), *(one.match for one in limits)):
            assert holds_for(match, self.caller, ())
            assert not holds_for(match, self.other, ())

    def test_who_has_none_is_not_bound(self) -> None:
        """What is of others binds nobody else, also not those who say nothing of themselves."""
        allotments = self.make()
        for nobody in (self.other, Caller()):
            assert not allotments.budgets(nobody)
            assert not allotments.limits(nobody)

    def test_it_answers_the_same_until_something_changes(self) -> None:
        """Whoever counts against a budget may know it again by what it is."""
        allotments = self.make()
        assert list(allotments.budgets(self.caller)) == list(allotments.budgets(self.caller))
        assert list(allotments.limits(self.caller)) == list(allotments.limits(self.caller))
