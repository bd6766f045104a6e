"""Coverage against accuracy: how much better verdicts are where the least certain are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isnan

from orchestrator.evaluation.crosscheck import metrics
from orchestrator.evaluation.crosscheck.claims import Verdicts

Curve = Sequence[tuple[float, float]]
"""Coverage and balanced accuracy, both 0..1, from all claims to few."""

_LEAST_COVERAGE = 0.5
_STEPS = 50
_WIDTH, _HEIGHT, _LEFT, _TOP, _KEY = 400, 260, 48, 20, 190
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart with any kind of colour vision: M. Okabe and K. Ito, Color Universal Design, 2008."""


def curve(verdicts: Verdicts) -> Curve:
    """Balanced accuracy from all claims down to the most certain half of them."""
    sure = metrics.certainty(verdicts.probability, verdicts.threshold)
    labels, said = verdicts.table.labels, verdicts.said
    found = []
    for step in range(_STEPS + 1):
        out = (1 - _LEAST_COVERAGE) * step / _STEPS
        stays = metrics.kept(sure, out)
        value = metrics.balanced_accuracy(labels[stays], said[stays])
        if not isnan(value):
            found.append((1 - out, value))
    return found


def svg(curves: Mapping[str, Curve]) -> str:
    """The curves as a picture with axes and a key; accuracy from 0.5 to 1."""
    parts = [*_axes()]
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = " ".join(f"{_x(coverage):.1f},{_y(value):.1f}" for coverage, value in points)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{places}"/>'
        )
        x, y = _LEFT + _WIDTH + 16, _TOP + 16 + 20 * number
        parts.append(f'<path d="M{x} {y - 4}h18" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 24}" y="{y}">{escape(name)}</text>')
    width, height = _LEFT + _WIDTH + _KEY, _TOP + _HEIGHT + 48
    style = 'font-family="sans-serif" font-size="12" fill="#333"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _axes() -> list[str]:
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    found = [f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#333"/>']
    for tenth in range(5, 11):
        x, y = _x(tenth / 10), _y(tenth / 10)
        found.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        found.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>'
        )
        found.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tenth}0 %</text>')
    middle = _LEFT + _WIDTH / 2
    found.append(f'<text x="{middle}" y="{bottom + 38}" text-anchor="middle">claims kept</text>')
    found.append(f'<text x="{_LEFT}" y="{_TOP - 6}">balanced accuracy</text>')
    return found


def _x(coverage: float) -> float:
    return _LEFT + _WIDTH * (1 - coverage) / (1 - _LEAST_COVERAGE)


def _y(value: float) -> float:
    return _TOP + _HEIGHT * (1 - max(0.5, min(1.0, value))) / 0.5
