"""Citations in the formats of providers, read as hints: each is found again by the quote gate.

A provider says where it believes to have read something. That becomes a citation of ours only where
words stand in the document that was given to it; its offsets say at most where to look first.

Shapes, as published in the providers' API references: Anthropic `char_location`, `page_location`,
`content_block_location`, `search_result_location`, `web_search_result_location`; OpenAI
`file_citation` and `url_citation` of Responses, Chat Completions and Assistants; Gemini
`groundingMetadata`, whose segments count bytes; Cohere `citations`, versions 1 and 2; Mistral
`reference` chunks; Perplexity `search_results` with `[1]` in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.values import STANDING, Citation

_MARKER = re.compile(r"\[(\d{1,3})\]")
_SENTENCE_BEFORE = re.compile(r"[^.!?\n]*[.!?]?\s*$")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A document as it was given to the provider."""

    file: str
    text: str
    doc_hash: str = ""
    names: tuple[str, ...] = ()
    """What the provider may call it: a file id, a URL, a title, the id of a Cohere document."""
    start: int = 0
    """Where `text` begins in the file, in code points."""
    parts: tuple[int, ...] = ()
    """Where its pages or content blocks begin in `text`."""


@dataclass(frozen=True, slots=True)
class Hinted:
    """A citation that stands, and the part of the answer that it is for, in code points."""

    start: int
    end: int
    citation: Citation


@dataclass(frozen=True, slots=True)
class Hints:
    """What is left of a provider's citations."""

    text: str
    """The answer."""
    found: tuple[Hinted, ...]
    dropped: tuple[str, ...]
    """Why each of the others could not be anchored."""


@dataclass(frozen=True, slots=True)
class _Hint:
    """One citation of a provider."""

    start: int
    end: int
    document: int | str
    """Its number among those given, or a name of it."""
    quotes: tuple[str, ...] = ()
    """Words that it claims to be there, the best first; none: those of the answer."""
    near: int = 0
    part: tuple[int, int] | None = None
    """The pages or blocks that it names: the first, and the one after the last."""


_Read = tuple[str, list[_Hint]]


def read_hints(response: Json, given: Sequence[Given]) -> Hints:
    """The citations in a provider's response, each anchored in a document or dropped.

    Args:
        response: the response as JSON: whole, or its message alone.
        given: the documents in the order in which they were given.
    """
    text, hints = _read(response)
    found: dict[tuple[int, int, str, int, int], Hinted] = {}
    dropped: list[str] = []
    for hint in hints:
        anchored = _anchored(hint, text, given)
        if isinstance(anchored, str):
            dropped.append(anchored)
        else:
            key = (hint.start, hint.end, anchored.file, anchored.start, anchored.end)
            found.setdefault(key, Hinted(hint.start, hint.end, anchored))
    return Hints(text, tuple(found.values()), tuple(dict.fromkeys(dropped)))


def _anchored(hint: _Hint, text: str, given: Sequence[Given]) -> Citation | str:
    """The citation as the gate finds it, or why there is none."""
    source = _source(hint.document, given)
    if source is None:
        return f"it cites {hint.document!r}, which was not given"
    said = text[hint.start : hint.end].strip()
    near, part = hint.near, ""
    if hint.part and 0 <= hint.part[0] < len(source.parts):
        first, last = hint.part
        near = source.parts[first]
        end = source.parts[last] if last < len(source.parts) else len(source.text)
        part = source.text[near:end].strip()
    quotes = list(hint.quotes) or [said]
    if part and any(_same_words(part, quote) for quote in quotes):
        quotes.append(part)  # blocks are quoted without what stands between them
    others = {other.file: other.text for other in given if other.file != source.file}
    reason = ""
    for quote in quotes:
        claimed = Citation(file=source.file, start=near, end=near + len(quote), quote=quote)
        checked = verify_quote(claimed, source.text, others)
        if checked.status in STANDING:
            place = {"start": checked.start + source.start, "end": checked.end + source.start}
            return checked.model_copy(update={**place, "doc_hash": source.doc_hash})
        reason = reason or checked.reason
    named = "" if hint.quotes else "it names the document and no words of it; "
    return f"{named}{reason}"


def _same_words(left: str, right: str) -> bool:
    return "".join(left.split()) == "".join(right.split())


def _source(name: int | str, given: Sequence[Given]) -> Given | None:
    if isinstance(name, int):
        return given[name] if 0 <= name < len(given) else None
    return next((g for g in given if name and name in (g.file, *g.names)), None)


def _read(response: Json) -> _Read:
    """The answer and its hints, whichever provider it is from."""
    for candidate in _objects(response, "candidates"):
        return _gemini(candidate)
    for choice in _objects(response, "choices"):
        return _message({**response, **_object(choice, "message")})
    if _object(response, "message"):
        return _message(_object(response, "message"))
    outputs = [part for item in _objects(response, "output") for part in _objects(item, "content")]
    return _message({"content": outputs} if outputs else response)


def _message(message: Json) -> _Read:
    """A message with content blocks, or a text, and citations beside it."""
    content = message.get("content", message.get("text"))
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    text = ""
    hints: list[_Hint] = []
    begins: list[int] = []
    for block in filter(_is_object, blocks):
        start = len(text)
        if block.get("type") == "reference":
            hints += _mistral(block, text)
            continue
        begins.append(start)
        text += str(block.get("text") or "")
        hints += _of(_anthropic, block, "citations", start, len(text))
        hints += _of(_openai, block, "annotations", start, len(text))
    hints += _of(_openai, message, "annotations", 0, len(text))
    for cited in _objects(message, "citations"):
        number = _number(cited, "content_index")
        hints += _cohere(cited, begins[number] if number < len(begins) else 0)
    return text, hints + list(_perplexity(message, text))


