"""`mesh policy explain`: which requests are asked about, and the sections on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.cli._show import Screen
from orchestrator.errors import UnknownNameError, UserError
from orchestrator.project.vocabulary import check_request
from orchestrator.types import risk_of

if TYPE_CHECKING:
    from orchestrator.guard.explaining.values import Explained
    from orchestrator.project.schema import Project

KEYS = ("data_class", "risk", "task", "tags", "domain", "interactive")
_TRUTH = {"yes": True, "true": True, "no": False, "false": False}


def asked_for(text: str, project: Project) -> dict[str, Any]:
    """`data_class=pii,risk=high` as values.

    Raises:
        UserError: a part that is no `KEY=VALUE`, or a key or word that the project does not know.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise UserError(f"--for: found '{part}'; allowed: KEY=VALUE, as in data_class=pii")
        if key not in KEYS:
            raise UnknownNameError("key", key, KEYS, "--for")
        if key == "interactive":
            if value not in _TRUTH:
                raise UserError(f"--for: interactive is yes or no; found '{value}'")
            found[key] = _TRUTH[value]
        elif key == "tags":
            found[key] = (*found.get("tags", ()), value)
        else:
            found[key] = risk_of(value) if key == "risk" else value
    words = {key: found[key] for key in ("task", "data_class", "risk") if key in found}
    check_request(project, **words)
    return found


def show_explained(explained: Explained) -> None:
    """Print it."""
    from orchestrator.guard.explaining.prose import sections

    screen = Screen()
    screen.print(screen.text(f"Policy {explained.policy_hash}", "strong"))
    for section in sections(explained):
        screen.print("")
        if section.level == 1:
            screen.print(screen.text(section.title, "strong"))
        else:
            screen.prose(section.title, 2, "strong")
        for line in section.lines:
            item = line.startswith("- ")
            body = f"{screen.sign('dot')} {line[2:]}" if item else line
            nobody = line.startswith(("Nobody may", "- Nobody may"))
            screen.prose(
                body,
                (4 if item else 2) + 2 * (section.level - 1),
                "bad" if nobody else "quiet" if item else "",
            )
