"""Starts the stand-in for a provider, and looks through what it received."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote_plus

from .place import HERE
from .register import Register

SERVER = HERE / "serve_hosted.py"

_LONG = 12
"""Characters that do not stand anywhere by chance."""


@contextmanager
def stand_in(received: Path) -> Iterator[str]:
    """The address of a server of its own process, which ends with the block or with us.

    Args:
        received: the file into which it writes every byte that it receives.
    """
    command = [sys.executable, str(SERVER), "--port", "0", "--write", str(received)]
    process = subprocess.Popen(
        [*command, "--until-input-ends"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def calls_in(received: bytes) -> int:
    """How often a model was called, by what the server wrote down."""
    return received.count(b"POST /v1/chat/completions ")


def seen(received: bytes, register: Register) -> list[str]:
    """The placeholders of all values that stand in those bytes, in any of the forms in which they
    might: in other letters, without spaces, escaped for JSON or the web, or in base 64."""
    text = "\n".join(_readings(received))
    return [
        entry.placeholder
        for entry in register.entries.values()
        if any(stands_in(spelling, text) for spelling in (entry.value, *entry.spellings))
    ]


def stands_in(value: str, text: str) -> bool:
    """Whether a value stands in a text of small letters; a short one as a word of its own."""
    forms = {value.lower(), _closed(value.lower())}
    return any(
        len(form) >= _LONG or re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text)
        for form in forms
        if form in text
    )


def _readings(received: bytes) -> Iterator[str]:
    """The bytes as text in small letters, and once more with each encoding undone."""
    plain = received.decode("utf-8", "replace")
    coded = re.findall(r"[A-Za-z0-9+/_-]{12,}", plain)
    readings = (
        plain,
        re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), plain),
        unquote_plus(plain),
        "\n".join(_decoded(run) for run in coded),
    )
    for reading in readings:
        lines = re.sub(r"\\[nrt]", "\n", reading).lower()
        yield lines
        yield _closed(lines)


def _decoded(run: str) -> str:
    whole = run.replace("-", "+").replace("_", "/")[: len(run) // 4 * 4]
    return base64.b64decode(whole).decode("utf-8", "replace")


def _closed(text: str) -> str:
    return re.sub(r"(?<=\w)[ -](?=\w)", "", text)
