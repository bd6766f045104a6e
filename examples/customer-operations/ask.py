"""Ask the served desk as any client of OpenAI's API would, and show what goes on meanwhile.

python ask.py "The reading lamp L-2041 is the wrong colour. Can I send it back?"
"""

from __future__ import annotations

import os
import sys
from typing import Any

from openai import OpenAI


def main(message: str) -> None:
    """One message to the desk."""
    client = OpenAI(
        base_url=os.environ.get("MESH_URL", "http://127.0.0.1:8700/v1"),
        api_key=os.environ.get("MESH_KEY", "none"),
    )
    stream = client.chat.completions.create(
        model="graph:resolve",
        messages=[{"role": "user", "content": message}],
        stream=True,
    )
    about: dict[str, Any] = {}
    for chunk in stream:
        said = chunk.model_extra.get("mesh", {}) if chunk.model_extra else {}
        progress = said.get("progress", {})
        if progress.get("event") == "step_ended" and "deployment" in progress:
            print(f"· {progress['node']} by {progress['deployment']}")
        for choice in chunk.choices:
            print(choice.delta.content or "", end="")
        about = said if "verdict" in said else about
    decided = about["value"]
    print(f"\n\n{about['verdict']}: {decided['outcome']}, refund {decided['refund_eur']} EUR")
    for citation in about["citations"]:
        print(f"  {citation['file']}: {citation['quote']}")


if __name__ == "__main__":
    main(sys.argv[1])
