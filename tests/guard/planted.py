"""What is planted in requests, and a search for it in raw bytes.

A planted value is looked for as it is, as JSON, a URL, HTML, base64 (at all three offsets) and hex
would have it, in UTF-16, and in whatever zlib, gzip or Fernet can be opened.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

SECRETS: Mapping[str, str] = {
    "openai": "sk-proj-Zq81LmVt7Rk2Wc9XyBd5Hn3Jp6Fs0Gu4",
    "aws": "AKIAQ7ZK3MNV5TXW2RJD",
    "github": "ghp_Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fe9Dc",
    "slack": "xoxb-918273645546-Qw7Er5Ty3Ui1",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6ZWJ1bG9uIn0.Kq3Vw7Xz1Bn5Mp9Rt2Yc",
    "password": "zebulon:Tr0mbone-Vault-77",
}
"""By kind. Of the password's URL the part that is secret."""
PERSONAL: Mapping[str, str] = {
    "email": "zebulon.quackenbush@velvetmail.org",
    "phone": "+49 30 90182737",
    "iban": "DE89370400440532013000",
    "card": "4556737586899855",
}
UNSHAPED: Mapping[str, str] = {
    "name": "Quackenbush-Featherstonehaugh",
    "sentence": "the velociraptor ledger of Timbuktu harbour",
}
"""What no pattern knows: only `hashed` and `none` keep it out."""
OF_PROJECT = "CUST-ZX-00912837"
"""The project's own pattern knows it."""
PATTERN = r"CUST-[A-Z]{2}-\d{8}"

PROMPT = (
    f"Write to {PERSONAL['email']} and call {PERSONAL['phone']}. Pay from {PERSONAL['iban']} with "
    f"card {PERSONAL['card']}, key {SECRETS['openai']} or {SECRETS['aws']}, token "
    f"{SECRETS['github']}, bot {SECRETS['slack']}, session {SECRETS['jwt']}, database "
    f"postgres://{SECRETS['password']}@db.internal/x. Customer {OF_PROJECT}. "
    f"The client is {UNSHAPED['name']}, who keeps {UNSHAPED['sentence']}."
)
"""All of it at once."""


def forms(value: str) -> Iterator[bytes]:
    """How the value may stand in a file."""
    plain = value.encode()
    yield plain
    yield json.dumps(value)[1:-1].encode()
    yield "".join(f"\\u{ord(c):04x}" for c in value).encode()
    yield urllib.parse.quote(value, safe="").encode()
    yield urllib.parse.quote_plus(value).encode()
    yield html.escape(value).encode()
    yield value.encode("utf-16-le")
    yield value.encode("utf-16-be")
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):  # what stands before it in the file moves the groups of three
            coded = encode(b"\0" * shift + plain).rstrip(b"=")
            yield coded[(0, 2, 3)[shift] : -1]


def found_in(content: bytes, values: Iterable[str]) -> set[str]:
    """Which of the values stand in these bytes, in whatever form."""
    return {v for v in values if any(form in content for form in forms(v) if len(form) > 5)}


_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_FERNET = re.compile(rb"gAAAAA[A-Za-z0-9_-]{80,}={0,2}")


def layers(content: bytes, key: bytes | None) -> Iterator[bytes]:
    """The bytes, and what can be unpacked or, with the key, decrypted anywhere in them."""
    yield content
    for start in _ZLIB.finditer(content):
        opened = zlib.decompressobj(wbits=47)
        try:
            yield opened.decompress(content[start.start() :])
        except zlib.error:
            continue
    if key is not None:
        from cryptography.fernet import Fernet, InvalidToken

        for token in _FERNET.finditer(content):
            try:
                yield Fernet(key).decrypt(token[0])
            except (InvalidToken, binascii.Error):
                continue


def leaks(folder: Path, values: Iterable[str], *, decrypt: bool = True) -> dict[str, list[str]]:
    """Relative file → which values were found in it. Looks at every file below the folder.

    Args:
        decrypt: with the key of the journal that lies there, as whoever copies the folder can.
    """
    wanted = list(values)
    sealed = folder / "journal.key"
    key = sealed.read_bytes() if decrypt and sealed.exists() else None
    found: dict[str, list[str]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        met = {v for layer in layers(content, key) for v in found_in(layer, wanted)}
        met |= found_in(str(path.relative_to(folder)).encode(), wanted)
        if met:
            found[str(path.relative_to(folder))] = sorted(met)
    return found
