"""Where a deployment is reached, with which key, and on whose machine: without any secret."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from orchestrator.fleet.discovery import is_loopback
from orchestrator.project._values import is_secret, secrets_in
from orchestrator.project.declared import VARIABLE_PATTERN
from orchestrator.scaffold.from_litellm.catalogue import variable_name
from orchestrator.scaffold.from_litellm.reading import Spot
from orchestrator.scaffold.from_litellm.report import Report

_NO_KEY = frozenset(
    {"", "-", "x", "any", "anything", "dummy", "empty", "fake", "fake-key", "no-key", "none"}
    | {"not-needed", "null", "token", "sk-no-key-required", "ollama", "lm-studio"}
)
"""What people write where a server asks for no key."""

_PRIVATE_ENDINGS = (".local", ".internal", ".lan", ".svc", ".cluster.local", ".localdomain")

Host = Literal["loopback", "private", "public", "unknown"]


@dataclass(slots=True)
class Secrets:
    """Gives each literal of a configuration the name of a variable. Keeps no literal in print."""

    report: Report
    _names: dict[str, str] = field(default_factory=dict, repr=False)

    def key(self, spot: Spot, wanted: str) -> str | None:
        """The variable that holds the key; `None` where a server needs none.

        Args:
            wanted: a name for the variable where the configuration holds the key itself.
        """
        if spot.variable:
            return self._capital(spot, spot.variable)
        literal = str(spot.value).strip()
        if literal.lower() in _NO_KEY:
            self.report.changed(spot, "taken to mean that the server asks for no key")
            return None
        name = self.variable(literal, wanted)
        self.report.changed(
            spot,
            f"the key itself stood there; it was not copied, {name} takes its place",
            f"set {name} in the environment, and take the key out of the old file",
        )
        return name

    def variable(self, literal: str, wanted: str) -> str:
        """The variable for a literal, the same one each time."""
        if literal not in self._names:
            base = variable_name(wanted)
            taken = set(self._names.values())
            names = (base, *(f"{base}_{number}" for number in range(2, len(taken) + 3)))
            self._names[literal] = next(name for name in names if name not in taken)
        return self._names[literal]

    def endpoint(self, spot: Spot, wanted: str) -> str:
        """The base URL; a variable where it comes from one, or holds a secret."""
        if spot.variable:
            return f"${{{spot.variable}}}"
        url = str(spot.value).strip().rstrip("/")
        if not _holds_secret(url):
            return url.replace("${", "$${")
        name = self.variable(url, wanted)
        self.report.changed(
            spot,
            f"the address holds a secret; it was not copied, {name} takes its place",
            f"set {name} in the environment",
        )
        return f"${{{name}}}"

    def _capital(self, spot: Spot, name: str) -> str:
        if re.fullmatch(VARIABLE_PATTERN, name):
            return name
        capital = variable_name(name)
        why = f"the name of a variable is written in capitals here: {capital}"
        self.report.changed(spot, why, f"set {capital} to what {name} holds")
        return capital


def _holds_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    words = [word for pair in parts.query.split("&") for word in pair.split("=")]
    named = any(is_secret("key", word) for word in (*words, *parts.path.split("/")))
    return bool(secrets_in(url) or parts.password or parts.query or named)


def host_of(endpoint: str) -> Host:
    """Whose machine an endpoint is on, as far as its address tells."""
    if "${" in endpoint:
        return "unknown"
    if is_loopback(endpoint):
        return "loopback"
    try:
        host = urlsplit(endpoint).hostname or ""
    except ValueError:
        return "unknown"
    try:
        return "private" if ipaddress.ip_address(host).is_private else "public"
    except ValueError:
        named = "." not in host or host.endswith(_PRIVATE_ENDINGS)
        return "private" if named else "public"
