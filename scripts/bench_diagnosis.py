"""How often `mesh trace why` names the faulty hop: planted faults, and healthy traces.

    python scripts/bench_diagnosis.py [--each 10] [--seed 1] [--json]

Healthy traces of the demo graphs are recorded over two sets of documents on the deterministic
models; each also gets a likeness in the form of hosted models. One hop of a copy is made wrong.
The signals were worked out on the first documents and on the developed forms of faults; the
unseen forms were written when the signals were done, and are planted over the other documents.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench_start import ROOT, commit, processor

from orchestrator.cli._show import print_json
from orchestrator.tracing.diagnosis import SUSPICIOUS, diagnose

sys.path.insert(0, str(ROOT))
from tests.tracing.planted.recorded import HANDBOOK, LIBRARY, Case, Hosted, record
from tests.tracing.planted.sample import KINDS, judge, sample

BAR = 0.9


def recorded(folder: Path) -> tuple[list[Case], list[Case]]:
    """Healthy traces over the first documents, and over the others."""
    homes = [folder / name for name in ("first", "other", "hosted")]
    for home in homes:
        home.mkdir()
    (homes[2] / "mesh.yaml").write_text("embedder: static\n", "utf-8")
    hosted = Hosted(homes[2])
    first = record(homes[0])
    other = record(homes[1], LIBRARY, HANDBOOK)
    return tuple(
        [*cases, *(hosted.likeness(case, seed) for seed, case in enumerate(cases))]
        for cases in (first, other)
    )  # type: ignore[return-value]


def row(
    name: str, cases: Sequence[Case], each: int, seed: int, *, developed: bool
) -> dict[str, Any]:
    """For each kind: how many were planted, named first, and named among the first three."""
    found: dict[str, Any] = {"faults": name, "healthy": len(cases)}
    found["false_alarms"] = sum(diagnose(*case).culprit is not None for case in cases)
    forms: Counter[str] = Counter()
    for kind in KINDS:
        judged = [judge(f) for f in sample(cases, kind, each, seed, developed=developed)]
        forms.update({j.fault.form.name for j in judged})
        found[kind] = {
            "planted": len(judged),
            "first": sum(j.first for j in judged),
            "in_three": sum(j.in_three for j in judged),
        }
    found["forms"] = len(forms)
    return found


def table(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """For a page."""
    lines = [
        f"{about['date']}, commit {about['commit']}, {about['processor']}, "
        f"Python {about['python']}; seed {about['seed']}; a hop counts as named from a score of "
        f"{about['threshold']}.",
        "",
        "| faults | forms | " + " | ".join(k.replace("_", " ") for k in KINDS)
        + " | all | in the first three | false alarms on healthy |",
        "| --- | ---: | " + "---: | " * (len(KINDS) + 3),
    ]  # fmt: skip
    for found in rows:
        cells = [f"{found[k]['first']}/{found[k]['planted']}" for k in KINDS]
        total = sum(found[k]["planted"] for k in KINDS)
        first, three = (sum(found[k][what] for k in KINDS) for what in ("first", "in_three"))
        lines.append(
            f"| {found['faults']} | {found['forms']} | {' | '.join(cells)} | {first}/{total} "
            f"| {three}/{total} | {found['false_alarms']}/{found['healthy']} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and say by the exit code whether nine in ten unseen faults are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=10, help="faults of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    about = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "seed": asked.seed,
        "threshold": SUSPICIOUS,
    }
    with tempfile.TemporaryDirectory() as folder:
        first, other = recorded(Path(folder))
    rows = [
        row("developed", first, asked.each, asked.seed, developed=True),
        row("unseen, other documents", other, asked.each, asked.seed, developed=False),
    ]
    if asked.json:
        print_json({**about, "rows": rows})
    else:
        print(table(rows, about))
    unseen = rows[-1]
    named = sum(unseen[kind]["first"] for kind in KINDS)
    return int(named < BAR * sum(unseen[kind]["planted"] for kind in KINDS))


if __name__ == "__main__":
    raise SystemExit(main())
