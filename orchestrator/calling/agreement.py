"""When two answers are the same, and which answer a panel gives."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from orchestrator.types import digest

_LAID_OUT = re.compile(r"[\s*_`\"'“”‘’]+")
_ENDS = ".,;:!?"
_KEYS = ("answer", "final_answer", "final answer", "result")
"""Of a JSON object: what it answers. The rest is how it came to that."""
_MARK = re.compile(
    r"(?:^\W*|[.!?]\s+)(?:####|(?:the |my |so the |therefore,? the )?(?:final |correct )?"
    r"(?:answer|result|solution)[*_ \t]*(?:\bis\b|[:=]))[*_ \t]*(?P<said>\S.*)$",
    re.I | re.M,
)
_FENCE = re.compile(r"\A\s*```\w*\n(?P<body>.*?)\n?```\s*\Z", re.S)
_WORDS = re.compile(r"\\(?:text|mathrm|mbox)\{([^{}]*)\}")
_DRESS = re.compile(r"\\[!,;:()\[\] ]|\\(?:left|right)\b|\\?[$%]|\\circ|\^\{?\\circ\}?|[€£\s]")
_RATIO = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}|\\[dt]?frac(\d)(\d)")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?:\D|\Z))")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:/\d+(?:\.\d+)?)?")
_CHOICE = re.compile(r"\(?(?P<letter>[A-Ja-j])[).:]?\Z|\(?(?P<told>[A-J])[).:]\s")
_LONGEST = 40
"""Characters of what may be a number or a formula."""


def vote(value: Any) -> str:
    """A short text that is equal for equal answers.

    Texts are equal whatever their case, spaces, emphasis and final punctuation; other values where
    their JSON content is.
    """
    if isinstance(value, str):
        folded = unicodedata.normalize("NFKC", value).casefold()
        return digest(_LAID_OUT.sub(" ", folded).strip().rstrip(_ENDS).strip())
    return digest(value)


def ballot(value: Any) -> str:
    """A `vote` for what an answer comes to, whatever leads there.

    Of a JSON object its `answer`, of a text what stands in `\\boxed{}` or behind `Answer:` or
    `####`. Numbers are equal by their value (`$1,200.00` and `1200`, `\\frac{1}{2}` and `0.5`),
    choices by their letter, formulas and code whatever their spaces.
    """
    final = _final(value)
    if isinstance(final, str):
        return _plain(final)
    if isinstance(final, (int, float)) and not isinstance(final, bool):
        return _plain(str(final))
    return vote(final)


def _final(value: Any) -> Any:
    if isinstance(value, str):
        fenced = _FENCE.match(value)
        text = fenced["body"] if fenced else value
        if text.lstrip().startswith("{"):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                return text
    if isinstance(value, Mapping):
        said = {str(key).casefold(): own for key, own in value.items()}
        return next((said[key] for key in _KEYS if key in said), value)
    if not isinstance(value, str):
        return value
    if (boxed := _boxed(text)) is not None:
        return boxed
    marks = list(_MARK.finditer(text))
    return marks[-1]["said"] if marks else text


def _boxed(text: str) -> str | None:
    """What stands in the last `\\boxed{}`."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 0, start + len("\\boxed")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[begin + 1 : place]
    return None


def _plain(text: str) -> str:
    """A vote for a text: as a number or a choice where it is one."""
    short = text.strip().rstrip(_ENDS).strip("*_ ")
    if choice := _CHOICE.match(short):
        return vote(f"choice {choice['letter'] or choice['told']}")
    if len(short) > _LONGEST or "\n" in short:
        return vote(short)
    bare = _DRESS.sub("", _WORDS.sub(r"\1", short))
    bare = _GROUPED.sub("", _RATIO.sub(r"\1\3/\2\4", bare))
    if _NUMBER.fullmatch(bare):
        try:
            return vote(f"={float(_divided(bare)):.9g}")
        except (ZeroDivisionError, OverflowError):
            return vote(bare)
    return vote(_LAID_OUT.sub("", bare))


def _divided(bare: str) -> Fraction:
    over, _, under = bare.partition("/")
    return Fraction(over) / Fraction(under or 1)


def elected(votes: Sequence[str]) -> tuple[int, int]:
    """The place of the answer that most have given, and how many they are.

    Of equally many the answer that stands first in `votes` wins: the order is the decision's.
    """
    winner, count = Counter(votes).most_common(1)[0]
    return votes.index(winner), count
