"""What can be measured of how a page is read: contrast, names, headings, tables."""

from __future__ import annotations

from typing import Any, cast

from playwright.sync_api import Page

_CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // Whatever a colour is written in, the canvas knows its red, green, blue and alpha.
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((v, n) => v * top[3] + below[n] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const layer = rgba(getComputedStyle(at).backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => {
      const share = v / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || element.closest("svg, [aria-hidden=true], option, .sr, .skip, dialog")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const style = getComputedStyle(element), back = behind(element);
    const front = over(rgba(style.color), back);
    const [one, other] = [light(front), light(back)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const text = element.textContent.trim().slice(0, 40);
    if (ratio < least) {
      found.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className}: ${text}`);
    }
  }
  return [...new Set(found)];
}
"""

_UNNAMED = """
() => [...document.querySelectorAll(
    "a[href], button, input, select, [role=img], img, nav, section")]
  .filter((one) => one.checkVisibility() && !one.closest("[aria-hidden=true]"))
  .filter((one) => {
    const by = (one.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean)
      .map((id) => document.getElementById(id)?.textContent.trim());
    if (by.length) return by.some((name) => !name);
    if (one.getAttribute("aria-label")) return false;
    if (one.tagName === "IMG") return one.getAttribute("alt") === null;
    if (one.tagName === "SECTION") return false;
    if (["INPUT", "SELECT"].includes(one.tagName)) return !one.labels?.length;
    return !one.textContent.trim() && !one.querySelector("[aria-label]");
  })
  .map((one) => one.outerHTML.slice(0, 120))
"""

_HEADINGS = """
() => {
  const levels = [...document.querySelectorAll("main h1, main h2, main h3, main h4")]
    .filter((one) => one.checkVisibility());
  return levels.filter((one, n) =>
    Number(one.tagName[1]) > (n ? Number(levels[n - 1].tagName[1]) : 0) + 1)
    .map((one) => `${one.tagName} ${one.textContent.trim()}`);
}
"""

_TABLES = """
() => [...document.querySelectorAll("table")]
  .filter((table) => {
    const heads = [...table.querySelectorAll("thead th")];
    const rows = [...table.querySelectorAll("tbody tr")];
    return !table.caption?.textContent.trim() || !heads.length ||
      !heads.every((head) => head.scope && head.textContent.trim()) ||
      !rows.every((row) => row.querySelector("th[scope=row], td[colspan]"));
  })
  .map((table) => table.outerHTML.slice(0, 160))
"""


_FRAME = """
() => [
  ["one main", document.querySelectorAll("main").length === 1],
  ["one h1", document.querySelectorAll("h1").length === 1],
  ["a language", document.documentElement.lang === "en"],
  ["a title", document.title.length > 6],
  ["each id once", (ids => new Set(ids).size === ids.length)(
    [...document.querySelectorAll("[id]")].map((one) => one.id))],
].filter(([, holds]) => !holds).map(([what]) => what)
"""


def framed(page: Page) -> list[str]:
    """What the page as a whole lacks."""
    return cast(list[str], _asked(page, _FRAME))


def low_contrast(page: Page) -> list[str]:
    """Texts that stand out less than WCAG 2.2 wants (4.5 to 1, large ones 3 to 1)."""
    return cast(list[str], _asked(page, _CONTRAST))


def unnamed(page: Page) -> list[str]:
    """What can be used or seen and has no name in words."""
    return cast(list[str], _asked(page, _UNNAMED))


def unordered_headings(page: Page) -> list[str]:
    """Headings that skip a level."""
    return cast(list[str], _asked(page, _HEADINGS))


def untitled_columns(page: Page) -> list[str]:
    """Tables without a caption, with columns or rows that have no header."""
    return cast(list[str], _asked(page, _TABLES))


def _asked(page: Page, script: str) -> Any:
    return page.evaluate(script)
