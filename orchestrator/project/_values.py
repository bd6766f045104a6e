"""Text values: `${VARIABLE}` is filled in, and a secret that stands in a file is found."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(\$?)\{([^}]*)(\})?")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*")

_SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<a>sk-|gh[opusr]_|github_pat_|glpat-|hf_|xox[abeoprs]-|AIza|gsk_|r8_)[A-Za-z0-9_-]{16,}"
    r"|(?P<b>A[KS]IA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|(?P<c>eyJ)[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}"
    r"|(?P<d>-----BEGIN )[A-Z ]*PRIVATE KEY-----"
    r"|(?P<e>mesh-)[a-z0-9]{10}[A-Za-z0-9]{30,}"
    r")"
)
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/\s:@${}]+:(?!\$\{)[^/\s@]+(?=@)")
_SECRET_KEY = re.compile(r"(?i)(^|[_-])(key|token|secret|passw(or)?d|credentials?)$")
_ASSIGNED = re.compile(
    r"""(?i)([a-z_-]*(?:key|token|secret|passw(?:or)?d)["']?\s*[:=]\s*["']?)
                            ([^\s"',}\]]+)""",
    re.VERBOSE,
)


class UnsetVariableError(Exception):
    """A variable that is not set and has no default."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class BadReferenceError(Exception):
    """`${` that is not followed by a variable's name and `}`."""


def filled(text: str, env: Mapping[str, str]) -> str:
    """`text` with each `${NAME}` and `${NAME:-default}` replaced; `$${` stands for `${`.

    A variable that is set to nothing counts as unset, as in a shell.

    Raises:
        UnsetVariableError: a variable without a default is not set.
        BadReferenceError: the text between the braces is not a reference.
    """

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        reference = _VARIABLE.fullmatch(match[2]) if match[3] else None
        if reference is None:
            raise BadReferenceError(match[0])
        name, default = reference.groups()
        found = env.get(name) or default
        if found is None:
            raise UnsetVariableError(name)
        return found

    return _REFERENCE.sub(value, text) if "${" in text else text


def masked(text: str) -> str:
    """`text` with every secret that can be recognised replaced by its first letters and `…`."""
    text = _SECRET.sub(lambda m: next(g for g in m.groups() if g) + "…", text)
    text = _CREDENTIALS_IN_URL.sub("…", text)
    return _ASSIGNED.sub(lambda m: m[1] + "…" if _looks_random(m[2]) else m[0], text)


def secrets_in(line: str) -> list[int]:
    """The columns, from 1, at which a line holds a secret of a well-known form."""
    matches = [*_SECRET.finditer(line), *_CREDENTIALS_IN_URL.finditer(line)]
    return sorted(match.start() + 1 for match in matches)


def is_secret(key: str, text: str) -> bool:
    """Whether the value of `key` is the secret itself and not a variable's name."""
    return bool(_SECRET_KEY.search(key)) and _looks_random(text)


def variable_like(text: str) -> str:
    """`text` as the name of a variable, where that is what was meant; else an empty string."""
    match = _REFERENCE.fullmatch(text)
    bare = match[2] if match else text.removeprefix("os.environ/")  # as LiteLLM writes it
    name = re.sub(r"[^A-Za-z0-9_]", "_", bare).upper()
    return name if _VARIABLE_NAME.fullmatch(name) and len(name) <= 40 else ""


def _looks_random(text: str) -> bool:
    """At least 20 characters of letters and digits with 3.3 bits of entropy a character.

    Shannon entropy over the text's own characters. A variable's name has underscores between
    words, a URL has slashes, so neither counts.
    """
    if len(text) < 20 or not re.fullmatch(r"[A-Za-z0-9_+=.-]+", text):
        return False
    if _VARIABLE_NAME.fullmatch(text) and "_" in text:
        return False
    if not (re.search(r"[0-9]", text) and re.search(r"[A-Za-z]", text)):
        return False
    counts = Counter(text).values()
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
    return entropy >= 3.3
