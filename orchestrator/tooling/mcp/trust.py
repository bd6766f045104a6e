"""What each MCP server's tools were when they were first seen, so that a later change is noticed.

A server may say today that a tool reads the weather and tomorrow, to the same model, that its
argument must hold the user's keys. So what a model is told of a tool is kept on first use, and a
tool of which it has changed is refused until a person agrees.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from orchestrator.errors import StorageError
from orchestrator.types import digest


class Told(BaseModel):
    """What a model is told of one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    parameters: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Changes with every letter of it."""
        return digest([self.description, self.parameters])


class Kept(BaseModel):
    """What is on record of one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agreed: Told
    now: Told | None = None
    """What it was seen as later, where that differs."""
    by: str = ""
    """Who agreed last; empty where it is as it was first seen."""


_Record = TypeAdapter(dict[str, dict[str, Kept]])
_Kept = dict[str, dict[str, Kept]]


class TrustStore:
    """The record, in one file, for all processes of this project.

    Args:
        path: `None`: it is remembered for as long as the process runs.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory: _Kept = {}

    def see(self, server: str, told: Mapping[str, Told]) -> Mapping[str, str]:
        """Put what a server tells now of its tools on record, each where it is new.

        Returns:
            Tool → why it may not be called; of those that have changed.

        Raises:
            StorageError: the record cannot be read or written.
        """
        known = self._read().get(server, {})
        if any(name not in known or _news(known[name], now) for name, now in told.items()):
            known = self._changed(lambda kept: _seen(kept, server, told)).get(server, {})
        return {name: _why(server, name) for name in told if known[name].now is not None}

    def agreed(self, server: str, tool: str) -> str | None:
        """The digest of what was agreed to; `None` where the tool was never seen."""
        kept = self._read().get(server, {}).get(tool)
        return None if kept is None else kept.agreed.digest

    def changes(self) -> Mapping[str, Mapping[str, Kept]]:
        """The tools that have changed, by server and their own name."""
        found = {
            server: {name: kept for name, kept in tools.items() if kept.now is not None}
            for server, tools in self._read().items()
        }
        return {server: tools for server, tools in found.items() if tools}

    def agree(self, server: str, tool: str, to: str, *, by: str) -> bool:
        """A person agrees to what the tool is now.

        Args:
            to: the digest of what the person saw; one that has changed again is not agreed to.

        Returns:
            Whether that is what it is now.
        """
        done = False

        def change(kept: _Kept) -> None:
            nonlocal done
            held = kept.get(server, {}).get(tool)
            if held is not None and held.now is not None and held.now.digest == to:
                kept[server][tool] = Kept(agreed=held.now, by=by)
                done = True

        self._changed(change)
        return done

    def _read(self) -> _Kept:
        if self._path is None:
            return self._memory
        try:
            return _Record.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            raise StorageError(
                f"what was agreed to of MCP tools cannot be read from {self._path}: "
                f"{type(error).__name__}; repair it, or remove it to see every tool as new"
            ) from error

    def _changed(self, change: Callable[[_Kept], None]) -> _Kept:
        with self._alone():
            kept = {server: dict(tools) for server, tools in self._read().items()}
            change(kept)
            self._memory = kept
            if self._path is not None:
                self._write(self._path, kept)
        return kept

    def _write(self, path: Path, kept: _Kept) -> None:
        text = json.dumps(_Record.dump_python(kept, mode="json"), indent=1, sort_keys=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time."""
        if self._path is None:
            yield
            return
        import fcntl

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise StorageError(f"{self._path} cannot be locked: {error.strerror}") from error


def _news(kept: Kept, now: Told) -> bool:
    """Whether that is not yet on record."""
    return kept.now != (None if now.digest == kept.agreed.digest else now)


def _seen(kept: _Kept, server: str, told: Mapping[str, Told]) -> None:
    tools = kept.setdefault(server, {})
    for name, now in told.items():
        held = tools.get(name)
        if held is None:
            tools[name] = Kept(agreed=now)
        elif _news(held, now):
            later = None if now.digest == held.agreed.digest else now
            tools[name] = held.model_copy(update={"now": later})


def _why(server: str, tool: str) -> str:
    return (
        f"the MCP server '{server}' has changed what it says of '{tool}' since it was first seen; "
        f"`mesh tools trust {server}` shows it and asks"
    )
