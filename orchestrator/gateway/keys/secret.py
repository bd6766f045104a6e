"""The text that a caller presents: `mesh-`, the key's id, 32 random bytes, a checksum.

    mesh-k3v9q0x7b2  43 letters and digits of 32 random bytes  6 of the checksum

Only letters and digits, so that it can stand in a URL, a header or a shell as it is, and a double
click takes all behind the hyphen. It names its key, so that one found in a log can be revoked
without being known. The checksum tells a typing mistake from a key that is not there, before
anything is looked up; it is no protection.

Stored is the SHA-256 of it and nothing else that it could be found from. A slow hash (bcrypt,
argon2) makes guessing expensive where people choose what is to be guessed. 256 random bits cannot
be guessed at any speed, while a slow hash would cost its tenth of a second in every request. Two
texts are never compared: a table is asked for the hash, and what time that takes depends on bits
of a hash that nobody can choose.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib

START = "mesh-"
_ID_SIZE, _RANDOM_BYTES, _RANDOM_SIZE, _CHECK_SIZE = 10, 32, 43, 6
_SHOWN = 4
"""Random characters that are stored and shown; 232 of the 256 bits are never seen again."""
_ID_LETTERS = string.ascii_lowercase + string.digits
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE = re.compile(
    rf"{START}[a-z0-9]{{{_ID_SIZE}}}[0-9A-Za-z]{{{_RANDOM_SIZE + _CHECK_SIZE}}}", re.ASCII
)
_ID_PREFIX = "key_"


def new_id() -> str:
    """The id of a key: `key_` and ten random letters and digits; no secret."""
    return _ID_PREFIX + "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_SIZE))


def new_secret(id: str) -> str:
    """A secret of the key `id`."""
    random = int.from_bytes(secrets.token_bytes(_RANDOM_BYTES))
    body = START + id.removeprefix(_ID_PREFIX) + _written(random, _RANDOM_SIZE)
    return body + _check(body)


def hash_of(secret: str) -> bytes:
    """Its SHA-256, which is what is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def shown(secret: str) -> str:
    """Its beginning, by which people tell secrets of one key apart."""
    return secret[: len(START) + _ID_SIZE + _SHOWN]


def id_in(text: str) -> str | None:
    """The id of the key that a secret, or its beginning, is of; `None` where it is of none."""
    part = text[len(START) :][:_ID_SIZE]
    whole = text.startswith(START) and len(part) == _ID_SIZE and set(part) <= set(_ID_LETTERS)
    return _ID_PREFIX + part if whole else None


def is_whole(secret: str) -> bool:
    """Whether it is as it was printed: no character is missing, added or wrong."""
    body, check = secret[:-_CHECK_SIZE], secret[-_CHECK_SIZE:]
    return bool(_SHAPE.fullmatch(secret)) and _check(body) == check


def _check(body: str) -> str:
    return _written(zlib.crc32(body.encode()), _CHECK_SIZE)


def _written(number: int, size: int) -> str:
    """To the base of 62, with leading zeros."""
    digits = []
    for _ in range(size):
        number, digit = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[digit])
    return "".join(reversed(digits))
