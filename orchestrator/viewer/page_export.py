"""A trace as one file that needs nothing but a browser: every page of it, style and script inside.

The pages are the viewer's own, made of the exported document alone and put one after another into
one file. Nothing is fetched and nothing can be: a policy in its head allows this very style and
this very script, by their hashes, and no address at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from markupsafe import Markup

from orchestrator.records import Hop, Trace
from orchestrator.tracing._finding import BriefAttempt, BriefHop
from orchestrator.tracing.documents import Document
from orchestrator.viewer import hop_page, timeline, trace_page
from orchestrator.viewer.assets import assets
from orchestrator.viewer.door import Door, Visitor
from orchestrator.viewer.head import head
from orchestrator.viewer.pages import Asked, ViewerState
from orchestrator.viewer.words import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.types import FleetSnapshot

WHOLE = 300
"""Hops that get a page of their own; of more, those that something speaks against come first."""
_TEXTS = 20_000_000
"""Characters of all prompts and outputs together, beyond which each is cut alike."""
_BRIEF = 400
"""Characters of a text where a hop has no page."""
_OF_HOP = tuple(name for name in BriefHop._fields if name != "attempts")
_BASE = "export:"
"""Stands in links until they are turned into places of the file."""
_MAIN = re.compile(r'<main id="main" tabindex="-1">(.*)</main>', re.DOTALL)
_NAMES = re.compile(r' (id|for|aria-labelledby|aria-describedby)="([^"]*)"')
_OWN = re.compile(r'href="#([^"]*)"')
_LINKS = re.compile(rf'href="{_BASE}/([^"]*)"(?: data-fetch="[^"]*")?(?: data-keep="1")?')


def page_of(
    document: Document,
    root: Path | None = None,
    storage: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> str:
    """The file, as HTML.

    Args:
        root: the project's folder, whose sources are shown around cited spans.
        storage: where the project keeps its records.
        progress: told how many pages are made, of how many.
    """
    held = _Held(_cut(document))
    nowhere = Path("/nonexistent")
    mesh = SimpleNamespace(
        store=held,
        storage=storage or nowhere,
        project=SimpleNamespace(root=root or nowhere),
    )
    state = ViewerState(mesh=lambda: cast(Any, mesh), door=Door())
    maker = _Maker(state, cast(Any, mesh), held)
    return maker.file(document.redacted, progress)


def _cut(document: Document) -> Document:
    """With long texts cut, where all together would make too large a file."""
    whole = sum(len(hop.prompt or "") + len(hop.output or "") for hop in document.hops)
    if whole <= _TEXTS:
        return document
    most = max(_BRIEF, _TEXTS // (2 * len(document.hops)))
    hops = tuple(
        replace(hop, prompt=_shortened(hop.prompt, most), output=_shortened(hop.output, most))
        for hop in document.hops
    )
    return replace(document, hops=hops)


def _shortened(text: str | None, most: int) -> str | None:
    if text is None or len(text) <= most:
        return text
    return f"{text[:most]}\n[{len(text) - most:,} more characters are left out here]"


class _Held:
    """What the pages ask a store for, out of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._brief = [_brief(hop) for hop in document.hops]
        self._by_id = {hop.id: hop for hop in document.hops}

    def trace(self, _: str) -> Trace:
        return self.document.trace

    def hops(self, _: str) -> list[Hop]:
        return list(self.document.hops)

    def stamp(self, _: str) -> tuple[int, int, float]:
        return len(self._brief), 0, 0.0

    def brief(self, _: str) -> list[BriefHop]:
        return self._brief

    def some_hops(self, _: str, ids: Sequence[str]) -> list[Hop]:
        return [self._by_id[name] for name in ids if name in self._by_id]

    def snapshot(self, fleet_hash: str) -> FleetSnapshot | None:
        return self.document.fleets.get(fleet_hash)


