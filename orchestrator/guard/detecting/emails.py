"""E-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.guard.values import Finding

_AT = re.compile("@|%40")
_LOCAL = re.compile(r"(?:(?<=\\[nrt])|(?<!\\)(?<![\w.+-]))[\w+](?:[\w.+'-]{0,62}[\w+-])?\Z")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,8}(?P<top>[^\W\d_]{2,24}|xn--[\w-]{2,40})(?![\w@])")
_LONGEST = 66
_FILES = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "css",
        "js",
        "ts",
        "tsx",
        "jsx",
        "mjs",
        "json",
        "yaml",
        "yml",
        "toml",
        "lock",
        "py",
        "rb",
        "md",
        "txt",
        "html",
        "htm",
        "map",
        "scss",
        "less",
        "woff",
        "ttf",
        "local",
        "localdomain",
        "internal",
    ]
)
"""What ends a name of a file, or of a machine that no mail reaches."""


def emails(text: str) -> Iterator[Finding]:
    """Addresses (RFC 5321) as they are in use: no quotes, and a domain with a name at its top."""
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        if domain is None or domain["top"].lower() in _FILES:
            continue
        first = max(at.start() - _LONGEST, 0)
        local = _LOCAL.search(text[first : at.start()])
        if local is None:
            continue
        remote = local[0] == "git" and text[domain.end() : domain.end() + 1] in (":", "/")
        if not remote:
            yield Finding(first + local.start(), domain.end(), "email", 0.98)
