"""How wide a text is at most, whichever font a viewer has, and how to break it."""

from __future__ import annotations

import re
import unicodedata

# Advance widths in thousandths of the font size, by class of letters: those of DejaVu Sans, as
# wide as Verdana and wider than Arial, Helvetica, Roboto, Segoe UI and San Francisco.
_WIDTHS = {
    letter: width
    for letters, width in (
        ("ijl'I", 300),
        (" ,.f/|\\:;", 360),
        ("-()[]r!t", 411),
        ('"s*_`', 521),
        ("czJ?–", 592),
        ("FLkvxyTYPEae", 632),
        ("bdghnopqu0123456789S${}", 640),
        ("ABVXRCK", 700),
        ("DHNUGQO&w", 818),
        ("M#+<>=^~→≤≥×", 863),
        ("mW@%…—", 1000),
    )
    for letter in letters
}
_UNKNOWN = 800
_WIDE = 1000
_BOLD = 85
"""What a bold letter has more."""
_BREAKS = re.compile(r"(?<=[ \-._/,:])")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Pixels that `text` takes at most, at a font size in pixels."""
    more = _BOLD if bold else 0
    return sum(_advance(letter) + more for letter in text) * size / 1000


def _advance(letter: str) -> int:
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if unicodedata.combining(letter):
        return 0
    return _WIDE if unicodedata.east_asian_width(letter) in "WF" else _UNKNOWN


def broken(
    text: str, size: float, room: float, *, lines: int = 2, bold: bool = False
) -> tuple[str, ...]:
    """`text` in at most that many lines of at most `room` pixels; a cut is marked with `…`.

    Breaks after blanks and the signs that join names, and inside a word that is too long.
    """
    done: list[str] = []
    line = ""
    for part in _pieces(text, size, room, bold):
        if width_of((line + part).rstrip(), size, bold=bold) <= room:
            line += part
            continue
        done.append(line.rstrip())
        line = part.lstrip()
    done.append(line.rstrip())
    if len(done) <= lines:
        return tuple(done)
    return (*done[: lines - 1], _cut(" ".join(done[lines - 1 :]), size, room, bold))


def _pieces(text: str, size: float, room: float, bold: bool) -> list[str]:
    found: list[str] = []
    for part in _BREAKS.split(" ".join(text.split())):
        while width_of(part.rstrip(), size, bold=bold) > room:
            lengths = range(len(part) - 1, 0, -1)
            most = next((n for n in lengths if _fits(part[:n], size, room, bold)), 1)
            found.append(part[:most])
            part = part[most:]
        found.append(part)
    return found


def _fits(text: str, size: float, room: float, bold: bool) -> bool:
    return width_of(text, size, bold=bold) <= room


def _cut(text: str, size: float, room: float, bold: bool) -> str:
    while text and not _fits(text + "…", size, room, bold):
        text = text[:-1]
    return text.rstrip() + "…"
