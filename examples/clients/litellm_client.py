"""`litellm` as a client: `openai/` and what the mesh is asked for.

python litellm_client.py "Classify this as urgent or not: The cellar is full of water."
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it fetches a price list otherwise

import litellm

MESSAGE = "Classify this as order, complaint or praise: I must complain, the lamp is broken."


def main(message: str) -> None:
    """Ask once."""
    answer: Any = litellm.completion(
        model="openai/auto",
        api_base=os.environ.get("MESH_URL", "http://127.0.0.1:8700/v1"),
        api_key=os.environ.get("MESH_KEY", "none"),
        messages=[{"role": "user", "content": message}],
        extra_body={"mesh": {"task": "classify"}},
        extra_headers={"x-mesh-tags": "example"},
    )
    print(answer.choices[0].message.content)
    print(f"{answer.mesh['deployment']}, {answer.mesh['cost_usd']:.6f} USD")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else MESSAGE)