def _brief(hop: Hop) -> BriefHop:
    attempts = tuple(
        BriefAttempt(
            a.deployment,
            str(a.outcome),
            a.kind,
            a.started_at,
            a.ms,
            a.cost_micro_usd,
            a.usage.input,
            a.usage.output,
        )
        for a in hop.attempts
    )
    told: dict[str, Any] = {name: getattr(hop, name) for name in _OF_HOP}
    return BriefHop(**told, attempts=attempts)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the pages of one trace."""

    state: ViewerState
    mesh: Any
    held: _Held

    def file(self, redacted: bool, progress: Callable[[int, int], None]) -> str:
        """All of them in one file."""
        trace = self.held.document.trace
        asked = self._asked({"id": trace.id})
        suspects = head(asked, "waterfall").diagnosis.suspects
        whole = self._whole([suspect.hop_id for suspect in suspects])
        places = {key_of(hop.id, trace.id): f"h{n}" for n, hop in enumerate(whole, 1)}
        pages = []
        for number, hop in enumerate(whole, 1):
            made = hop_page.shown(asked, hop, self.held.brief(""), suspects)
            title = f"{hop.node} #{hop.round + 1}" if hop.round else hop.node
            pages.append(_Page(f"h{number}", title, self._inside(made.body, f"h{number}", places)))
            progress(number, len(whole))
        style, script = assets()["viewer.css"].content.decode(), assets()["export.js"].content
        code = script.decode()
        return self.state.environment.get_template("export.html").render(
            title=trace.question or trace.graph,
            trace=trace,
            policy=_policy(style, code),
            sign=base64.b64encode(assets()["sign.svg"].content).decode(),
            style=Markup(style),
            script=Markup(code),
            overview=self._overview(places),
            groups=self._groups(places),
            pages=pages,
            shown=len(whole),
            total=len(self.held.document.hops),
            redacted=redacted,
        )

    def _whole(self, suspects: Sequence[str]) -> list[Hop]:
        """The hops that get a page, in their order."""
        hops = self.held.document.hops
        if len(hops) <= WHOLE:
            return list(hops)
        odd = [h.id for h in hops if h.status not in ("ok", "skipped") or h.validated is False]
        tried = [h.id for h in hops if len(h.attempts) > 1]
        firsts: dict[tuple[str, int], str] = {}
        for hop in hops:
            firsts.setdefault((timeline.head_of(hop.node), hop.round), hop.id)
        ranked = dict.fromkeys([*suspects, *odd, *firsts.values(), *tried, *(h.id for h in hops)])
        wanted = set(list(ranked)[:WHOLE])
        return [hop for hop in hops if hop.id in wanted]

    def _asked(self, path: Mapping[str, str]) -> Asked:
        from starlette.datastructures import QueryParams

        return Asked(
            state=self.state,
            mesh=self.mesh,
            visitor=Visitor(),
            base=_BASE,
            path=path,
            query=QueryParams(),
            headers={},
        )

    def _overview(self, places: Mapping[str, str]) -> Markup:
        """What stands above all views and, where it is not too long, the waterfall."""
        made = trace_page.show(self._asked({"id": self.held.document.trace.id}))
        return self._inside(made.body, "top", places)

    def _groups(self, places: Mapping[str, str]) -> Iterator[tuple[str, int, Markup]]:
        """Of a long trace, every hop in a line, by node and round: a label, how many, the lines."""
        hops = self.held.brief("")
        if len(hops) <= timeline.WINDOW:
            return
        trace = self.held.document.trace
        known = dict.fromkeys((timeline.head_of(hop.node), hop.round) for hop in hops)
        template = self.state.environment.get_template("export_lines.html")
        for node, number in known:
            rows, start, found = [], 0, 0
            while True:
                asked = timeline.Asked(node=node, round=number, start=start)
                part = timeline.waterfall(trace, hops, asked, inside=True)
                rows.append(
                    template.render(
                        base=_BASE,
                        trace=trace,
                        found=replace(part, found=0),
                        fault="",
                        inside=True,
                    )
                )
                found = part.found
                if part.next is None:
                    break
                start = part.next
            label = f"{node} #{number + 1}" if number else node
            yield label, found, _as_data(_relinked("".join(rows), places))

    def _inside(self, body: bytes | memoryview, prefix: str, places: Mapping[str, str]) -> Markup:
        """What a page has between its frame, with names that nothing else in the file has."""
        found = _MAIN.search(bytes(body).decode())
        inner = found[1] if found else ""
        inner = _NAMES.sub(
            lambda m: f' {m[1]}="{" ".join(f"{prefix}-{name}" for name in m[2].split())}"', inner
        )
        inner = _OWN.sub(lambda m: f'href="#{prefix}-{m[1]}"', inner)
        inner = inner.replace('fill="url(#h-', f'fill="url(#{prefix}-h-')
        return _relinked(inner, places)


@dataclass(frozen=True, slots=True)
class _Page:
    """One hop's."""

    key: str
    title: str
    content: Markup


def _relinked(html: str, places: Mapping[str, str]) -> Markup:
    """With links to places of the file; what is not in it is no link any more."""
    from urllib.parse import unquote

    def place(match: re.Match[str]) -> str:
        path = match[1].split("?")[0].split("/")
        if path[:1] == ["t"] and len(path) == 2 and "?" not in match[1]:
            return 'href="#top"'
        if len(path) > 3 and path[2] == "h":
            key = places.get(unquote("/".join(path[3:])))
            return f'href="#{key}"' if key else ""
        return 'href="#top"' if path == [""] else ""

    return Markup(_LINKS.sub(place, html))


def _as_data(html: str) -> Markup:
    """As JSON that ends no script: a browser reads it in passing, and makes rows of it when they
    are asked for; 30,000 of them at once would take it many seconds."""
    text = json.dumps(html, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))


def _policy(style: str, script: str) -> str:
    """The policy that allows these two and nothing else (https://www.w3.org/TR/CSP3/)."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    ]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
