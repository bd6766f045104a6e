"""Where runs are kept: one JSON file a run, `.mesh/evals/SUITE/TIME.json`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from orchestrator.errors import StorageError, UserError
from orchestrator.evaluation.values import FORMAT, EvalRun
from orchestrator.project.names import listing, nearest
from orchestrator.types import as_json, from_json

LAST = "last"


def save(run: EvalRun, folder: Path) -> Path:
    """Write the run into the folder of its suite; the file is named after its beginning.

    Raises:
        StorageError: it cannot be written.
    """
    began = datetime.fromtimestamp(run.started_at, UTC)
    while (path := folder / run.suite / f"{_name(began)}.json").exists():
        began += timedelta(milliseconds=1)
    write(run, path)
    return path


def _name(began: datetime) -> str:
    """UTC to the millisecond, so that names sort by time."""
    return began.strftime("%Y-%m-%dT%H-%M-%S.") + f"{began.microsecond // 1000:03}Z"


def write(run: EvalRun, path: Path) -> None:
    """Write the run as JSON, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    text = json.dumps(as_json(run), indent=2, ensure_ascii=False) + "\n"
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8", errors="surrogatepass")
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error


def read(path: Path) -> EvalRun:
    """A saved run.

    Raises:
        UserError: there is none, or the file holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is not a saved evaluation: {error}") from error
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path} is not a saved evaluation that this version reads; "
            f"found format {found}, known is {FORMAT}"
        )
    try:
        return from_json(EvalRun, data)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(step) for step in first["loc"])
        raise UserError(f"{path} is not a saved evaluation: {at}: {first['msg']}") from error


def find(which: str, suite: str, folder: Path) -> tuple[str, EvalRun] | None:
    """The saved run that `which` means, and what to call it.

    Args:
        which: `last`, the beginning of a saved run's name, or a file.
        folder: where `save` puts runs.

    Returns:
        `None` for `last` where none was saved yet.

    Raises:
        UserError: no such run, several of them, or a run of another suite.
    """
    paths = sorted((folder / suite).glob("*.json"))
    if which == LAST:
        return (paths[-1].stem, read(paths[-1])) if paths else None
    names = {path.stem: path for path in paths}
    fitting = [name for name in names if name == which] or [
        name for name in names if name.startswith(which)
    ]
    if len(fitting) > 1:
        raise UserError(f"'{which}' may be any of {listing(fitting)}; write more of it")
    path = names[fitting[0]] if fitting else Path(which)
    if not path.is_file():
        near = nearest(which, names)
        hint = f"; did you mean '{near}'?" if near else ""
        raise UserError(
            f"'{which}' is neither a file nor a saved run of {suite}; "
            f"saved: {listing(names, 6)}{hint}"
        )
    run = read(path)
    if run.suite != suite:
        raise UserError(f"{path} is a run of the suite '{run.suite}', not of '{suite}'")
    return (fitting[0] if fitting else str(path)), run
