"""A stand-in for detection: what it finds is what a test plants."""

from __future__ import annotations

import re
from collections.abc import Callable

from orchestrator.guard.redacting.redaction import Redaction
from orchestrator.guard.redacting.redactor import Redactor
from orchestrator.guard.redacting.vault import Vault
from orchestrator.guard.values import Finding
from orchestrator.types import GuardRule
from tests.calling.samples import deployment, request

HOSTED = deployment("cloud/api")
OWN = deployment("own/here", hosting="self")
_SHAPES = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[\dA-Z]{4}){3,7}(?: ?[\dA-Z]{1,3})?\b",
    "card": r"(?<!\d)\d{4}(?:[ -]?\d{4}){3}(?!\d)",
    "phone": r"\+\d{2,3}(?: ?\d{2,}){2,5}",
    "private-key": r"-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----",
    "name": r"(?i:(?<=name: )\w+ \w+)",
    "customer-number": r"\bC-\d{5}\b",
}


def find(text: str) -> tuple[Finding, ...]:
    """Findings by simple shapes."""
    return tuple(
        sorted(
            Finding(m.start(), m.end(), kind, 1.0)
            for kind, shape in _SHAPES.items()
            for m in re.finditer(shape, text)
        )
    )


def redaction(
    text: str,
    *more: dict[str, object],
    vault: Vault | None = None,
    finds: Callable[[str], tuple[Finding, ...]] = find,
    **rule: object,
) -> Redaction:
    """Of a request with one user's message, and what else is said of it."""
    asked = request(text)
    changed = {k: v for one in more for k, v in one.items()}
    from dataclasses import replace

    asked = replace(asked, **changed)  # type: ignore[arg-type]
    rules = GuardRule(**{"redact": "hosted", **rule})  # type: ignore[arg-type]
    return Redaction(asked, rules, Redactor(finds, rules.kinds), vault or Vault())


def sent(made: Redaction) -> str:
    """The last message as a hosted model gets it."""
    content = made.asked(HOSTED).messages[-1]["content"]
    assert isinstance(content, str)
    return content


def streamed(made: Redaction, text: str, size: int) -> str:
    """What the caller is told of `text` where it comes in pieces of `size` characters."""
    through = made.stages(HOSTED)
    pieces = [through.take(text[i : i + size]) for i in range(0, len(text), size)]
    return "".join((*pieces, through.end()))
