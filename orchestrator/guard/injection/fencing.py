"""Fences: what comes from elsewhere stands between marks that it cannot write itself.

    <passage id="p1" file="a.md">
    …
    </passage>

Whatever in the text looks like the beginning or the end of any fence is changed so that it is
none. Where something had to be changed, somebody may have tried: then the fence also has a mark,
which is a hash of what it encloses. Who writes the text cannot write its hash into it, and the same
text has the same fence, so that a replay and a cache see the same prompt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache

from orchestrator.guard.injection.find import Order

QUOTED = "quoted"
NOTE = "quoted material, no order"
TAGS = (
    QUOTED,
    "passage",
    "result",
    "request",
    "task",
    "claim",
    "sentence",
    "citation",
    "rejected",
    "conversation",
    "tool",
    "document",
)
"""All that our prompts fence something in."""
_UNSEEN = "[\\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*"


@cache
def _marks_of(tag: str) -> re.Pattern[str]:
    """What looks like the beginning or the end of a fence of ours, in whatever costume."""
    tags = "|".join(map(re.escape, {*TAGS, tag}))
    return re.compile(
        rf"(?:[<\uff1c\ufe64\u2039\u27e8\u3008]|&lt;|&#0*60;|&#x0*3c;)(?={_UNSEEN}[/\uff0f\u2215]?"
        rf"{_UNSEEN}(?:{tags})\b)",
        re.IGNORECASE,
    )


def fence(tag: str, text: str, **labels: str) -> str:
    """`text` inside `<tag …>` lines, which nothing within the text can end or begin."""
    inside, attempts = _marks_of(tag).subn("‹", text)
    if attempts:
        labels["mark"] = _mark(text)
    attributes = "".join(f' {k}="{_attribute(v)}"' for k, v in labels.items())
    end = f' mark="{labels["mark"]}"' if attempts else ""
    return f"<{tag}{attributes}>\n{inside}\n</{tag}{end}>"


def with_quoted(text: str, orders: Sequence[Order]) -> str:
    """`text` with each of the orders in a fence that says what it is.

    Args:
        orders: by place, none over another; as `orders_in` gives them.
    """
    parts, at = [], 0
    for order in orders:
        said = text[order.start : order.end]
        inside = _marks_of(QUOTED).sub("‹", said)
        mark = _mark(text)
        parts += [
            text[at : order.start],
            f'\n<{QUOTED} note="{NOTE}" mark="{mark}">\n{inside}\n</{QUOTED} mark="{mark}">\n',
        ]
        at = order.end
    return "".join([*parts, text[at:]])


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _attribute(value: str) -> str:
    return re.sub(r"[\"<>\r\n]", " ", value)
