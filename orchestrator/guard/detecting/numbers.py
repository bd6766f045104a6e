"""Numbers of accounts and cards."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.guard.detecting.secrets import LEFT
from orchestrator.guard.values import Finding

_IBAN = re.compile(LEFT + r"[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_CARD = re.compile(r"\d(?<!\d\d)(?<!\d[.]\d)(?:[ -]?\d){12,18}(?!\d)(?!\.\d)")
_SHORTEST, _LONGEST = 15, 34

# Who issues cards with which beginnings and lengths; source: ISO/IEC 7812-1 and the issuers.
_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("visa", r"4", frozenset((13, 16, 19))),
    ("mastercard", r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", frozenset((16,))),
    ("amex", r"3[47]", frozenset((15,))),
    ("diners", r"30[0-5]|3095|3[689]", frozenset((14, 16, 19))),
    ("discover", r"6011|64[4-9]|65", frozenset((16, 19))),
    ("jcb", r"35(?:2[89]|[3-8])", frozenset((16, 17, 18, 19))),
    ("unionpay", r"62|81", frozenset((16, 17, 18, 19))),
    ("maestro", r"50(?:18|20|38)|5893|6304|6759|676[1-3]", frozenset(range(13, 20))),
    ("mir", r"220[0-4]", frozenset((16, 17, 18, 19))),
    ("rupay", r"60|82|508", frozenset((16,))),
    ("troy", r"9792", frozenset((16,))),
)
_ISSUED = re.compile("|".join(f"(?P<{name}>{start})" for name, start, _ in _ISSUERS))
_LENGTHS = {name: lengths for name, _, lengths in _ISSUERS}


def ibans(text: str) -> Iterator[Finding]:
    """International bank account numbers (ISO 13616) of their country's form and checksum."""
    for match in _IBAN.finditer(text):
        value = match[0]
        size = iban_length(value)
        if size:
            start = match.start()
            yield Finding(start, start + size, "iban", 0.99, value[:2].upper())


def iban_length(text: str) -> int:
    """How many characters of the beginning are an IBAN; 0: none. The longest that is one."""
    for size in range(len(text), _SHORTEST - 1, -1):
        if not text[size - 1].isalnum() or (size < len(text) and text[size].isalnum()):
            continue
        bare = re.sub(r"[ -]", "", text[:size]).upper()
        if not _SHORTEST <= len(bare) <= _LONGEST:
            continue
        # The checksum first, which a look at the country's form is a hundred times slower than.
        if int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1:
            from stdnum import iban  # brings tables

            if iban.is_valid(bare, check_country=False):
                return size
    return 0


def cards(text: str) -> Iterator[Finding]:
    """Numbers of payment cards, by issuer, length and check digit."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        issuer = _ISSUED.match(digits)
        if issuer is None or len(set(digits)) < 2:
            continue
        name = str(issuer.lastgroup)
        if len(digits) in _LENGTHS[name]:
            from stdnum import luhn

            if luhn.is_valid(digits):
                yield Finding(match.start(), match.end(), "card", 0.95, name)
