"""A panel that is asked one after the other: what comes next, by who has said what.

What was said is a pattern, a letter for each member of the decision: those with one letter have
given equal answers, and a dot stands for who has given none. `ab.a` says that the second member
contradicted the first, the third was passed over, and the fourth agreed with the first. The
decision's `moves` say for the patterns that are to be expected whom to ask or what to give. Where
they say nothing, since somebody failed or what happened is rare, the last member is asked, which is
the dearest; and then what most have said is given, of equally many what the last of them said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from orchestrator.types import Move

_NAMES = "abcdefghi"


def pattern(votes: Sequence[str | None]) -> str:
    """The pattern of the members' votes, `None` for who has given none."""
    names: dict[str, str] = {}
    letters = [
        "." if vote is None else names.setdefault(vote, _NAMES[len(names)]) for vote in votes
    ]
    return "".join(letters).rstrip(".")


def move(
    moves: Mapping[str, Move], votes: Sequence[str | None], able: Sequence[bool]
) -> Move | None:
    """What to do now; `None` where nobody has answered and nobody is left.

    Args:
        votes: of each member, in the decision's order.
        able: who may still be asked.
    """
    known = moves.get(pattern(votes))
    if known is not None and (known.gives or able[known.place]):
        return known
    left = [place for place, yes in enumerate(able) if yes]
    if left:
        return Move(left[-1], False, known.sure if known else 0.0)
    said = Counter(vote for vote in votes if vote is not None)
    if not said:
        return None
    most = max(said.values())
    last = max(p for p, vote in enumerate(votes) if vote is not None and said[vote] == most)
    return Move(last, True, known.sure if known else 0.0)


def given(moves: Mapping[str, Move], votes: Sequence[str | None]) -> int | None:
    """The place of the member whose answer is given when nobody else is asked."""
    last = move(moves, votes, [False] * len(votes))
    return None if last is None else last.place
