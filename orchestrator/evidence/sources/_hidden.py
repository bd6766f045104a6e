"""What stands in a file and no reader of it sees: comments, hidden elements, tiny text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.evidence.sources.documents import Kind

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOTE = re.compile(r"^[ ]{0,3}\[(?://|comment|_+|#)\]: *(?:#|<>) .*$", re.IGNORECASE | re.MULTILINE)
"""Markdown's link to nowhere, which is used as a comment."""
_TAG = re.compile(r"<([a-zA-Z][\w-]*)((?:\s[^<>]*)?)>")
_UNSEEN = frozenset({"script", "style", "template", "noscript"})
_VOID = frozenset(
    "area base br col embed hr img input link meta source track wbr".split(),  # noqa: SIM905
)
_GONE = re.compile(
    r"(?<![-\w])(?:display\s*:\s*none|visibility\s*:\s*hidden|(?:text-indent|left|top)\s*:\s*-\d{3})"
    r"|(?:^|\s)hidden(?:\s|=|$)",
    re.IGNORECASE,
)
_SMALL = re.compile(
    r"(?<![-\w])(?:font-size\s*:\s*(?:0(?:\.0+)?(?:[a-z]+|%)?|(?:[12](?:\.\d+)?|0?\.\d+)p[xt])"
    r"\s*(?:[;!\"']|$)|color\s*:\s*transparent)",
    re.IGNORECASE,
)
_WHITE = re.compile(
    r"(?<![-\w])color\s*[:=]\s*[\"']?\s*(?:#fff(?:fff)?\b|white\b|rgba?\(\s*255\s*,\s*255\s*,\s*255)",
    re.IGNORECASE,
)
_PAINTED = re.compile(r"background|bgcolor|stylesheet", re.IGNORECASE)
_OTHERWISE = re.compile(r"(?<![-\w])(?:font-size|color)\s*[:=]", re.IGNORECASE)
_NO_SHAPE = re.compile("[\U000e0000-\U000e007f]+")
"""Letters that are tags of other characters: machines read them, nothing shows them."""


def hidden(text: str, kind: Kind) -> tuple[tuple[int, int], ...]:
    """The spans of `text` that no reader sees, in order; they may overlap.

    White text counts only on a page that paints no ground; what a style sheet or a script hides is
    not seen here.
    """
    found = [m.span() for m in _NO_SHAPE.finditer(text)]
    if kind in ("html", "markdown") and "<" in text:
        found += [m.span() for m in _COMMENT.finditer(text)]
        found += _elements(text, tags=kind == "markdown")
    if kind == "markdown":
        found += [m.span() for m in _NOTE.finditer(text)]
    return tuple(sorted(found))


def _elements(text: str, *, tags: bool) -> Iterator[tuple[int, int]]:
    """What stands between the tags of hidden elements.

    Args:
        tags: with their tags, which are text to who does not read them as such.
    """
    painted = bool(_PAINTED.search(text))
    past = 0
    for tag in _TAG.finditer(text):
        name, attributes = tag[1].lower(), tag[2]
        if tag.start() < past or name in _VOID or attributes.endswith("/"):
            continue
        gone = name in _UNSEEN or bool(_GONE.search(attributes))
        faint = _SMALL.search(attributes) or (not painted and _WHITE.search(attributes))
        if not gone and not faint:
            continue
        end = _end(text, name, tag.end())
        if gone or not _OTHERWISE.search(text, tag.end(), end):
            close = text.find(">", end) + 1 or len(text)
            yield (tag.start(), close) if tags else (tag.end(), end)
            past = end


def _end(text: str, name: str, start: int) -> int:
    """Where the element ends that was opened before `start`."""
    depth = 1
    for tag in re.finditer(rf"<(/?){name}\b[^<>]*>", text[start:], re.IGNORECASE):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return start + tag.start()
    return len(text)
