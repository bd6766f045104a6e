"""Secrets that no shape tells, but their place: `password = …`, `"api_key": "…"`, `token=…`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from orchestrator.guard.values import Finding

_NAMES = (
    r"passw(?:or)?d|passwort|kennwort|passphrase|pwd|pass_?code|mot[ _]de[ _]passe|contrase(?:ñ|n)a"
    r"|wachtwoord|parola[ _]d'ordine|senha|has(?:ł|l)o|secret|token|api[ _-]?key|access[ _-]?key"
    r"|auth[ _-]?key|private[ _-]?key|encryption[ _-]?key|signing[ _-]?key|account[ _-]?key"
    r"|client[ _-]?secret|credentials?"
)
_ASSIGNED = re.compile(
    rf"(?P<name>(?i:{_NAMES}))(?P<rest>[A-Za-z0-9_-]{{0,24}})"
    r"(?P<sign>(?:\\?[\"'`]|\*\*)?\s{0,3}(?::=|=>|[=:])\s{0,3}"
    r"|[ ](?:is|ist|lautet|est|es|è|:)(?::|[ ]:?)\s?|,)"
    r"(?:\\?(?P<quote>[\"'`])(?P<in>[^\"'`\n\\]{4,200})(?=\\?[\"'`])|(?P<out>[^\s\"'`,;\\]{4,200}))"
)
_NAMED = re.compile(
    "passw|kennwort|passphrase|pwd|passcode|pass_code|mot de passe|mot_de_passe|contrase|wachtwoord"
    "|parola|senha|hasło|haslo|secret|token|key|credential"
)
_PASSWORD = re.compile(r"(?:\w+[_ -])?(?:passw(?:or)?d|passwort|kennwort|contraseña|mot de passe)")
_UNREAL = re.compile(
    # What stands for a secret, and what a program takes it from.
    r"[<\[({$%*]|(?:x{4,}|\*{3,}|\.{3,}|•{3,}|#{3,})|(?i:your|example|changeme|change_me|placeholder"
    r"|redacted|dummy|sample|none\b|null\b|true\b|false\b|undefined|os\.|env\.|process\.|getenv"
    r"|self\.|config|settings|vault:|secrets?[.:/]|str\b|string|required|optional|https?://)"
)
_CALL = re.compile(r"[\w.]+[\[(]")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_HARMLESS = re.compile(
    r"(?i)(?:hash|sha\d*|md5|digest|checksum|commit|revision|integrity|etag|fingerprint|uuid|guid"
    r"|trace|span|image|picture|photo|thumbnail|logo|icon|avatar|base64|data|src|public)[\w-]*"
    r"[\"']?\s{0,3}[=:]?\s*[\"']?\Z"
)

_VALUE = re.compile(
    r"(?<![=:])[=:]\s{0,3}\\?[\"'`]?(?P<v>[A-Za-z0-9+/_-]{20,200}={0,2})(?![A-Za-z0-9+/_.-])"
)
_PICTURE = re.compile(r"iVBORw0KGgo|/9j/|R0lGOD|UklGR|PHN2Zy|JVBERi|Qk0")  # png, jpeg, gif, webp, …


def entropy(text: str) -> float:
    """Shannon's entropy, in bits a character.

    Source: C. E. Shannon, A Mathematical Theory of Communication (1948), section 6.
    """
    size = len(text)
    return -sum(n / size * log2(n / size) for n in Counter(text).values())


def assigned(text: str, low: str) -> Iterator[Finding]:
    """What is given to a name that says it is a secret.

    Args:
        low: the text in lower case.
    """
    if _NAMED.search(low) is None:
        return
    for match in _ASSIGNED.finditer(text):
        group = "in" if match["in"] else "out"
        value = match[group] if match["in"] else match[group].rstrip(".)]}")
        sure = _sure(match, value)
        if sure:
            start = match.start(group)
            kind = _kind(match["name"].lower())
            yield Finding(start, start + len(value), kind, sure, "assigned")
    yield from _of_column(text, low)


def _of_column(text: str, low: str) -> Iterator[Finding]:
    """What stands in the columns of a table that are called passwords."""
    head = low[: max(low.find("\n"), 0)]
    delimiter = next((d for d in "\t;,|" if d in head), None)
    if delimiter is None or _PASSWORD.search(head) is None:
        return
    names = [name.strip(" \"'") for name in head.split(delimiter)]
    columns = [n for n, name in enumerate(names) if _PASSWORD.fullmatch(name)]
    place = len(head) + 1
    for line in text[place:].split("\n"):
        cells = line.split(delimiter)
        for column in columns if len(cells) == len(names) else ():
            value = cells[column].strip(" \"'\r")
            if len(value) >= 6 and not _UNREAL.match(value) and not value.isalpha():
                start = place + sum(map(len, cells[:column])) + column
                start = text.index(value, start)
                yield Finding(start, start + len(value), "password", 0.8, "column")
        place += len(line) + 1


def _kind(name: str) -> str:
    if "token" in name:
        return "token"
    return "key" if "key" in name or "secret" in name or "credential" in name else "password"


def _sure(match: re.Match[str], value: str) -> float:
    """A word is no secret, whatever it is given to; a mixture of letters, digits and signs is."""
    if len(value) < 4 or _UNREAL.match(value) or _CALL.match(value) or _UUID.match(value):
        return 0.0
    spoken = match["sign"].startswith(" ") and not re.search("[=:]", match["sign"])
    if match["sign"] == ",":  # of a table in two columns
        spoken = True
    digit = any(c.isdigit() for c in value)
    letter = any(c.isalpha() for c in value)
    sign = any(not c.isalnum() and c not in "-_./" for c in value)
    of_password = _kind(match["name"].lower()) == "password"
    if of_password and not match["rest"].strip("_-0123456789").lower().endswith(("hash", "field")):
        if digit and (letter or sign) and len(value) >= 6:
            return 0.9 if not spoken else 0.8
        if (sign and letter and len(value) >= 8) or (digit and len(value) >= 6 and not spoken):
            return 0.6
        return 0.3 if match["quote"] and letter else 0.0
    if spoken or not digit or not letter or len(value) < 12 or value.isdigit():
        return 0.0
    return 0.85 if entropy(value) >= 3.0 else 0.4


def random_looking(text: str) -> Iterator[Finding]:
    """Strings that are given to something and look drawn by lot.

    The bounds, 4.0 bits a character for letters, digits and signs and 3.2 for hexadecimal digits,
    lie a little under what 24 drawn ones have and over what words joined together have.
    """
    for match in _VALUE.finditer(text):
        value = match["v"]
        before = text[max(match.start() - 32, 0) : match.start() + 1]
        if _UUID.match(value) or _HARMLESS.search(before) or _PICTURE.match(value):
            continue
        if _HEX.match(value):
            continue  # as likely a hash of something; with a name of a secret it is `assigned`
        kinds = (str.isdigit, str.isupper, str.islower)
        mixed = all(any(map(kind, value)) for kind in kinds)
        if mixed and entropy(value) >= 4.0 and not _worded(value):
            yield Finding(match.start("v"), match.end("v"), "entropy", 0.7)


def _worded(value: str) -> bool:
    """Whether it is made of words or is a path: long runs of small letters, or few parts."""
    runs = [run for run in re.findall(r"[a-z]+", value) if len(run) >= 5]
    return sum(map(len, runs)) * 2 > len(value)
