"""Makes evals/crosscheck/RESULTS.md: what checking is worth, every figure with its interval.

    python scripts/crosscheck_results.py [FOLDER] [--out FILE] [--cache DIR]

FOLDER holds labelled claims, `*.jsonl.gz`, in the format of `mesh eval claims`; MESH_CLAIMS_DIR is
taken where it is not given. Without any, what needs no claims is measured all the same, and the
page says what was left out. Exit code 1: a bar is not met.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bench_start import commit, processor

from orchestrator.cli._counting import counting
from orchestrator.evaluation.crosscheck import claims as judging
from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evaluation.crosscheck.curve import Curve, curve, svg
from orchestrator.evaluation.crosscheck.files import read_claims
from orchestrator.evaluation.crosscheck.markdown import markdown
from orchestrator.evaluation.crosscheck.measure import BALANCED, Part, gain, measure, reports
from orchestrator.evaluation.crosscheck.progress import OnProgress
from orchestrator.evaluation.crosscheck.report import Figure, Report, measured
from orchestrator.evaluation.crosscheck.table import prepare
from orchestrator.types import from_json

ROOT = Path(__file__).parents[1]
OUT = ROOT / "evals" / "crosscheck" / "RESULTS.md"
NO_CLAIMS = "no labelled claims were given"
PICTURE = "coverage.svg"
HELD_OUT = "evals/crosscheck/held-out"

BARS = {
    "attributionbench": 0.75,
    "wice": 0.70,
    "ragtruth-qa": 0.78,
    "ragtruth-summary": 0.69,
    "ragtruth-data2txt": 0.71,
}
"""The balanced accuracy that is asked for, by how the name of a file begins."""
MOST_BELOW = 0.05
"""How far a model of the other files may stay below a cross-validated one."""
SELECTED, BEST = 0.88, 2
"""Balanced accuracy on so many files with the least certain 40 % left out."""
QUOTES_CAUGHT = "0.995"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: what was run, and what came of it; or why it is missing."""

    title: str
    command: str
    asked: tuple[Figure, ...] = ()
    """Figures with bars that stand on top of the page alone."""
    about: str = ""
    reports: tuple[Report, ...] = ()
    missing: str = ""
    curves: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A measurement of the command line whose `--json` holds `reports`."""

    title: str
    arguments: tuple[str, ...]
    claims: Literal["none", "used", "needed"] = "none"
    script: bool = False


AS_BEFORE = (": accuracy with the least certain left out", ": calibration")
"""Tables that say of the other files' model nothing that the rest does not."""
ABOUT_CLAIMS = """The scorer without a language model. Cross-validated: 5 folds by passages over all
files at once, weights and thresholds fitted on the training folds. Intervals: bootstrap over sets
of passages. *Below, by the other files*: how far a model of the other files, with its general
threshold, stays under the cross-validated one on the same claims.
"""

