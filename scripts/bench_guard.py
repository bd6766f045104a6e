"""How much of what texts hold is found, how much of what is found is there, and what it costs.

    python scripts/bench_guard.py [--texts 2250] [--seed 7] [--exact 300] [--json]

The texts are drawn by the seed from the templates of `tests/guard/corpus.py`; detection is what
the package ships. A planted value counts as found where one finding of its kind covers all of it;
a finding counts as right where it lies over a planted value of its kind. The detectors were worked
out on seed 1. Ids whose digits may be anything are counted apart where nothing names them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from _guard_redaction import Exactness, exactness, lines
from bench_start import ROOT, commit, processor

from orchestrator.cli._show import print_json
from orchestrator.evaluation.statistics import wilson
from orchestrator.guard.detecting.detect import Detectors
from orchestrator.project.guard_schema import Detection
from orchestrator.types import as_json

sys.path.insert(0, str(ROOT))
from tests.guard.corpus import UNNAMED, Text, corpus

RECALL, PRECISION = 0.99, 0.97
CLASSES = ("internal", "confidential", "pii")
SIZE = 1000
_PROSE = (
    "The roof of the old mill was mended in spring, and nobody has seen rain inside since then. "
    "We met the carpenter at noon and talked about oak, about prices and about the long winter. "
)


def found_in(texts: Sequence[Text], detectors: Detectors) -> dict[str, Any]:
    """Recall by format, and precision over all."""
    planted: Counter[str] = Counter()
    met: Counter[str] = Counter()
    sure: dict[str, bool] = {}
    right = findings = 0
    for text in texts:
        found = detectors.find(text.text)
        findings += len(found)
        for one in text.planted:
            planted[one.name] += 1
            sure[one.name] = one.format.sure and not one.name.endswith(UNNAMED)
            met[one.name] += any(
                f.start <= one.start and one.end <= f.end and f.kind in one.format.kinds
                for f in found
            )
        right += sum(
            any(f.start < p.end and p.start < f.end and f.kind in p.format.kinds
                for p in text.planted)
            for f in found
        )  # fmt: skip
    rows = [
        {
            "format": name,
            "n": n,
            "recall": met[name] / n,
            "interval": wilson(met[name], n),
            "bar": RECALL if sure[name] else None,
        }
        for name, n in sorted(planted.items(), key=lambda row: (not sure[row[0]], row[0]))
    ]
    return {
        "texts": len(texts),
        "planted": sum(planted.values()),
        "formats": rows,
        "findings": findings,
        "precision": right / findings,
        "precision_interval": wilson(right, findings),
    }


def microseconds(texts: Sequence[Text], samples: int = 200) -> dict[str, float]:
    """The median time that a text of 1,000 characters takes at its first look."""
    joined = "\n".join(text.text for text in texts)
    kinds = {
        "without_digits": [f"{n * 'a '}{_PROSE * 8}"[:SIZE] for n in range(samples)],
        "with_digits": [f"{_PROSE} In {1900 + n} it cost 120.50. {_PROSE * 8}"[:SIZE]
                        for n in range(samples)],
        "of_the_corpus": [joined[n * SIZE : (n + 1) * SIZE] for n in range(samples)],
    }  # fmt: skip
    times: dict[str, float] = {}
    for name, pieces in kinds.items():
        detectors, taken = Detectors(Detection(), CLASSES), []
        for piece in pieces:
            start = time.perf_counter()
            detectors.find(piece)
            taken.append((time.perf_counter() - start) * 1e6)
        times[name] = round(statistics.median(taken), 1)
    return times


def table(found: dict[str, Any], about: dict[str, Any], exact: Exactness) -> str:
    """For a page."""
    low, high = found["precision_interval"]
    us = found["us_per_1000_characters"]
    return "\n".join(
        [
            f"{about['date']}, commit {about['commit']}, {about['machine']}, Python "
            f"{about['python']}; seed {about['seed']}, {found['texts']:,} texts with "
            f"{found['planted']:,} planted values.",
            "",
            "| format | n | recall | 95 % interval | bar |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(
                f"| {row['format']} | {row['n']} | {row['recall']:.3f} | "
                f"{row['interval'][0]:.3f}–{row['interval'][1]:.3f} | {row['bar'] or '–'} |"
                for row in found["formats"]
            ),
            "",
            f"Precision {found['precision']:.4f} ({low:.4f}–{high:.4f}) of {found['findings']:,} "
            f"findings; the bar is {PRECISION}.",
            f"A text of 1,000 characters takes {us['without_digits']} µs without digits, "
            f"{us['with_digits']} µs with some, {us['of_the_corpus']} µs where it is full of what "
            f"is looked for (medians of 200).",
            "",
            "Values that come back after redaction:",
            *(f"- {line}" for line in lines(exact)),
        ]
    )


def missed(found: dict[str, Any], exact: Exactness) -> list[str]:
    """The bars that were not reached."""
    low = [r["format"] for r in found["formats"] if r["bar"] and r["recall"] < r["bar"]]
    wrong = ["precision"] if found["precision"] < PRECISION else []
    return [*low, *wrong, *(["values that come back"] if exact.wrong or exact.left else [])]


def main() -> int:
    """Measure, print, and say by the exit code whether every bar was reached."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=2250)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--exact", type=int, default=300, help="texts for what comes back")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    about = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "seed": asked.seed,
    }
    texts = corpus(asked.texts, asked.seed)
    detectors = Detectors(Detection(), CLASSES)
    detectors.find("a.b@example.org +49 30 901820 DE89370400440532013000")  # loads its tables
    found = found_in(texts, detectors)
    found["us_per_1000_characters"] = microseconds(texts)
    exact = exactness([text.text for text in texts[: asked.exact]], detectors.find)
    bars = missed(found, exact)
    if asked.json:
        print_json({**about, **found, "exactness": as_json(exact), "missed": bars})
    else:
        print(table(found, about, exact))
        if bars:
            print(f"\nMISSED: {', '.join(bars)}")
    return int(bool(bars))


if __name__ == "__main__":
    raise SystemExit(main())
