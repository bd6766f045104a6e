"""Makes evals/routing/RESULTS.md: what routers of this project are worth on recorded outcomes.

    make eval-routing ROUTING=FOLDER
    .venv/bin/python scripts/routing_results.py [FOLDER] [--only WORD] [--out FILE] [--plots DIR]

FOLDER holds recorded outcomes as `mesh eval routing` reads them; MESH_ROUTING_DIR is taken where it
is not given. Every section is a command of its own. What it printed is kept in runs/ beside the
page, with commit, machine and day, and the page is made of all that is kept: with --only, what is
not run again stays as it was. Exit code 1: a bar is not met.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench_start import commit, processor

from orchestrator.cli._counting import counting
from orchestrator.evaluation.crosscheck.markdown import markdown
from orchestrator.evaluation.crosscheck.report import Figure, Report
from orchestrator.types import as_json, from_json

ROOT = Path(__file__).parents[1]
OUT = ROOT / "evals" / "routing" / "RESULTS.md"
PREDICTOR = "predictor"
TRIED = "TRIED.md"
"""Beside the page: what was tried, by hand."""
HEAD = """Made by `make eval-routing ROUTING=FOLDER`. In brackets: 95 % intervals, from drawing the
queries anew in groups of equal prompts. Every prediction comes from a model that has seen neither
the query nor its like. The predictor is the one that serves live traffic; of many models `decide`
chooses, at each rate of exchange between quality and money, and of two the difference in what is
expected orders the queries. Constants of the predictor and of the cascades were chosen by people
who saw these folds, which flatters the figures a little; nothing was fitted to a fold that it is
measured on.
"""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What is asked of one figure."""

    figure: str
    of: str = PREDICTOR
    at_least: float | None = None
    at_most: float | None = None
    above: tuple[str, ...] = ()
    """Parts whose same figure it must be above."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One command whose `--json` holds `reports`."""

    title: str
    arguments: tuple[str, ...]
    """Of `mesh`; of a script where the first ends in `.py`. FOLDER stands for the folder."""
    needs: str = ""
    """The set of the folder that it reads."""
    bars: tuple[Bar, ...] = ()
    about: str = ""
    plot: str = ""
    """The name of its picture, which `--plot` draws."""


def routing(title: str, name: str, *arguments: str, bars: tuple[Bar, ...], plot: str) -> Section:
    """A section of the predictor on one set."""
    return Section(
        title=title,
        arguments=("eval", "routing", "FOLDER", "--set", name, *arguments),
        needs=name,
        bars=bars,
        plot=plot,
    )


GPT = ("--weak", "gpt-4o-mini-2024-07-18", "--strong", "gpt-4o-2024-08-06")
CLAUDE = ("--weak", "claude-3-haiku-20240307", "--strong", "claude-3-5-sonnet-20241022")
MANY = (Bar(figure="AIQ", above=("zero router", "task mean")),)


def apgr(at_least: float) -> tuple[Bar, ...]:
    return (Bar(figure="APGR", at_least=at_least),)


