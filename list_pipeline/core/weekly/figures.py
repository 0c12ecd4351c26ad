"""A week of the lists: its figures, how it stands against the week before, and how urgent that is.

Belongs here: arithmetic and rules over what was measured. Does not belong here: where the figures come from
(``operations.weekly.steps``), the rules of one list's health (``core.health``), and words of a message (``message``).

A week is called by its Monday: ``2026-11-16`` is the check that is due on Monday, 16 November 2026, and it looks at the
seven days *before* the instant at which it is due. The windows of neighbouring weeks touch and do not overlap, whenever
a check really ran. None means: not known, or nothing to compute it from. It never stands for zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.health.assessment import HealthAssessment, HealthStatus
from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring.complaints import ComplaintRate, ComplaintStanding, standing_text
from list_pipeline.core.plans.plan import Urgency, max_urgency
from list_pipeline.core.rebalancing.balance import deviation_percent, is_balanced
from list_pipeline.core.wording import Rate, count_text, limit_text, percent_text

WEEK = timedelta(days=7)
MOST_ACTION_ITEMS = 8


@dataclass(frozen=True, slots=True)
class Week:
    """A week's check: its Monday, and the instant (UTC) from which on it is due."""

    monday: date
    due_at: datetime

    @property
    def starts_after(self) -> datetime:
        """The instant after which the campaigns of this week were sent."""
        return self.due_at - WEEK

    @property
    def key(self) -> str:
        """The week as people and partitions call it."""
        return self.monday.isoformat()

    def is_current(self, now: datetime) -> bool:
        """Whether no later check is due: what is measured now is this week's."""
        return self.due_at <= now < self.due_at + WEEK


def week_of(monday: date, day: int, hour: int) -> Week:
    """The check of the week that begins on a Monday.

    Args:
        day: weekday of the check, 0 for Sunday (the week's last day) to 6 for Saturday. ``hour``: in UTC.

    Raises:
        ValueError: the date is no Monday.
    """
    if monday.weekday():
        raise ValueError(f"{monday} is no Monday")
    return Week(monday, datetime.combine(monday + timedelta(days=(day - 1) % 7), time(hour), tzinfo=UTC))


def due_week(now: datetime, day: int, hour: int) -> Week:
    """The latest week whose check is due."""
    today = now.astimezone(UTC).date()
    week = week_of(today - timedelta(days=today.weekday()), day, hour)
    return week if week.due_at <= now else week_of(week.monday - WEEK, day, hour)


@dataclass(frozen=True, slots=True)
class ListSize:
    """Contacts of a list: everybody, and those who would get mail."""

    raw: int
    mailable: int

    def __post_init__(self) -> None:
        if not 0 <= self.mailable <= self.raw:
            raise ValueError(f"{self.mailable} mailable of {self.raw} contacts are impossible")


@dataclass(frozen=True, slots=True)
class WeekSends:
    """The figures of the week's campaigns on one list.

    Attributes:
        read: the campaigns whose bounces were read whole; None when there is none.
        unread: how many were sent and not read whole yet: no rate counts them.
        suppression: of the contacts mailed, those who were suppressed at the check.
        last_campaign_at: the list's last send up to the end of the week.
    """

    role: ListRole
    read: SendFigures | None = None
    unread: int = 0
    suppression: Rate | None = None
    last_campaign_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListMetrics:
    """The metrics of one campaign list, sizes in mailable contacts. ``target``: the mean of the three lists."""

    sends: WeekSends
    size: ListSize | None = None
    target: float | None = None
    master_third: float | None = None

    @property
    def role(self) -> ListRole:
        """The list."""
        return self.sends.role

    @property
    def variance(self) -> float | None:
        """Contacts above (or, negative, below) the target."""
        return self._above(self.target)

    @property
    def variance_percent(self) -> float | None:
        """The variance in percent of the target."""
        return _share(self.variance, self.target)

    @property
    def variance_from_third(self) -> float | None:
        """Contacts above (or, negative, below) a third of the master list. Reported only: nothing is decided by it."""
        return self._above(self.master_third)

    @property
    def variance_from_third_percent(self) -> float | None:
        """The distance from a third of the master list, in percent of that third."""
        return _share(self.variance_from_third, self.master_third)

    def _above(self, wanted: float | None) -> float | None:
        return None if self.size is None or wanted is None else self.size.mailable - wanted


def _share(part: float | None, whole: float | None) -> float | None:
    return 100 * part / whole if part is not None and whole else None