def _of(
    read: Callable[[Json, int, int], Iterator[_Hint]], holder: Json, key: str, start: int, end: int
) -> Iterator[_Hint]:
    """The hints of each citation in a list."""
    for item in _objects(holder, key):
        yield from read(item, start, end)


def _anthropic(item: Json, start: int, end: int) -> Iterator[_Hint]:
    """It is for the whole text block, and quotes."""
    quotes = _texts(item.get("cited_text"))
    part = None
    if item.get("type") == "page_location":
        part = (_number(item, "start_page_number") - 1, _number(item, "end_page_number") - 1)
    elif "start_block_index" in item:
        part = (_number(item, "start_block_index"), _number(item, "end_block_index"))
    named = _text(item, "url", "source", "document_title", "title")
    document: int | str = named
    if isinstance(item.get("document_index"), int) and not isinstance(item["document_index"], bool):
        document = item["document_index"]
    near = _number(item, "start_char_index")
    yield _Hint(start, end, document, quotes, near, part)


def _openai(item: Json, start: int, end: int) -> Iterator[_Hint]:
    """It is for a stretch of the text, or for all before a place in it, and seldom quotes."""
    kind = str(item.get("type"))
    more = {**item, **_object(item, kind)}
    for name in (_text(more, "file_id"), _text(more, "url"), _text(more, "filename", "title")):
        if name:
            own = (start + _number(more, "start_index"), start + _number(more, "end_index"))
            span = own if own[0] < own[1] <= end else (start, end)
            yield _Hint(*span, name, _texts(more.get("quote")))
            return


def _gemini(candidate: Json) -> _Read:
    parts = _objects(_object(candidate, "content"), "parts")
    texts = [str(part.get("text") or "") for part in parts]
    metadata = _object(candidate, "groundingMetadata", "grounding_metadata")
    chunks = _objects(metadata, "groundingChunks", "grounding_chunks")
    hints: list[_Hint] = []
    for support in _objects(metadata, "groundingSupports", "grounding_supports"):
        segment = _object(support, "segment")
        number = _number(segment, "partIndex", "part_index")
        if not 0 <= number < len(texts):
            continue
        own = texts[number].encode()
        cuts = (
            _number(segment, "startIndex", "start_index"),
            _number(segment, "endIndex", "end_index") or len(own),
        )
        begin = sum(map(len, texts[:number]))
        start, end = (begin + len(own[:at].decode(errors="ignore")) for at in cuts)
        for index in _list(support, "groundingChunkIndices", "grounding_chunk_indices"):
            if isinstance(index, int) and 0 <= index < len(chunks):
                hints.append(_gemini_hint(chunks[index], start, end, _text(segment, "text")))
    return "".join(texts), hints


def _gemini_hint(chunk: Json, start: int, end: int, said: str) -> _Hint:
    held = _object(chunk, "retrievedContext", "retrieved_context", "web")
    quotes = _texts(said, held.get("text")) if held.get("text") else ()
    return _Hint(start, end, _text(held, "uri", "title"), quotes)


def _cohere(item: Json, begin: int) -> Iterator[_Hint]:
    start, end = begin + _number(item, "start"), begin + _number(item, "end")
    names = [str(id) for id in _list(item, "document_ids")]
    names += [_text(source, "id") for source in _objects(item, "sources")]
    for name in names:
        yield _Hint(start, end, name)


def _mistral(block: Json, text: str) -> Iterator[_Hint]:
    """It follows the text that it is for."""
    before = _SENTENCE_BEFORE.search(text)
    start = before.start() if before else 0
    for number in _list(block, "reference_ids"):
        yield _Hint(start, len(text), number if isinstance(number, int) else str(number))


def _perplexity(message: Json, text: str) -> Iterator[_Hint]:
    """Numbers in the text, from 1, into a list of results or of bare URLs."""
    results = _objects(message, "search_results")
    urls = [u for u in _list(message, "citations") if isinstance(u, str)]
    for marker in _MARKER.finditer(text) if results or urls else ():
        number = int(marker[1]) - 1
        said = _MARKER.sub(lambda m: " " * len(m[0]), text[: marker.start()])
        before = _SENTENCE_BEFORE.search(said)
        start = before.start() if before else 0
        if 0 <= number < len(results):
            result = results[number]
            quotes = _texts(result.get("snippet"))
            yield _Hint(start, marker.start(), _text(result, "url", "title"), quotes)
        elif 0 <= number < len(urls):
            yield _Hint(start, marker.start(), urls[number])


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _list(holder: Json, *keys: str) -> list[Any]:
    return next((holder[key] for key in keys if isinstance(holder.get(key), list)), [])


def _objects(holder: Json, *keys: str) -> list[Any]:
    return [item for item in _list(holder, *keys) if _is_object(item)]


def _object(holder: Json, *keys: str) -> Json:
    return next((holder[key] for key in keys if _is_object(holder.get(key))), {})


def _number(holder: Json, *keys: str) -> int:
    return next((holder[key] for key in keys if isinstance(holder.get(key), int)), 0)


def _text(holder: Json, *keys: str) -> str:
    return next((str(holder[key]) for key in keys if holder.get(key)), "")


def _texts(*values: Any) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str) and value.strip())
