"""Percentages: the exact share that one means, whether a part reaches or exceeds it, and measured rates.

Belongs here: comparisons that a rounded float gets wrong, and the interval in which a true rate lies. Does not belong here: how
a percentage is written for people (``wording``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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


_Z_95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``of``, with the interval in which the true rate lies with 95 % (Wilson 1927). All in percent.

    A rate of nothing is not known: percent, low and high are None then.
    """

    count: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.of:
            raise ValueError(f"a rate of {self.count} of {self.of} is impossible")

    @property
    def percent(self) -> float | None:
        """The share as it was seen."""
        return 100 * self.count / self.of if self.of else None

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return self._bound(-1)

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return self._bound(1)

    def _bound(self, sign: int) -> float | None:
        if not self.of:
            return None
        n, p, z = self.of, self.count / self.of, _Z_95
        if p in (0.0, 1.0) and sign == (1 if p else -1):
            return 100 * p  # exactly, where rounding would leave it a hair off
        middle = p + z * z / (2 * n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return 100 * (middle + sign * half) / (1 + z * z / n)