@dataclass(frozen=True, slots=True)
class Activity:
    """The week's activity. Counts; None where only the state of another day is left.

    Attributes:
        suppressed: contacts suppressed, whoever asked for it. ``rebalanced``: contacts moved or enrolled.
        rebalancings: plans that were carried out. ``failed_maintenances``: whose last attempt failed.
        waiting: questions that wait for a person at the time of the check.
    """

    campaigns_sent: int = 0
    new_contacts: int = 0
    suppressed: int = 0
    rebalanced: int = 0
    rebalancings: int = 0
    failed_maintenances: int = 0
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class WeekFigures:
    """Everything that was measured of a week.

    Attributes:
        sizes: of the five lists; empty when nobody measured them in that week. ``sizes_at``: when that was (UTC).
        tolerance_percent: the deviation up to which the lists count as balanced.
    """

    week: Week
    sends: Mapping[ListRole, WeekSends]
    activity: Activity = field(default_factory=Activity)
    sizes: Mapping[ListRole, ListSize] = field(default_factory=dict)
    sizes_at: datetime | None = None
    tolerance_percent: float = 5.0

    @property
    def lists(self) -> tuple[ListMetrics, ...]:
        """The metrics of the three campaign lists."""
        own = [self.sizes[role].mailable for role in CAMPAIGN_LISTS if role in self.sizes]
        target = sum(own) / len(own) if len(own) == len(CAMPAIGN_LISTS) else None
        master = self.sizes.get(ListRole.MASTER)
        third = None if master is None else master.mailable / len(CAMPAIGN_LISTS)
        return tuple(
            ListMetrics(self.sends.get(role, WeekSends(role)), self.sizes.get(role), target, third)
            for role in CAMPAIGN_LISTS
        )

    @property
    def deviation_percent(self) -> float | None:
        """The largest distance of a list from the mean of the three, in percent of the mean."""
        sizes = self._mailable()
        return None if sizes is None else deviation_percent(sizes)

    @property
    def is_balanced(self) -> bool | None:
        """Whether that is within the tolerance."""
        sizes = self._mailable()
        return None if sizes is None else is_balanced(sizes, self.tolerance_percent)

    def _mailable(self) -> tuple[int, int, int] | None:
        if not all(role in self.sizes for role in CAMPAIGN_LISTS):
            return None
        first, second, third = (self.sizes[role].mailable for role in CAMPAIGN_LISTS)
        return first, second, third

    @property
    def all_sends(self) -> SendFigures | None:
        """The week's campaigns together; None when no bounces were read."""
        read = [each.read for each in self.sends.values() if each.read is not None and each.read.recipients]
        return SendFigures.together(read)

    @property
    def bounce_rate(self) -> Rate | None:
        """Hard and soft bounces of the recipients of the week's campaigns."""
        return None if self.all_sends is None else self.all_sends.bounce_rate

    @property
    def delivery_rate(self) -> Rate | None:
        """Deliveries of the recipients of the week's campaigns."""
        return None if self.all_sends is None else self.all_sends.delivery_rate

    @property
    def complaint_rate(self) -> ComplaintRate | None:
        """Complaints about the week's campaigns, of their recipients; None: not known."""
        return None if self.all_sends is None else self.all_sends.complaint_rate

    @property
    def unread(self) -> int:
        """Campaigns of the week whose bounces were not read whole."""
        return sum(each.unread for each in self.sends.values())


# Against the week before


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in two weeks. ``unit`` is ``contacts``, ``campaigns`` or ``percent``.

    ``is_shown``: False where chance alone explains the difference (the intervals of two rates overlap).
    ``bounds_before``, ``bounds_now``: the ends of each interval, where the figure is never said without them (complaints).
    """

    name: str
    label: str
    unit: str
    before: float | None
    now: float | None
    is_shown: bool = True
    bounds_before: tuple[float, float] | None = None
    bounds_now: tuple[float, float] | None = None

    @property
    def difference(self) -> float | None:
        """The later minus the earlier one, in the same unit (percentage points for a percentage)."""
        return None if self.before is None or self.now is None else self.now - self.before


def compare(now: WeekFigures, before: WeekFigures | None) -> tuple[Change, ...]:
    """The week against the stored week before; empty when that was not checked."""
    if before is None:
        return ()
    return (*_sizes(now, before), *_rates(now, before), *_activity(now, before))


def _sizes(now: WeekFigures, before: WeekFigures) -> Iterator[Change]:
    for role in ALL_LISTS:
        is_suppression = role is ListRole.SUPPRESSION
        earlier, later = before.sizes.get(role), now.sizes.get(role)
        yield Change(
            f"{role.value}_contacts",
            role.label if is_suppression else f"{role.label}, mailable",
            "contacts",
            None if earlier is None else earlier.raw if is_suppression else earlier.mailable,
            None if later is None else later.raw if is_suppression else later.mailable,
        )
    yield Change(
        "deviation_percent", "Deviation from the mean", "percent", before.deviation_percent, now.deviation_percent
    )


def _rates(now: WeekFigures, before: WeekFigures) -> Iterator[Change]:
    own, earlier = now.all_sends, before.all_sends
    names = (
        ("bounce_rate", "Bounce rate"),
        ("hard_rate", "Hard bounce rate"),
        ("soft_rate", "Soft bounce rate"),
        ("delivery_rate", "Delivery rate"),
    )
    for name, label in names:
        first: Rate | None = None if earlier is None else getattr(earlier, name)
        second: Rate | None = None if own is None else getattr(own, name)
        yield Change(
            f"{name}_percent",
            label,
            "percent",
            None if first is None else first.percent,
            None if second is None else second.percent,
            _are_apart(first, second),
        )
    yield _complaints(now.complaint_rate, before.complaint_rate)


def _complaints(now: ComplaintRate | None, before: ComplaintRate | None) -> Change:
    """A complaint more or less moves a small week's rate by a lot, so the bounds of both go with it."""
    return Change(
        "complaint_rate_percent",
        "Complaint rate",
        "percent",
        None if before is None else before.percent,
        None if now is None else now.percent,
        now is not None and before is not None and (now.low > before.high or now.high < before.low),
        None if before is None else (before.low, before.high),
        None if now is None else (now.low, now.high),
    )


