"""What the supervisor and a worker tell each other: lines of JSON over a pair of sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_CHUNK = 65536
Message = Mapping[str, Any]


class Channel:
    """One end. Messages are few and small, so that sending never waits."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._rest = end, b""

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Both ends of a new one."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    def fileno(self) -> int:
        """For a selector or an event loop."""
        return self._end.fileno()

    def send(self, message: Message) -> None:
        """Nothing happens where the other end is gone; who reads hears of that."""
        with suppress(OSError):
            self._end.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> list[Message] | None:
        """What has come, without waiting; `None` where the other end is gone."""
        try:
            found = self._end.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not found:
            return None
        *lines, self._rest = (self._rest + found).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """This end alone."""
        self._end.close()
