"""What stands about a place in a text and tells what the place is."""

from __future__ import annotations

import re

_BEFORE, _AFTER = 48, 16
_DELIMITERS = ",;\t|"
_OTHER_NUMBER = re.compile(
    # What is called so is a number of something else, whatever it looks like.
    r"\b(?:isbn|issn|ean|gtin|upc|sku|asin|imei|order|invoice|inv|ticket|tracking|parcel|shipment"
    r"|serial|part|article|item|product|batch|lot|case|ref|reference|version|build|release|doi"
    r"|commit|bestell\w*|rechnung\w*|auftrag\w*|artikel\w*|facture|commande|pedido|factura|fattura"
    r"|ordine|factuur|bestelling|timestamp|epoch|port|page|line|id|#)\W{0,3}(?:(?:number|no|nr|id"
    r"|num|nummer|num[eé]ro|n[º°])\b\W{0,3})?(?:is |was )?\W{0,3}\Z"
)


_ACCOUNT = re.compile(r"(?<![a-z0-9])[a-z]{2}\d\d(?: [a-z0-9]{4}){0,7} \Z")
_LABEL = re.compile(
    # `name = "`, `"name": "`, and `name: ` that a line begins with.
    r"(?:[\"']?(?P<a>[a-z_][\w.-]*)[\"']?\s?=|[\"'](?P<b>[\w .-]+)[\"']\s?:"
    r"|\A\s*(?:- )?(?P<c>[\w-]+):)"
    r"\s?[\"'`]?\Z"
)
_SAYS_NOTHING = frozenset(
    ("value", "number", "no", "nr", "id", "text", "data", "content", "input", "note", "message")
)


class Surroundings:
    """One text, with what helps to tell what stands in it.

    Args:
        text: as it is.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.low = lowered(text)
        self._header: list[str] | None = None

    def near(self, start: int, end: int) -> str:
        """The words before and after, and the name of the column where it stands in a table, in
        lower case."""
        label = self.label(start)
        if label is not None:
            return f"{self.column(start)} {label}"
        low = self.low
        about = f"{low[max(start - _BEFORE, 0) : start]} {low[end : end + _AFTER]}"
        return f"{self.column(start)} {about}"

    def label(self, start: int) -> str | None:
        """The name that it is given to, as programs write it, where that says what it is."""
        found = _LABEL.search(self.before(start, 40))
        if found is None or found[str(found.lastgroup)] in _SAYS_NOTHING:
            return None
        return found[str(found.lastgroup)]

    def is_of_account(self, start: int) -> bool:
        """Whether it goes on what begins as the number of an account does, in groups."""
        return _ACCOUNT.search(self.before(start, 48)) is not None

    def before(self, start: int, size: int = 24) -> str:
        """The words before it on its line, in lower case."""
        low = self.low
        line = low.rfind("\n", 0, start) + 1
        return low[max(start - size, line) : start]

    def is_other_number(self, start: int) -> bool:
        """Whether it is called a number of something else."""
        return _OTHER_NUMBER.search(self.before(start)) is not None

    def column(self, start: int) -> str:
        """The name of its column in a table whose first line names the columns; empty: none."""
        low = self.low
        first = low.find("\n")
        if first < 0 or start <= first:
            return ""
        line = low[low.rfind("\n", 0, start) + 1 : start]
        for delimiter in _DELIMITERS:
            index = line.count(delimiter)
            head = low[:first]
            if head.count(delimiter) >= max(index, 1) and (index or line.strip() in ("", '"')):
                return head.split(delimiter)[index].strip(' "')
        return ""


def lowered(text: str) -> str:
    """In lower case, each character where it stood."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c if len(c.lower()) != 1 else c.lower() for c in text)