def _are_apart(first: Rate | None, second: Rate | None) -> bool:
    if first is None or second is None:
        return False
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return False
    return first.high < second.low or second.high < first.low


def _activity(now: WeekFigures, before: WeekFigures) -> Iterator[Change]:
    own, earlier = now.activity, before.activity
    yield Change("campaigns_sent", "Campaigns sent", "campaigns", earlier.campaigns_sent, own.campaigns_sent)
    yield Change("new_contacts", "New contacts", "contacts", earlier.new_contacts, own.new_contacts)
    yield Change("suppressed", "Contacts suppressed", "contacts", earlier.suppressed, own.suppressed)


# Rules


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that people should know of, and what to do about it; ``role`` where it is about one list."""

    urgency: Urgency
    text: str
    action: str
    role: ListRole | None = None


def issues_of(figures: WeekFigures, assessments: Sequence[HealthAssessment]) -> tuple[Issue, ...]:
    """The issues of the week, the most urgent first. Unknown sizes are no issue: nobody can change the past."""
    found = [*_of_lists(assessments), *_of_balance(figures), *_of_complaints(figures), *_of_runs(figures)]
    return tuple(sorted(found, key=lambda issue: -list(Urgency).index(issue.urgency)))


def _of_lists(assessments: Sequence[HealthAssessment]) -> Iterator[Issue]:
    for each in assessments:
        if each.status is HealthStatus.HEALTHY:
            continue
        # A warning may be a model's opinion with its choice first: then the status alone is told. Critical rests on the rules,
        # whose sentences come first.
        is_rules = each.source is AdviceSource.POLICY or each.status is HealthStatus.CRITICAL
        why = f": {each.concerns[0]}" if is_rules and each.concerns else "."
        label = each.role.label
        action = (
            f"Find out what made {label} critical before it is mailed again."
            if each.status is HealthStatus.CRITICAL
            else f"Look at the figures of {label} before its next campaign."
        )
        yield Issue(each.urgency, f"{label} is {each.status.condition}{why}", action, each.role)


def _of_balance(figures: WeekFigures) -> Iterator[Issue]:
    deviation = figures.deviation_percent
    if figures.is_balanced is False and deviation is not None:
        is_alert = deviation > LIST_STATES.severe_imbalance_percent
        yield Issue(
            Urgency.HIGH if is_alert else Urgency.MEDIUM,
            f"The lists are not comparable: one is {percent_text(deviation)} away from their mean, more than "
            f"{limit_text(figures.tolerance_percent)}.",
            "See why the last maintenance did not even the lists out."
            if is_alert
            else "See that the next maintenance evens the lists out.",
        )


def _of_complaints(figures: WeekFigures) -> Iterator[Issue]:
    rate = figures.complaint_rate
    standing = None if rate is None else rate.standing()
    if rate is not None and standing in (ComplaintStanding.ABOVE_TARGET, ComplaintStanding.ALERT):
        yield Issue(
            Urgency.HIGH if standing is ComplaintStanding.ALERT else Urgency.MEDIUM,
            f"The complaint rate of the week is {rate.text}: {standing_text(rate)}.",
            "Find out which campaign people report as spam, and how its recipients came onto the lists.",
        )


def _of_runs(figures: WeekFigures) -> Iterator[Issue]:
    done = figures.activity
    if done.failed_maintenances:
        yield Issue(
            Urgency.HIGH,
            f"{count_text(done.failed_maintenances, 'maintenance')} of the week failed and "
            f"{'was' if done.failed_maintenances == 1 else 'were'} not brought to an end.",
            "Repair what the failed maintenances name, and continue them.",
        )
    if done.waiting:
        yield Issue(
            Urgency.MEDIUM,
            f"{count_text(done.waiting, 'question')} {'waits' if done.waiting == 1 else 'wait'} for a person's decision.",
            "Decide on what waits in the review queue.",
        )
    if figures.unread:
        yield Issue(
            Urgency.LOW,
            f"The bounces of {count_text(figures.unread, 'campaign')} of the week are not read yet; no rate counts "
            f"{'it' if figures.unread == 1 else 'them'}.",
            "See that the campaigns whose bounces are not read get their maintenance.",
        )


def overall_urgency(
    assessments: Sequence[HealthAssessment], rules: Sequence[Urgency], issues: Sequence[Issue]
) -> Urgency:
    """The highest of the advisors' and the rules' urgencies of the lists, and of the week's issues."""
    return max_urgency(*(each.urgency for each in assessments), *rules, *(each.urgency for each in issues))


def critical_issues(issues: Sequence[Issue]) -> int:
    """The number of issues that are urgent enough to call people."""
    return sum(1 for issue in issues if issue.urgency.pages_people)
