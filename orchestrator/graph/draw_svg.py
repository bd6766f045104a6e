"""A picture of a graph as one SVG file: no script, no font, no reference to anything outside.

Readable on light and dark; the colours follow the viewer's wish. Screen readers get a title and
a description in words, and each box tells in its own title what did not fit on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

from orchestrator.graph.draw import Arrow, Box, BoxKind, Picture
from orchestrator.graph.draw_layout import Item, Layout, Link, lay_out
from orchestrator.graph.draw_paths import Ways, ways
from orchestrator.graph.draw_text import broken, width_of

MARGIN = 24.0
_LEAST_WIDE = 380.0
_LEADING = 17.0
_PAD = 12.0
_WIDEST = 232.0
"""Pixels of text in a box."""
_NARROWEST = 96.0
_LABEL = 11.0

_KINDS: dict[BoxKind, str] = {
    "start": "",
    "agent": "agent",
    "each": "agents, one for each",
    "tool": "tool",
    "function": "function",
    "person": "a person decides",
    "end": "",
}
Style = Literal["name", "does", "model", "other", "rule", "problem"]
_SIZES: dict[Style, float] = {
    "name": 14.0,
    "does": 11.5,
    "model": 12.0,
    "other": 11.5,
    "rule": 11.0,
    "problem": 11.5,
}
_BOLD = ("name", "model")

_CSS = """
#I { font-family: system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif }
#I .page { fill: #ffffff } #I text { fill: #1f2328 }
#I .box { fill: #ffffff; stroke: #c9d1d9 } #I .end .box { fill: #f0f2f5 }
#I .name { font-size: 14px; font-weight: 600 } #I .does { font-size: 11.5px; fill: #59636e }
#I .model { font-size: 12px; font-weight: 600; fill: #0b5394 }
#I .other { font-size: 11.5px; fill: #59636e } #I .rule { font-size: 11px; fill: #7a4b00 }
#I .problem { font-size: 11.5px; fill: #b42318 } #I .kind { font-size: 10px; fill: #59636e }
#I .label { font-size: 11px; fill: #6639ba } #I .note { font-size: 12px; fill: #59636e }
#I .title { font-size: 17px; font-weight: 600 } #I .line { stroke: #d8dee4 }
#I .bar.agent { fill: #2f6fdb } #I .bar.each { fill: #1a8fa3 } #I .bar.tool { fill: #2a8a4a }
#I .bar.function { fill: #8250df } #I .bar.person { fill: #c2570c }
#I .arrow { fill: none; stroke: #7d8793; stroke-width: 1.4 } #I .tip { fill: #7d8793 }
#I .arrow.each { stroke-width: 3 } #I .arrow.choice, #I .arrow.back { stroke: #8250df }
#I .arrow.choice, #I .arrow.back { stroke-dasharray: 5 4 } #I .tip.chosen { fill: #8250df }
#I .plate { fill: #ffffff }
@media (prefers-color-scheme: dark) {
#I .page, #I .plate { fill: #0d1117 } #I text { fill: #e6edf3 }
#I .box { fill: #161b22; stroke: #3d444d } #I .end .box { fill: #21262d }
#I .does, #I .other, #I .kind, #I .note { fill: #9198a1 } #I .model { fill: #79b8ff }
#I .rule { fill: #e3b341 } #I .problem { fill: #ff7b72 } #I .label { fill: #c297ff }
#I .line { stroke: #30363d } #I .arrow { stroke: #8b949e } #I .tip { fill: #8b949e }
#I .arrow.choice, #I .arrow.back { stroke: #a371f7 } #I .tip.chosen { fill: #a371f7 }
}
"""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    style: Style

    @property
    def size(self) -> float:
        return _SIZES[self.style]

    @property
    def width(self) -> float:
        return width_of(self.text, self.size, bold=self.style in _BOLD)

    @property
    def height(self) -> float:
        return round(self.size * 1.38, 1)


@dataclass(frozen=True, slots=True)
class _Card:
    """A box with its lines; `gaps` stand before the parts."""

    box: Box
    parts: tuple[tuple[_Line, ...], ...]

    @property
    def width(self) -> float:
        widest = max(line.width for part in self.parts for line in part)
        kind = width_of(_KINDS[self.box.kind], 10)
        return max(_NARROWEST, widest, kind) + 2 * _PAD

    @property
    def height(self) -> float:
        lines = sum(line.height for part in self.parts for line in part)
        kind = 14.0 if _KINDS[self.box.kind] else 0.0
        return lines + kind + 8.0 * (len(self.parts) - 1) + 2 * 9.0


def svg(drawn: Picture) -> str:
    """The picture as an SVG document."""
    cards = {box.name: _card(box) for box in drawn.boxes}
    layout = lay_out(
        {name: (card.width, card.height) for name, card in cards.items()},
        [_link(arrow) for arrow in drawn.arrows],
    )
    paths = ways(layout, [_link(arrow) for arrow in drawn.arrows])
    return "\n".join(_document(drawn, cards, layout, paths)) + "\n"


def _link(arrow: Arrow) -> Link:
    size = (width_of(arrow.label, _LABEL) + 12, 18.0) if arrow.label else None
    return Link(source=arrow.source, target=arrow.target, back=arrow.kind == "back", label=size)


def _card(box: Box) -> _Card:
    def lines(text: str, style: Style, most: int = 2) -> tuple[_Line, ...]:
        bold = style in _BOLD
        found = broken(text, _SIZES[style], _WIDEST, lines=most, bold=bold)
        return tuple(_Line(line, style) for line in found)

    head = lines(box.name, "name")
    if box.does and box.does != box.name:
        head += lines(box.does, "does")
    models = lines(box.models[0], "model") if box.models else ()
    if len(box.models) > 1:
        models += lines(
            ("or " if box.several else "then ") + ", ".join(box.shown_models[1:]), "other", 3
        )
    if box.problem:
        models += lines(box.problem, "problem", 4)
    rules = tuple(line for rule in box.rules for line in lines(rule, "rule", 3))
    return _Card(box, tuple(part for part in (head, models, rules) if part))


# ── the document ─────────────────────────────────────────────────────────────────────────


def _document(
    drawn: Picture, cards: dict[str, _Card], layout: Layout, found: Ways
) -> Iterator[str]:
    ident = "mesh-graph-" + "".join(c if c.isalnum() else "-" for c in drawn.name)
    inner = found.right - found.left
    wide = max(inner, _LEAST_WIDE, width_of(drawn.name, 17, bold=True))
    heading = broken(drawn.description, 12, wide, lines=3) if drawn.description else ()
    legend = broken(_legend(drawn), 12, wide, lines=6)
    above = MARGIN + 20.0 + _LEADING * len(heading) + 16.0
    below = above + found.bottom + 30.0
    width, height = wide + 2 * MARGIN, below + _LEADING * len(legend) + MARGIN / 2
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{ident}" role="img" '
        f'aria-labelledby="{ident}-title {ident}-desc" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}">'
    )
    yield f'<title id="{ident}-title">{_safe(f"The graph {drawn.name}")}</title>'
    yield f'<desc id="{ident}-desc">{_safe(described(drawn))}</desc>'
    yield f"<style>{_CSS.replace('#I', '#' + ident)}</style>"
    yield f"<defs>{_tip(ident, '')}{_tip(ident, 'chosen')}</defs>"
    yield f'<rect class="page" width="{width:.1f}" height="{height:.1f}"/>'
    yield _text(MARGIN, MARGIN + 14, drawn.name, "title")
    yield from _note(heading, MARGIN + 14 + _LEADING)
    across = MARGIN - found.left + (wide - inner) / 2
    yield f'<g transform="translate({across:.1f} {above:.1f})">'
    for arrow, path in zip(drawn.arrows, found.paths, strict=True):
        tip = f"{ident}-tip{'chosen' if arrow.kind in ('choice', 'back') else ''}"
        yield f'<path class="arrow {arrow.kind}" d="{path}" marker-end="url(#{tip})"/>'
    for number, (x, y) in found.labels.items():
        yield from _plate(drawn.arrows[number].label, x, y)
    for box in drawn.boxes:
        yield from _shown(cards[box.name], layout.boxes[box.name])
    yield "</g>"
    yield from _note(legend, below + 4)
    yield "</svg>"


def _note(lines: Sequence[str], top: float) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield _text(MARGIN, top + _LEADING * number, line, "note")


def _tip(ident: str, chosen: str) -> str:
    return (
        f'<marker id="{ident}-tip{chosen}" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path class="tip {chosen}" d="M0 0L8 4L0 8z"/></marker>'
    )


def _plate(label: str, x: float, y: float) -> Iterator[str]:
    """The text of an arrow, on a plate that interrupts it."""
    width = width_of(label, _LABEL) + 8
    yield (
        f'<rect class="plate" x="{x - width / 2:.1f}" y="{y - 8:.1f}" width="{width:.1f}" '
        'height="16" rx="4"/>'
    )
    yield _text(x, y + 4, label, "label", middle=True)


def _shown(card: _Card, at: Item) -> Iterator[str]:
    box = card.box
    yield f'<g class="{box.kind}"><title>{_safe(_whole(box))}</title>'
    radius = at.height / 2 if box.kind in ("start", "end") else 8
    frame = f'x="{at.left:.1f}" y="{at.top:.1f}" width="{at.width:.1f}" height="{at.height:.1f}"'
    yield f'<rect class="box" {frame} rx="{radius:.1f}"/>'
    y = at.top + 9.0
    kind = _KINDS[box.kind]
    if kind:
        yield (
            f'<rect class="bar {box.kind}" x="{at.left:.1f}" y="{at.top + 8:.1f}" width="4" '
            f'height="{at.height - 16:.1f}" rx="2"/>'
        )
        yield _text(at.left + _PAD, y + 9, kind, "kind")
        y += 14.0
    for number, part in enumerate(card.parts):
        if number:
            yield (
                f'<path class="line" d="M{at.left + _PAD:.1f} {y + 4:.1f}H{at.right - _PAD:.1f}"/>'
            )
            y += 8.0
        for line in part:
            x = at.left + _PAD if kind else at.x
            yield _text(x, y + line.size, line.text, line.style, middle=not kind)
            y += line.height
    yield "</g>"


def _text(x: float, y: float, text: str, kind: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{anchor}>{_safe(text)}</text>'


def _safe(text: str) -> str:
    """As XML text; what XML cannot hold is left out."""
    return escape("".join(c for c in text if c in "\t\n" or c.isprintable()))


# ── in words ─────────────────────────────────────────────────────────────────────────────


def described(drawn: Picture) -> str:
    """The picture in words: what each step is, who serves it, what it is bound by, what follows."""
    steps = []
    for box in drawn.boxes:
        after = [
            f"{arrow.target} ({arrow.label})" if arrow.label else arrow.target
            for arrow in drawn.arrows
            if arrow.source == box.name
        ]
        goes = f" Then {', '.join(after)}." if after else ""
        steps.append(f"{_whole(box)}.{goes}")
    return " ".join([drawn.description, *steps]).strip()


def _whole(box: Box) -> str:
    does = f"{_KINDS[box.kind]} {box.does}".strip()
    parts = (
        f"{box.name}: {does}" if does else box.name,
        f"models {', '.join(box.models)}" if box.models else "",
        box.problem,
        "; ".join(box.rules),
    )
    return "; ".join(part for part in parts if part)


def _legend(drawn: Picture) -> str:
    """Says what is drawn, and nothing that is not."""
    kinds = {arrow.kind for arrow in drawn.arrows}
    parts = (
        "Bold blue: the model that would serve now, then its fallbacks."
        if any(box.models for box in drawn.boxes)
        else "",
        "Amber: the rules that bind a step." if any(box.rules for box in drawn.boxes) else "",
        "Thick arrow: once for each item." if "each" in kinds else "",
        "Dashed arrow: taken where its label is chosen." if kinds & {"choice", "back"} else "",
    )
    return " ".join(part for part in parts if part)