PREDICTED = (
    routing("Two models, MMLU", "routellm", "--task", "mmlu", bars=apgr(0.69), plot="mmlu"),
    routing(
        "Two models, MMLU, 1,500 labels", "routellm", "--task", "mmlu", "--labels", "1500",
        bars=apgr(0.655), plot="mmlu-1500",
    ),
    routing("Two models, GSM8K", "routellm", "--task", "gsm8k", bars=apgr(0.65), plot="gsm8k"),
    routing(
        "Two models, learned on MMLU, measured on GSM8K", "routellm", "--train", "mmlu",
        "--task", "gsm8k", bars=apgr(0.62), plot="mmlu-to-gsm8k",
    ),
    routing("gpt-4o or gpt-4o-mini", "zeroeval", *GPT, bars=apgr(0.742), plot="gpt-4o"),
    routing("claude-3.5-sonnet or claude-3-haiku", "zeroeval", *CLAUDE, bars=apgr(0.683),
            plot="claude"),
    routing("Thirteen models", "zeroeval", bars=MANY, plot="zeroeval-13"),
    routing("Nine models", "llmrouter9", bars=MANY, plot="llmrouter9"),
)  # fmt: skip
CASCADES = (
    Section(
        title="Answers that agree, or gpt-4o",
        arguments=("eval", "routing", "FOLDER", "--set", "zeroeval", "--cascade", "--strong",
                   "gpt-4o-2024-08-06"),
        needs="zeroeval",
        bars=(
            Bar(figure="money", of="at 30% of its money", at_most=0.30),
            Bar(figure="score gained", of="at 30% of its money", at_least=0.0),
            Bar(figure="money", of="at 40% of its money", at_most=0.40),
            Bar(figure="score gained", of="at 40% of its money", at_least=0.0001),
        ),
        about="Cheap models are asked in turn until their answers agree as far as is worth its "
        "price, and the strong one where they do not.",
    ),
    *(
        Section(
            title=f"A cold start, {name}",
            arguments=("eval", "routing", "FOLDER", "--set", name, "--online"),
            needs=name,
            bars=tuple(
                Bar(figure=figure, of="", at_least=0.0)
                for figure in (
                    "gained a request, from 300 on",
                    "least gained at any time from 300 on",
                )
            ),
            about="No label at the start. Two readings of a regret below that of the best fixed "
            "model: what is gained a request after the first 300, and what was gained in all since "
            "the first request, at the worst time from the 300th on.",
        )
        for name in ("zeroeval", "llmrouter9")
    ),
    Section(
        title="A day of mixed traffic",
        arguments=("eval", "routing", "FOLDER", "--day"),
        needs="zeroeval",
        bars=(
            Bar(figure="money", of="money less 70%", at_most=0.30),
            Bar(figure="quality", of="money less 70%", at_least=0.97),
        ),
    ),
)  # fmt: skip
"""One call or several: what cascades and panels are worth."""
SPEED = (
    Section(
        title="Profile and decide",
        arguments=("scripts/bench_profile.py",),
        bars=tuple(
            Bar(figure=f"{part}, p99", of=kind, at_most=most)
            for kind in ("prior", "learned")
            for part, most in (("all", 1000.0), ("decide", 300.0))
        ),
    ),
)
SECTIONS: Mapping[str, Sequence[Section]] = {
    "Which model is good at what": PREDICTED,
    "One call or several": CASCADES,
    "Speed": SPEED,
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a section."""

    command: str
    commit: str
    machine: str
    day: str
    seconds: float
    reports: tuple[Report, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=os.environ.get("MESH_ROUTING_DIR"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default="", help="run only sections whose titles hold this")
    options = parser.parse_args()
    folder, beside = Path(options.folder) if options.folder else None, options.out.parent
    asked = [
        section
        for own in SECTIONS.values()
        for section in own
        if options.only.lower() in section.title.lower()
    ]
    with counting() as on_progress:
        for number, section in enumerate(asked):
            on_progress(section.title, number, len(asked))
            if why := run(section, folder, beside):
                print(f"{section.title}: {why}", file=sys.stderr)
            options.out.write_text(page(beside), encoding="utf-8")
    options.out.write_text(page(beside), encoding="utf-8")
    missed = [f for own in SECTIONS.values() for s in own for f in barred(s, beside) if not f.met]
    for figure in missed:
        print(f"not met: {figure.name}: {figure.text}, {figure.bar}")
    print(f"written to {options.out}")
    return 1 if missed else 0


def run(section: Section, folder: Path | None, beside: Path) -> str:
    """Run it in a process of its own and keep what it printed; or why that was not done."""
    script = section.arguments[0].endswith(".py")
    command = " ".join(("python" if script else "mesh", *section.arguments))
    if section.needs and folder is None:
        return "no recorded outcomes were given"
    if section.needs and folder and not any(folder.glob(f"{section.needs}.queries.jsonl*")):
        return f"there is no set {section.needs}"
    tool = [sys.executable] if script else [sys.executable, "-m", "orchestrator.cli"]
    arguments = [str(folder) if a == "FOLDER" else a for a in section.arguments]
    for name in ("runs", "plots"):
        (beside / name).mkdir(parents=True, exist_ok=True)
    if section.plot:
        arguments += ["--plot", str(beside / "plots" / f"{section.plot}.svg")]
    begin = time.monotonic()
    found = subprocess.run(
        [*tool, *arguments, "--json"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if found.returncode not in (0, 1) or not found.stdout.strip():
        return found.stderr.strip().rpartition("\n")[2] or f"it ended with {found.returncode}"
    done = Run(
        command=command,
        commit=commit(),
        machine=f"{processor()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        day=str(datetime.datetime.now(tz=datetime.UTC).date()),
        seconds=round(time.monotonic() - begin, 1),
        reports=tuple(map(report_of, json.loads(found.stdout)["reports"])),
    )
    text = json.dumps(as_json(done), indent=1, ensure_ascii=False)
    kept_at(section, beside).write_text(f"{text}\n", encoding="utf-8")
    return ""


def kept_at(section: Section, beside: Path) -> Path:
    slug = "-".join(re.findall(r"[a-z0-9]+", section.title.lower()))
    return beside / "runs" / f"{slug}.json"


def kept(section: Section, beside: Path) -> Run | None:
    path = kept_at(section, beside)
    return from_json(Run, json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def barred(section: Section, beside: Path) -> list[Figure]:
    """The figures that bars are about, with them; none where it was not run."""
    done = kept(section, beside)
    return [held(bar, section.title, done.reports) for bar in section.bars] if done else []


def report_of(data: Mapping[str, Any]) -> Report:
    return from_json(Report, {name: value for name, value in data.items() if name != "met"})


def held(bar: Bar, title: str, reports: Sequence[Report]) -> Figure:
    """The figure that a bar is about, with the bar; not met where there is no such figure."""
    figures = {(f.of, f.name): f for report in reports for f in report.figures}
    figure = figures.get((bar.of, bar.figure))
    words = f"{bar.of}: {bar.figure}" if bar.of not in ("", PREDICTOR) else bar.figure
    name = f"{title}: {words}"
    if figure is None:
        return Figure(name=name, value=float("nan"), bar="a figure", met=False)
    asked: list[tuple[str, bool]] = []
    if bar.at_least is not None:
        asked.append((f"at least {bar.at_least:g}", figure.value >= bar.at_least))
    if bar.at_most is not None:
        asked.append((f"at most {bar.at_most:g}", figure.value <= bar.at_most))
    for other in bar.above:
        beside = figures[other, bar.figure].value
        asked.append((f"above {other} ({beside:.4f})", figure.value > beside))
    return replace(
        figure,
        name=name,
        of="",
        bar=", ".join(words for words, _ in asked),
        met=all(met for _, met in asked),
    )


# ── the page ─────────────────────────────────────────────────────────────────────────────


def page(beside: Path) -> str:
    """The whole page."""
    asked = [f for own in SECTIONS.values() for section in own for f in barred(section, beside)]
    parts = [
        "# What routing is worth\n",
        HEAD,
        markdown(Report(title="Bars", figures=tuple(asked)), level=2) if asked else "",
        (beside / TRIED).read_text(encoding="utf-8") if (beside / TRIED).exists() else "",
    ]
    for part, own in SECTIONS.items():
        if own:
            parts.append(f"## {part}\n")
            parts += [shown(section, kept(section, beside)) for section in own]
    return "\n".join(text for text in parts if text).rstrip() + "\n"


def shown(section: Section, done: Run | None) -> str:
    if done is None:
        return f"### {section.title}\n\nNot run.\n"
    lines = [f"### {section.title}\n"]
    if section.about:
        lines.append(f"{section.about}\n")
    lines += [markdown(report, level=4) for report in done.reports]
    if section.plot:
        lines.append(f"![{section.title}](plots/{section.plot}.svg)\n")
    lines.append(
        f"`{done.command}`: {done.seconds:.0f} s, commit {done.commit}, {done.day}, "
        f"{done.machine}.\n"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
