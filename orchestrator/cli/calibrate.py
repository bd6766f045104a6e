"""`mesh calibrate`: fit the scorer of claims to a corpus of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli._options import HERE, AsJson, Project
from orchestrator.cli.eval_claims import Cache, Files, Folds, Seed, read_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.evaluation.crosscheck.calibrate import Calibration
    from orchestrator.evaluation.crosscheck.measure import Part


def calibrate(
    files: Files,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Where the model is written.")
    ] = Path("support.json"),
    folds: Folds = 5,
    seed: Seed = 0,
    cache: Cache = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Fit weights and thresholds to labelled claims; name the file under checking in mesh.yaml.

    Prints what claims that it was not fitted on gain from it, with intervals.
    """
    import json

    from orchestrator.cli._counting import counting
    from orchestrator.evaluation.crosscheck import calibrate as fitting
    from orchestrator.evaluation.crosscheck.measure import measure
    from orchestrator.evaluation.crosscheck.refusals import refuse_too_few
    from orchestrator.evaluation.crosscheck.table import prepare
    from orchestrator.mesh import Mesh

    rows = read_files(files)
    refuse_too_few([row for own in rows.values() for row in own], folds)
    _refuse_to_overwrite(output)
    mesh = Mesh.load(project)
    with counting() as tell:
        table = prepare(rows, mesh.project.settings.embedder, cache=cache, on_progress=tell)
        model = mesh.support_model
        found = fitting.calibrate(table, model, output.stem, k=folds, seed=seed, on_progress=tell)
        before = measure(found.before, seed=seed, on_progress=tell)
        after = measure(found.after, seed=seed, on_progress=tell)
    _write(output, json.dumps(json.loads(found.model.to_json()), indent=2))
    _tell(found, model.name, before, after, output, as_json=as_json)


def _refuse_to_overwrite(output: Path) -> None:
    """A model may be written anew; another file most likely was not meant."""
    import json

    from orchestrator.errors import UserError

    if not output.exists():
        return
    try:
        held = json.loads(output.read_bytes())
    except (OSError, ValueError):
        held = None
    if not isinstance(held, dict) or "names" not in held:
        raise UserError(f"{output} is there already and is no model of support; give another -o")


def _write(output: Path, text: str) -> None:
    from orchestrator.errors import UserError

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text.rstrip() + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror or error}") from error


def _tell(
    found: Calibration,
    old: str,
    before: Sequence[Part],
    after: Sequence[Part],
    output: Path,
    *,
    as_json: bool,
) -> None:
    from orchestrator.cli._report_show import tell
    from orchestrator.cli._show import Screen, print_json
    from orchestrator.evaluation.crosscheck.measure import as_json as plain
    from orchestrator.evaluation.crosscheck.measure import reports
    from orchestrator.types import as_json as value

    if as_json:
        print_json(
            {
                "file": str(output),
                "name": found.model.name,
                "hash": found.model.hash,
                "before": [plain(part) for part in before],
                "after": [plain(part) for part in after],
                "gain": value(found.gain),
            }
        )
        return
    tell([*reports(before, f"before, by {old}"), *reports(after, "after, cross-validated")])
    screen, gain = Screen(), found.gain
    screen.print("")
    text = f"balanced accuracy {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    better = gain.low > 0
    mark = screen.sign("yes" if better else "none")
    screen.print(screen.join((mark, "good" if better else "warn"), f" {text}"))
    if not better:
        screen.prose("No gain is certain on claims like these: the model in use may do as well.", 2)
    screen.print(f"saved as {output}; mesh.yaml takes it as  checking: {{support: {output}}}")
