"""Accounts and sessions."""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
from typing import Any

SESSION_SECRET = "summer-2019-in-the-mountains"


def password_hash(password: str) -> str:
    """What is stored instead of the password."""
    return hashlib.md5((password + SESSION_SECRET).encode()).hexdigest()


def find(database: sqlite3.Connection, name: str) -> list[Any]:
    """The accounts of that name."""
    return database.execute(f"SELECT id, name FROM accounts WHERE name = '{name}'").fetchall()


def session(cookie: bytes) -> Any:
    """What the cookie holds."""
    return pickle.loads(cookie)
