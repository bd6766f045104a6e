"""Heads of the chain as they are sent to a place that the service cannot rewrite."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.guard.auditing.entry import Head

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_DOMAIN = b"mesh-audit-head-1\0"
_FIELDS = ("project", "n", "hash", "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentHead:
    """A head, whose it is, and when it was sent."""

    project: str
    number: int
    hash: str
    at: float
    """Seconds since the epoch."""
    signature: str = ""
    """Ed25519 over all of the above, in base64; empty where no key is declared."""

    @property
    def line(self) -> str:
        """As it is sent, without a line end."""
        content = dict(zip(_FIELDS, self._values, strict=True))
        if self.signature:
            content["sig"] = self.signature
        return json.dumps(content, separators=(",", ":"))

    @property
    def signed(self) -> bytes:
        """The bytes that a signature is over."""
        return _DOMAIN + json.dumps(self._values, separators=(",", ":")).encode()

    @property
    def _values(self) -> list[str | int | float]:
        return [self.project, self.number, self.hash, self.at]


def head_to_send(
    project: str, head: Head, at: float, key: Ed25519PrivateKey | None = None
) -> SentHead:
    """The head, signed where there is a key."""
    made = SentHead(project=project, number=head.number, hash=head.hash, at=round(at, 3))
    if key is None:
        return made
    return replace(made, signature=base64.b64encode(key.sign(made.signed)).decode())


def read_heads(lines: Iterable[str], project: str) -> Iterator[SentHead]:
    """The heads of this project, in order; whatever a log puts before one is left out, and so are
    lines without one.

    Raises:
        UserError: a head of this project cannot be read.
    """
    for number, line in enumerate(lines, start=1):
        at = line.find('{"project":')
        if at < 0:
            continue
        try:
            content, _ = json.JSONDecoder().raw_decode(line[at:])
            found = SentHead(
                project=content["project"],
                number=int(content["n"]),
                hash=str(content["hash"]),
                at=float(content["at"]),
                signature=content.get("sig", ""),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"line {number} of the heads holds none that is whole") from error
        if found.project == project:
            yield found


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def new_key() -> tuple[str, str]:
    """A private key and its public one, both as base64 of 32 bytes."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return base64.b64encode(key.private_bytes_raw()).decode(), public_text(key)


def public_text(key: Ed25519PrivateKey) -> str:
    """Its public key, base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def private_key(text: str, name: str) -> Ed25519PrivateKey:
    """The key that the variable `name` holds.

    Raises:
        UserError: it holds none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_decoded(text, f"the variable {name}"))


def public_key(text: str) -> Ed25519PublicKey:
    """The key that mesh.yaml states.

    Raises:
        UserError: it is none.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(_decoded(text, "audit.anchor.public_key"))


def signature_holds(head: SentHead, key: Ed25519PublicKey) -> bool:
    """Whether the owner of the key has signed this head."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(head.signature, validate=True), head.signed)
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _decoded(text: str, where: str) -> bytes:
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        found = b""
    if len(found) != 32:
        raise UserError(f"{where} holds no Ed25519 key: 32 bytes in base64; see mesh audit key")
    return found
