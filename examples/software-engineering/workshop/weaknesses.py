"""The weaknesses that are looked for, by their number in the Common Weakness Enumeration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stride = Literal[
    "spoofing",
    "tampering",
    "repudiation",
    "information disclosure",
    "denial of service",
    "elevation of privilege",
]
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Weakness:
    """What it is, what an attacker gains (STRIDE), how bad, and what to do instead."""

    title: str
    stride: Stride
    severity: Severity
    instead: str


WEAKNESSES: dict[str, Weakness] = {
    "CWE-78": Weakness(
        "a shell reads what was put together",
        "elevation of privilege",
        "high",
        "pass a list of arguments, without a shell",
    ),
    "CWE-95": Weakness(
        "a text is run as code",
        "elevation of privilege",
        "high",
        "parse the text (`ast.literal_eval`, `json.loads`)",
    ),
    "CWE-502": Weakness(
        "foreign bytes become objects, and may run code as they do",
        "elevation of privilege",
        "high",
        "use a format that holds data only, such as JSON",
    ),
    "CWE-89": Weakness(
        "an SQL statement is put together from text",
        "tampering",
        "high",
        "pass values as parameters of the statement",
    ),
    "CWE-22": Weakness(
        "a path is made of what a request says",
        "information disclosure",
        "high",
        "resolve the path, and refuse it outside its folder",
    ),
    "CWE-798": Weakness(
        "a secret stands in the code",
        "spoofing",
        "high",
        "read it from the environment, and replace the one that was here",
    ),
    "CWE-295": Weakness(
        "the other side's certificate is not checked",
        "spoofing",
        "high",
        "leave the check on",
    ),
    "CWE-328": Weakness(
        "a broken hash",
        "spoofing",
        "medium",
        "`hashlib.scrypt` for passwords, SHA-256 for the rest",
    ),
    "CWE-1088": Weakness(
        "somebody else's silence stops the program",
        "denial of service",
        "low",
        "state a timeout",
    ),
}
