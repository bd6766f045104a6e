"""OpenAI's own client: say what is needed, and hear who answered and at what cost.

python openai_sdk.py "Classify this as urgent or not: The cellar is full of water."
"""

from __future__ import annotations

import os
import sys

from openai import OpenAI

MESSAGE = "Classify this as order, complaint or praise: I must complain, the lamp is broken."
NEEDS = {"task": "classify", "data_class": "internal", "max_cost_usd": 0.01, "tags": ["example"]}


def main(message: str) -> None:
    """Ask once."""
    client = OpenAI(
        base_url=os.environ.get("MESH_URL", "http://127.0.0.1:8700/v1"),
        api_key=os.environ.get("MESH_KEY", "none"),
    )
    answer = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": message}],
        extra_body={"mesh": NEEDS},
    )
    about = (answer.model_extra or {})["mesh"]
    print(answer.choices[0].message.content)
    print(f"{about['deployment']}, {about['cost_usd']:.6f} USD, attempts: {about['attempts']}")
    print(f"mesh trace show {about['trace_id']}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else MESSAGE)
