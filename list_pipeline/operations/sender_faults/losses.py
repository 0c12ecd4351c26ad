"""What a month cost at each mail operator: "what did we lose to Microsoft this month?"

Belongs here: months and operators. Does not belong here: counting (``storage.losses``), and what to repair (``listing``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.incidents.groups import operator_group
from list_pipeline.core.incidents.operators import OPERATORS
from list_pipeline.core.wording import Rate
from list_pipeline.operations.access import Storing
from list_pipeline.storage import losses
from list_pipeline.storage.history import require_kept
from list_pipeline.storage.losses import DomainLoss

MOST_MONTHS = 36
"""So many months back are offered."""


@dataclass(frozen=True, slots=True)
class OperatorLoss:
    """The figures of one mail operator in a month; those of its domains together."""

    operator: str
    mailed: int
    hard: int
    soft: int
    sender: int
    suppressed: int
    taken_back: int

    @property
    def lost(self) -> int:
        """Contacts that were suppressed and not let in again."""
        return self.suppressed - self.taken_back

    @property
    def failed(self) -> Rate:
        """Mails that did not arrive, of all, with their interval."""
        return Rate(min(self.hard + self.soft + self.sender, self.mailed), self.mailed)


@dataclass(frozen=True, slots=True)
class MonthOfLosses:
    """A month's figures by operator, those who cost most first; ``months``: those that can be asked for, the latest first."""

    month: date
    operators: tuple[OperatorLoss, ...]
    total: OperatorLoss
    months: tuple[date, ...]


def losses_in(services: Storing, month: date | None) -> MonthOfLosses:
    """What a month cost (UTC).

    Args:
        month: any day of it; None: the present one.

    Raises:
        RefusedError: it has not begun.
        HistorySummarisedError: only a summary is left of its campaigns.
    """
    now = services.clock.now().astimezone(UTC)
    first = (month or now.date()).replace(day=1)
    if first > now.date():
        raise RefusedError("Counting the losses of a month", "it has not begun", "Ask for one that has")
    with services.database.begin() as connection:
        campaigns = losses.sent_in(connection, _begin(first), _begin(_next(first)))
        require_kept(connection, "Counting the losses of a month", campaigns)
        counted = losses.losses(connection, _begin(first), _begin(_next(first)))
        oldest = losses.first_month(connection)
    by_operator: dict[str, list[DomainLoss]] = defaultdict(list)
    for one in counted:
        by_operator[operator_group(one.domain or "", OPERATORS).name].append(one)
    found = [_sum(name, parts) for name, parts in by_operator.items()]
    found.sort(key=lambda one: (-one.lost, -(one.hard + one.soft + one.sender), -one.mailed, one.operator))
    return MonthOfLosses(first, tuple(found), _sum("All together", counted), _months(now.date(), oldest))


def _sum(name: str, parts: list[DomainLoss] | tuple[DomainLoss, ...]) -> OperatorLoss:
    return OperatorLoss(
        name,
        sum(one.mailed for one in parts),
        sum(one.hard for one in parts),
        sum(one.soft for one in parts),
        sum(one.sender for one in parts),
        sum(one.suppressed for one in parts),
        sum(one.taken_back for one in parts),
    )


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _months(today: date, oldest: datetime | None) -> tuple[date, ...]:
    month, until = today.replace(day=1), oldest.astimezone(UTC).date().replace(day=1) if oldest is not None else today
    found = [month]
    while found[-1] > until and len(found) < MOST_MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return tuple(found)
