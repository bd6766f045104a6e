"""Exact arithmetic on text: rationals only, no `eval`, every size bounded.

Python's own grammar reads the expression; only numbers, `+ - * / // % **`, signs and
parentheses are let through. `15%` is 15/100, `15% of 200` multiplies, `1,200.50` is one number.
"""

from __future__ import annotations

import ast
import re
from fractions import Fraction
from math import isqrt

LONGEST = 400
DEEPEST = 60
MOST_BITS = 4096
MOST_PLACES = 60

_NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,2})?|\.\d+")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_SIGNS = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**", "\u00a0": " "}
_PERCENT_ADDED = re.compile(r"[^%\s]\s*[+-]\s*\d[\d.]*\s*%(?!\s*(?:of\b|[\d(.]))")
_CONSTANT = r"(\d[\d.]*|\([^()]*\))"


def evaluate(expression: str) -> Fraction:
    """The exact value of an arithmetic expression.

    Raises:
        ValueError: not an expression of these signs, a division by zero, or a size that is
            beyond the bounds. The message says which.
    """
    text = _normalised(expression)
    if not text:
        raise ValueError("the expression is empty")
    if len(text) > LONGEST:
        raise ValueError(f"the expression has {len(text)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not an arithmetic expression: {expression!r}") from error
    return _value(tree.body, text, 0)


def _normalised(expression: str) -> str:
    text = expression.strip()
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)
    if _PERCENT_ADDED.search(text):
        raise ValueError("adding a percentage to a number is ambiguous; say of what it is taken")
    text = re.sub(rf"{_CONSTANT}\s*%\s+of\s+", r"(\1/100) * ", text)
    return re.sub(rf"{_CONSTANT}\s*%(?!\s*[\d(.])", r"(\1/100)", text)


def _value(node: ast.expr, text: str, depth: int) -> Fraction:
    if depth > DEEPEST:
        raise ValueError("the expression is nested too deeply")
    match node:
        case ast.Constant():
            return _number(ast.get_source_segment(text, node) or "")
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
            value = _value(operand, text, depth + 1)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right):
            return _bounded(
                _apply(op, _value(left, text, depth + 1), _value(right, text, depth + 1))
            )
    raise ValueError(f"{type(node).__name__} is not arithmetic")


def _number(segment: str) -> Fraction:
    if not _NUMBER.fullmatch(segment):
        raise ValueError(f"not a plain number: {segment!r}")
    return Fraction(segment)


def _apply(op: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    if isinstance(op, (ast.Div, ast.FloorDiv, ast.Mod)) and right == 0:
        raise ValueError("division by zero")
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.FloorDiv():
            return Fraction(left // right)
        case ast.Mod():
            return left % right
        case ast.Pow():
            return _power(left, right)
    raise ValueError(f"{type(op).__name__} is not arithmetic")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2):
        return root(base)
    if exponent.denominator != 1:
        raise ValueError("a power with this exponent has no exact value")
    if base == 0 and exponent < 0:
        raise ValueError("division by zero")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) not in (0, 1) and bits * abs(exponent) > MOST_BITS:
        raise ValueError("the power is too large")
    if abs(base) in (0, 1):
        exponent = exponent % 2 + 2  # the parity alone counts, however large it is
    return base ** int(exponent)


def root(value: Fraction) -> Fraction:
    """The exact square root. Raises `ValueError` where it is not rational."""
    if value < 0:
        raise ValueError("a negative number has no real square root")
    found = Fraction(isqrt(value.numerator), isqrt(value.denominator))
    if found * found != value:
        raise ValueError(f"the square root of {plain(value)} has no exact value")
    return found


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise ValueError("the number is too large")
    return value


def plain(value: Fraction) -> str:
    """The exact value: a decimal where one exists (`57600`, `0.125`), else a fraction (`1/3`)."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > MOST_PLACES:
        return f"{value.numerator}/{value.denominator}"
    if not places:
        return str(value.numerator)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def shown(value: Fraction) -> str:
    """For a person: thousands separated; a value without a short decimal as `≈ 0.3333 (1/3)`."""
    text = plain(value)
    if "/" in text or len(text.partition(".")[2]) > 6:
        hint = f" ({text})" if "/" in text and len(text) <= 24 else ""
        return f"≈ {_rounded(value, 4)}{hint}"
    whole, dot, decimals = text.partition(".")
    return f"{int(whole):,}{dot}{decimals}" if whole != "-0" else text


def _rounded(value: Fraction, places: int) -> str:
    """Half away from zero, so that the sign never changes the digits."""
    scaled = (abs(value) * 10**places * 2 + 1) // 2
    whole, decimals = divmod(int(scaled), 10**places)
    sign = "-" if value < 0 and scaled else ""
    return f"{sign}{whole:,}.{decimals:0{places}d}"
