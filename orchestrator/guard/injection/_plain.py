"""Texts as a reader takes them, whatever costume they wear, with the way back to what was written.

Somebody who hides an order writes it with letters of another alphabet that look alike, with
characters of no width between the letters, with spaces or dots between them, with digits in the
place of letters, or broken over lines as a PDF breaks them. A *view* undoes that; each of its
characters knows where it came from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""No width, or only a direction."""
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_COSTUME = re.compile(
    "[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0020-\U000e007e"
    "\uff01-\uff5e\U0001d400-\U0001d7ff\u2460-\u24ff]|[A-Za-z][\u0370-\u04ff]|[\u0370-\u04ff][A-Za-z]"
)
_LOOKS = str.maketrans(
    {
        **dict(
            zip(
                "аеорсухіјѕԁɡһкмтвгпАВЕКМНОРСТХІЅЈ",
                "aeopcyxijsdghkmtbrnABEKMHOPCTXISJ",
                strict=True,
            )
        ),
        **dict(zip("αειοκνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeiokvptuxABEZHIKMNOPTYX", strict=True)),
    }
)
"""Cyrillic and Greek letters that look like Latin ones."""
_DIGITS = str.maketrans("013457@$", "oieastas")
_LEET = re.compile(r"\b(?=[a-z]*[013457@$])(?=[013457@$]*[a-z])[a-z013457@$]{4,}\b", re.IGNORECASE)
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_](?:[ ._*-]|\u00a0)){4,}[^\W\d_](?!\w)")
_GAPS = re.compile(r"[ ._*\u00a0-]")
_WRAPPED = re.compile(r"(\w)-[ \t]*\r?\n[ \t]*(?=[a-z])|[ \t]*\r?\n(?!\s*\r?\n)[ \t>|]*")


@dataclass(frozen=True, slots=True)
class View:
    """A text made plain: `text[i]` stands for what was written at `places[i]`."""

    text: str
    places: tuple[int, ...]
    ends: tuple[int, ...]
    """Where what it stands for ends."""
    why: str
    """How it was hidden; empty for lines that are merely wrapped."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """What was written for `text[start:end]`."""
        return self.places[start], self.ends[end - 1]


def folded(text: str) -> str:
    """Letters as they look: no characters without width, no other costume or alphabet.

    A text that is written in Cyrillic or Greek stays: only among Latin letters do these pose.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", UNSEEN.sub("", text))
    if text.isascii() or not re.search("[A-Za-z]", text):
        return text
    return _WORD.sub(lambda m: _latin(m[0]), text)


_WORD = re.compile(r"\w+")


def _latin(word: str) -> str:
    """The word in Latin letters where all its letters look like some, or it mixes both."""
    if word.isascii():
        return word
    turned = word.translate(_LOOKS)
    return turned if turned.isascii() else word


def plain_again(text: str) -> bool:
    """Whether something in it is no ordinary letter of its language."""
    return _COSTUME.search(text) is not None


def views(text: str) -> Iterator[View]:
    """The readings of a text besides itself; none of most."""
    if not text.isascii() and plain_again(text):
        yield from _changed(text, _character_by_character(text), "disguised letters")
    if _SPACED.search(text):
        yield from _changed(text, _pieces(text, _SPACED, _closed_up), "letters set apart")
    if _LEET.search(text):
        yield from _changed(text, _pieces(text, _LEET, _spelled), "digits for letters")
    if "\n" in text:
        yield from _changed(text, _pieces(text, _WRAPPED, _unwrapped), "")


def _changed(text: str, pieces: Iterator[tuple[str, int, int]], why: str) -> Iterator[View]:
    shown: list[str] = []
    places: list[int] = []
    ends: list[int] = []
    for said, start, end in pieces:
        shown.append(said)
        if len(said) == end - start:
            places += range(start, end)
            ends += range(start + 1, end + 1)
        else:
            places += [start] * len(said)
            ends += [end] * len(said)
    plain = "".join(shown)
    if plain != text:
        yield View(plain, tuple(places), tuple(ends), why)


def _character_by_character(text: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    for match in _NOT_PLAIN.finditer(text):
        yield text[at : match.start()], at, match.start()
        yield folded(match[0]), match.start(), match.end()
        at = match.end()
    yield text[at:], at, len(text)


_NOT_PLAIN = re.compile(
    r"[\w\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[^\x00-\x7f]+"
    r"[\w\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*"
)


def _pieces(text: str, form: re.Pattern[str], turned: object) -> Iterator[tuple[str, int, int]]:
    assert callable(turned)
    at = 0
    for match in form.finditer(text):
        yield text[at : match.start()], at, match.start()
        yield turned(match), match.start(), match.end()
        at = match.end()
    yield text[at:], at, len(text)


def _closed_up(match: re.Match[str]) -> str:
    return _GAPS.sub("", match[0])


def _spelled(match: re.Match[str]) -> str:
    return match[0].translate(_DIGITS)


def _unwrapped(match: re.Match[str]) -> str:
    return match[1] or " "


def tagged(text: str) -> Iterator[View]:
    """What is written in characters that name letters and are never shown."""
    if text.isascii():
        return
    for match in _TAGS.finditer(text):
        said = "".join(chr(ord(c) - 0xE0000) for c in match[0])
        yield View(
            said,
            (match.start(),) * len(said),
            (match.end(),) * len(said),
            "characters that nobody sees",
        )
