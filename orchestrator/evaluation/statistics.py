"""The two formulas of an evaluation: how sure a rate is, and whether a drop is more than chance."""

from __future__ import annotations

from math import comb, sqrt

_Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson(passed: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a rate, `passed` of `n`, both ends in 0..1.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22 (1927). Unlike the normal approximation it stays in
    0..1 and is right for few cases and for rates of 0 and 1.
    """
    rate = passed / n
    centre = rate + _Z**2 / (2 * n)
    spread = _Z * sqrt(rate * (1 - rate) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def drop_p(passed_before: int, n_before: int, passed_now: int, n_now: int) -> float:
    """How likely it is that so few pass now if nothing has changed, 0..1.

    Fisher's exact test, one-sided: the lower tail of the hypergeometric distribution of
    `passed_now` with the number of all that passed held fixed (R. A. Fisher, The Design of
    Experiments, 1935).
    """
    passed, total = passed_before + passed_now, n_before + n_now
    ways = comb(total, n_now)
    least = max(0, n_now - (total - passed))
    tail = sum(
        comb(passed, k) * comb(total - passed, n_now - k) for k in range(least, passed_now + 1)
    )
    return tail / ways
