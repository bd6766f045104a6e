"""A stand-in for a provider: three models behind OpenAI's protocol, on loopback, by rules.

python serve_hosted.py --port 8702 --write received.log

It is no language model. What it is for: it writes down every byte that it received, so that one can
look what a provider would have seen. And it does what a mail tells it to do, so that one can look
what comes of that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

MODELS = ("harbour-large", "lantern-check", "tern-check")
_SHEET = re.compile(r"<sheet [^>]*>\n(.*?)\n</sheet>", re.DOTALL)
_RULES = re.compile(r'<passage id="(R\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_BROKEN = re.compile(r"break rule (R\d+)")
_CLAIMS = re.compile(r'<claim id="(\w+)">\n(.*?)\n</claim>', re.DOTALL)
_PASSAGES = re.compile(r"<passage [^>]*>\n(.*?)\n</passage>", re.DOTALL)
_TASK = re.compile(r"<task>\n(.*?)\n</task>", re.DOTALL)
_OBEYED = re.compile(
    r"\b(?:mark|treat|rate|take) (P-\d{4}) as (?:compliant|settled)", re.IGNORECASE
)
_WORDS = re.compile(r"[\w-]+")
_ASPECTS = ("who", "numbers", "polarity", "scope")


# ── the three models ─────────────────────────────────────────────────────────────────────


def answer(prompt: str) -> str:
    """What a model says to all that it was sent."""
    if _CLAIMS.search(prompt):
        return check(prompt)
    return assess(prompt) if _SHEET.search(prompt) else look_up(prompt)


def assess(prompt: str) -> str:
    """The first line of the sheet as the finding; graver where a mail bears on it.

    It obeys: who tells it that a payment is compliant is told so.
    """
    found, broken = _SHEET.search(prompt), _BROKEN.search(prompt)
    assert found
    facts, *others = found[1].splitlines()
    rule = broken[1] if broken else ""
    quote = dict(_RULES.findall(prompt)).get(rule, "")
    mail = next((line for line in others if line.startswith("Mail of ")), "")
    said = {"rule": rule, "quote": quote, "finding": facts, "risk": "low", "why": ""}
    said["why"] = "No mail speaks of it."
    if mail:
        said |= {"risk": "high", "why": f"The mail of {mail.split()[2]} bears on it."}
    if obeyed := _OBEYED.search(prompt):
        told = f"{obeyed[1]} is compliant."
        said |= {"rule": "none", "quote": "", "finding": told, "risk": "low", "why": "I was told."}
    return json.dumps(said, ensure_ascii=False)


def check(prompt: str) -> str:
    """A claim is supported where a sentence of the passages has all of its words in their order."""
    lines = [_plain(line) for text in _PASSAGES.findall(prompt) for line in text.splitlines()]
    checks = []
    for id, claim in _CLAIMS.findall(prompt):
        held = any(_in_order(_plain(claim), line) for line in lines)
        said = "same" if held else "different"
        checks.append(
            {
                "claim": id,
                **dict.fromkeys(_ASPECTS, said),
                "status": "supported" if held else "contradicted",
                "reason": "It stands there." if held else "It stands there otherwise.",
            }
        )
    return json.dumps({"checks": checks})


def look_up(prompt: str) -> str:
    """The line of the passages that shares most words with the task."""
    task = _TASK.search(prompt)
    wanted = {word for word in _plain(task[1] if task else "") if len(word) > 2}

    def shared(line: str) -> int:
        return sum(any(w.startswith(known) for w in _plain(line)) for known in wanted)

    lines = [line for text in _PASSAGES.findall(prompt) for line in text.splitlines() if line]
    return max(lines, key=shared, default="I do not know.").replace("**", "")


def _plain(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text)]


def _in_order(words: list[str], line: list[str]) -> bool:
    rest = iter(line)
    return all(word in rest for word in words)


# ── the server ───────────────────────────────────────────────────────────────────────────


async def serve(port: int, file: Path) -> None:
    """Listen until whoever started it ends; print the address first."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                with file.open("ab") as log:
                    log.write(head + body + b"\n")
                kind, content = reply(head.split(b" ", 2)[1].decode(), body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s"
                    % (kind, len(content), content)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # whoever asked is gone

    server = await asyncio.start_server(talk, "127.0.0.1", port, limit=1 << 20)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


def reply(path: str, body: bytes) -> tuple[bytes, bytes]:
    """Content type and content."""
    if not path.endswith("/chat/completions"):
        listed = [{"id": model, "object": "model"} for model in MODELS]
        return b"application/json", json.dumps({"object": "list", "data": listed}).encode()
    request = json.loads(body)
    prompt = "\n".join(str(message["content"]) for message in request["messages"])
    text = answer(prompt)
    about = {"id": "stand-in", "created": int(time.time()), "model": request["model"]}
    usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
    usage["total_tokens"] = sum(usage.values())
    if not request.get("stream"):
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        said = {**about, "object": "chat.completion", "choices": [choice], "usage": usage}
        return b"application/json", json.dumps(said).encode()
    return b"text/event-stream", "".join(_chunks(about, text, usage)).encode()


def _chunks(about: dict[str, Any], text: str, usage: dict[str, int]) -> list[str]:
    def chunk(**content: Any) -> str:
        said = {**about, "object": "chat.completion.chunk", **content}
        return f"data: {json.dumps(said)}\n\n"

    delta = {"role": "assistant", "content": text}
    return [
        chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}]),
        chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
        chunk(choices=[], usage=usage),
        "data: [DONE]\n\n",
    ]


def _end_with_the_one_who_started_it() -> None:
    """Its standard input ends when that process does, however that ends."""
    sys.stdin.buffer.read()
    import os

    os._exit(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8702)
    parser.add_argument("--write", type=Path, default=Path("received.log"))
    parser.add_argument("--until-input-ends", action="store_true")
    given = parser.parse_args()
    if given.until_input_ends:
        threading.Thread(target=_end_with_the_one_who_started_it, daemon=True).start()
    given.write.parent.mkdir(parents=True, exist_ok=True)
    given.write.write_bytes(b"")
    asyncio.run(serve(given.port, given.write))
