"""The quantities of a text, so that those that agree with one are found without trying each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from orchestrator.evidence.numbers import MOMENTS, Quantity, agrees
from orchestrator.evidence.units import CONVERSIONS, DEGREES, MONEY


class Stated:
    """Some quantities by what could agree with them; whether it does is for `agrees` to say."""

    def __init__(self, every: Iterable[Quantity]) -> None:
        self.every = tuple(every)
        self._by_value: dict[Decimal, list[int]] = defaultdict(list)
        self._by_unit: dict[str, list[int]] = defaultdict(list)
        self._by_amount: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
        self._of_kind: dict[str, list[int]] = defaultdict(list)
        self._about: dict[str, list[int]] = defaultdict(list)
        self._of_year: dict[Decimal, list[int]] = defaultdict(list)
        self._days = 0
        for i, q in enumerate(self.every):
            kind, amount = _measured(q)
            self._by_value[q.value].append(i)
            self._by_unit[q.unit].append(i)
            self._by_amount[kind, amount].append(i)
            self._of_kind[kind].append(i)
            if q.bound == "approx":
                self._about[kind].append(i)
            if q.unit == "date":
                self._of_year[q.value // 10_000].append(i)
            elif q.unit == "weekday":
                self._days |= int(q.value)

    def agreeing(self, quantity: Quantity) -> list[Quantity]:
        """Those that state the quantity of a claim, in order."""
        found = [self.every[i] for i in self._possible(quantity)]
        return [s for s in found if agrees(quantity, s)]

    def of_value(self, value: Decimal) -> list[Quantity]:
        """Those with that value, in whatever unit, in order."""
        return [self.every[i] for i in self._by_value.get(value, ())]

    def like(self, quantity: Quantity) -> list[int]:
        """The numbers of those that may agree with the quantity, or have its value; in order."""
        return self._possible(quantity)

    def missing(self, claim: Sequence[Quantity]) -> list[Quantity]:
        """As `numbers.missing`: the claim's quantities that nothing here agrees with."""
        return [
            q
            for q in claim
            if not self.agreeing(q) and not (q.unit == "weekday" and not int(q.value) & ~self._days)
        ]

    def _possible(self, q: Quantity) -> list[int]:
        kind, amount = _measured(q)
        found = {*self._by_value.get(q.value, ()), *self._by_amount.get((kind, amount), ())}
        if q.unit == "date":
            year = q.value // 10_000
            found.update(self._by_value.get(year, ()))
            years = (year, Decimal(0)) if year else self._of_year
            found.update(i for y in years for i in self._of_year.get(y, ()))
            return sorted(found)
        if q.unit in MOMENTS:
            found.update(self._by_unit.get(q.unit, ()))
            found.update(self._by_unit.get("date", ()) if q.unit == "decade" else ())
            return sorted(found)
        if q.unit == "":
            found.update(self._of_year.get(q.value, ()))
        for degree in DEGREES if q.unit in DEGREES else ():
            found.update(self._by_unit.get(degree, ()))
        if q.unit == "cent" or q.unit in MONEY:  # 50 cents, and €0.50
            found.update(self._by_value.get(q.value * 100, ()))
            found.update(self._by_value.get(q.value / 100, ()))
        found.update((self._of_kind if q.bound else self._about).get(kind, ()))
        return sorted(found)


def _measured(quantity: Quantity) -> tuple[str, Decimal]:
    """What a quantity measures, and how much of it in the smallest unit that converts exactly."""
    kind, factor = CONVERSIONS.get(quantity.unit, (quantity.unit, 1))
    return kind, quantity.value * factor
