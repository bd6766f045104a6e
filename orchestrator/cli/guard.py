"""`mesh guard`: what a text holds that makes it more than ordinary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import guard_filters
from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.guard.detecting.detect import Detectors
    from orchestrator.guard.values import Finding

app = typer.Typer(
    no_args_is_help=True,
    help="See what a text holds: personal data, secrets, and the policy's own patterns.",
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """See what a text holds: personal data, secrets, and the policy's own patterns."""


app.command("test")(guard_filters.filters_say)
app.command("reviews")(guard_filters.reviews)
app.command("allow")(guard_filters.allow)
app.command("refuse")(guard_filters.refuse)


@app.command()
def find(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="The text, or - for stdin.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A text in UTF-8.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print the values too, which are masked else.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List what this policy finds in a text, and the data class that it makes of it.

    Nothing is called and nothing is stored. Places count from 0, in characters.
    """
    from orchestrator.cli._show import print_json
    from orchestrator.guard.detecting.detect import Detectors
    from orchestrator.project.load import load_project

    looked_at = _text(text, file)
    policy = load_project(project).project.policy
    detectors = Detectors(policy.detect, policy.data_classes)
    found = detectors.find(looked_at)
    if as_json:
        rows = [_row(one, looked_at, detectors, show=show) for one in found]
        data_class = detectors.data_class(found)
        looked_for = policy.detect is not False
        print_json({"looked_for": looked_for, "data_class": data_class, "found": rows})
    elif policy.detect is False:
        from orchestrator.cli._show import Screen

        Screen().prose("The policy says `detect: false`: nothing is looked for.")
    else:
        _print(found, looked_at, detectors, show=show)


def _text(text: str | None, file: Path | None) -> str:
    import sys

    from orchestrator.errors import UserError

    if (text is None) == (file is None):
        raise UserError("say one of both: a text, or a file with --file; - reads stdin")
    if text is not None:
        return sys.stdin.read() if text == "-" else text
    assert file is not None
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise UserError(f"'{file}' cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"'{file}' is no text in UTF-8") from None


def _row(one: Finding, text: str, detectors: Detectors, *, show: bool) -> dict[str, object]:
    return {
        "start": one.start,
        "end": one.end,
        "kind": one.kind,
        "detail": one.detail,
        "confidence": one.confidence,
        "data_class": detectors.class_of(one.kind),
        "value": one.of(text) if show else None,
    }


def _print(found: tuple[Finding, ...], text: str, detectors: Detectors, *, show: bool) -> None:
    from orchestrator.cli._show import Screen, safe

    screen = Screen()
    if not found:
        screen.print("Nothing was found: the text is of the class that the caller declares.")
        return
    table = screen.table("place", "kind", ("sure", {"justify": "right"}), "data class", "value")
    for one in found:
        value = safe(one.of(text)) if show else screen.text(f"{one.end - one.start} chars", "quiet")
        kind = f"{one.kind} ({one.detail})" if one.detail else one.kind
        own = detectors.class_of(one.kind) or screen.text("any", "quiet")
        table.add_row(f"{one.start}-{one.end}", kind, f"{one.confidence:.2f}", own, value)
    screen.show(table)
    data_class = detectors.data_class(found)
    if data_class is None:
        screen.print("\nAll of it may stand in a text of any class.")
    else:
        screen.print(screen.join("\nIt makes the text ", (data_class, "warn"), "."))
