"""Checks of `detect` in policy.yaml: names of classes and kinds, and patterns that are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import unknown
from orchestrator.project.guard_schema import PERSONAL, SECRETS
from orchestrator.project.policy_schema import Policy


def check_detect(policy: Policy, document: Document, *, classes_known: bool) -> Iterator[Problem]:
    """What `detect` names, against what the policy declares."""
    detect = policy.detect
    if detect is False:
        return
    named: list[tuple[KeyPath, str | None]] = [
        (("detect", "personal"), detect.personal),
        (("detect", "secrets"), detect.secrets),
    ]
    named += [(("detect", "kinds", kind), name) for kind, name in detect.kinds.items()]
    for name, pattern in detect.patterns.items():
        at: KeyPath = ("detect", "patterns", name)
        named.append(((*at, "data_class"), pattern.data_class))
        yield from _pattern(pattern.pattern, (*at, "pattern"), document)
    for path, stated in named:
        if stated is not None and classes_known:
            yield from _unknown(document, "data class", stated, policy.data_classes, path)
    kinds = (*PERSONAL, *SECRETS, *detect.patterns)
    for kind in detect.kinds:
        yield from _unknown(document, "kind", kind, kinds, ("detect", "kinds", kind))


def _unknown(
    document: Document, what: str, name: str, known: Sequence[str], at: KeyPath
) -> Iterator[Problem]:
    yield from unknown(document, what, (name,), known, lambda _: at)


def _pattern(source: str, at: KeyPath, document: Document) -> Iterator[Problem]:
    import regex

    try:
        regex.compile(source)
    except regex.error as error:
        yield document.problem(
            at,
            f"not a regular expression: {error}",
            found=source,
            allowed="a regular expression",
            code="bad-pattern",
        )