COMMANDS = (
    Command(
        title="Quotes", arguments=("eval", "quotes", "--at-least", QUOTES_CAUGHT), claims="used"
    ),
    Command(title="Planted mistakes", arguments=("eval", "mutations"), claims="needed"),
    Command(title="Independence", arguments=("eval", "checkers"), claims="needed"),
    Command(title="Checkers of known faults", arguments=("eval", "oracle")),
    Command(title="End to end", arguments=("eval", "answers", "--offline")),
    Command(title="End to end, kept apart", arguments=("eval", "answers", HELD_OUT, "--offline")),
    Command(title="Speed", arguments=("scripts/bench_check.py",), script=True),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=os.environ.get("MESH_CLAIMS_DIR"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--cache", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(options.folder) if options.folder else None
    files = sorted(folder.glob("*.jsonl.gz")) if folder else []
    with counting() as on_progress:
        sections = [claims_section(files, options.cache, on_progress)]
        for done, command in enumerate(COMMANDS):
            on_progress(command.title, done, len(COMMANDS))
            sections.append(command_section(command, files))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page(sections), encoding="utf-8")
    for section in sections:
        if section.curves:
            (options.out.parent / PICTURE).write_text(svg(section.curves), encoding="utf-8")
    missed = [f for section in sections for f in barred_figures(section) if f.met is False]
    for figure in missed:
        print(f"not met: {figure.of} {figure.name}: {figure.text}, {figure.bar}")
    print(f"written to {options.out}")
    return 1 if missed else 0


# ── claims ───────────────────────────────────────────────────────────────────────────────


def claims_section(files: Sequence[Path], cache: Path | None, on_progress: OnProgress) -> Section:
    """The scorer, cross-validated, by the other files, and as it is shipped."""
    title, command = "Claims", "mesh eval claims FILE… [--leave-one-out]"
    if not files:
        return Section(title=title, command=command, missing=NO_CLAIMS)
    rows = {path.name.removesuffix(".jsonl.gz"): read_claims(path) for path in files}
    table = prepare(rows, "static", cache=cache, on_progress=on_progress)
    crossed = judging.cross_validated(table, on_progress=on_progress)
    apart = judging.left_out(table, on_progress=on_progress)
    crossed_parts = measure(crossed, on_progress=on_progress)
    apart_parts = measure(apart, on_progress=on_progress)
    asked = (*_accuracy(crossed_parts), *_below(crossed, apart), *_selected(crossed_parts))
    return Section(
        title=title,
        command=command,
        asked=asked,
        about=ABOUT_CLAIMS,
        reports=(
            *reports(crossed_parts, "Cross-validated"),
            *(
                replace(report, notes=())
                for report in reports(apart_parts, "Fitted on the other files")
                if not report.title.endswith(AS_BEFORE)
            ),
        ),
        curves={name: curve(crossed.where(table.corpora == name)) for name in rows},
    )


def _accuracy(parts: Sequence[Part]) -> Iterator[Figure]:
    for part in parts:
        bar = next((b for name, b in BARS.items() if part.file.startswith(name)), None)
        if part.source or bar is None:
            continue
        held = part.figures["balanced accuracy"]
        yield measured(
            "balanced accuracy",
            held.value,
            (held.low, held.high),
            n=part.claims,
            of=part.file,
            at_least=bar,
        )
        signal = part.better_signal
        held = part.figures[f"gain over {signal}"]
        yield Figure(
            of=part.file,
            name=f"gain over {signal}, the better signal",
            value=held.value,
            low=held.low,
            high=held.high,
            n=part.claims,
            bar="above 0 at the lower bound",
            met=held.low > 0,
        )


def _below(crossed: judging.Verdicts, apart: judging.Verdicts) -> Iterator[Figure]:
    for file in dict.fromkeys(crossed.table.corpora.tolist()):
        here = crossed.table.corpora == file
        held = gain(apart.where(here), crossed.where(here))
        yield measured(
            "below, by the other files",
            held.value,
            (held.low, held.high),
            n=int(here.sum()),
            of=file,
            at_most=MOST_BELOW,
        )


def _selected(parts: Sequence[Part]) -> Iterator[Figure]:
    name = BALANCED[metrics.LEFT_OUT.index(0.4)]
    whole = [part for part in parts if not part.source and name in part.figures]
    for part in sorted(whole, key=lambda p: -p.figures[name].value)[:BEST]:
        held = part.figures[name]
        yield measured(
            name, held.value, (held.low, held.high), n=part.claims, of=part.file, at_least=SELECTED
        )


# ── the other measurements ───────────────────────────────────────────────────────────────


def command_section(command: Command, files: Sequence[Path]) -> Section:
    """What a command of the command line or a script says with `--json`."""
    words = list(command.arguments)
    shown = " ".join([*(["python"] if command.script else ["mesh"]), *words])
    if command.claims == "needed" and not files:
        return Section(title=command.title, command=f"{shown} FILE…", missing=NO_CLAIMS)
    if command.claims != "none" and files:
        shown += " FILE…"
        words += [str(path) for path in files]
    start = [sys.executable] if command.script else [sys.executable, "-m", "orchestrator.cli"]
    done = subprocess.run(
        [*start, *words, "--json"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    try:
        held = json.loads(done.stdout)
        found = (_speed(held),) if command.script else tuple(map(_report, held["reports"]))
    except (ValueError, TypeError, KeyError) as error:
        last = (done.stderr.strip().splitlines() or [str(error)])[-1]
        return Section(title=command.title, command=shown, missing=last)
    return Section(title=command.title, command=shown, reports=found)


def _speed(held: dict[str, Any]) -> Report:
    """The record of `bench_check.py`: medians, with their 99th percentiles."""
    limit = held["limit_ms"]
    told = (
        ("warm_ms", "median, a source read before", limit),
        ("cold_ms", "median, a source that is new", None),
    )
    return Report(
        title=f"{held['sentences']} sentences against a source of {held['words']:,} words",
        figures=tuple(
            measured(name, held[key]["median"], n=held["runs"], unit="ms", at_most=bar)
            for key, name, bar in told
        ),
        notes=tuple(
            f"{name.partition(', ')[2]}: 99th percentile {held[key]['p99']} ms"
            for key, name, _ in told
        ),
    )


def _report(held: dict[str, Any]) -> Report:
    return from_json(Report, {key: held[key] for key in ("title", "figures", "notes")})


# ── the page ─────────────────────────────────────────────────────────────────────────────


def barred_figures(section: Section) -> list[Figure]:
    """The figures of a section of which something is asked."""
    return [*section.asked, *(f for report in section.reports for f in report.figures if f.bar)]


def page(sections: Sequence[Section]) -> str:
    """The whole page: what is asked and whether it is met, and then every section."""
    barred = [
        replace(figure, of=f"{section.title}: {figure.of}" if figure.of else section.title)
        for section in sections
        for figure in barred_figures(section)
    ]
    met = sum(figure.met is True for figure in barred)
    asked = Report(
        title="What is asked",
        figures=tuple(barred),
        notes=(f"{met} of {len(barred)} bars are met.",),
    )
    blocks = [HEAD.format(where=_where()), markdown(asked, 2)]
    for section in sections:
        blocks.append(f"## {section.title}\n\n`{section.command}`\n")
        if section.missing:
            blocks.append(f"Not measured here: {section.missing}.\n")
        if section.about:
            blocks.append(section.about)
        if section.curves:
            blocks.append(f"![Coverage against accuracy]({PICTURE})\n")
        blocks += [markdown(report) for report in section.reports]
    return "\n".join(blocks)


HEAD = """# What checking is worth

Made by `make eval-crosscheck CLAIMS=FOLDER`; do not edit by hand. {where}

Values in brackets are 95 % intervals. The labelled claims are public development sets
(AttributionBench, WiCE, RAGTruth), which are no part of this project; no threshold was fitted on
the claims that it is measured on.
"""


def _where() -> str:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return (
        f"Commit {commit()}, {today}, Python {platform.python_version()}, {os.cpu_count()} x "
        f"{processor()}."
    )


if __name__ == "__main__":
    sys.exit(main())
