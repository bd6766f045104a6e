"""The databases as the first release wrote them, with three runs: done, done without texts, killed.

`version_1/*.sql` are dumps of real files; nothing may ever be changed in them.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

DUMPS = Path(__file__).parent / "version_1"
FILES = ("traces", "journal", "ledger")

GRAPH = """
    input: {question: text}
    nodes:
      plan: {agent: planner, of: question}
      work: {each: plan, agent: echo}
      done: {function: collect, of: work}
    output: done
"""
POLICY = """
objective: {minimize: cost}
routes:
  - name: personal-data
    match: {data_class: pii}
    store_prompts: hashed
    store_outputs: hashed
    store_tool_args: hashed
"""
ANSWER = "<a()> <b(<a()>)> <c(<b(<a()>)>)> <d(<c(<b(<a()>)>)>)>"
DONE = "01m7yk1p2c0hg88kk11yr20z52"
WITHOUT_TEXTS = "01m7yk1pwx6ydjm4qmps8eyevz"
KILLED = "01m7yk1qfbqnqkgykz78qqszzy"


def restore(storage: Path) -> Path:
    """Make the files of the first version in `storage`."""
    storage.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        with closing(sqlite3.connect(storage / f"{name}.sqlite")) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript((DUMPS / f"{name}.sql").read_text("utf-8"))
    shutil.copy(DUMPS / "journal.key", storage / "journal.key")
    (storage / "runs").mkdir()
    (storage / "runs" / f"{KILLED}.lock").touch()
    return storage


def content(path: Path) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables of a SQLite file."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            table: [dict(row) for row in database.execute(f'SELECT * FROM "{table}"')]
            for (table,) in tables
        }
