"""Which hop of one trace is which hop of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from orchestrator.records import Hop

Key = tuple[object, ...]
Pairs = list[tuple[Hop | None, Hop | None]]

_GAP = 0.5
"""What a hop without its like costs; two that stand beside each other cost at most 1."""
_MOST = 250_000
"""Hops of one trace times hops of the other, of one node and round, beyond which those that
neither begin nor end alike are taken in their order."""
_TEXT = 2000
"""Characters of a prompt by which hops are told apart."""
_LIKE = 0.3
"""How alike two subtasks of different names must be to count as the same one."""


def align(before: Sequence[Hop], after: Sequence[Hop]) -> Pairs:
    """Each hop with its like in the other trace, or with `None`.

    Hops are alike that belong to the same node, subtask and round, in their order; where there
    are several, or their numbers differ, those go together whose prompts and results are most
    alike. Subtasks that a plan has named otherwise are found by the same. The order is that of
    `before`; what only `after` holds stands behind what came before it there.
    """
    pairs: Pairs = []
    left: list[Hop] = []
    right: list[Hop] = []
    olds, news = _grouped(before, _place), _grouped(after, _place)
    for key in [*olds, *(key for key in news if key not in olds)]:
        for old, new in _in_order(olds.get(key, []), news.get(key, [])):
            if old is not None and new is not None:
                pairs.append((old, new))
            else:
                left += [old] if old else []
                right += [new] if new else []
    pairs += _renamed(left, right)
    return _sorted(pairs, before, after)


def _place(hop: Hop) -> Key:
    return hop.node, hop.round, hop.role


def _family(hop: Hop) -> Key:
    """Where a subtask belongs, whatever it is called."""
    node, subtask = hop.node.partition("/")[::2]
    return node, bool(subtask), hop.round, hop.role


def _grouped(hops: Iterable[Hop], by: Callable[[Hop], Key]) -> dict[Key, list[Hop]]:
    groups: dict[Key, list[Hop]] = {}
    for hop in hops:
        groups.setdefault(by(hop), []).append(hop)
    return groups


def _in_order(old: Sequence[Hop], new: Sequence[Hop]) -> Pairs:
    """The cheapest alignment that keeps both orders (S. Needleman and C. Wunsch, 1970)."""
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    if not old or not new:
        return [*((hop, None) for hop in old), *((None, hop) for hop in new)]
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if _mark(old[n]) != _mark(new[n])), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if _mark(old[-1 - n]) != _mark(new[-1 - n])), rest)
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    found: Pairs = list(zip(old[:head], new[:head], strict=True))
    if len(a) * len(b) > _MOST:
        both = min(len(a), len(b))
        found += zip(a[:both], b[:both], strict=True)
        found += [*((hop, None) for hop in a[both:]), *((None, hop) for hop in b[both:])]
    else:
        found += _cheapest(a, b)
    return [*found, *zip(old[len(old) - tail :], new[len(new) - tail :], strict=True)]


def _cheapest(a: Sequence[Hop], b: Sequence[Hop]) -> Pairs:
    costs = [[_GAP * (i + j) for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    taken = [[1.0 - likeness(old, new) for new in b] for old in a]
    for i, row in enumerate(taken, 1):
        for j, cost in enumerate(row, 1):
            skipped = min(costs[i - 1][j], costs[i][j - 1]) + _GAP
            costs[i][j] = min(costs[i - 1][j - 1] + cost, skipped)
    found: Pairs = []
    i, j = len(a), len(b)
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + taken[i - 1][j - 1]:
            i, j = i - 1, j - 1
            found.append((a[i], b[j]))
        elif i and costs[i][j] == costs[i - 1][j] + _GAP:
            i -= 1
            found.append((a[i], None))
        else:
            j -= 1
            found.append((None, b[j]))
    return found[::-1]


def _mark(hop: Hop) -> Key:
    return hop.agent, hop.prompt, hop.output, hop.status


def likeness(one: Hop, other: Hop) -> float:
    """How alike two hops are, 0..1: mostly their prompts, then their results and their agents."""
    return (
        0.6 * _same_text(one.prompt, other.prompt)
        + 0.25 * _same_text(one.output, other.output)
        + 0.15 * (one.agent == other.agent)
    )


def _same_text(one: str | None, other: str | None) -> float:
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    from rapidfuzz.fuzz import ratio

    return ratio(one[:_TEXT], other[:_TEXT]) / 100


def _renamed(left: Sequence[Hop], right: Sequence[Hop]) -> Pairs:
    """Subtasks that only one side knows by that name, each with the one most like it."""
    pairs: Pairs = []
    news = _grouped(right, _family)
    taken: set[int] = set()
    for key, olds in _grouped(left, _family).items():
        others = news.get(key, []) if key[1] else []
        if len(olds) * len(others) > _MOST:
            continue
        ranked = sorted(
            (
                (likeness(old, new), i, j)
                for i, old in enumerate(olds)
                for j, new in enumerate(others)
            ),
            key=lambda found: (-found[0], found[1], found[2]),
        )
        for like, i, j in ranked:
            if like >= _LIKE and id(olds[i]) not in taken and id(others[j]) not in taken:
                taken |= {id(olds[i]), id(others[j])}
                pairs.append((olds[i], others[j]))
    pairs += [(hop, None) for hop in left if id(hop) not in taken]
    return pairs + [(None, hop) for hop in right if id(hop) not in taken]


def _sorted(pairs: Pairs, before: Sequence[Hop], after: Sequence[Hop]) -> Pairs:
    place = {id(hop): n for n, hop in enumerate(before)}
    like = {id(new): old for old, new in pairs if new is not None}
    ranks: dict[int, tuple[int, int]] = {}
    last = -1
    for n, hop in enumerate(after):
        old = like[id(hop)]
        if old is None:
            ranks[id(hop)] = (last, n)
        else:
            last = place[id(old)]
    return sorted(
        pairs,
        key=lambda pair: (place[id(pair[0])], -1) if pair[0] else ranks[id(pair[1])],
    )
