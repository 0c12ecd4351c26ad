"""Exact one-sided (Clopper-Pearson) bounds of a share from a few labelled cases.

Belongs here: the arithmetic of the binomial distribution. Does not belong here: what is counted (``decision_review``), and
intervals that describe a rate instead of proving a goal.

Exact and not Wilson's: with no error among a few cases, which is the ordinary state, an approximation promises too much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import count

_STEPS = 60
"""Bisections: more than the digits of a float."""


def upper_bound(errors: int, cases: int, confidence: float = 0.95) -> float:
    """The largest share of errors (0 to 1) that the cases leave possible, at a one-sided confidence (a share).

    59 cases without an error give less than 5 % at 95 %, 149 less than 2 %. Without cases nothing is excluded: 1.

    Raises:
        ValueError: there are more errors than cases, a number is negative, or the confidence is no share.
    """
    _check(errors, cases, confidence)
    left = 1.0 - confidence
    if errors == cases:
        return 1.0
    low, high = errors / cases, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(errors, cases, middle) > left else (low, middle)
    return high


def lower_bound(errors: int, cases: int, confidence: float = 0.95) -> float:
    """The smallest share of errors (0 to 1) that the cases leave possible, at a one-sided confidence (a share).

    Raises:
        ValueError: there are more errors than cases, a number is negative, or the confidence is no share.
    """
    return 1.0 - upper_bound(cases - errors, cases, confidence)


def at_most(errors: int, cases: int, share: float) -> float:
    """The chance of so many errors or fewer among independent cases, when each is one with this chance."""
    if share <= 0 or errors >= cases:
        return 1.0
    if share >= 1:
        return 0.0
    odds = share / (1 - share)
    if errors < cases * share:
        # Below the likeliest number, so each smaller one is less likely than the one before.
        return _sum_from(errors, cases, share, (k / (cases - k + 1) / odds for k in count(errors, -1)))
    more = errors + 1
    return 1.0 - _sum_from(more, cases, share, ((cases - k) / (k + 1) * odds for k in count(more)))


def _sum_from(first: int, cases: int, share: float, ratios: Iterable[float]) -> float:
    """The chance of exactly so many errors, and of all numbers on from there, away from the likeliest one.

    Each is less likely than the one before by its ratio, until one adds nothing: that is a few times the spread of the
    distribution, where adding all of them up took a second for each hundred thousand cases.
    """
    term = math.exp(
        math.lgamma(cases + 1)
        - math.lgamma(first + 1)
        - math.lgamma(cases - first + 1)
        + first * math.log(share)
        + (cases - first) * math.log1p(-share)
    )
    total = 0.0
    for ratio in ratios:
        if (grown := total + term) == total:
            break
        total, term = grown, term * ratio
    return total


def _check(errors: int, cases: int, confidence: float) -> None:
    if not 0 <= errors <= cases:
        raise ValueError("there are between none and all errors among the cases")
    if not 0 < confidence < 1:
        raise ValueError("a confidence lies between 0 and 1")
