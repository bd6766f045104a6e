"""`mesh eval cache`: wrong hits, hits on a day of traffic, time of a look-up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli._options import AsJson

MISSED = 1


def cache(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Holds pairs.jsonl and topics.jsonl; see evals/cache."
        ),
    ],
    entries: Annotated[
        int,
        typer.Option(
            "--entries", metavar="N", min=0, help="Answers among which is looked up; 0: no timing."
        ),
    ] = 100_000,
    requests: Annotated[
        int, typer.Option("--requests", metavar="N", min=0, help="Of a day; 0: no such day.")
    ] = 5_000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the page, as Markdown.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold the cache of answers against paraphrases and near misses; exit 1: a bar is missed."""
    from orchestrator.cli._counting import counting
    from orchestrator.cli._report_show import tell
    from orchestrator.embedding.load import load_embedder
    from orchestrator.evaluation.caching.judged import pairs_report
    from orchestrator.evaluation.caching.pairs import HELD, of_split, read_pairs, read_topics
    from orchestrator.evaluation.caching.speed import speed_report
    from orchestrator.evaluation.caching.traffic import traffic_report
    from orchestrator.evaluation.circumstances import commit, machine
    from orchestrator.evaluation.crosscheck.markdown import markdown

    pairs, embedder = read_pairs(folder), load_embedder("static", {})
    held, topics = of_split(pairs, HELD), read_topics(folder)
    with counting() as on_progress:
        reports = [pairs_report(pairs, embedder)]
        if requests:
            reports.append(traffic_report(topics, embedder, requests=requests, seed=seed))
        if entries:
            on_progress("answers kept", 0, entries)
            reports.append(
                speed_report(held, embedder, entries=entries, seed=seed, on_progress=on_progress)
            )
    tell(reports, as_json=as_json)
    if out is not None:
        command = (
            f"mesh eval cache {folder} --entries {entries} --requests {requests} --seed {seed}"
        )
        where = f"Commit {commit(folder) or 'unknown'}; {machine()}."
        page = [f"# The cache of answers\n\nMade by `{command} --out {out}`. {where}\n"]
        out.write_text("\n".join([*page, *(markdown(r, 2) for r in reports)]), encoding="utf-8")
    if not all(report.met for report in reports):
        raise typer.Exit(MISSED)
