"""Counters and histograms of one process, and their sums over all.

A series is kept only for labels out of a known set: names that a caller makes up become `other`,
and a metric whose labels are too many all the same counts the rest under `other`, too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

MOST_SERIES = 2000
"""Of one metric."""
OTHER = "other"
SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    120.0,
)
"""Upper bounds of the buckets of a histogram, in seconds."""

Labels = tuple[str, ...]
Counts = dict[str, dict[Labels, float]]
Buckets = dict[str, dict[Labels, list[float]]]
"""The number of observations in each bucket, of those above all, and their sum."""


@dataclass(slots=True)
class Tally:
    """What was counted. For one thread at a time."""

    counts: Counts = field(default_factory=dict)
    """Only ever grow."""
    gauges: Counts = field(default_factory=dict)
    buckets: Buckets = field(default_factory=dict)

    def count(self, name: str, labels: Labels = (), number: float = 1.0) -> None:
        """Add to a counter."""
        series = self.counts.get(name)
        if series is None:
            series = self.counts[name] = {}
        before = series.get(labels)
        if before is None:
            labels = _bounded(series, labels)
            before = series.get(labels, 0.0)
        series[labels] = before + number

    def observe(self, name: str, labels: Labels, seconds: float) -> None:
        """Add to a histogram."""
        series = self.buckets.get(name)
        if series is None:
            series = self.buckets[name] = {}
        found = series.get(labels)
        if found is None:
            labels = _bounded(series, labels)
            found = series.setdefault(labels, [0.0] * (len(SECONDS) + 2))
        found[bisect_left(SECONDS, seconds)] += 1
        found[-1] += seconds

    def set(self, name: str, labels: Labels, value: float) -> None:
        """A gauge."""
        self.gauges.setdefault(name, {})[labels] = value

    def pack(self) -> bytes:
        """For `unpack`."""
        parts = ([_rows(c) for c in (self.counts, self.gauges)], _rows(self.buckets))
        return msgspec.msgpack.encode(parts)

    def add(self, other: Tally) -> None:
        """Everything of the other, too."""
        for mine, theirs in ((self.counts, other.counts), (self.gauges, other.gauges)):
            for name, series in theirs.items():
                own = mine.setdefault(name, {})
                for labels, value in series.items():
                    own[labels] = own.get(labels, 0.0) + value
        for name, histograms in other.buckets.items():
            kept = self.buckets.setdefault(name, {})
            for labels, found in histograms.items():
                before = kept.get(labels)
                kept[labels] = (
                    list(found)
                    if before is None
                    else [a + b for a, b in zip(before, found, strict=True)]
                )


def unpack(content: bytes) -> Tally:
    """What `Tally.pack` was made of."""
    (counts, gauges), buckets = msgspec.msgpack.decode(content, type=_PACKED)
    return Tally(
        {name: dict(rows) for name, rows in counts.items()},
        {name: dict(rows) for name, rows in gauges.items()},
        {name: dict(rows) for name, rows in buckets.items()},
    )


def total(contents: Iterable[bytes]) -> Tally:
    """The sum of all."""
    summed = Tally()
    for content in contents:
        summed.add(unpack(content))
    return summed


_PACKED = tuple[
    tuple[dict[str, list[tuple[Labels, float]]], dict[str, list[tuple[Labels, float]]]],
    dict[str, list[tuple[Labels, list[float]]]],
]


def _rows(series: Mapping[str, Mapping[Labels, object]]) -> dict[str, list[tuple[Labels, object]]]:
    return {name: list(found.items()) for name, found in series.items()}


def _bounded(series: Mapping[Labels, object], labels: Labels) -> Labels:
    """The labels of a new series, or those of the rest where there are too many."""
    return labels if len(series) < MOST_SERIES else (OTHER,) * len(labels)
