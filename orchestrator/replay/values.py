"""What a replay found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.money import total_cost
from orchestrator.records import Hop, Trace
from orchestrator.tracing.diff import HopPair, TraceDiff, headline, label
from orchestrator.tracing.explain import counted

HopStatus = Literal["same", "different", "missing", "new", "not reached"]
"""`missing`: it is on record and was not come to; `new`: it was come to and is not on record;
`not reached`: the recorded run ended before it, or while it went on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSource:
    """A document that is not what it was when the run read it."""

    file: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """A decision that was made again and came out otherwise."""

    hop: Hop
    recorded: str
    """Who was chosen, or what else is on record."""
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecided:
    """The decisions of a trace, each made again from its record."""

    same: int = 0
    different: tuple[Otherwise, ...] = ()
    cannot: Mapping[str, int] = field(default_factory=dict)
    """Why the others could not be made again, and how many."""
    under: str | None = None
    """The hash of the policy as it is now, where it is another."""
    elsewhere: tuple[Otherwise, ...] = ()
    """Decisions that would choose others under that policy."""

    @property
    def made(self) -> int:
        return self.same + len(self.different)

    @property
    def total(self) -> int:
        return self.made + sum(self.cannot.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One recorded request, gone through again."""

    trace: Trace
    """As it is on record."""
    again: Trace
    """As it came out now."""
    hops: tuple[Hop, ...]
    """On record."""
    diff: TraceDiff
    """Of all that both came to."""
    unreached: tuple[Hop, ...] = ()
    """Hops that only one of the two came to, since the recorded run did not go on."""
    sources: tuple[ChangedSource, ...] = ()
    decisions: Redecided = Redecided()
    edits: tuple[str, ...] = ()
    """What was edited in the project since, in words."""
    calls: int = 0
    """How often a transport was touched."""
    cut_off: bool = False
    """The recorded run did not come to an end; it was gone through as far as it went."""
    ms: float = 0.0
    """How long the replay took."""

    @property
    def same(self) -> bool:
        return not self.differences

    @property
    def differences(self) -> tuple[str, ...]:
        """All that is not as it was, in words, the first one first."""
        found = [f"source {s.file}: {s.why}" for s in self.sources]
        if self.diff.first is not None:
            found.append(self._first())
        for other in self.decisions.different:
            found.append(
                f"{label(other.hop)}: decided again from its record it is {other.now}, "
                f"not {other.recorded}"
            )
        for other in self.decisions.elsewhere:
            found.append(
                f"{label(other.hop)}: under the policy as it is now {other.now}, "
                f"not {other.recorded}"
            )
        return tuple(found)

    def _first(self) -> str:
        first = self.diff.first
        assert first is not None
        pair = first.pair
        where = "the request" if pair is None else label(pair.hop)
        more = self.diff.changed - (pair is not None)
        rest = f" ({counted(more, 'more step')} differ)" if more > 0 else ""
        if pair is not None and pair.before is not None and pair.after is not None:
            asked = pair.before.profile is not None, pair.after.profile is not None
            if asked == (True, False):
                return f"{where}: it asks no model any more{rest}"
            if asked == (False, True):
                return f"{where}: it asks a model, which it did not then{rest}"
        return f"{where}, {first.difference.aspect}: {headline(first.difference)}{rest}"

    @property
    def statuses(self) -> tuple[tuple[Hop, HopStatus, HopPair | None], ...]:
        """Every hop with what became of it."""
        found: list[tuple[Hop, HopStatus, HopPair | None]] = []
        for pair in self.diff.pairs:
            status: HopStatus = "same" if pair.same else "different"
            if pair.after is None:
                status = "missing"
            elif pair.before is None:
                status = "new"
            found.append((pair.hop, status, pair))
        return (*found, *((hop, "not reached", None) for hop in self.unreached))

    @property
    def cost_micro_usd(self) -> int | None:
        """What the recorded calls cost; the replay cost nothing."""
        return total_cost([hop.cost_micro_usd for hop in self.hops])
