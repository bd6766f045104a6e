"""Tables in Markdown, and the Markdown of a report as one page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto;
  padding: 0 1rem }
table { border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto }
th, td { border-bottom: 1px solid #8886; padding: .3rem .6rem; text-align: left }
blockquote { margin: .5rem 0; padding-left: 1rem; border-left: 3px solid #8886 }
strong { color: light-dark(#a11, #f99) }
"""


def page(markdown: str) -> str:
    """The page. What stands in the case cannot become markup of the page."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    title = markdown.partition("\n")[0].lstrip("# ")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{reader.render(markdown)}</body></html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
