"""Which lines of a text are headings though no markup says so.

A short first line, a line in capitals, a numbered title, a short line that stands alone above
running text, a line in bold, a date or a version, a question above its answer.
"""

from __future__ import annotations

import re
from dataclasses import replace

from orchestrator.evidence.sources._block import MINOR, Block

_NUMBERED = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2}){0,2}[.)]?|§ ?\d+[a-z]?|(?:Article|Section|Part|Clause|Chapter|Annex"
    r"|Appendix|Schedule) (?:\d+|[A-Z]|[IVX]+)[.:]?)\s+[A-Z][^.!?;]{2,60}$"
)
_BOLD = re.compile(r"(\*\*|__)(?=\S)[^*_]+(?<=\S)\1:?$")
_QUESTION = re.compile(r"(?:\*\*|__)?(?:Q|Question|Frage)\s?\d*\s?[:.)]", re.IGNORECASE)
_ANSWER = re.compile(r"(?:\*\*|__)?(?:A|Answer)\s?\d*\s?[:.)]", re.IGNORECASE)
_DATED = re.compile(
    r"(?:v(?:ersion)? ?)?[\d.]+ ?[(,–-]? ?(?:\d{1,2}\.? )?[A-Z][a-z]{2,8}\.? (?:\d{1,2}, "
    r")?\d{4}\)?:?$"
    r"|(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?\d{1,2}\.? [A-Z][a-z]{2,8}\.?(?: "
    r"\d{4})?:?$"
    r"|\d{4}-\d\d-\d\d:?$|v(?:ersion)? ?\d[\d.]*:?$",
    re.IGNORECASE,
)
_MOST_WORDS = 7
_QUESTION_WORDS = 30
_RUNNING = 30  # characters of what stands below a line that is taken for its heading, at least


def with_titles(text: str, blocks: list[Block], *, markdown: bool) -> list[Block]:
    """The blocks, in order, those that are headings made so."""
    found: list[Block] = []
    for i, block in enumerate(blocks):
        following = blocks[i + 1] if i + 1 < len(blocks) else None
        level = _level(text, block, following, first=i == 0, markdown=markdown)
        found.append(replace(block, kind="heading", level=level) if level else block)
    return found


def _level(text: str, block: Block, following: Block | None, *, first: bool, markdown: bool) -> int:
    """The level of a heading; 0 where the block is none."""
    line = text[block.start : block.end].strip()
    if following is None or not line or block.kind not in ("paragraph", "item"):
        return 0
    below = text[following.start : following.end].strip()
    if (
        block.kind == "paragraph"
        and _asks(line)
        and not _asks(below)
        and following.kind != "heading"
    ):
        return MINOR
    if block.kind == "paragraph" and _QUESTION.match(line) and _ANSWER.match(below):
        return MINOR
    if "\n" in line or len(line) > 80:
        return 0
    if block.kind == "paragraph" and following.kind != "heading" and _BOLD.match(line):
        return MINOR
    if markdown or line[-1] in ".!?;,":
        return 0
    bare = line.rstrip(":").rstrip()
    if block.kind == "paragraph":
        if first and line[-1] != ":" and len(line.split()) > 1 and not re.search(r"\d", line):
            return 1
        if bare.isupper() and len(bare) > 3:
            return 2
    alone = _stands_alone(text, block)
    if line[-1] != ":" and _NUMBERED.match(line):
        return 2 if alone and not _NUMBERED.match(below.split("\n")[0].strip()) else 0
    if block.kind == "item" or following.kind == "heading":
        return 0
    if _DATED.fullmatch(line):
        return MINOR
    return MINOR if _is_short_title(text, block, bare, following) else 0


def _asks(line: str) -> bool:
    """Whether a block is one question, as a list of questions and answers has it."""
    bare = line.rstrip("*_ ")
    if len(line.split()) > _QUESTION_WORDS:
        return False
    return bare.endswith("?") and (
        bool(_QUESTION.match(line)) or not re.search(r"[.!?][\"”)]?\s", bare[:-1])
    )


def _is_short_title(text: str, block: Block, bare: str, following: Block) -> bool:
    """A short capitalised line with nothing right above it, over running text or over a list."""
    below = text[following.start : following.end].strip()
    if (
        len(bare.split()) > _MOST_WORDS
        or not bare[:1].isupper()
        or re.search(r"[.:;]\s|\d{3}", bare)
    ):
        return False
    if not _blank_above(text, block):
        return False
    gap = text[block.end : following.start]
    if following.kind in ("item", "row"):
        return gap.count("\n") > 1 and text[block.end - 1] != ":"
    running = len(below) >= _RUNNING and below.rstrip('"”’)*_')[-1:] in tuple(".!?:;")
    return running and len(below) > len(bare)


def _blank_above(text: str, block: Block) -> bool:
    above = text[: block.start].rstrip(" \t")
    return not above or bool(re.search(r"\n[ \t]*\r?\n$|\f\n?$", above)) or not above.strip()


def _stands_alone(text: str, block: Block) -> bool:
    """Whether there is nothing on the lines before and after it."""
    before = text[: block.start].rsplit("\n", 2)[-2:-1]
    after = text[block.end :].split("\n", 2)[1:2]
    return not "".join([*before, *after]).strip()
