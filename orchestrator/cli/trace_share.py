"""`mesh trace export` and `mesh trace import`: a recorded request as a file, and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli._options import HERE, AsJson, Project

if TYPE_CHECKING:
    from orchestrator.mesh import Mesh
    from orchestrator.tracing.documents import Document

Format = Literal["html", "json", "otlp"]
ENDINGS: tuple[tuple[str, Format], ...] = (
    (".html", "html"),
    (".htm", "html"),
    (".otlp.json", "otlp"),
    (".json", "json"),
)


def export(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="NAME.html: a page; NAME.json: everything, to import; NAME.otlp.json: spans. "
            "`-` prints the JSON.",
        ),
    ],
    id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An id or its beginning; default: the latest."),
    ] = None,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Leave out all texts and who asked; keep names and numbers."),
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Write one request into a file that can be sent to somebody.

    The page is one file that needs no network, with every step and why it was done so.
    """
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.cli._trace import find_trace
    from orchestrator.mesh import Mesh
    from orchestrator.tracing.documents import collected, redacted

    form = format_of(output)
    mesh = Mesh.load(project)
    trace = find_trace(mesh.store, id)
    document = collected(trace, mesh.store.hops(trace.id), mesh.store.snapshot)
    text = _text(form, mesh, redacted(document) if redact else document)
    if str(output) == "-":
        sys.stdout.write(text)
        return
    size = _write(output, text)
    facts = {
        "trace_id": trace.id,
        "file": str(output),
        "format": form,
        "bytes": size,
        "redacted": redact,
    }
    if as_json:
        print_json(facts)
    else:
        what = "without its texts" if redact else "with all texts that are on record"
        Screen().prose(f"{output}: {trace.id}, {what}, {_size(size)}.")


def format_of(output: Path) -> Format:
    """What the end of a file's name asks for.

    Raises:
        UserError: it asks for nothing that there is.
    """
    from orchestrator.errors import UserError

    name = output.name.lower()
    if name == "-":
        return "json"
    for ending, form in ENDINGS:
        if name.endswith(ending):
            return form
    raise UserError(
        f"--output {output}: the end of the name says what to write: .html (a page), .json "
        "(everything, to import), .otlp.json (OpenTelemetry spans)"
    )


def _text(form: Format, mesh: Mesh, document: Document) -> str:
    if form == "html":
        from orchestrator.cli._counting import counting
        from orchestrator.viewer.page_export import page_of

        with counting() as tell:
            root = Path(mesh.project.root)
            return page_of(document, root, mesh.storage, lambda n, of: tell("pages", n, of))
    if form == "otlp":
        from orchestrator.tracing.otlp import spans_json

        return spans_json(document.trace, document.hops, mesh.providers())
    from orchestrator.tracing.documents import written

    return written(document)


def _write(output: Path, text: str) -> int:
    from orchestrator.errors import UserError

    content = text.encode("utf-8", "replace")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror or error}") from error
    return len(content)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of `mesh trace export`, or OTLP.")],
    as_new: Annotated[
        bool, typer.Option("--as-new", help="Under a new id, also where it is there already.")
    ] = False,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Take traces in: JSON of `mesh trace export`, or spans as OTLP/JSON.

    A trace that is there stays as it is; another one with the same id is refused.
    """
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.mesh import Mesh
    from orchestrator.tracing.importing import keep

    documents = read_file(file)
    store = Mesh.load(project).store
    found = [keep(store, document, as_new=as_new) for document in documents]
    if as_json:
        print_json(
            {
                "traces": [
                    {"trace_id": one.trace.id, "outcome": one.outcome, "hops": one.hops}
                    for one in found
                ]
            }
        )
        return
    for one in found:
        told = "taken in" if one.outcome == "new" else "was there already, the very same"
        Screen().prose(f"{one.trace.id}: {told}, {one.hops:,} hops. mesh trace show {one.trace.id}")


def read_file(file: Path) -> list[Document]:
    """The traces in a file.

    Raises:
        UserError: it cannot be read, or holds none.
    """
    import json

    from orchestrator.errors import UserError
    from orchestrator.tracing import documents, otlp

    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise UserError(f"{file} is no text in UTF-8, and no trace") from None
    contents: list[Any]
    try:
        contents = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        try:  # a collector's file has a request a line
            contents = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise UserError(
                f"{file} is no JSON, and no trace that mesh can read: {error}"
            ) from None
    if all(map(otlp.is_otlp, contents)) and contents:
        return otlp.read(contents, str(file))
    if len(contents) == 1:
        return [documents.read(contents[0], str(file))]
    raise UserError(f"{file} is neither a trace of mesh nor OTLP/JSON")
