"""The report as Markdown, JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from orchestrator.guard.auditing.report import Report, Section, moment


def as_markdown(found: Report, project: str, standing: str) -> str:
    """A document to hand over.

    Args:
        standing: whether the log holds, in a sentence.
    """
    since = "the beginning" if found.since is None else f"{moment(found.since)} UTC"
    parts = [
        f"# Audit report: {project}",
        "",
        f"From {since} to {moment(found.until)} UTC: {found.entries:,} entries on "
        f"{found.requests:,} requests. {standing}",
    ]
    for section in found.sections:
        parts += ["", f"## {section.title}", "", section.words, "", *_table(section)]
    return "\n".join(parts) + "\n"


def as_json(found: Report) -> dict[str, Any]:
    """For programs; times are seconds since the epoch, or `YYYY-MM-DD HH:MM` UTC in rows."""
    return {
        "since": found.since,
        "until": found.until,
        "entries": found.entries,
        "requests": found.requests,
        "sections": {
            section.id: {
                "title": section.title,
                "rows": [dict(zip(section.columns, row, strict=True)) for row in section.rows],
                "left_out": section.more,
            }
            for section in found.sections
        },
    }


def as_csv(found: Report) -> str:
    """One line a value, for a spreadsheet to filter and pivot."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["section", "row", "column", "value"])
    for section in found.sections:
        for number, row in enumerate(section.rows, start=1):
            for column, value in zip(section.columns, row, strict=True):
                writer.writerow([section.id, number, column, _harmless(str(value))])
    return file.getvalue()


def _table(section: Section) -> list[str]:
    if not section.rows:
        return ["None."]
    lines = [f"| {' | '.join(section.columns)} |", f"|{' --- |' * len(section.columns)}"]
    lines += [f"| {' | '.join(_cell(str(value)) for value in row)} |" for row in section.rows]
    if section.more:
        lines += ["", f"And {section.more:,} more; `mesh audit export` has all."]
    return lines


def _cell(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.split())


def _harmless(text: str) -> str:
    """A spreadsheet takes no value for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
