"""When two answers are the same, and which answer a panel gives."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from orchestrator.types import digest

_LAID_OUT = re.compile(r"[\s*_`\"'“”‘’]+")
_ENDS = ".,;:!?"


def vote(value: Any) -> str:
    """A short text that is equal for equal answers.

    Texts are equal whatever their case, spaces, emphasis and final punctuation; other values where
    their JSON content is.
    """
    if isinstance(value, str):
        folded = unicodedata.normalize("NFKC", value).casefold()
        return digest(_LAID_OUT.sub(" ", folded).strip().rstrip(_ENDS).strip())
    return digest(value)


def elected(votes: Sequence[str]) -> tuple[int, int]:
    """The place of the answer that most have given, and how many they are.

    Of equally many the answer that stands first in `votes` wins: the order is the decision's.
    """
    winner, count = Counter(votes).most_common(1)[0]
    return votes.index(winner), count
