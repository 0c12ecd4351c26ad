"""How figures, dates and lists of names are compared and worded for people, everywhere: messages, UI, command line, prompts.

Belongs here: comparisons of percentages that a rounded float gets wrong, the interval in which a true rate lies, and
one function for each kind of figure. Its text depends on the value alone, so one figure looks the same wherever it
stands. Does not belong here: sentences, which stand with their noun, and Slack's markup (``core.messages``).

A measured percentage has one decimal, below 1 % two. It has more only where it would look like a whole number that it
is not: 5.04 %, so that "5 % is more than 5 %" is never read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Protocol, overload

from list_pipeline.core.lists import ListRole

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

    A rate of nothing is not known: percent, low and high are None then. ``design_effect``: so many contacts say as much as one
    whose outcome is independent of the others'; messages of one campaign have more in common than chance.
    """

    count: int
    of: int
    design_effect: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.of:
            raise ValueError(f"a rate of {self.count} of {self.of} is impossible")
        if self.design_effect < 1:
            raise ValueError("a contact never says more than an independent one")

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
        n, p, z = self.of / self.design_effect, self.count / self.of, _Z_95
        if p in (0.0, 1.0) and sign == (1 if p else -1):
            return 100 * p  # exactly, where rounding would leave it a hair off
        middle = p + z * z / (2 * n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return 100 * (middle + sign * half) / (1 + z * z / n)


UNKNOWN = "not known"

WAITS, WAIT = "waits for a person", "wait for a person"
"""What is held until somebody decides, wherever people read of it: of one thing, and of several."""
_MOST_DECIMALS = 4
_MOST_NAMES = 3
_LONGEST_NAME = 80


# Percentages and rates


def percent_text(percent: Percent | None, unknown: str = UNKNOWN) -> str:
    """A measured percentage: ``4.1 %``, ``0.05 %``, ``5.04 %``, ``5 %`` where it is exactly that."""
    return unknown if percent is None else f"{_told(percent)} %"


def change_percent_text(percent: Percent | None, unknown: str = UNKNOWN) -> str:
    """A percentage that goes up or down: ``+3.2 %``, ``-0.40 %``, ``0 %``."""
    return percent_text(percent, unknown) if percent is None or percent <= 0 else f"+{percent_text(percent)}"


@overload
def told_percent(percent: Percent) -> float: ...
@overload
def told_percent(percent: None) -> None: ...
@overload
def told_percent(percent: Percent | None) -> float | None: ...
def told_percent(percent: Percent | None) -> float | None:
    """The same percentage as a number, for JSON: a prompt holds the figures that people read. None stays None."""
    return None if percent is None else float(_told(percent))


def limit_text(percent: Percent) -> str:
    """A percentage that somebody set, as it was written: ``5 %``, ``0.1 %``."""
    return f"{float(percent):g} %"


def rate_text(rate: Rate | None, unknown: str = UNKNOWN) -> str:
    """A rate with the interval in which the true one lies: ``4.1 % (3.1 to 5.4 %)``. Its ends are no finer than the rate."""
    return unknown if rate is None else _rate_text(rate.percent, rate.low, rate.high, unknown)


def rate_figures(rate: Rate | None) -> dict[str, float | int | None] | None:
    """A rate with its interval as JSON values; None where it is not known."""
    if rate is None:
        return None
    percent, low, high = rate_ends(rate)
    return {"contacts": rate.count, "rate_percent": percent, "low_percent": low, "high_percent": high}


def rate_ends(rate: Rate) -> tuple[float | None, float | None, float | None]:
    """The percentages of a rate and of both ends of its interval as numbers, as fine as their text; None: not known."""
    return interval_ends(rate.percent, rate.low, rate.high)


def interval_ends(
    percent: float | None, low: float | None, high: float | None
) -> tuple[float | None, float | None, float | None]:
    """A percentage and the ends of its interval as numbers, as fine as their text; None: not known."""
    told = _told_rate(percent, low, high)
    return (None, None, None) if told is None else (float(told[0]), float(told[1]), float(told[2]))


class KeptRate(Protocol):
    """A rate that was kept with the precision of ``rate_ends``."""

    @property
    def rate_percent(self) -> float | None: ...
    @property
    def low_percent(self) -> float | None: ...
    @property
    def high_percent(self) -> float | None: ...


def percent_interval_text(percent: float, low: float, high: float) -> str:
    """A percentage with the ends of its interval, as ``rate_text`` words one."""
    return _rate_text(percent, low, high, UNKNOWN)


def kept_rate_text(kept: KeptRate | None, unknown: str = UNKNOWN) -> str:
    """The text of a rate that was kept."""
    return unknown if kept is None else _rate_text(kept.rate_percent, kept.low_percent, kept.high_percent, unknown)


def _rate_text(percent: float | None, low: float | None, high: float | None, unknown: str) -> str:
    told = _told_rate(percent, low, high)
    return unknown if told is None else f"{told[0]} % ({told[1]} to {told[2]} %)"


def share_text(part: int, whole: int) -> str:
    """A part of a whole: ``12 of 345 (3.5 %)``; ``0 of 0``, which has no percentage."""
    told = f"{part:,} of {whole:,}"
    return f"{told} ({share_percent_text(part, whole)})" if whole else told


def share_percent_text(part: int, whole: int) -> str:
    """The percentage alone that a part is of a whole; "no share" of nothing."""
    return percent_text(Fraction(100 * part, whole)) if whole else "no share"


def _told(percent: Percent) -> str:
    exact = _exact(percent)
    return _rounded(exact, _decimals(exact)) if exact.is_finite() else str(exact)


def _decimals(exact: Decimal) -> int:
    """How many decimals a percentage has, 0 for a whole number. Its figure, told once more, has as many."""
    off = abs(exact - exact.to_integral_value(ROUND_HALF_EVEN))
    fewest = _fewest_decimals(exact)
    return next((count for count in range(fewest, _MOST_DECIMALS + 1) if off > Decimal(5).scaleb(-count - 1)), 0)


def _fewest_decimals(exact: Decimal) -> int:
    return 2 if abs(exact) < 1 else 1


def _rounded(exact: Decimal, decimals: int) -> str:
    if not decimals:
        return str(int(exact.to_integral_value(ROUND_HALF_EVEN)))
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


def _told_rate(percent: float | None, low: float | None, high: float | None) -> tuple[str, str, str] | None:
    """The figures of a rate and of its interval's ends; told once more they stay as they are."""
    if percent is None or low is None or high is None:
        return None
    exact = _exact(percent)
    decimals = max(_decimals(exact), _fewest_decimals(exact))
    ends = [_rounded(_exact(end), decimals) for end in (low, high)]
    # Nothing and everything have no decimals.
    first, last = (str(int(float(end))) if float(end) in (0, 100) else end for end in ends)
    return _told(percent), first, last


def _exact(percent: Percent) -> Decimal:
    if isinstance(percent, Fraction):
        return Decimal(percent.numerator) / Decimal(percent.denominator)
    return Decimal(str(percent))


# Counts, confidence, money


def count_text(count: int, noun: str, plural: str | None = None) -> str:
    """So many of something: ``1 contact``, ``2,345 contacts``. ``plural``: where it is not the noun with an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or f'{noun}s'}"


def confidence_text(confidence: float | None, unknown: str = UNKNOWN) -> str:
    """How sure a rule or an advisor is, a share from 0 to 1: ``0.85``. Rounded down, so that no doubt is hidden."""
    return unknown if confidence is None else str(Decimal(str(confidence)).quantize(Decimal("0.01"), ROUND_DOWN))


def dollars_text(dollars: float | None, unknown: str = UNKNOWN) -> str:
    """What questions to a model cost, to a hundredth of a cent: ``0.0123 USD``."""
    return unknown if dollars is None else f"{dollars:.4f} USD"


# Times, all in UTC


def date_text(day: date) -> str:
    """A day: ``2026-11-23``. The day in UTC of an instant."""
    return (day.astimezone(UTC).date() if isinstance(day, datetime) else day).isoformat()


def instant_text(at: datetime | None, unknown: str = "never") -> str:
    """An instant to the minute: ``2026-11-23 10:00 UTC``."""
    return unknown if at is None else f"{utc_text(at)} UTC"


def utc_text(at: datetime | None, unknown: str = "never", *, seconds: bool = False) -> str:
    """An instant below a heading that says UTC: ``2026-11-23 10:00``. ``seconds``: where the order of events matters."""
    if at is None:
        return unknown
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if seconds else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def duration_text(duration: timedelta | float) -> str:
    """How long something took or may take, a number being seconds: ``2.4 s``, ``5 min 12 s``, ``3 h 20 min``, ``2 days``."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    for bound, large, large_name, small, small_name in (
        (3_600, 60, "min", 1, "s"),
        (86_400, 3_600, "h", 60, "min"),
    ):
        whole = round(seconds / small)
        if whole * small < bound:
            many, rest = divmod(whole, large // small)
            return f"{many} {large_name} {rest} {small_name}" if rest else f"{many} {large_name}"
    days, hours = divmod(round(seconds / 3_600), 24)
    return f"{count_text(days, 'day')} {hours} h" if hours else count_text(days, "day")


def seconds_text(milliseconds: float) -> str:
    """A duration below a heading that says seconds: ``2.4``."""
    return f"{milliseconds / 1000:.1f}"


# Lists


def names_text(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Names in a sentence: ``a``, ``a and b``, ``a, b and c``; of more than ``most``: ``a, b, c and 2 more``."""
    told = list(names) if len(names) <= most else [*names[:most], f"{len(names) - most:,} more"]
    return " and ".join((", ".join(told[:-1]), told[-1])) if len(told) > 1 else "".join(told)


def short_name_text(name: str) -> str:
    """A name that somebody else gave, such as a campaign's, as it stands in a sentence: 80 characters of it, so that a long one
    does not take the rest of the sentence out of a message."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def lists_text(roles: Iterable[ListRole]) -> str:
    """The names of lists in a sentence, as ``names_text`` has them, in the order given."""
    return names_text([role.label for role in roles])


def ids_text(contact_ids: Sequence[int], most: int = 5) -> str:
    """Numbers of contacts: ``12, 15 and 16``; of more than ``most``: ``12, 15, 16, 20, 31 and 4 more``."""
    return names_text([str(contact_id) for contact_id in contact_ids], most)
