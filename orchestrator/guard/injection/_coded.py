"""What stands in a text in code: base64, hex, rot13, percent signs, entities, pieces to be joined.

Only what reads as a text once it is decoded comes back, for most runs of letters and digits are
hashes, ids and pictures.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from orchestrator.guard.injection._plain import View

_BASE64 = re.compile(r"(?<![\w+/])[A-Za-z0-9+/_-]{20,}={0,2}(?![\w+/])")
_HEX = re.compile(r"(?<!\w)(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ ,]?){16,}(?!\w)")
_PERCENT = re.compile(r"[\w.+-]+(?:%[0-9a-fA-F]{2}[\w.+-]*){2,}")
_ENTITIES = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};[\w ]*){3,}")
_ESCAPES = re.compile(r"(?:\\(?:u00|x)[0-9a-fA-F]{2}[\w ]*){3,}")
_WORD = re.compile(r"[a-z]+")
_IN_ROT13 = frozenset(
    ["vtaber", "vafgehpgvba", "vafgehpgvbaf", "qvfertneq", "sbetrg", "flfgrz", "cerivbhf"]
)
_TURNED = frozenset(["erongi", "snoitcurtsni", "dragersid", "tpmorp", "metsys"])
_QUOTED = re.compile(r"[\"'“‘]([^\"'“”‘’\n]{2,60})[\"'”’]")
_JOINED = re.compile(r"\b(?:join|concatenate|combine|together|append)\w*\b|[\"'] ?\+ ?[\"']", re.I)
_LINE = re.compile(r"[^\n]+")
_HARDLY = re.compile(r"[^\t\n\r -~]")
_LONG = 20
"""Characters; what stands in base64 or hex has as many without a space, or in pairs."""
_PAIRS = 12
_MOST = 20
"""Runs of each code that are looked at in one text."""


def decoded(text: str) -> Iterator[View]:
    """The texts that stand in code in `text`; each stands for its whole run."""
    pieces = list(map(len, text.split()))
    runs = max(pieces, default=0) >= _LONG or pieces.count(2) >= _PAIRS
    for sign, form, read, why in _CODES:
        if sign not in text or not (sign or runs):
            continue
        for number, match in enumerate(form.finditer(text)):
            if number >= _MOST:
                break
            said = read(match[0])
            if said and said != match[0]:
                yield _whole(said, match.start(), match.end(), why)
    words = _WORD.findall(text.lower())
    for known, turn, why in (
        (_IN_ROT13, lambda line: codecs.encode(line, "rot13"), "rot13"),
        (_TURNED, lambda line: line[::-1], "written backwards"),
    ):
        if not known.isdisjoint(words):
            for match in _LINE.finditer(text):
                if not known.isdisjoint(_WORD.findall(match[0].lower())):
                    yield _whole(turn(match[0]), match.start(), match.end(), why)
    if _JOINED.search(text):
        yield from _put_together(text)


def _whole(said: str, start: int, end: int, why: str) -> View:
    return View(said, (start,) * len(said), (end,) * len(said), why)


def _put_together(text: str) -> Iterator[View]:
    found = list(_QUOTED.finditer(text))[:_MOST]
    if len(found) < 2:
        return
    for between in ("", " "):
        said = between.join(m[1] for m in found)
        yield _whole(said, found[0].start(), found[-1].end(), "in pieces")


def _from_base64(run: str) -> str:
    plain = run.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return _read(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(run: str) -> str:
    digits = re.sub(r"0x|\\x|[ ,]", "", run)
    return _read(bytes.fromhex(digits)) if len(digits) % 2 == 0 else ""


def _read(data: bytes) -> str:
    """The bytes as a text; empty where they are none."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if " " in text and len(_HARDLY.sub("", text)) > 0.8 * len(text) else ""


def _unescaped(run: str) -> str:
    return re.sub(r"\\(?:u00|x)([0-9a-fA-F]{2})", lambda m: chr(int(m[1], 16)), run)


_CODES: tuple[tuple[str, re.Pattern[str], Callable[[str], str], str], ...] = (
    ("", _BASE64, _from_base64, "base64"),
    ("", _HEX, _from_hex, "hex"),
    ("%", _PERCENT, lambda run: unquote(run).replace("+", " "), "percent signs"),
    ("&#", _ENTITIES, html.unescape, "entities"),
    ("\\", _ESCAPES, _unescaped, "escapes"),
)
