"""Structured logs: a line for each request, and what our loggers say, as JSON or for a person.

No text of a request or an answer stands in them, and nothing that looks like a secret.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from typing import Any, Literal

import msgspec

from orchestrator.tracing.redact import Mask

Style = Literal["json", "text", "off"]
LOGGER = "orchestrator"
SERVER = "uvicorn"
_ORDER = (
    "method",
    "path",
    "status",
    "ms",
    "first_ms",
    "model",
    "deployment",
    "attempts",
    "cost_usd",
)

_json = msgspec.json.Encoder()


def style_of(declared: Literal["auto", "json", "text", "off"]) -> Style:
    """`auto`: text for a person at a terminal, and JSON for everybody else."""
    if declared != "auto":
        return declared
    return "text" if sys.stderr.isatty() else "json"


def line(
    style: Style, at: float, level: str, facts: dict[str, Any], event: str = "request"
) -> bytes:
    """One line, with its end.

    Args:
        at: seconds since the epoch.
        facts: in the order of the line.
        event: `request`, or the name of a logger.
    """
    if style == "json":
        known = {"at": _utc(at), "level": level, "event": event, **facts}
        try:
            return _json.encode(known) + b"\n"
        except UnicodeEncodeError:
            return _json.encode({key: _whole(value) for key, value in known.items()}) + b"\n"
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    message, known = "", dict(facts)
    if event == "request":
        first = [_in_words(key, known.pop(key)) for key in _ORDER if key in known]
        words = [*first, *(f"{key}={value}" for key, value in known.items())]
    else:
        message = f" {known.pop('message', '')}"
        words = [level.upper(), f"{event}:", *(f"{key}={value}" for key, value in known.items())]
    text = f"{' '.join([clock, *map(_printable, words)])}{message}\n"
    return text.encode("utf-8", "replace")


def _whole(value: Any) -> Any:
    """Without half a surrogate pair, which UTF-8 cannot hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _utc(at: float) -> str:
    return f"{_second(int(at))}.{int(at % 1 * 1000):03}Z"


@functools.lru_cache(maxsize=16)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))


def _in_words(key: str, value: Any) -> str:
    if key == "ms":
        return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
    if key == "first_ms":
        return f"(first {value:.0f} ms)"
    if key == "attempts":
        return "1 attempt" if value == 1 else f"{value} attempts"
    return f"${value:.6f}" if key == "cost_usd" else str(value)


def _printable(text: str) -> str:
    """A caller's path cannot move the cursor, nor pretend to be a second line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def write(lines: list[bytes]) -> None:
    """To standard error. Who does not read it stops nobody: what does not go out is lost."""
    data = b"".join(lines)
    while data:
        try:
            data = data[os.write(2, data) :]
        except OSError:
            return


class Handler(logging.Handler):
    """What our loggers say, in the form of the other lines."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self._style = style

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            message = record.getMessage()
            if record.exc_info:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
            facts = {"message": Mask().secrets(message), "pid": record.process}
            if trace_id := getattr(record, "trace_id", None):
                facts["trace_id"] = trace_id
            level = record.levelname.lower()
            write([line(self._style, record.created, level, facts, record.name)])
        except Exception:  # noqa: BLE001 - as the standard library's: logging breaks nothing
            self.handleError(record)


def install(style: Style) -> None:
    """Let what our loggers say go out in this form, in this process and in those it forks, and what
    the server says of requests that are none."""
    for logger in map(logging.getLogger, (LOGGER, SERVER)):
        for handler in [h for h in logger.handlers if isinstance(h, Handler)]:
            logger.removeHandler(handler)
        logger.propagate = style == "off"
        if style != "off":
            logger.addHandler(Handler(style))
