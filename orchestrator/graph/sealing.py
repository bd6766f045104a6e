"""The checkpoints of somebody's own graph, sealed with the journal's key.

LangGraph puts a graph's inputs and output into its checkpoints, and its questions to people. Where
the policy does not let all texts be stored, a checkpointer that is handed to `Mesh.graph` writes
them encrypted. The state of a graph around ours is that graph's own.
"""

from __future__ import annotations

import copy
from typing import Any

from orchestrator.project.policy_schema import Policy

CIPHER = "mesh"


def keeps_less(policy: Policy) -> bool:
    """Whether some route does not let all texts be stored."""
    levels = (
        level
        for route in policy.routes
        for level in (route.store_prompts, route.store_outputs, route.store_tool_args)
    )
    return any(level not in (None, "full") for level in levels)


def sealed(checkpointer: Any, cipher: Any) -> Any:
    """A copy of the checkpointer that writes to the same place, encrypted; what is none stays.

    Args:
        cipher: a `cryptography.fernet.Fernet`.
    """
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    if not isinstance(checkpointer, BaseCheckpointSaver):
        return checkpointer
    made = copy.copy(checkpointer)
    made.serde = EncryptedSerializer(_Cipher(cipher), checkpointer.serde)
    return made


class _Cipher:
    """A LangGraph `CipherProtocol`."""

    def __init__(self, cipher: Any) -> None:
        self._cipher = cipher

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return CIPHER, self._cipher.encrypt(plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:  # noqa: ARG002 - of the protocol
        plain: bytes = self._cipher.decrypt(ciphertext)
        return plain
