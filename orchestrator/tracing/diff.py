"""Two traces side by side: which hop became which, what differs, and what differed first.

    found = diff_traces(before, before_hops, after, after_hops)
    found.same             # nothing that counts differs; time, money and hashes do not count
    found.first            # where the two parted: `.pair` (None: the request), `.difference`
    found.pairs            # each hop with its like, in the order of `before`
    summary(found)         # one sentence for a person

A pure function of what was recorded: no store, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Any, Literal

from orchestrator.money import total_cost, usd
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing._align import align
from orchestrator.tracing._decided import alternative_differences, decision_differences
from orchestrator.tracing._words import Piece, compare_words
from orchestrator.tracing.explain import counted, dollars, duration, in_words, kind_of
from orchestrator.tracing.redact import apply_level
from orchestrator.types import TaskProfile, as_json


class Aspect(StrEnum):
    """What of a hop or of a request differs, first what may have caused the rest."""

    GRAPH = "graph"
    QUESTION = "question"
    PROJECT = "project"
    POLICY = "policy"
    FLEET = "fleet"
    PRESENCE = "presence"
    """Only one of the two has the hop."""
    PROFILE = "profile"
    PROMPT = "prompt"
    DECISION = "decision"
    ALTERNATIVES = "alternatives"
    """Fallbacks, and who had left the funnel."""
    ATTEMPTS = "attempts"
    OUTPUT = "output"
    VALIDATION = "validation"
    STATUS = "status"
    NOTES = "notes"
    ANSWER = "answer"
    VERDICT = "verdict"
    COST = "cost"
    TIME = "time"


_ORDER = {aspect: place for place, aspect in enumerate(Aspect)}
_TEXTS = (Aspect.QUESTION, Aspect.PROMPT, Aspect.OUTPUT, Aspect.ANSWER)
_UNCOUNTED = (
    Aspect.PROJECT,
    Aspect.POLICY,
    Aspect.FLEET,
    Aspect.ALTERNATIVES,
    Aspect.NOTES,
    Aspect.COST,
    Aspect.TIME,
)
_AT_THE_END = (Aspect.ATTEMPTS, Aspect.OUTPUT, Aspect.VALIDATION, Aspect.STATUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as it was."""

    aspect: Aspect
    before: str
    after: str
    said: str = ""
    """In words, where there is more to say than the two."""

    @property
    def counts(self) -> bool:
        """False for what differs from run to run anyhow (time, money, who stood behind the
        choice), and for hashes: another policy that leads to the same is no difference."""
        return self.aspect not in _UNCOUNTED

    @property
    def is_text(self) -> bool:
        """A text of the request, which `words` compares."""
        return self.aspect in _TEXTS

    @property
    def words(self) -> tuple[Piece, ...]:
        """Of a text, word by word."""
        return compare_words(self.before, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class HopPair:
    """A hop and its like; one of the two is `None` where only one trace has it."""

    before: Hop | None
    after: Hop | None
    differences: tuple[Difference, ...]

    @property
    def hop(self) -> Hop:
        """That of the first trace, else that of the second."""
        found = self.before or self.after
        assert found is not None
        return found

    @property
    def same(self) -> bool:
        return not any(difference.counts for difference in self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """Where two traces parted."""

    pair: HopPair | None
    """`None`: in what was asked, or only in how it ended."""
    difference: Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceDiff:
    """What `diff_traces` found."""

    before: Trace
    after: Trace
    differences: tuple[Difference, ...]
    """Of the requests themselves."""
    pairs: tuple[HopPair, ...]
    first: First | None
    """The difference before which there is none; `None` where nothing that counts differs."""

    @property
    def same(self) -> bool:
        return self.first is None

    @property
    def changed(self) -> int:
        """How many hops differ, or have no like."""
        return sum(not pair.same for pair in self.pairs)


def diff_traces(
    before: Trace, before_hops: Sequence[Hop], after: Trace, after_hops: Sequence[Hop]
) -> TraceDiff:
    """Compare two traces.

    The first difference is the earliest one: what a hop was given and what was decided counts
    from when it began, what came of it from when it ended, both by the times of `before`. What
    is different at a moment can only have been caused by what was different until then.

    Args:
        before_hops: the hops of `before`, in the order in which they began.
        after_hops: those of `after`.
    """
    pairs = tuple(
        HopPair(before=old, after=new, differences=tuple(_of_hops(old, new)))
        for old, new in align(before_hops, after_hops)
    )
    told = _of_requests(before, before_hops, after, after_hops)
    whole = tuple(sorted(told, key=lambda one: (not one.counts, _ORDER[one.aspect])))
    first = _first(whole, pairs)
    return TraceDiff(before=before, after=after, differences=whole, pairs=pairs, first=first)


def summary(found: TraceDiff) -> str:
    """In one sentence: whether they differ, from where on, and how much."""
    if found.first is None:
        return f"The same: {counted(len(found.pairs), 'hop')}, and nothing that counts differs."
    difference, pair = found.first.difference, found.first.pair
    where = "the request" if pair is None else label(pair.hop)
    many = f"{found.changed:,} of {counted(len(found.pairs), 'hop')} differ"
    return f"First difference: {where}, {difference.aspect}: {headline(difference)} In all {many}."


def headline(difference: Difference) -> str:
    """The difference in one line that ends with a full stop."""
    if difference.said:
        return difference.said
    if difference.is_text:
        return _text_headline(difference)
    return f"{difference.before or 'nothing'} became {difference.after or 'nothing'}."


def _text_headline(difference: Difference) -> str:
    removed, added = (
        sum(len(piece.text.split()) for piece in difference.words if piece.kind == kind)
        for kind in ("removed", "added")
    )
    if not removed and not added:
        return "only white space differs."
    return f"{counted(removed, 'word')} removed, {added:,} added."


def label(hop: Hop) -> str:
    """`draft`, `draft #2` in its second round."""
    return f"{hop.node} #{hop.round + 1}" if hop.round else hop.node


def diff_json(found: TraceDiff) -> dict[str, Any]:
    """For programs: the two ids, whether they differ, where first, and each hop with its like."""
    first = found.first
    return {
        "a": found.before.id,
        "b": found.after.id,
        "same": found.same,
        "summary": summary(found),
        "first": first
        and {
            "hop": first.pair and label(first.pair.hop),
            **_difference_json(first.difference),
        },
        "request": [_difference_json(difference) for difference in found.differences],
        "hops": [
            {
                "node": pair.hop.node,
                "round": pair.hop.round,
                "a": pair.before and pair.before.id,
                "b": pair.after and pair.after.id,
                "same": pair.same,
                "differences": [_difference_json(difference) for difference in pair.differences],
            }
            for pair in found.pairs
        ],
    }


def _difference_json(difference: Difference) -> dict[str, Any]:
    words = [[piece.kind, piece.text] for piece in difference.words] if difference.is_text else None
    return {
        "aspect": str(difference.aspect),
        "counts": difference.counts,
        "said": headline(difference),
        "a": difference.before,
        "b": difference.after,
        **({"words": words} if words else {}),
    }


# ── the first one ────────────────────────────────────────────────────────────────────────


def _first(whole: Sequence[Difference], pairs: Sequence[HopPair]) -> First | None:
    moments: list[tuple[tuple[float, float, int], First]] = []
    for found in whole:
        at = inf if found.aspect in (Aspect.ANSWER, Aspect.VERDICT, Aspect.STATUS) else -inf
        if found.counts:
            moments.append(((at, 0.0, _ORDER[found.aspect]), First(pair=None, difference=found)))
    for (began, ended, behind), pair in zip(_times(pairs), pairs, strict=True):
        for found in pair.differences:
            if found.counts:
                at = ended if found.aspect in _AT_THE_END else began
                first = First(pair=pair, difference=found)
                moments.append(((at, behind, _ORDER[found.aspect]), first))
    return min(moments, key=lambda moment: moment[0])[1] if moments else None


def _times(pairs: Sequence[HopPair]) -> list[tuple[float, float, float]]:
    """For each pair when it began and ended by the clock of the first trace, and a place behind.

    What only the second trace has began right after the last thing before it that both have.
    """
    landmarks: list[tuple[float, float]] = []  # by the clock of the second, and of the first
    for pair in pairs:
        if pair.before is not None and pair.after is not None:
            old, new = pair.before, pair.after
            landmarks.append((new.started_at, old.started_at))
            landmarks.append((_end(new), _end(old)))
    landmarks.sort()
    found = []
    for pair in pairs:
        if pair.before is not None:
            found.append((pair.before.started_at, _end(pair.before), 0.0))
        else:
            at = _before(landmarks, pair.hop.started_at)
            found.append((at, at, pair.hop.started_at))
    return found


def _end(hop: Hop) -> float:
    return hop.started_at + hop.ms / 1000


def _before(landmarks: Sequence[tuple[float, float]], moment: float) -> float:
    from bisect import bisect_right

    place = bisect_right(landmarks, (moment, inf))
    return max((old for _, old in landmarks[:place][-8:]), default=-inf)


# ── what differs ─────────────────────────────────────────────────────────────────────────


def _of_requests(
    old: Trace, old_hops: Sequence[Hop], new: Trace, new_hops: Sequence[Hop]
) -> Iterator[Difference]:
    plain: tuple[tuple[Aspect, Callable[[Trace], str | None]], ...] = (
        (Aspect.GRAPH, lambda t: t.graph),
        (Aspect.PROJECT, lambda t: t.project_hash),
        (Aspect.POLICY, lambda t: t.policy_hash),
        (Aspect.FLEET, lambda t: t.fleet_hash),
        (Aspect.VERDICT, lambda t: t.verdict),
        (Aspect.STATUS, lambda t: _with_error(t.status, t.error)),
    )
    for aspect, read in plain:
        yield from _values(aspect, read(old) or "", read(new) or "")
    yield from _texts(Aspect.QUESTION, old.question, new.question)
    yield from _texts(Aspect.ANSWER, old.answer, new.answer)
    money = _spent(old, old_hops), _spent(new, new_hops)
    yield from _values(Aspect.COST, *(dollars(usd(cost)) for cost in money))
    yield from _values(Aspect.TIME, duration(old.ms), duration(new.ms))


def _spent(trace: Trace, hops: Sequence[Hop]) -> int | None:
    return total_cost([hop.cost_micro_usd for hop in hops]) if hops else trace.cost_micro_usd


def _of_hops(old: Hop | None, new: Hop | None) -> Iterator[Difference]:
    if old is None or new is None:
        here = "only the second has it." if old is None else "only the first has it."
        sides = ("", "there") if old is None else ("there", "")
        yield Difference(aspect=Aspect.PRESENCE, before=sides[0], after=sides[1], said=here)
        return
    yield from _profiles(old.profile, new.profile)
    yield from _texts(Aspect.PROMPT, old.prompt, new.prompt, _keep(old, new, "prompts"))
    for before, after, said in decision_differences(old.decision, new.decision):
        yield Difference(aspect=Aspect.DECISION, before=before, after=after, said=said)
    for before, after, said in alternative_differences(old.decision, new.decision):
        yield Difference(aspect=Aspect.ALTERNATIVES, before=before, after=after, said=said)
    yield from _values(Aspect.ATTEMPTS, _attempts(old), _attempts(new))
    yield from _values(Aspect.ATTEMPTS, _identity(old), _identity(new))
    yield from _texts(Aspect.OUTPUT, old.output, new.output, _keep(old, new, "outputs"))
    yield from _values(Aspect.VALIDATION, _validation(old), _validation(new))
    yield from _values(
        Aspect.STATUS, _with_error(old.status, old.error), _with_error(new.status, new.error)
    )
    yield from _values(Aspect.NOTES, "; ".join(old.notes), "; ".join(new.notes))
    if old.attempts or new.attempts:
        costs = usd(old.cost_micro_usd), usd(new.cost_micro_usd)
        yield from _values(Aspect.COST, dollars(costs[0]), dollars(costs[1]))
    yield from _values(Aspect.TIME, duration(old.ms), duration(new.ms))


def _values(aspect: Aspect, before: str, after: str) -> Iterator[Difference]:
    if before != after:
        yield Difference(aspect=aspect, before=before, after=after)


def _texts(
    aspect: Aspect, before: str | None, after: str | None, kept: bool = False
) -> Iterator[Difference]:
    """A text of which one side keeps only the hash is compared by that.

    Args:
        kept: both sides keep it, so that one that is not there was not there. Else nobody knows.
    """
    if before == after or ((before is None or after is None) and not kept):
        return
    old, new = before or "", after or ""
    if apply_level("hashed", old) != apply_level("hashed", new):
        yield Difference(aspect=aspect, before=old, after=new)


def _keep(old: Hop, new: Hop, kind: Literal["prompts", "outputs"]) -> bool:
    """Whether both have their texts of that kind on record, by the rules that they were under."""
    rules = [hop.decision.log if hop.decision is not None else None for hop in (old, new)]
    return all(rule is not None and getattr(rule, kind) != "none" for rule in rules)


def _profiles(old: TaskProfile | None, new: TaskProfile | None) -> Iterator[Difference]:
    if old == new:
        return
    before, after = (as_json(p) if p is not None else {} for p in (old, new))
    told = []
    for name in before | after:
        if name not in ("features", "tags") and before.get(name) != after.get(name):
            told.append((name, _shown(before.get(name)), _shown(after.get(name))))
    if told:
        yield Difference(
            aspect=Aspect.PROFILE,
            before=", ".join(f"{name} {value}" for name, value, _ in told),
            after=", ".join(f"{name} {value}" for name, _, value in told),
        )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_shown(v)}" for k, v in value.items() if v) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)


def _attempts(hop: Hop) -> str:
    return ", then ".join(map(_attempt, hop.attempts))


def _attempt(attempt: Attempt) -> str:
    return f"{attempt.deployment} {in_words(attempt.outcome)}{kind_of(attempt, ' ({})')}"


def _identity(hop: Hop) -> str:
    """What the providers said that they are, where they did."""
    told = (f"{a.reported_model or ''} {a.fingerprint or ''}".strip() for a in hop.attempts)
    return ", ".join(dict.fromkeys(said for said in told if said))


def _validation(hop: Hop) -> str:
    passed = {True: "passed", False: "did not pass", None: "not validated"}[hop.validated]
    return f"{passed}: {hop.validation}" if hop.validation else passed


def _with_error(status: str, error: str | None) -> str:
    return f"{status}: {error}" if error else status
