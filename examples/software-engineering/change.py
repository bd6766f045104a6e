"""The same from Python: propose a change, and write it where it was accepted.

python change.py FOLDER "Rename `charge` to `bill`" --write
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from workshop.code_base import CodeBase
from workshop.diffs import apply_diff, diff_in

from orchestrator import Mesh

HERE = Path(__file__).parent


async def main(folder: str, request: str, *options: str) -> None:
    """Print what was decided; with `--write` apply the diff."""
    async with Mesh.load(HERE) as mesh:
        answer = await mesh.run(request=request, code=[folder])
    print(answer.text.split("\n\n")[0])
    print(f"verdict: {answer.verdict}{answer.reason and f' ({answer.reason})'}")
    kept = answer.verdict in ("accepted", "revised") and "```diff\n" in answer.text
    if kept and "--write" in options:
        files = CodeBase.read(Path(folder)).files
        for file, text in apply_diff(files, diff_in(answer.text)).items():
            (Path(folder) / file).write_bytes(text.encode())
        print(f"written to {folder}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
