"""Finds what makes a text more than ordinary, and what class of data that makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from orchestrator.guard.detecting.glance import Glance, plain
from orchestrator.guard.detecting.kinds import SECRETS
from orchestrator.guard.detecting.patterns import ProjectPatterns
from orchestrator.guard.values import Finding
from orchestrator.project.guard_schema import Detection

MOST = 4096
"""Texts of which is remembered what they hold; with more, all are forgotten."""
UNSURE = 0.5
"""Below, names count as well, which nothing but their place tells."""
_NOTHING: tuple[Finding, ...] = ()


def stricter(one: str | None, other: str | None, data_classes: Sequence[str]) -> str | None:
    """Of two data classes the one that allows less; one that nobody declares counts as strictest.

    Args:
        data_classes: from the least to the most strict.
    """
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=lambda name: _strictness(name, data_classes))


def _strictness(name: str, data_classes: Sequence[str]) -> int:
    return data_classes.index(name) if name in data_classes else len(data_classes)


@dataclass(frozen=True, slots=True)
class FoundClass:
    """The class of data that texts are of by what they hold."""

    data_class: str
    kinds: tuple[str, ...]
    """Of what was found, those that make it of this class."""
    confidence: float
    """Of the surest finding of these kinds."""

    @property
    def origin(self) -> str:
        """As a profile says it: `found: email, iban`."""
        return f"found: {', '.join(self.kinds)}"


class Detectors:
    """Looks for what a policy declares in `detect`. Threads may share it.

    Args:
        detection: what is looked for; `False`: nothing.
        data_classes: those of the policy, from the least to the most strict.
    """

    def __init__(self, detection: Detection | Literal[False], data_classes: Sequence[str]) -> None:
        self._detection = detection
        self._order = tuple(data_classes)
        self._patterns = ProjectPatterns(detection.patterns if detection else {})
        self._known: dict[bytes, tuple[Finding, ...]] = {}

    def find(self, text: str) -> tuple[Finding, ...]:
        """What stands in the text: in order, none over another, each as sure as the policy asks.

        Remembered under the hash of the text, so that nothing is looked through twice.
        """
        if self._detection is False or not text:
            return _NOTHING
        encoded = text.encode("utf-8", "surrogatepass")
        if len(encoded) != len(text):
            text = plain(text)
            encoded = text.encode("utf-8", "surrogatepass")
        glance = Glance.at(encoded)
        least = self._detection.confidence
        if not (glance.promises or self._patterns or least < UNSURE):
            return _NOTHING
        key = blake2b(encoded, digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._look(text, glance, least)
            if len(self._known) >= MOST:
                self._known = {}
            self._known[key] = known
        return known

    def _look(self, text: str, glance: Glance, least: float) -> tuple[Finding, ...]:
        from orchestrator.guard.detecting.closely import apart, look

        own = [f for f in self._patterns.find(text) if f.confidence >= least]
        return apart(own, [f for f in look(text, glance, least) if f.confidence >= least])

    def class_of(self, kind: str) -> str | None:
        """The data class that this kind of finding makes of a text; `None`: any may hold it."""
        detection = self._detection
        if detection is False:
            return None
        if kind in detection.kinds:
            return detection.kinds[kind]
        if kind in SECRETS:
            return detection.secrets or self._usual("confidential")
        pattern = detection.patterns.get(kind)
        own = pattern.data_class if pattern is not None else None
        return own or detection.personal or self._usual("pii")

    def _usual(self, name: str) -> str | None:
        return name if name in self._order else None

    def data_class(self, findings: Iterable[Finding]) -> str | None:
        """The strictest class that these make of a text; `None` where nothing does."""
        strictest: str | None = None
        for kind in {finding.kind for finding in findings}:
            strictest = stricter(strictest, self.class_of(kind), self._order)
        return strictest

    def found_class(self, texts: Iterable[str]) -> FoundClass | None:
        """The strictest class that what these hold makes of them together, and why."""
        found = [finding for text in texts for finding in self.find(text)]
        data_class = self.data_class(found)
        if data_class is None:
            return None
        why = [finding for finding in found if self.class_of(finding.kind) == data_class]
        kinds = tuple(sorted({finding.kind for finding in why}))
        return FoundClass(data_class, kinds, max(finding.confidence for finding in why))

    def stricter(self, one: str | None, other: str | None) -> str | None:
        """Of two data classes the one that allows less, in the policy's order."""
        return stricter(one, other, self._order)
