"""The beta-binomial distribution: how many of a group fail when the chance itself differs between campaigns.

Belongs here: the chance of so many failures or more, and the rule for looking at many such chances at once. Does not belong
here: what is counted (``strata``) and what is expected (``usual``).

Plain binomial chances were rejected: campaigns differ by subject, weather and receiver, and a test without that calls an
ordinary campaign of a large group an incident.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

_NEGLIGIBLE = 1e-17
"""A term that is this small beside its sum changes no digit of it."""


def log_tail(hard: int, attempted: int, mean: float, overdispersion: float) -> float:
    """The natural logarithm of the chance that ``hard`` or more of ``attempted`` fail.

    Args:
        hard: failures, from 0 to ``attempted``.
        attempted: contacts that were mailed; a million take some hundredths of a second.
        mean: the expected share of failures, between 0 and 1.
        overdispersion: the correlation of two contacts of one group and campaign, between 0 and 1; 0 would be the binomial.

    Raises:
        ValueError: there are more failures than contacts, a number is negative, or a share is none.
    """
    if not 0 <= hard <= attempted:
        raise ValueError("there are between none and all failures among the contacts")
    if not (0 < mean < 1 and 0 < overdispersion < 1):
        raise ValueError("mean and overdispersion lie between 0 and 1")
    if hard == 0:
        return 0.0
    size = (1 - overdispersion) / overdispersion
    alpha, beta = mean * size, (1 - mean) * size
    if alpha >= 1 and hard <= mean * attempted:
        # Below the mean the terms that are wanted rise at first; those that are left out fall.
        below = hard - 1
        left_out = _log_chance(below, attempted, alpha, beta) + math.log(_down(below, attempted, alpha, beta))
        return math.log(-math.expm1(left_out))
    return min(0.0, _log_chance(hard, attempted, alpha, beta) + math.log(_up(hard, attempted, alpha, beta)))


def tail(hard: int, attempted: int, mean: float, overdispersion: float) -> float:
    """The chance (0 to 1) that ``hard`` or more of ``attempted`` fail; as ``log_tail``, which loses nothing below 1e-308."""
    return math.exp(log_tail(hard, attempted, mean, overdispersion))


def limit_of(chances: Iterable[float], false_share: float) -> float | None:
    """The chance up to which each of many is taken for more than chance (Benjamini and Hochberg, 1995).

    Of those that are taken, at most ``false_share`` are chance on average; None: none is taken.
    """
    ordered = sorted(chances)
    lines = (rank * false_share / len(ordered) for rank in range(1, len(ordered) + 1))
    return max((line for chance, line in zip(ordered, lines, strict=True) if chance <= line), default=None)


def _log_chance(hard: int, attempted: int, alpha: float, beta: float) -> float:
    """The logarithm of the chance of exactly so many."""
    rest, lgamma = attempted - hard, math.lgamma
    return (
        (lgamma(attempted + 1) - lgamma(hard + 1) - lgamma(rest + 1))
        + (lgamma(hard + alpha) - lgamma(alpha))
        + (lgamma(rest + beta) - lgamma(beta))
        - (lgamma(attempted + alpha + beta) - lgamma(alpha + beta))
    )


def _up(hard: int, attempted: int, alpha: float, beta: float) -> float:
    """The sum of the chances of ``hard`` and more, in units of the first."""
    term = total = 1.0
    for k in range(hard, attempted):
        term *= (attempted - k) * (alpha + k) / ((k + 1) * (beta + attempted - k - 1))
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return total


def _down(hard: int, attempted: int, alpha: float, beta: float) -> float:
    """The sum of the chances of ``hard`` and fewer, in units of the first."""
    term = total = 1.0
    for k in range(hard, 0, -1):
        term *= k * (beta + attempted - k) / ((attempted - k + 1) * (alpha + k - 1))
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return total
