"""How many requests a minute a service gets, learned from its refusals (429).

The rule is additive increase and multiplicative decrease (Chiu and Jain 1989, and TCP since): each refusal halves the rate, and
each minute without one adds a request a minute again. So the rate finds a limit that nobody publishes from above, stays near it
and notices when it is lifted; a limit of 60 under a configured 300 costs three refusals once and one in half an hour from then
on. A request that was asked for before the last halving says nothing about the rate after it, however many such are refused.

Belongs here: the rule and its figures. Does not belong here: where the rate is kept (``storage.limiter``), and what is done
with a request that was refused (``integrations.mailjet.transport``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from list_pipeline.core.wording import utc_text

FEWEST = 6
"""Requests a minute that remain however often the service refuses, unless fewer are configured: who never asks never learns."""

WINDOW = timedelta(seconds=60)
"""The span in which requests are counted."""

LONGEST_WAIT = timedelta(minutes=2)
"""A longer pause that a service asks for is not waited for: the caller gets the error at once and comes again later."""

LONGEST_PAUSE = timedelta(hours=1)
"""After this the service is asked again, whatever it asked for."""


@dataclass(frozen=True, slots=True)
class LearnedRate:
    """The last refusal (UTC) and the rate right after it, in requests a minute; ``paused_until``: the end of the pause that the
    service asked for (UTC)."""

    allowance: int
    refused_at: datetime
    paused_until: datetime | None = None


def allowed_rate(configured: int, learned: LearnedRate | None, now: datetime) -> int:
    """Requests in any 60 s that are allowed now; what is configured when the service never refused."""
    if learned is None or _is_ahead(learned, now):
        return configured
    minutes = int(max(now - learned.refused_at, timedelta(0)) / timedelta(minutes=1))
    return min(configured, learned.allowance + minutes)


def is_recovered(configured: int, learned: LearnedRate | None, now: datetime) -> bool:
    """Whether requests are allowed as configured now, and at every later instant unless something else is learned.

    An instant ahead of now, which a clock that was wrong wrote down, may restrict them yet.
    """
    if learned is None:
        return True
    until = learned.paused_until or now
    return learned.refused_at <= now and until <= now and allowed_rate(configured, learned, now) == configured


def pause_left(learned: LearnedRate | None, now: datetime) -> timedelta:
    """For how long the service is not asked, because it said so; zero when it is."""
    until = None if learned is None else learned.paused_until
    if until is None or not now < until <= now + LONGEST_PAUSE:
        return timedelta(0)
    return until - now


def _is_ahead(learned: LearnedRate, now: datetime) -> bool:
    """Whether the clock went back since the last refusal: what was learned would stay until it catches up, however late.
    Clocks of two machines differ by less."""
    return learned.refused_at > now + WINDOW


def after_refusal(
    configured: int, learned: LearnedRate | None, *, asked_at: datetime, now: datetime, pause: timedelta | None = None
) -> LearnedRate:
    """The rate after one more refusal.

    Args:
        configured: the most that is ever asked for, in requests a minute.
        asked_at: when the refused request was made (UTC).
        pause: the span that the service asks for (Retry-After), None when it says nothing.
    """
    left = max(pause_left(learned, now), min(pause or timedelta(0), LONGEST_PAUSE))
    until = now + left if left else None
    if learned is not None and _is_ahead(learned, now):
        learned = None
    if learned is not None and asked_at <= learned.refused_at:
        return LearnedRate(learned.allowance, learned.refused_at, until)
    halved = allowed_rate(configured, learned, now) // 2
    return LearnedRate(max(min(FEWEST, configured), halved), now, until)


def rate_text(configured: int, learned: LearnedRate | None, now: datetime) -> str:
    """How many requests are allowed now, and why these are fewer than configured: ``300 a minute``."""
    allowed = allowed_rate(configured, learned, now)
    if learned is None or allowed == configured:
        return f"{configured:,} a minute"
    words = f"{allowed:,} a minute, one more each minute up to {configured:,}: refused at {utc_text(learned.refused_at)} UTC"
    if left := pause_left(learned, now):
        words += f"; none before {utc_text(now + left, seconds=True)}, as the service asks"
    return words
