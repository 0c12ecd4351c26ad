"""Percentages in exact arithmetic: the exact share that a percentage means, and whether a part reaches or exceeds it.

Belongs here: comparisons that a rounded float gets wrong. Does not belong here: how a percentage is written for people.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

Percent = int | float | Decimal | Fraction
"""A percentage as people write it: 5 means five of a hundred."""


def exact_share(percent: Percent) -> Fraction:
    """A percentage as an exact share: 5 is 1/20, and 2.1 is 21/1000 rather than the binary number next to it.

    Raises:
        ValueError: negative, infinite or not a number.
    """
    try:
        share = Fraction(str(percent)) / 100
    except ValueError as error:
        raise ValueError(f"a percentage must be a finite number, not {percent!r}") from error
    if share < 0:
        raise ValueError(f"a percentage must not be negative: {percent!r}")
    return share


def exceeds_percent(part: int, whole: int, percent: float) -> bool:
    """Whether ``part`` is more than ``percent`` of ``whole``, without rounding. Anything exceeds a share of nothing."""
    return part > exact_share(percent) * whole


def reaches_percent(part: int, whole: int, percent: float) -> bool:
    """Whether ``part`` is at least ``percent`` of ``whole``, without rounding."""
    return part >= exact_share(percent) * whole
