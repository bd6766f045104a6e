"""Whether a page is well-formed and can be used by a screen reader, as far as its markup tells."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "input", "br", "hr", "path", "rect", "option"}
_NAMED = {"a", "button", "summary", "h1", "h2", "h3", "th", "caption", "legend", "option"}
_REFERS = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "list")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.refers: list[tuple[str, str]] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.counts: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.counts[tag] += 1
        if len(said) != len(attrs):
            self.problems.append(f"<{tag}> says something twice")
        self._look(tag, said)
        if tag not in _VOID:
            self.open.append((tag, said, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        self._look(tag, dict(attrs))

    def _look(self, tag: str, said: dict[str, str | None]) -> None:
        if said.get("id"):
            self.ids.append(str(said["id"]))
        self.refers += [(name, v) for name in _REFERS for v in (said.get(name) or "").split()]
        if tag == "label" and said.get("for"):
            self.labelled.add(str(said["for"]))
        if tag in ("input", "select", "textarea") and said.get("type") != "hidden":
            self.fields.append(said)
        if tag == "img" and "alt" not in said:
            self.problems.append("an image without words")
        if tag == "th" and "scope" not in said:
            self.problems.append("a header of a table without scope")
        if tag == "script" and not said.get("src"):
            self.problems.append("a script inside of the page")
        if tag == "style" or "style" in said:
            self.problems.append(f"a style inside of the page, at <{tag}>")
        scripts = [name for name in said if name.startswith("on")]
        if scripts:
            self.problems.append(f"<{tag}> with {scripts}")
        if str(said.get("href") or "").lower().startswith(("javascript:", "data:")):
            self.problems.append(f"a link to {said['href']}")

    def handle_data(self, data: str) -> None:
        for _, _, texts in self.open:
            texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            self.problems.append(f"</{tag}> does not close {self.open[-1:] and self.open[-1][0]}")
            return
        name, said, texts = self.open.pop()
        if name in _NAMED and not "".join(texts).strip() and not said.get("aria-label"):
            self.problems.append(f"<{name}> without a name: {said}")


def problems_of(html: str, *, whole: bool = True) -> list[str]:
    """What is wrong with a page; empty where nothing is.

    Args:
        whole: it is a page and no part of one.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    found = list(reader.problems)
    found += [f"<{name}> is not closed" for name, _, _ in reader.open]
    found += [f"the id {name} twice" for name, n in Counter(reader.ids).items() if n > 1]
    found += [f"{name} names {id}" for name, id in reader.refers if id not in reader.ids]
    for field in reader.fields:
        named = field.get("aria-label") or field.get("id") in reader.labelled
        if not named:
            found.append(f"a field without a label: {field}")
    if whole:
        for tag in ("h1", "main", "title"):
            if reader.counts[tag] != 1 and not (tag == "title" and reader.counts[tag] > 1):
                found.append(f"{reader.counts[tag]} of <{tag}>")
        if 'lang="en"' not in html or not html.startswith("<!doctype html>"):
            found.append("it does not say what it is")
        if reader.counts["table"] != reader.counts["caption"]:
            found.append("a table without a caption")
    return found
