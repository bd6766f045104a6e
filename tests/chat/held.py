"""Where the functions of a test's project find the chat model of the mesh that loaded them."""

from __future__ import annotations

from typing import Any

HELD: dict[str, Any] = {}
