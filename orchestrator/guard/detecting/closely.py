"""The close look: everything that is looked for, in one text that may hold some of it.

Imported when the first text asks for it, since its patterns take a while to be made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from orchestrator.guard.detecting.assigned import assigned, random_looking
from orchestrator.guard.detecting.context import Surroundings
from orchestrator.guard.detecting.emails import emails
from orchestrator.guard.detecting.glance import Glance
from orchestrator.guard.detecting.identities import identities
from orchestrator.guard.detecting.numbers import cards, ibans
from orchestrator.guard.detecting.people import NAMES, addresses, birth_dates, names
from orchestrator.guard.detecting.phones import phones
from orchestrator.guard.detecting.secrets import SHAPES
from orchestrator.guard.values import Finding


def look(text: str, glance: Glance, least: float) -> Iterator[Finding]:
    """What stands in the text, also one over another, and also what is less sure than `least`."""
    about = Surroundings(text)
    if glance.secret:
        for shape in SHAPES:
            if shape.may_stand_in(about.low):
                yield from shape.find(text)
    if glance.mail:
        yield from emails(text)
    if glance.said:
        yield from assigned(text, about.low)
        if glance.run:
            yield from random_looking(text)
    if glance.number or glance.code:
        if glance.account:
            yield from ibans(text)
        yield from cards(text)
        yield from identities(about, text)
        yield from phones(about, text)
    if glance.digits:
        yield from addresses(about, text)
    if glance.year:
        yield from birth_dates(about)
    if least <= NAMES:
        yield from names(text)


def apart(first: Iterable[Finding], others: Iterable[Finding]) -> tuple[Finding, ...]:
    """In order, and none over another: `first` go before, then the surest, then the longest."""
    starts: list[int] = []
    kept: list[Finding] = []
    ranked = sorted(others, key=lambda f: (-f.confidence, f.start - f.end))
    for finding in (*sorted(first), *ranked):
        place = bisect_left(starts, finding.start)
        free = not place or kept[place - 1].end <= finding.start
        if free and (place == len(kept) or finding.end <= kept[place].start):
            starts.insert(place, finding.start)
            kept.insert(place, finding)
    return tuple(kept)
