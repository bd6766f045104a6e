"""The messages of a request: each with a content that its role may have."""

from __future__ import annotations

from typing import Any

from orchestrator.gateway.bodies import is_deep
from orchestrator.gateway.errors import bad_request

_KINDS = {"text": "", "image_url": "vision", "input_audio": "audio", "file": "files"}
"""Parts by kind, and what a model must be able to do for each."""
_SCHEMES = ("https://", "http://", "data:")


def read_messages(said: list[dict[str, Any]]) -> tuple[tuple[dict[str, Any], ...], set[str]]:
    """The messages as they are sent on, and what a model must be able to do to read them.

    Raises:
        ApiError: 400, with the place of the message.
    """
    can: set[str] = set()
    for place, message in enumerate(said):
        role, content = message["role"], message.get("content")
        if role == "developer":  # OpenAI's newer word, which other providers do not know
            message["role"] = "system"
        elif role == "assistant":
            _calls(message, place)
        elif role == "tool" and not message.get("tool_call_id"):
            raise _wrong(place, "tool_call_id", "missing; name the call that this answers")
        if type(content) is str:
            pass
        elif content is None:
            if not message.get("tool_calls"):
                raise _wrong(place, "content", "missing; allowed: a text, or an array of parts")
            message["content"] = ""
        else:
            message["content"] = _parts(content, place, can)
        if "name" in message and message["name"] is None:
            del message["name"]
    return tuple(said), can


def _calls(message: dict[str, Any], place: int) -> None:
    """Of an assistant's message: the tools that it called."""
    calls = message.get("tool_calls")
    if not calls:
        message.pop("tool_calls", None)
        return
    for number, call in enumerate(calls):
        named = call.get("function")
        fine = (
            isinstance(named, dict)
            and isinstance(named.get("name"), str)
            and isinstance(named.get("arguments"), str)
            and isinstance(call.get("id"), str)
        )
        if not fine:
            raise _wrong(
                place,
                f"tool_calls[{number}]",
                'allowed: {"id": …, "type": "function", "function": {"name": …, "arguments": '
                '"a JSON text"}}',
            )


def _parts(content: list[dict[str, Any]], place: int, can: set[str]) -> str | list[dict[str, Any]]:
    """Parts; those that are texts and nothing else as one text, which every server takes."""
    if not content:
        raise _wrong(place, "content", "found no part; allowed: a text, or an array of parts")
    plain = True
    for number, part in enumerate(content):
        kind = part.get("type")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise _wrong(
                place,
                f"content[{number}].type",
                f"found {kind!r:.40}; allowed: {', '.join(_KINDS)}",
            )
        if kind == "text":
            if not isinstance(part.get("text"), str):
                raise _wrong(place, f"content[{number}].text", "allowed: a string")
            plain = plain and len(part) == 2
            continue
        plain = False
        can.add(_KINDS[kind])
        if is_deep(part):
            raise _wrong(place, f"content[{number}]", "nested too deeply")
        if not isinstance(part.get(kind), dict):
            raise _wrong(place, f"content[{number}].{kind}", "allowed: an object")
        if kind == "image_url":
            url = part["image_url"].get("url")
            if not isinstance(url, str) or not url.lower().startswith(_SCHEMES):
                raise _wrong(
                    place,
                    f"content[{number}].image_url.url",
                    f"allowed: an address that begins with {', '.join(_SCHEMES)}",
                )
        elif kind == "file":
            _file(part["file"], place, number)
    return "\n".join(part["text"] for part in content) if plain else content


def _file(file: dict[str, Any], place: int, number: int) -> None:
    """Its data or the provider's id of it, and no address: some translate one by fetching it."""
    data, id = file.get("file_data"), file.get("file_id")
    if data is not None and not (isinstance(data, str) and data[:5].lower() == "data:"):
        raise _wrong(place, f"content[{number}].file.file_data", "allowed: data:…;base64,…")
    if id is not None and not (isinstance(id, str) and "/" not in id):
        raise _wrong(place, f"content[{number}].file.file_id", "allowed: the id of a file")


def _wrong(place: int, field: str, said: str) -> Exception:
    where = f"messages[{place}].{field}"
    return bad_request(f"{where}: {said}", where)
