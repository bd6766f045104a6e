"""How sure it is that a number or name of a claim stands nowhere in its passages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.evidence.agreement import Stated
from orchestrator.evidence.language.aliases import aliases
from orchestrator.evidence.language.reading import Reading, inner_capitals, spells_out
from orchestrator.evidence.language.words import Word
from orchestrator.evidence.numbers import Quantity

_ROUNDED = 0.1  # `over 40,000` where the passages have 42,000
_LOOSE = 0.45  # agrees only as a bound: `up to 30` where they have 25
_OTHER_UNIT = 0.6
_NO_UNIT = 0.25  # the same digits, and one side states no unit
_COUNTED = 0.5  # a small number in words may be counted from the text
_ORDINAL = 0.4  # `the third review` may count the text's own parts
_RELATED = 0.3  # `Canada` where the passages have `Canadian`
_PART = 0.7  # one word of a name whose others stand there
_SMALL = 10
_NEAR = 8
_SHARED = 4


@dataclass(frozen=True, slots=True)
class Absent:
    """A number or name of the claim that no passage has, and how sure that is, 0..1."""

    text: str
    strength: float


class Present:
    """The numbers and words of some sentences, to look those of claims up in."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings
        stated = {
            (q.value, q.unit, q.per, q.bound, q.of): q for r in readings for q in r.quantities
        }
        self._stated = Stated(stated.values())
        words = list({w.text: w for r in readings for w in r.words}.values())
        self._bare = {w.text.replace(",", "") for w in words if w.is_number}
        self.forms = {w.text.lower().removesuffix("'s").removesuffix("’s") for w in words}
        self.forms |= {w.stem for w in words} | {f.removesuffix("s") for f in self.forms}
        self._pairs = {
            f"{a.text}{b.text}".lower()
            for r in readings
            for a, b in zip(r.words, r.words[1:], strict=False)
        }
        self._starts = {w.text[:_SHARED].lower() for w in words if w.text[0].isupper()}
        self._runs = {tuple(w.stem for w in name) for r in readings for name in r.names}

    def number(self, quantity: Quantity) -> float:
        """How sure it is that this number of a claim is not stated, 0..1."""
        agreed = self._stated.agreeing(quantity)
        if any(not s.bound and not quantity.bound for s in agreed):
            return 0.0
        if any(s.value == quantity.value or s.unit in ("date", "weekday") for s in agreed):
            return 0.0
        if agreed:
            return _ROUNDED if any(_rounds(quantity, s) for s in agreed) else _LOOSE
        if not self._stated.missing([quantity]):
            return 0.0
        same = self._stated.of_value(quantity.value)
        if any(not s.unit or not quantity.unit for s in same):
            return _NO_UNIT
        if same:
            return _OTHER_UNIT
        if quantity.text.split()[0].replace(",", "") in self._bare:
            return _NO_UNIT
        if quantity.unit in ("ordinal", "label"):
            return _ORDINAL
        spelled = quantity.text[0].isalpha()
        return _COUNTED if spelled and quantity.value <= _SMALL else 1.0

    def name(self, name: Sequence[Word]) -> float:
        """How sure it is that this name of a claim is not mentioned, 0..1."""
        lost = [w for w in name if not self._has(w) and w.is_content]
        if not lost or self._stands_otherwise(name):
            return 0.0
        if all(w.text[:_SHARED].lower() in self._starts and len(w.text) > _SHARED for w in lost):
            return _RELATED
        return 1.0 if len(lost) == len(name) else _PART

    def _has(self, word: Word) -> bool:
        low = word.text.lower().removesuffix("'s").removesuffix("’s")
        return bool({low, low.removesuffix("s"), word.stem} & self.forms)

    def _stands_otherwise(self, name: Sequence[Word]) -> bool:
        """As an alias, in one word or in two, or spelled out."""
        joined = "".join(w.text for w in name).lower()
        if joined in self.forms or joined in self._pairs:
            return True
        others = aliases([w.stem for w in name])
        if others & self._runs or any(len(o) == 1 and o[0] in self.forms for o in others):
            return True
        return len(name) == 1 and any(spells_out(r, name[0].text) for r in self._readings)


def _rounds(rough: Quantity, exact: Quantity) -> bool:
    """Whether the first is near the second and has fewer digits that say something."""
    digits = [len(str(abs(int(q.value))).rstrip("0")) for q in (rough, exact)]
    near = abs(rough.value - exact.value) <= abs(exact.value) / _NEAR
    return near and digits[0] < digits[1]


def absent_numbers(claim: Reading, present: Present) -> list[Absent]:
    """The claim's numbers that are not sure to be stated, surest absence first."""
    return _sorted(Absent(q.text.strip(), present.number(q)) for q in claim.quantities)


def absent_names(claim: Reading, present: Present) -> list[Absent]:
    """The claim's names, and its other words with an inner capital, that are not mentioned."""
    inside = {w.start for name in claim.names for w in name}
    single = [(w,) for w in inner_capitals(claim) if w.start not in inside]
    return _sorted(
        Absent(" ".join(w.text for w in name), present.name(name))
        for name in (*claim.names, *single)
    )


def _sorted(found: Iterable[Absent]) -> list[Absent]:
    return sorted((a for a in found if a.strength > 0), key=lambda a: -a.strength)
